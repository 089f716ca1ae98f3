"""The interpreter under examination, asked in one child process."""

import posixpath
import re
from typing import Any, Dict, Iterator, Optional, Tuple, Union

from envdoctor.facts import Python, Request, Unknown
from envdoctor.host import Host
from envdoctor.probes._interpreter import Interpreter, describe, kind_of, pyenv_root

# Runs on Python 2.7 and newer. The first lines keep modules of the working folder from being imported; the last one
# ends the process before anything registered by a sitecustomize can print more.
SCRIPT = r"""
import sys
if sys.path and sys.path[0] == "":
    del sys.path[0]
import json, os, site, sysconfig
def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
paths = sysconfig.get_paths()
own = list(getattr(site, "getsitepackages", list)()) + [paths["purelib"], paths["platlib"]]
if getattr(site, "ENABLE_USER_SITE", None):
    own.append(site.getusersitepackages())
own = set(os.path.realpath(folder) for folder in own)
implementation = getattr(sys, "implementation", None)
answer = {
    "executable": sys.executable,
    "version": sys.version.split()[0],
    "implementation": implementation.name if implementation else "pypy" if "PyPy" in sys.version else "cpython",
    "prefix": sys.prefix,
    "base_prefix": getattr(sys, "real_prefix", getattr(sys, "base_prefix", sys.prefix)),
    "stdlib": paths["stdlib"],
    "include": paths["include"],
    "soabi": sysconfig.get_config_var("SOABI"),
    "platform": sysconfig.get_platform(),
    "purelib": paths["purelib"],
    "site_packages": [text(folder) for folder in sys.path if os.path.realpath(folder) in own],
    "path": [text(folder) for folder in sys.path],
}
sys.stdout.write("\n" + json.dumps(dict((name, text(value)) for name, value in answer.items())) + "\n")
sys.stdout.flush()
os._exit(0)
"""


def probe(host: Host, request: Request) -> Union[Python, Unknown, None]:
    """Choose the interpreter as a bare `python` would be chosen, unless one is stated, and ask it."""
    chosen = _stated(host, request.python) if request.python else _active(host)
    if chosen is None:
        return Unknown(f"--python {request.python}: no such interpreter") if request.python else None
    interpreter, found_via = chosen
    try:
        answer = host.ask_python(interpreter.path, SCRIPT, isolated=False)
        return _python(host, interpreter, answer, found_via)
    except (KeyError, TypeError, ValueError) as error:
        why = str(error).replace(f"{interpreter.path}: ", "", 1)
        return Unknown(f"{interpreter.path} ({found_via}) does not work: {why}"[:300])


def _python(host: Host, interpreter: Interpreter, answer: Dict[str, Any], found_via: str) -> Python:
    prefix, base_prefix = answer["prefix"], answer["base_prefix"]
    real = host.realpath(answer["executable"] or interpreter.path)
    marker = posixpath.join(answer["stdlib"], "EXTERNALLY-MANAGED")
    return Python(
        executable=answer["executable"] or interpreter.path,
        real=real,
        version=answer["version"],
        implementation=answer["implementation"],
        prefix=prefix,
        base_prefix=base_prefix,
        kind="venv" if prefix != base_prefix else kind_of(host, prefix, real),
        # pip asks for the marker outside of virtual environments only.
        externally_managed=marker if prefix == base_prefix and host.is_file(marker) else None,
        include=answer["include"],
        headers=host.is_file(posixpath.join(answer["include"], "Python.h")),
        soabi=answer["soabi"],
        platform=answer["platform"],
        purelib=answer["purelib"],
        site_packages=tuple(answer["site_packages"]),
        path=tuple(answer["path"]),
        found_via=found_via,
    )


def _active(host: Host) -> Optional[Tuple[Interpreter, str]]:
    """The `python` that a shell runs, since that is what builds; then an activated environment's."""
    python, python3 = _on_path(host, "python"), _on_path(host, "python3")
    found = [(python, _activation(host, python) or "python on PATH")]
    found += [(_program(host, host.env.get(name)), name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX")]
    found.append((python3, "python3 on PATH"))
    found.append((_described(host, host.own_python), "the interpreter of envdoctor"))
    # A bare `python` may be Python 2 beside a `python3` (PEP 394), unless an environment was made that way.
    if python and (python.version or "").startswith("2.") and python3 and not _activation(host, python):
        found.insert(0, (python3, "python3 on PATH (python is Python 2)"))
    return next(((interpreter, via) for interpreter, via in found if interpreter), None)


def _activation(host: Host, interpreter: Optional[Interpreter]) -> Optional[str]:
    """The variable of the activated environment that an interpreter belongs to."""
    folder = host.realpath(posixpath.dirname(interpreter.path)) if interpreter else None
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if host.env.get(name) and host.realpath(f"{host.env[name]}/bin") == folder:
            return name
    return None


def _stated(host: Host, python: str) -> Optional[Tuple[Interpreter, str]]:
    """A path (also of an environment's folder), a name on PATH, or a version."""
    if re.fullmatch(r"\d+(?:\.\d+)*", python):
        fitting = (one for one in _candidates(host, python) if f"{one.version}.".startswith(f"{python}."))
        interpreter = next(fitting, None)
    elif "/" in python:
        path = posixpath.normpath(posixpath.join(host.cwd, python))
        interpreter = _program(host, path) if host.is_dir(path) else _described(host, host.which(path))
    else:
        interpreter = _on_path(host, python)
    return (interpreter, "--python") if interpreter else None


def _candidates(host: Host, version: str) -> Iterator[Interpreter]:
    """Interpreters that may have a version: on PATH by full, major and bare name, then pyenv's."""
    minor = ".".join(version.split(".")[:2])
    for name in dict.fromkeys((f"python{minor}", f"python{version[0]}", "python")):
        yield from (describe(host, path) for path in host.which_all(name))
    for folder in reversed(host.glob(f"{pyenv_root(host)}/versions", f"{version}*")):
        interpreter = _described(host, host.which(f"{folder}/bin/python"))
        if interpreter:
            yield interpreter


def _on_path(host: Host, name: str) -> Optional[Interpreter]:
    return _described(host, host.which(name))


def _program(host: Host, prefix: Optional[str]) -> Optional[Interpreter]:
    """The interpreter of an environment's folder."""
    return _described(host, host.which(f"{prefix}/bin/python")) if prefix else None


def _described(host: Host, path: Optional[str]) -> Optional[Interpreter]:
    return describe(host, path) if path else None
