"""The build would not use the CUDA version that was stated.

## What it means

`--cuda` says which CUDA is meant. The finders of the build do not know that: they take the toolkit that CUDA_HOME, PATH
or their defaults give, and the result is built for another release than intended, without a word.

## How envdoctor knows

The release of the toolkit that a build here would take differs from the stated one. (A stated release that is newer is
the rule `toolkit-too-old`.)

## What to do

Point CUDA_HOME, CUDACXX and PATH to the toolkit that is meant.

## When to ignore it

When `--cuda` was only meant as an upper bound.
"""

from typing import Iterator, Optional

from envdoctor import compat, toolkit_cures
from envdoctor.facts import Project, Request, Toolkit, Toolkits
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")


def check(
    request: Request,
    toolkit: Toolkit,
    toolkits: Optional[Toolkits],
    project: Optional[Project],
) -> Iterator[Finding]:
    stated = compat.release(request.cuda)
    if (
        stated is None
        or not toolkit.nvcc
        or toolkit.release <= stated
        or (project and not project.wants_cuda)
    ):
        return
    yield Finding(
        message=f"CUDA {request.cuda} was stated; the build would use CUDA {toolkit.version} at {toolkit.root}.",
        consequence="What is built is for another CUDA than the one that is meant.",
        evidence=(
            Evidence("--cuda", request.cuda or ""),
            Evidence(", ".join(toolkit.origins), f"{toolkit.root}: CUDA {toolkit.build or toolkit.version}"),
        ),
        fix=_fix(stated, toolkits),
    )


def _fix(stated: compat.Release, toolkits: Optional[Toolkits]) -> Fix:
    other = toolkit_cures.other(toolkits, lambda item: item.release == stated)
    if other:
        return Fix(f"Build with CUDA {other.version} at {other.root}", toolkit_cures.use(other))
    return Fix(f"Install a CUDA toolkit {stated[0]}.{stated[1]}; none was found on this machine")
