"""An interpreter read from the files around it, without running it: whose it is, its version and prefix."""

import posixpath
import re
from dataclasses import dataclass
from typing import Iterator, Optional, Tuple

from envdoctor.host import Host

_SHIM = re.compile(r"pyenv[\"']? exec ")
_SHIM_ROOT = re.compile(r"^export PYENV_ROOT=[\"']?([^\"'\n]+)", re.MULTILINE)
_FULL_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[ab]|rc)?\d*\+?")
_HEAD = 4096


@dataclass(frozen=True)
class Interpreter:
    """What the files say; `version` is "3.11" where no file tells the patch level."""

    path: str  # shims resolved: the file that really starts
    real: str
    version: Optional[str]
    kind: str  # as Python.kind
    prefix: Optional[str]


def describe(host: Host, path: str) -> Interpreter:
    """Read statically; a script or a shim that leads nowhere has neither version nor prefix."""
    target = unshim(host, path)
    if target is None:
        return Interpreter(path, host.realpath(path), None, "pyenv", None)
    real = host.realpath(target)
    if head(host, real).startswith("#!"):
        return Interpreter(target, real, None, "other", None)
    prefix = _environment(host, target) or _installation(host, real)
    if prefix is None:
        return Interpreter(target, real, None, "other", None)
    return Interpreter(target, real, _version(host, prefix, real), kind_of(host, prefix, real), prefix)


def kind_of(host: Host, prefix: str, real: str) -> str:
    """Who made the environment or installation at a prefix."""
    # virtualenv before version 20 wrote no pyvenv.cfg
    if host.is_file(f"{prefix}/pyvenv.cfg") or _old_virtualenv(host, prefix):
        return "venv"
    if host.is_dir(f"{prefix}/conda-meta"):
        return "conda"
    if "/uv/python/" in real:
        return "uv"
    if "/.pyenv/versions/" in real or real.startswith(posixpath.join(pyenv_root(host), "versions/")):
        return "pyenv"
    return "system" if prefix == "/usr" else "other"


def _old_virtualenv(host: Host, prefix: str) -> bool:
    return any(host.is_file(f"{path}/orig-prefix.txt") for path in _libraries(host, f"{prefix}/lib"))


def head(host: Host, path: str) -> str:
    """The first bytes of a file as text, "" when it cannot be read."""
    try:
        return host.read_range(path, 0, _HEAD).decode("utf-8", errors="replace")
    except OSError:
        return ""


def pyenv_root(host: Host) -> str:
    """Where pyenv keeps its versions by the environment, else by custom."""
    return host.env.get("PYENV_ROOT", "").rstrip("/") or posixpath.join(host.home or "/", ".pyenv")


def unshim(host: Host, path: str) -> Optional[str]:
    """The file that a pyenv shim would start, as `pyenv which` finds it; any other path as it is.

    None when the shim would only complain.
    """
    text = head(host, path)
    if not text.startswith("#!") or not _SHIM.search(text):
        return path
    named = _SHIM_ROOT.search(text)
    root, program = (named.group(1) if named else pyenv_root(host)), posixpath.basename(path)
    for version in (*_pyenv_versions(host, root), "system"):
        folders = [f"{root}/versions/{version}/bin"]
        if version == "system":
            folders = [folder for folder in host.search_path() if folder != f"{root}/shims"]
        for folder in folders:
            candidate = posixpath.join(folder, program)
            # Another shim folder (a second pyenv, pyenv-virtualenv) would only ask the same again.
            if (
                host.is_file(candidate)
                and host.access(candidate, "x")
                and not _SHIM.search(head(host, candidate))
            ):
                return candidate
    return None


def _pyenv_versions(host: Host, root: str) -> Iterator[str]:
    """The versions in force here, newest rules of pyenv: a part of a version stands for its newest installed one."""
    installed = host.listdir(f"{root}/versions")
    for version in _asked_versions(host, root):
        for name in (version, version[len("python-") :] if version.startswith("python-") else version):
            matching = [
                one for one in installed if one.startswith(f"{name}.") and one.replace(".", "").isdigit()
            ]
            if name == "system" or name in installed:
                yield name
                break
            if matching:
                yield max(matching, key=lambda one: [int(part) for part in one.split(".")])
                break


def _asked_versions(host: Host, root: str) -> Tuple[str, ...]:
    """PYENV_VERSION, else the nearest .python-version above the working folder, else pyenv's global one."""
    if host.env.get("PYENV_VERSION"):
        return tuple(part for part in host.env["PYENV_VERSION"].split(":") if part)
    folder = host.env.get("PYENV_DIR") or host.cwd
    files = [posixpath.join(folder, ".python-version")]
    while folder != "/":
        folder = posixpath.dirname(folder)
        files.append(posixpath.join(folder, ".python-version"))
    found = next((path for path in (*files, f"{root}/version") if host.is_file(path)), None)
    lines = ((host.try_text(found) if found else None) or "").splitlines()
    words = (line.split()[0] for line in lines if line.strip())
    return tuple(word for word in words if not word.startswith("#") and "/" not in word and word != "..")


def _environment(host: Host, path: str) -> Optional[str]:
    """The virtual environment of an interpreter, by Python's own rule: pyvenv.cfg beside the file or one above.

    The path counts as it was called: a link to an environment's python from elsewhere does not start the environment.
    """
    folder = posixpath.dirname(path)
    for prefix in (folder, posixpath.dirname(folder)):
        if host.is_file(f"{prefix}/pyvenv.cfg"):
            return prefix
    return None


def _installation(host: Host, real: str) -> Optional[str]:
    """The nearest folder above the program that holds a standard library."""
    folder = posixpath.dirname(real)
    while folder != "/":
        folder = posixpath.dirname(folder)
        if _library(host, folder, real):
            return folder
    return None


def _library(host: Host, prefix: str, real: str) -> Optional[str]:
    """The folder of the standard library under a prefix: the one with the program's own number, else the newest."""
    number = re.search(r"\d+\.\d+", posixpath.basename(real))
    for base in (f"{prefix}/lib", f"{prefix}/lib64"):
        for path in [f"{base}/python{number.group()}"] if number else _libraries(host, base):
            if host.is_file(f"{path}/os.py"):
                return path
    return None


def _libraries(host: Host, folder: str) -> Tuple[str, ...]:
    """Folders of standard libraries, newest first."""
    paths = [path for path in host.glob(folder, "p*") if re.search(r"/(?:python|pypy)\d\.\d+$", path)]
    return tuple(sorted(paths, key=lambda path: int(path.rpartition(".")[2]), reverse=True))


def _version(host: Host, prefix: str, real: str) -> Optional[str]:
    """From pyvenv.cfg, else as the installation behind it says."""
    settings = host.try_text(f"{prefix}/pyvenv.cfg") or ""
    stated = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", settings, re.MULTILINE)
    base = _installation(host, real)
    if stated or base is None:
        return stated.group(1) if stated else None
    return _installed_version(host, base, re.sub(r".*\D(?=\d+\.\d+$)", "", _library(host, base, real) or ""))


def _installed_version(host: Host, prefix: str, minor: str) -> str:
    """The full version by patchlevel.h, conda's records or the folder's own name; else the minor one."""
    header = host.try_text(f"{prefix}/include/python{minor}/patchlevel.h") or ""
    stated = re.search(r"^#define PY_VERSION\s+\"([^\"]+)", header, re.MULTILINE)
    records = [posixpath.basename(path) for path in host.glob(f"{prefix}/conda-meta", "python-[0-9]*.json")]
    for text in (stated.group(1) if stated else "", *records, posixpath.basename(prefix)):
        found = _FULL_VERSION.search(text)
        if found and found.group().startswith(f"{minor}."):
            return found.group()
    return minor
