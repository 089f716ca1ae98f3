"""A git submodule of the project is empty.

## What it means

`git clone` without `--recursive` leaves the folders of submodules empty, and archives ("Download ZIP", `git
archive`) never hold them. CMake then says that a source directory "does not contain a CMakeLists.txt file", the
compiler misses headers, make finds no makefile.

## How envdoctor knows

`.gitmodules` names the folder, and there is nothing in it.

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
