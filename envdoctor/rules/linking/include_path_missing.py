"""Headers that the sources include are on this machine, in folders that the build does not search.

## What it means

A project vendors another one (`third_party/cutlass`) and includes `<cutlass/cutlass.h>`, while the include folder
is set by a script that was not sourced, by an environment variable, or not at all. The second root of a library is
easily forgotten: `cutlass/util/host_tensor.h` lies under `tools/util/include`.

## How envdoctor knows

It follows the includes of the project's sources through the folders that its build files, CPATH, torch and the
toolkit give, and looks in the project's tree, and in header packages that are installed, for those that resolve
nowhere.

In a log, a compiler's message that a header of another project is not there counts, unless the log shows that the
folder of that project is searched.

## What to do

The cure that `envdoctor check` prints adds the folders to CPATH. For good, name them in the build files
(`include_dirs`, `target_include_directories`).

## When to ignore it

When the including file is left out of your build, or the build computes its include folders in a way that is not
written in its files.
"""

import posixpath
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor import compat
from envdoctor.facts import Header, Packages, Project
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import absent

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(project: Project, packages: Optional[Packages]) -> Iterator[Finding]:
    found = [(header, _roots(header, project, packages)) for header in project.unresolved_headers]
    chosen = _choose([(header, roots) for header, roots in found if roots])
    if not chosen:
        return
    headers = [header for header, _ in chosen]
    folders = list(dict.fromkeys(folder for _, folder in chosen))
    first = headers[0].included_from
    yield Finding(
        message=f"{_names(headers)} resolve nowhere on the include path; they lie below {', '.join(folders)}.",
        consequence=f"The compiler stops: {headers[0].name}: No such file or directory.",
        evidence=_evidence(chosen),
        fix=Fix("Add these folders to the include path", (SetEnv("CPATH", ":".join(folders), "prepend"),)),
        location=Location(first.file, first.line),
    )


def _roots(header: Header, project: Project, packages: Optional[Packages]) -> Tuple[str, ...]:
    """Folders that have the header: in the tree, else of an installed header package."""
    if header.roots:
        return tuple(posixpath.normpath(posixpath.join(project.root, root)) for root in header.roots)
    for start, name, folders in compat.HEADER_PACKAGES:
        package = packages.get(name) if packages else None
        if header.name.startswith(start) and package is not None:
            site = posixpath.dirname(package.location)
            return tuple(posixpath.join(site, folder) for folder in folders)
    return ()


def _choose(found: List[Tuple[Header, Tuple[str, ...]]]) -> List[Tuple[Header, str]]:
    """One folder for each header, with as few folders as possible: copies of one library must not be mixed."""
    counts: Dict[str, int] = {}
    for _, roots in found:
        for root in roots:
            counts[root] = counts.get(root, 0) + 1
    return [(header, max(roots, key=lambda root: (counts[root], -len(root)))) for header, roots in found]


def _evidence(chosen: List[Tuple[Header, str]]) -> Tuple[Evidence, ...]:
    """The first include for each folder."""
    seen: Dict[str, Evidence] = {}
    for header, folder in chosen:
        seen.setdefault(
            folder, Evidence(header.included_from.place, f"includes {header.name}, found below {folder}")
        )
    return tuple(seen.values())


def _names(headers: List[Header]) -> str:
    names = list(dict.fromkeys(header.name for header in headers))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more headers" if len(names) > 3 else "")


def explain(log: BuildLog) -> Iterator[Finding]:
    for hit, name, state in absent.vendored(log):
        if state != "empty":
            yield _unsearched(hit, name, "medium" if state == "unsearched" else "low")
            return
    # torch's own headers, where its include folder is not searched; torch-api-removed speaks of those that are gone.
    for hit, name in absent.headers(log, "torch"):
        if not name.startswith(("TH/", "THC/", "THNN/", "THCUNN/")) and not log.has(r"torch/include"):
            yield _torchs(hit, name)
            return


def _torchs(hit: Hit, name: str) -> Finding:
    return hit.finding(
        f"The compiler does not search torch's include folders: it finds no {name}.",
        "Every source that includes it fails.",
        Fix(
            "Build it as an extension of torch: CppExtension or CUDAExtension with BuildExtension, of"
            " torch.utils.cpp_extension, name the folders; in CMake find_package(Torch). By hand take those that"
            " python -c 'from torch.utils import cpp_extension as c; print(*c.include_paths())' prints, with the Python"
            " that has torch; where none has, install torch"
        ),
        "medium",
    )


def _unsearched(hit: Hit, name: str, confidence: str) -> Finding:
    return hit.finding(
        f"The compiler does not find {name} in any folder that it searches.",
        "Every source that includes it fails.",
        Fix(
            f"Look for it (find . / -path '*/{name}'). Where it is, add the folder above {name} to CPATH or to the"
            " build's include_dirs; where it is not, fetch the submodules or install the project that has it"
        ),
        confidence,
    )
