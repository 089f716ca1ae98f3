"""An installed package needs the libraries of a CUDA major version that this environment does not have.

## What it means

A wheel compiled with CUDA 11 asks for `libcudart.so.11.0`; an environment with CUDA 12 has `libcudart.so.12`. They
are different libraries, and one cannot stand in for the other (a link of that name makes it worse).

## How envdoctor knows

The compiled module's needed libraries are read from the file; the loader finds none for one whose name carries
CUDA's major version, and copies of another major version are there.

In a log, torchvision's and bitsandbytes' own words count, and a library that an import does not find whose name
tells another CUDA than the log names.

## What to do

Install the package's build for the CUDA that is here, or rebuild it. To keep the package as it is, install the run
time that it needs beside the other and put its folder on LD_LIBRARY_PATH.

## When to ignore it

When the package chooses among several libraries at import and this one is not meant for this machine.
"""

from typing import Dict, Iterator, List, Optional, Set, Tuple

from envdoctor import compat, installing, libraries
from envdoctor.facts import CompiledModule, CompiledModules, Loader, Packages, Python, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import unresolved

SEVERITY = Severity.ERROR


def check(
    modules: CompiledModules,
    packages: Packages,
    loader: Loader,
    torch: Optional[Torch],
    toolkits: Optional[Toolkits],
    python: Optional[Python],
) -> Iterator[Finding]:
    here = _majors_here(loader, torch)
    for name, found in _needing(modules).items():
        wanted = {soname for _, soname in found}
        majors = {libraries.cuda_major(soname) for soname in wanted} - here
        if not here or not majors or all(_exists(soname, loader, toolkits) for soname in wanted):
            continue  # no CUDA here at all, or a copy off the loader's path: shared-library-not-found speaks
        major = max(majors)
        yield Finding(
            message=f"{name} {packages.version(name) or ''} is built for CUDA {major}; this environment has "
            f"CUDA {', '.join(map(str, sorted(here)))}.",
            consequence=f"Importing it stops: {sorted(wanted)[0]}: cannot open shared object file.",
            evidence=tuple(
                Evidence(module.path, f"needs {soname}: not found") for module, soname in found[:5]
            ),
            fix=_fix(name, major, max(here), wanted, python),
        )


def _needing(modules: CompiledModules) -> Dict[str, List[Tuple[CompiledModule, str]]]:
    """By package: modules that Python imports and that need a CUDA library which the loader does not find."""
    counts: Dict[str, int] = {}
    for module in modules.items:
        counts[module.package or module.path] = counts.get(module.package or module.path, 0) + 1
    needing: Dict[str, List[Tuple[CompiledModule, str]]] = {}
    for module in modules.items:
        name = module.package or module.path
        # Plain libraries beside others are often one for each CUDA, of which the package picks one.
        if name.startswith(compat.OWN_LOADERS) or not (
            libraries.is_importable(module.path) or counts[name] == 1
        ):
            continue
        for needed in module.needed:
            if needed.path is None and libraries.cuda_major(needed.soname):
                needing.setdefault(name, []).append((module, needed.soname))
    return needing


def _majors_here(loader: Loader, torch: Optional[Torch]) -> Set[int]:
    """CUDA major versions that packages here are meant for: torch's, else those of the run times that are installed."""
    if torch is not None and torch.cuda:
        return {int(torch.cuda.partition(".")[0])}
    copies = [
        (entry.soname, copy)
        for entry in loader.get("cudart")
        for copy in (entry.taken, *entry.others)
        if copy
    ]
    near = {libraries.cuda_major(soname) for soname, copy in copies if copy.via != "toolkit"}
    return (near or {libraries.cuda_major(soname) for soname, _ in copies}) - {0}


def _exists(soname: str, loader: Loader, toolkits: Optional[Toolkits]) -> bool:
    copies = [library.soname for item in (toolkits.items if toolkits else ()) for library in item.libraries]
    return soname in copies or any(entry.soname == soname for entry in loader.libraries)


def _fix(name: str, major: int, here: int, wanted: Set[str], python: Optional[Python]) -> Fix:
    stems = sorted({libraries.soname(soname)[0] for soname in wanted})
    wheels = list(
        dict.fromkeys(wheel for wheel in (compat.cuda_wheel(stem, major) for stem in stems) if wheel)
    )
    title = (
        f"Install a build of {name} for CUDA {here}; or install CUDA {major}'s run time ({', '.join(wheels)}) and put "
        "the folder of its libraries on LD_LIBRARY_PATH"
    )
    return Fix(title, (installing.by_pip(python, " ".join(wheels)),) if wheels else ())


# Source: torchvision's extension.py and the loaders of torch_scatter and its kin; bitsandbytes' cextension.py.
_TOLD = (
    (
        r"Detected that PyTorch and (?P<name>\w+) were compiled with different CUDA (?:major )?versions\. "
        r"PyTorch has CUDA [Vv]ersion ?=? ?(?P<here>[\d.]*\d) and \w+ has CUDA [Vv]ersion ?=? ?(?P<built>[\d.]*\d)"
    ),
)
_OTHER = r"CUDA version mismatch! DeepSpeed ops were compiled and installed with a different version"
_NO_BINARY = (
    (
        r"(?:Could not find the|Configured) (?P<name>bitsandbytes|CUDA) (?:CUDA )?binary (?:at"
        r"|not found at) \S+?cuda(?P<here>\d{2,3})"
    ),
    r"(?P<name>libbitsandbytes)_cuda(?P<here>\d{2,3})\S*: cannot open shared object file",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    told = log.first(*_TOLD)
    if told:
        yield told.finding(
            f"{told['name']} is built for CUDA {told['built']}, torch for CUDA {told['here']}.",
            "Importing it stops.",
            _cure(told["here"], int(told["built"].partition(".")[0] or 0)),
        )
    other = log.first(_OTHER)
    if other:
        yield other.finding(
            "The ops were compiled with another CUDA than torch's.", "They are refused.", _cure(_TORCHS)
        )
    none = log.first(*_NO_BINARY)
    if none:
        yield none.finding(
            f"bitsandbytes has no binary for the CUDA that torch uses ({none['here']}).",
            "It does not load, or runs without a GPU.",
            Fix(
                "Install a newer bitsandbytes, or BNB_CUDA_VERSION=<one of its binaries, as 121> with"
                " that CUDA's libraries"
            ),
            confidence="medium",
        )
    yield from _by_library(log)


def _by_library(log: BuildLog) -> Iterator[Finding]:
    here = unresolved.cuda_majors(log)
    for library in unresolved.libraries(log):
        if not unresolved.of_other_cuda(log, library):
            continue  # shared-library-not-found speaks
        has = f", and this environment has CUDA {min(here)}" if here else ""
        yield library.hit.finding(
            f"What is imported is built for CUDA {library.cuda_major} ({library.name}){has}.",
            "A library of another major version cannot stand in for it, and importing it stops.",
            _cure(str(min(here)) if here else _TORCHS, library.cuda_major, library.stem),
            confidence="high" if here else "medium",
        )
        return


_TORCHS = "as torch has it (python -c 'import torch; print(torch.version.cuda)')"


def _cure(here: str, built: int = 0, stem: str = "cudart") -> Fix:
    """`built`: CUDA's major version that it asks for, 0 where that is not known; of its libraries, by this one."""
    wheel = compat.cuda_wheel(stem, built) if built else None
    asked = f"pip install {wheel}, which it asks for," if wheel else "install the run time that it asks for"
    return Fix(
        f"Install the package's build for CUDA {here}, or rebuild it with that toolkit; to keep it, {asked}"
        " and put the folder of its libraries on LD_LIBRARY_PATH"
    )
