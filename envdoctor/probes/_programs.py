"""Programs on the search path: their copies, whose they are, what kind of file they are."""

import posixpath
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional, Tuple, TypeVar

from envdoctor.host import Completed, Host

A = TypeVar("A")
B = TypeVar("B")

SYSTEM_FOLDERS = (
    "/usr/bin/",
    "/bin/",
    "/usr/sbin/",
    "/sbin/",
    "/usr/lib",
    "/lib",
    "/usr/libexec/",
    "/usr/share/",
)
COMPILER_CACHES = frozenset("ccache sccache distcc icecc colorgcc gomacc".split())
# Few enough for two cores; a child that hangs holds up one of them.
_WORKERS = 4
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_IMPORT = re.compile(r"^\s*(?:from\s+([A-Za-z_]\w*)[\w.]*\s+import\s|import\s+([A-Za-z_]\w*))", re.MULTILINE)
_NOT_THE_PACKAGE = frozenset("re sys os importlib site".split())


class ConsoleScript(NamedTuple):
    """A script that an installer wrote for a Python package."""

    python: str  # the interpreter of its first line
    module: str  # the package that it imports


def side_by_side(function: Callable[[A], B], items: Iterable[A]) -> List[B]:
    """The function's answers in the order of the items, asked in a few threads."""
    listed = list(items)
    if len(listed) < 2:
        return [function(item) for item in listed]
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(function, listed))


def copies(host: Host, name: str) -> Iterator[str]:
    """Every executable of that name on PATH; a folder that is reached twice (/bin -> /usr/bin) counts once."""
    seen = set()
    for path in host.which_all(name):
        folder = host.realpath(posixpath.dirname(path))
        if folder not in seen:
            seen.add(folder)
            yield path


def beginning(host: Host, path: str, size: int = 2048) -> bytes:
    """The first bytes of a file, none when it cannot be read."""
    try:
        return host.read_range(path, 0, size)
    except OSError:
        return b""


def kind(host: Host, path: str) -> str:
    """What a program's file is: "binary", "script", "console-script", "shim", "link" or "compiler-cache"."""
    real = host.realpath(path)
    if posixpath.basename(real) in COMPILER_CACHES and posixpath.basename(path) not in COMPILER_CACHES:
        return "compiler-cache"
    head = beginning(host, path)
    if head.startswith(b"#!"):
        if (
            b"pyenv exec" in head
            or b"pyenv-exec" in head
            or posixpath.basename(posixpath.dirname(path)) == "shims"
        ):
            return "shim"
        return "console-script" if console_script(host, path) else "script"
    elsewhere = posixpath.dirname(real) != host.realpath(posixpath.dirname(path))
    return "link" if elsewhere and not path.startswith(SYSTEM_FOLDERS) else "binary"


def owner(host: Host, path: str) -> str:
    """Whose a program is: "system", "python", "conda", "pyenv", "home" or "other"."""
    real = host.realpath(path)
    prefix = posixpath.dirname(posixpath.dirname(path))
    pyenv = host.env.get("PYENV_ROOT") or posixpath.join(host.home, ".pyenv")
    if path.startswith(posixpath.join(pyenv, "shims") + "/"):
        return "pyenv"
    if any(host.is_dir(posixpath.join(folder, "conda-meta")) for folder in (prefix, _prefix(real))):
        return "conda"
    in_python = "/site-packages/" in real or "/dist-packages/" in real
    if in_python or host.is_file(posixpath.join(prefix, "pyvenv.cfg")) or console_script(host, path):
        return "python"
    if path.startswith(SYSTEM_FOLDERS) and not real.startswith("/usr/local/"):
        return "system"
    return "home" if host.home.strip("/") and path.startswith(host.home.rstrip("/") + "/") else "other"


def console_script(host: Host, path: str) -> Optional[ConsoleScript]:
    """The interpreter and package of a console script; None for any other file."""
    text = beginning(host, path).decode("utf-8", errors="replace")
    python = script_python(host, text)
    if python is None:
        return None
    modules = (found.group(1) or found.group(2) for found in _IMPORT.finditer(text))
    module = next((name for name in modules if name not in _NOT_THE_PACKAGE), None)
    return ConsoleScript(python, module) if module and "sys.exit(" in text else None


def script_python(host: Host, text: str) -> Optional[str]:
    """The Python interpreter that runs a script, by its first lines; None for another language."""
    if not text.startswith("#!"):
        return None
    first, _, rest = text[2:].partition("\n")
    words = words_of(first)
    if words and posixpath.basename(words[0]) == "sh" and rest.startswith("'''exec'"):
        # pip's form for paths that are too long for a first line or hold a space
        words = words_of(rest.split("\n", 1)[0].replace("'''exec'", "", 1))
    if words and posixpath.basename(words[0]) == "env":
        words = [found for word in words[1:2] for found in [host.which(word) or word]]
    return words[0] if words and "python" in posixpath.basename(words[0]) else None


def package_folders(host: Host, python: str) -> Tuple[str, ...]:
    """Folders where an interpreter keeps installed packages, by its path alone."""
    prefix = posixpath.dirname(posixpath.dirname(python))
    roots = dict.fromkeys((prefix, _prefix(host.realpath(python)), posixpath.join(host.home, ".local")))
    return tuple(
        found
        for root in roots
        for lib in (f"{root}/lib", f"{root}/lib64", f"{root}/local/lib")
        for version in host.glob(lib, "python3*")
        for found in (f"{version}/site-packages", f"{version}/dist-packages")
        if host.is_dir(found)
    )


def words_of(text: str) -> List[str]:
    """A command line's words; one with an open quote is cut at blanks."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def version_in(answer: Completed) -> Tuple[Optional[str], Optional[str]]:
    """(version, error) of a program that was asked with --version or the like."""
    if not answer.ok:
        return None, answer.complaint
    found = _VERSION.search(answer.stdout.split("\n", 1)[0]) or _VERSION.search(answer.stdout)
    return (found.group(0), None) if found else (None, "its answer holds no version")


def _prefix(path: str) -> str:
    return posixpath.dirname(posixpath.dirname(path))
