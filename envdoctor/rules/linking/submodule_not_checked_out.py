"""A git submodule of the project is empty.

## What it means

`git clone` without `--recursive` leaves the folders of submodules empty, and archives ("Download ZIP", `git
archive`) never hold them. CMake then says that a source directory "does not contain a CMakeLists.txt file", the
compiler misses headers, make finds no makefile.

## How envdoctor knows

`.gitmodules` names the folder, and there is nothing in it.

In a log, CMake's `does not contain a CMakeLists.txt` and projects' own calls for `git submodule update` count; less
surely, a header or source that is missing in a folder for other projects.

## What to do

`git submodule update --init --recursive` in the project. In an archive there is no record of the commit: clone the
repository instead, or put the sources into the folder by hand. When the URL is an ssh one that does not answer, see
the rule git-ssh-unreachable.

## When to ignore it

When your build does not use the submodule (documentation, benchmarks): then this is said as a hint only.
"""

import posixpath
import shlex
from typing import Iterator, Optional, Tuple

from envdoctor import git_urls
from envdoctor.facts import Configuration, Environment, Project, Submodule
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, Severity, Step
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import absent

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
STAGE = 0


def check(
    project: Project,
    configuration: Optional[Configuration],
    environment: Optional[Environment],
) -> Iterator[Finding]:
    rewriting = git_urls.rewriting(project.submodules, configuration, environment)
    for submodule in project.submodules:
        if submodule.state == "present" or any(
            _inside(path, submodule.path) for path in project.lfs_pointers
        ):
            continue  # a folder with unfetched LFS files is not empty: lfs-pointer speaks
        uses = tuple(_uses(project, submodule))
        yield Finding(
            message=f"The submodule {submodule.path} is {submodule.state}.",
            consequence="The build misses its files."
            if uses
            else "If the build uses it, its files are missing.",
            evidence=(
                Evidence(f".gitmodules:{submodule.line}", f"{submodule.path} = {submodule.url}"),
                *uses,
            ),
            fix=_fix(submodule, configuration, rewriting),
            location=Location(".gitmodules", submodule.line),
            severity=Severity.ERROR if uses else Severity.INFO,
        )


def _fix(
    submodule: Submodule,
    configuration: Optional[Configuration],
    rewriting: Tuple[Step, ...],
) -> Fix:
    """Fetching it; over HTTPS where its URL would need an SSH key."""
    # This one alone: another one may stand where somebody works on it.
    fetch = Run(f"git submodule update --init --recursive -- {shlex.quote(submodule.path)}", Safety.SAFE)
    steps = rewriting if git_urls.unreadable(submodule, configuration) else ()
    return Fix("Fetch the submodules, over HTTPS" if steps else "Fetch the submodules", (*steps, fetch))


def _uses(project: Project, submodule: Submodule) -> Iterator[Evidence]:
    """Places of the build that need the folder: subdirectories, include folders, headers that nothing else has."""
    cmake = project.cmake
    for place in cmake.subdirectories if cmake else ():
        if _inside(place.text, submodule.path):
            yield Evidence(place.place, f"add_subdirectory({place.text})")
    for folder in _include_dirs(project):
        if _inside(folder, submodule.path):
            yield Evidence(folder, "named as include folder")
    for header in project.unresolved_headers:
        if (
            not header.roots
            and header.name.partition("/")[0].lower() == posixpath.basename(submodule.path).lower()
        ):
            yield Evidence(header.included_from.place, f"includes {header.name}")
            return


def _include_dirs(project: Project) -> Tuple[str, ...]:
    extensions = project.setup.extensions if project.setup else ()
    named = tuple(folder for extension in extensions for folder in extension.include_dirs)
    return named + (project.cmake.include_dirs if project.cmake else ()) + project.make_include_dirs


def _inside(path: str, folder: str) -> bool:
    """Whether a path as written lies in a folder of the tree; variables in front of it do not matter."""
    return f"/{folder.strip('/')}/" in f"/{path.strip('/')}/"


# Where projects keep other projects. Source: the paths in .gitmodules of projects with CUDA extensions.
_FOLDERS = r"(?:third[_-]?party|3rd[_-]?party|externals?|extern|deps|vendor|submodules?|modules|libs?)"
_UNFETCHED = (
    r"(?i:\bsubmodules? (?:\S{1,60} )?(?:(?:is|are|was|were|has|have) )?"
    r"(?:missing|empty|uninitiali[sz]ed|not (?:been )?(?:found|checked out|initiali[sz]ed|fetched|cloned|populated)))"
)
# Source: CMake's message of add_subdirectory; torch's and other projects' own checks; what pip, cargo and make say of a
# folder that has nothing.
_EMPTY = (
    r"[Tt]he source directory \S+ does not contain a CMakeLists\.txt file",
    r"does not contain a CMakeLists\.txt",
    r"add_subdirectory given source \"?[^\s\"]+\"? which is not an existing directory",
    r"(?i:(?:please|try|did you|forget to|need to|must) (?:first )?(?:run(?:ning)?|execut\w+)?:? ?['\"]?git submodule)",
    r"[\w:;,.!?()][\t\x20](?:[Rr]un|[Uu]se|[Ee]xecute):? ['\"]?git submodule (?:update|init|sync)",
    _UNFETCHED,
    r"(?i:(?:did you|do you) (?:forget|clone)[^\n]{0,60}(?:submodule|--recurs))",
    r"is missing, please use source distribution or git clone",
    rf"[/\\']{_FOLDERS}[/\\][^\s']{{0,200}}'? (?:is not installable|does not appear to be a Python project)",
    rf"It looks like a path\. File '(?:[^'\n]*[/\\\\])?{_FOLDERS}[/\\\\][^'\n]*' does not exist",
    rf"failed to read '[^'\n]*/{_FOLDERS}/[^'\n]*Cargo\.toml'",
    rf"make(?:\[\d+\])?: \*\*\* \S*{_FOLDERS}/\S*: No such file or directory\. Stop",
    rf"Entering directory '[^'\n]*/{_FOLDERS}/[^'\n]*'\n[^\n]*No targets specified and no makefile",
)
# setup.py of xformers and the like, which lists a submodule's sources; CMake's include of a submodule's file.
_HINTS = (
    r"assert len\(sources\) > 0",
    r"No url found for submodule path '[^'\n]+' in \.gitmodules|no submodule mapping found in \.gitmodules",
    rf"No rule to make target '(?:[^'\n]*/)?{_FOLDERS}/[^'\n]*\.(?:c|cc|cpp|cu|h|hpp|txt)'",
    rf"include could not find (?:requested|load) file: \S*{_FOLDERS}/\S+",
    rf"(?:Cannot find source file|No SOURCES given to target): \S*{_FOLDERS}/\S+",
    rf"error: \S*{_FOLDERS}/\S+\.(?:c|cc|cpp|cu): No such file or directory",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    header = next((hit for hit, _, state in absent.vendored(log) if state == "empty"), None)
    empty = log.first(*_EMPTY)
    if empty and not log.has(r"into submodule path '.*' failed|Failed to clone"):
        yield _not_fetched(empty, "high")
    elif header:
        yield _not_fetched(header, "medium")
    else:
        yield from (_not_fetched(hit, "medium") for hit in (log.first(*_HINTS),) if hit)


def _not_fetched(hit: Hit, confidence: str) -> Finding:
    return hit.finding(
        "A folder that the build needs is empty or absent: a submodule that was not fetched.",
        "Clones without --recursive and archives hold no submodules.",
        Fix(
            "In the clone: git submodule update --init --recursive. From an archive or an sdist: clone the"
            " repository with git clone --recursive instead (pip install git+https://... fetches submodules)"
        ),
        confidence,
    )
