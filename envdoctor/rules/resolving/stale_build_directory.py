"""An earlier build's folder remembers paths that no longer hold.

## What it means

CMake keeps what it found in CMakeCache.txt and does not look again: a compiler, a Python, a ninja in a temporary
folder of pip that has been deleted, the folder where the project lay before. The next build uses them or fails on
them: `The source directory ... does not match`, `CMAKE_MAKE_PROGRAM ... No such file or directory`.

## How envdoctor knows

The cache's entries are read; a program that does not exist any more, a source folder other than this one, or a
Python of another prefix than the active one is named with its line.

In a log, CMake's words count of a cache that was made elsewhere or by another generator, paths of an isolated build
that is over, and gcc's and the linker's words of files that another compiler made.

## What to do

Configure afresh: `cmake --fresh` (CMake 3.24), or put the folder aside and configure again.

## When to ignore it

When the next build removes the folder by itself.
"""

import posixpath
import shlex
from typing import Iterator, List, Optional, Tuple

from packaging.version import Version

from envdoctor import wrapper
from envdoctor.facts import BuildFolder, Environment, Located, Project, Python, Tools
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, SetEnv, Severity, Shim
from envdoctor.log import BuildLog
from envdoctor.requirements import release_of

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")
#: Build folders that an overlay has CMake configure afresh.
FRESH_VARIABLE = "ENVDOCTOR_FRESH"
FRESH_SINCE = Version("3.24")  # `cmake --fresh`
PYTHONS = ("Python3_EXECUTABLE", "Python_EXECUTABLE", "PYTHON_EXECUTABLE")


def check(
    project: Project,
    python: Python,
    environment: Environment,
    tools: Optional[Tools],
) -> Iterator[Finding]:
    afresh = environment.folders(FRESH_VARIABLE)
    for folder in project.build_folders:
        path = posixpath.join(project.root, folder.path)
        stale = list(_stale(folder, project, python))
        if not stale or path in afresh:
            continue
        line, why = stale[0]
        name, _, value = line.text.partition("=")
        yield Finding(
            message=f"{folder.path} was configured with {name} {value}, {why}.",
            consequence="CMake does not look again: the next build in that folder uses it or fails on it.",
            evidence=tuple(Evidence(entry.place, entry.text) for entry, _ in stale),
            fix=_fix(path, line, tools),
            location=Location(line.file, line.line),
            severity=Severity.ERROR
            if any(entry in folder.missing for entry, _ in stale)
            else Severity.WARNING,
        )


def _fix(path: str, line: Located, tools: Optional[Tools]) -> Fix:
    """Have CMake forget what it remembers, once; where this CMake cannot, put the folder aside."""
    cmake = tools.first("cmake") if tools else None
    release = release_of(cmake.version) if cmake else None
    if release is not None and release >= FRESH_SINCE:
        name, _, value = line.text.partition("=")
        return Fix(
            "Have CMake configure that folder afresh",
            (
                Shim("bin/cmake", "script", wrapper.fresh(path, name, value)),
                SetEnv("PATH", "{overlay}/bin", "prepend"),
                SetEnv(FRESH_VARIABLE, path, "append"),
            ),
        )
    # A name of its own for each folder; where one was put aside before, mv refuses.
    aside, folder = (
        shlex.quote(text) for text in (f".envdoctor/aside/{path.strip('/').replace('/', '%')}", path)
    )
    made = "mkdir -p .envdoctor/aside && echo '*' > .envdoctor/.gitignore"
    return Fix(
        "Put the folder aside and configure again",
        (Run(f"{made} && mv -T -- {folder} {aside}", Safety.SAFE, undo=f"mv -T -- {aside} {folder}"),),
    )


def _stale(folder: BuildFolder, project: Project, python: Python) -> Iterator[Tuple[Located, str]]:
    found: List[Tuple[Located, str]] = [(entry, "which does not exist any more") for entry in folder.missing]
    for entry in folder.entries:
        name, _, value = entry.text.partition("=")
        if name == "CMAKE_HOME_DIRECTORY" and not f"{value}/".startswith(f"{project.root}/"):
            found.append((entry, "another source folder"))
        elif name.lstrip("_") in PYTHONS and entry not in folder.missing and not _same(value, python):
            found.append((entry, f"while the active Python is {python.executable}"))
    return iter(found)


def _same(path: str, python: Python) -> bool:
    return path in (python.executable, python.real) or path.startswith(f"{python.prefix}/bin/")


# Source: CMake's cmCacheManager, cmake.cxx and cmGlobalGenerator; gcc; ninja.
_STALE = (
    r"current CMakeCache\.txt directory[^\n]*(?:\n[^\n]*){0,2}is different than the directory",
    r"The source [^\n]*(?:\n[^\n]*){0,2}does not match the source [^\n]*(?:\n[^\n]*){0,2}used to generate cache",
    r"Error: generator : [^\n]+(?:\n[^\n]*){0,1}Does not match the generator used previously",
    r"Error: generator (?:platform|toolset|instance): [^\n]*(?:\n[^\n]*){0,1}Does not match the",
    (
        r"'(?P<gone>[^'\n]+)' '--version'(?:\s+|[^\n]*)failed with:"
        r"\s+(?:no such file|The system cannot find|\S*No such file)"
    ),
    r"(?P<gone>/pip-build-env-\w{1,20}/\S{1,200}/(?:cmake|ninja)): (?:not found|No such file or directory)",
    r"CMAKE_(?:MAKE_PROGRAM|CXX_COMPILER|C_COMPILER|CUDA_COMPILER):?\s+(?P<gone>\S*pip-build-env-\S+)",
    r"ninja: error: '(?P<gone>[^'\n]*pip-build-env-[^'\n]*)', needed by",
    r"generated with LTO version \S+ instead of the expected",
    r"created by a different GCC executable|was built for a different (?:version|target)[^\n]*PCH",
)
_MEDIUM = (
    r"No rule to make target '(?P<gone>/[^'\n]*(?:cuda|conda|envs|venv|python3)[^'\n]*)', needed by",
    r"file not recognized: (?:file format not recognized|File truncated)|\.o: file not recognized",
    r"\.o: error adding symbols: file in wrong format",
    r"torch_extensions/[\w./-]+\.so: cannot open shared object file",
    r"ninja: error: '(?P<gone>/[^'\n]*site-packages/[^'\n]*)', needed by",
)
#: What the build wrote and could not finish is not old.
_BUILT_NOW = r"(?:ninja: build stopped|Error building extension)[\s\S]*"


def explain(log: BuildLog) -> Iterator[Finding]:
    stale, medium = log.first(*_STALE), log.without(_BUILT_NOW).first(*_MEDIUM)
    for hit, confidence in ((stale, "high"), (medium, "medium")):
        if hit:
            yield hit.finding(
                "The build folder is that of an earlier build, whose paths or files no longer hold.",
                "CMake and ninja do not look again: every build in that folder fails or uses what is old.",
                Fix(
                    "Remove the build folder and build again (CMake: cmake --fresh; setup.py: rm -rf build;"
                    " torch's extensions: rm -rf ~/.cache/torch_extensions)"
                ),
                confidence,
            )
            return
