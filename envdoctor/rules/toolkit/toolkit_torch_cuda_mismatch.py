"""The toolkit's CUDA major version is not the one that torch was built with.

## What it means

torch's extension builder compares nvcc's release with torch.version.cuda and stops when the major versions
differ: "The detected CUDA version (12.4) mismatches the version that was used to compile PyTorch (13.0)". A
different minor version gives a warning and works.

## How envdoctor knows

setup.py declares a CUDAExtension, and the toolkit that torch's lookup takes (CUDA_HOME, CUDA_PATH, nvcc on
PATH, /usr/local/cuda) has another major version than the installed torch.

In a log, torch's `The detected CUDA version (...) mismatches the version that was used to compile PyTorch` counts,
and what DeepSpeed and apex say of the same.

## What to do

Point CUDA_HOME at a toolkit of torch's major version, or install a torch that was built for the toolkit that
is there.

## When to ignore it

When the build runs in pip's isolated environment with another torch than the one that is installed here.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import compat, libraries, toolkit_cures
from envdoctor.facts import Project, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Here, Run, Safety, Severity
from envdoctor.log import BuildLog, told

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
WHEELS_SINCE = 13


def check(
    project: Project,
    toolkit: Toolkit,
    torch: Torch,
    toolkits: Optional[Toolkits],
) -> Iterator[Finding]:
    built_with = compat.release(torch.cuda)
    if built_with and libraries.torch_refuses(project, toolkit, torch):
        yield Finding(
            message=f"nvcc is CUDA {toolkit.version}, and the installed torch was built with CUDA {torch.cuda}.",
            consequence="torch's extension builder stops: the major versions differ.",
            evidence=(
                Evidence(f"{toolkit.nvcc} --version", toolkit.build or toolkit.version or ""),
                Evidence(", ".join(toolkit.origins) or toolkit.root, toolkit.root),
                Evidence(torch.found_via, f"torch {torch.version}, CUDA {torch.cuda}"),
            ),
            fix=_fix(built_with, toolkit, toolkits),
        )


def _fix(release: Tuple[int, int], toolkit: Toolkit, toolkits: Optional[Toolkits]) -> Fix:
    better = toolkit_cures.other(toolkits, lambda item: item.release == release) or toolkit_cures.other(
        toolkits, lambda item: item.release[0] == release[0]
    )
    if better:
        return Fix(f"Build with CUDA {better.version} at {better.root}", toolkit_cures.use(better))
    if release[0] >= WHEELS_SINCE:
        line = toolkit_cures.pip_line(release)
        return Fix(
            f"Install the compiler of CUDA {release[0]}.{release[1]}, or a torch built for CUDA {toolkit.release[0]}",
            (Run(line, Safety.UNSAFE),),
        )
    return Fix(
        f"Install a toolkit of CUDA {release[0]} and set CUDA_HOME to it, "
        f"or a torch built for CUDA {toolkit.release[0]}"
    )


# Source: torch's cpp_extension (2.13 and newer do not fill the places), DeepSpeed's builder.py.
_VERSIONS = (
    (
        r"detected CUDA version \((?P<nvcc>\d+[\d.]*)\) mismatches the version that was used to compile"
        r" ?PyTorch \((?P<torch>\d+[\d.]*)\)"
    ),
    r"detected CUDA version \(%s\) mismatches [^\n]*', '(?P<nvcc>\d+[\d.]*)', '(?P<torch>\d+[\d.]*)'",
    (
        r"Installed CUDA version (?P<nvcc>\d+[\d.]*) does not match the version torch was compiled with"
        r" (?P<torch>\d+[\d.]*), unable to compile"
    ),
)
# Source: apex's setup.py.
_OTHERS = (
    r"Cuda extensions are being compiled with a version of Cuda that does not match",
    (
        r"(?i:nvcc|toolkit|CUDA_HOME)[^\n]{0,80}(?:does not match|doesn't match|mismatch|differs from|different from)"
        r"[^\n]{0,60}(?i:torch)[^\n]{0,30}(?i:cuda|compiled|built)"
    ),
)


def explain(log: BuildLog) -> Iterator[Finding]:
    isolated = (
        "; here pip builds in an environment with a torch of its own: pip install --no-build-isolation takes yours"
        if told.isolated(log)
        else ""
    )
    hit = log.first(*_VERSIONS)
    if hit:
        yield hit.finding(
            f"nvcc is of CUDA {hit['nvcc']}, and torch was built with CUDA {hit['torch']}.",
            "torch's extension builder stops where the major versions differ.",
            Fix(
                f"Set CUDA_HOME to a toolkit of CUDA {hit['torch'].split('.')[0]}, or install a torch that was built"
                f" with CUDA {hit['nvcc'].split('.')[0]}{isolated}"
            ),
        )
        return
    other = log.first(*_OTHERS)
    if other:
        yield other.finding(
            "nvcc is of another CUDA than torch was built with.",
            "The project's setup.py stops at it.",
            Fix(
                f"Set CUDA_HOME to a toolkit of torch.version.cuda, or install a torch built for nvcc's{isolated}"
            ),
        )


def judge(finding: Finding, torch: Torch, toolkit: Toolkit) -> Optional[Here]:
    built_with = compat.release(torch.cuda)
    if built_with is None or not toolkit.nvcc:
        return None
    said = f"the toolkit is CUDA {toolkit.version}, and torch is built for {torch.cuda}"
    return Here("contradicted" if built_with[0] == toolkit.release[0] else "confirmed", said)
