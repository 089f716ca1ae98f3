"""Whether what was installed works: everything is imported, and envdoctor's own kernels calculate."""

import json
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envdoctor.bundle.layout import Contents
from envdoctor.bundle.target import BundleError
from envdoctor.host import Completed

#: A run of the installed Python, with these arguments.
Run = Callable[[Sequence[str]], Completed]

# What modules print goes to standard error. A line before each import, for those that end the process.
_IMPORT = r"""
import importlib, importlib.metadata, json, os, re, sys
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
top = re.compile(r"([A-Za-z]\w*)(?:/__init__\.py|(?:\.cpython-[\w-]+|\.abi3)?\.so|\.py)")
for project in sys.argv[1:]:
    found = (top.fullmatch(str(file)) for file in importlib.metadata.files(project) or ())
    for name in sorted({match[1] for match in found if match}):
        print(json.dumps([project, name, "the interpreter ended"]), file=told, flush=True)
        try:
            importlib.import_module(name)
            why = ""
        except BaseException as error:
            why = f"{type(error).__name__}: {error}"
        print(json.dumps([project, name, why]), file=told, flush=True)
"""
_KERNELS = ("-m", "envdoctor.kernels.selftest")


class Tested(NamedTuple):
    """Modules that import, and of those that are not asked for themselves, the others with their reasons."""

    imported: Tuple[str, ...]
    others: Dict[str, str]
    kernels: str


def test(one: Contents, run: Run) -> Tested:
    """Raises BundleError where something that was asked for does not import, or the kernels miscalculate."""
    asked = {canonicalize_name(Requirement(text).name) for text in one.requested}
    projects = sorted((each.project for each in one.packages), key=lambda project: project not in asked)
    found = _imports(run(("-c", _IMPORT, *projects)))
    failed = {(project, name): why for (project, name), why in found.items() if why}
    for (project, name), why in failed.items():
        if project in asked or why == "the interpreter ended":
            raise BundleError(f"{one.target.name}: installed, but {name} does not import: {_first(why)}")
    kernels = _kernels(one, run) if {"envdoctor", "torch"} <= set(projects) else ""
    imported = tuple(name for (_, name), why in found.items() if not why)
    return Tested(imported, {name: _first(why) for (_, name), why in failed.items()}, kernels)


def _imports(answer: Completed) -> Dict[Tuple[str, str], str]:
    """(project, module) -> why not; the last word counts."""
    lines: List[List[str]] = [json.loads(line) for line in answer.stdout.splitlines()]
    if not answer.ok and not (lines and lines[-1][2]):
        raise BundleError(f"installed, but its modules cannot be listed: {answer.complaint}")
    return {(project, name): why for project, name, why in lines}


def _kernels(one: Contents, run: Run) -> str:
    answer = run(_KERNELS)
    if not answer.ok:
        raise BundleError(f"{one.target.name}: installed, but its kernels do not work: {answer.complaint}")
    return answer.stdout.strip()


def _first(why: str) -> str:
    return " ".join(why.split())[:200]
