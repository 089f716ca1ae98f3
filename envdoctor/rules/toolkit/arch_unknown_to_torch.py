"""TORCH_CUDA_ARCH_LIST has an entry that torch's extension builder does not know.

## What it means

torch checks the list before nvcc sees it and stops with "Unknown CUDA arch (X.Y) or GPU not supported".
Entries are written with a dot and separated by semicolons or spaces: "8.0;9.0a+PTX". A comma, "80", "sm_80"
and an architecture that is newer than the installed torch are all unknown to it, even when nvcc knows them.

## How envdoctor knows

The variable was split in the way that torch does it and compared with the list in the installed torch's
utils/cpp_extension.py.

In a log, torch's `Unknown CUDA arch` and CMake's `Unknown CUDA Architecture Name` count.

## What to do

Correct the spelling. For a GPU that is newer than torch's list, build PTX of the newest entry (`+PTX`), or
use a newer torch.

## When to ignore it

When the project hands its own -gencode flags to nvcc; torch then does not read the variable (the rule knows
those it can see).
"""

from typing import Iterator, List, Tuple

from envdoctor import architectures, builders, compat
from envdoctor.facts import Environment, Project, Torch
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
NAME = "TORCH_CUDA_ARCH_LIST"


def check(environment: Environment, project: Project, torch: Torch) -> Iterator[Finding]:
    value = environment.get(NAME)
    if not value or value == "native" or not torch.known_architectures:
        return
    # Flags of the project switch the variable off.
    if builders.of_build(project, project.architectures) or not builders.builds_torch_extension(project):
        return
    entries = _as_torch_splits(value)
    unknown = [entry for entry in entries if entry.replace("+PTX", "", 1) not in torch.known_architectures]
    if unknown:
        names = ", ".join(f'"{entry}"' for entry in unknown)
        yield Finding(
            message=f"{NAME} has {names}, which torch {torch.version} does not know.",
            consequence='torch stops before it calls nvcc: "Unknown CUDA arch".',
            evidence=(
                Evidence(NAME, value),
                Evidence(f"{torch.path}/utils/cpp_extension.py", " ".join(torch.known_architectures)),
            ),
            fix=_fix(value, torch.known_architectures),
        )


def _as_torch_splits(value: str) -> List[str]:
    value = value.replace(" ", ";")
    for name, members in compat.TORCH_NAMED_ARCHITECTURES:
        value = value.replace(name, members)
    return value.split(";")


def _fix(value: str, known: Tuple[str, ...]) -> Fix:
    """The same list in torch's spelling; what is newer than torch becomes PTX of its newest entry."""
    meant = [item for item in (architectures.parse(entry) for entry in architectures.split(value)) if item]
    kept = [item for item in meant if item.dotted in known]
    newest = max((item for item in map(architectures.parse, known) if item), key=lambda item: item.number)
    newer = any(item.number > newest.number for item in meant)
    entries = sorted({item.number: item.dotted + ("+PTX" if item.ptx else "") for item in kept}.items())
    names = [name for _, name in entries]
    if newer and f"{newest.dotted}+PTX" not in names:
        names = [name for name in names if name != newest.dotted] + [f"{newest.dotted}+PTX"]
    if not names:
        return Fix(f"Unset {NAME}, or name architectures that this torch knows")
    title = (
        "Name PTX of the newest architecture that torch knows" if newer else f"Spell {NAME} as torch reads it"
    )
    return Fix(title, (SetEnv(NAME, ";".join(names)),))


# Source: torch/utils/cpp_extension.py, _get_cuda_arch_flags, 1.0 to 2.14.
_REFUSED = (r"Unknown CUDA arch \((?P<entry>[^)\n{}]*)\)",)
# Source: Caffe2's and CMake's select_compute_arch.cmake, which torch hands TORCH_CUDA_ARCH_LIST to.
_REFUSED_BY_CMAKE = (
    r"Unknown CUDA Architecture Name (?P<entry>[^\s{}$]+) in CUDA_SELECT_NVCC_ARCH_FLAGS",
    r"Unknown CUDA Architecture Name in CUDA_SELECT_NVCC_ARCH_FLAGS: (?P<entry>[^\s{}$]+)",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_REFUSED, *_REFUSED_BY_CMAKE)
    if hit:
        architecture = architectures.parse(hit["entry"])
        # "8.0,8.6" and "sm_80" are spelt wrongly; "12.0+PTX" is too new for this torch.
        spelt = architecture is not None and hit["entry"].startswith(architecture.dotted)
        yield hit.finding(
            f"{NAME} has the entry {hit['entry']}, which this torch does not know.",
            "torch stops before it calls nvcc.",
            Fix(
                f"Set {NAME} to the newest entry that torch knows, with +PTX, or use a newer torch"
                if spelt
                else f"Write the entries of {NAME} with a dot, separated by semicolons: 8.0;9.0a+PTX"
            ),
        )
