"""The code uses device instructions that no architecture of this build has.

## What it means

`__hfma2` exists from architecture 5.3 on, `__dp4a` from 6.1, wmma from 7.0, ldmatrix from 7.5, cp.async from
8.0, wgmma on 9.0a alone. Compiled for less, nvcc says "identifier __hfma2 is undefined" or ptxas "Feature
'ldmatrix' requires .target sm_75 or higher"; where the code has a guard, the kernel is silently left out.

## How envdoctor knows

The instructions were found in the sources, and every architecture that the build hands to nvcc is lower; or
it hands none, and nvcc's default is. When one of several architectures is high enough, the code is taken to
have its guards.

## What to do

Build for an architecture that has the instruction.

## When to ignore it

When the low architecture has a path of its own in the code.
"""

from typing import Iterator, List, Optional, Tuple

from envdoctor import architectures, builders, compat
from envdoctor.architectures import Architecture, Asked
from envdoctor.facts import Driver, Environment, Located, Project, Request, Toolkit
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")


def check(
    request: Request,
    environment: Environment,
    project: Project,
    toolkit: Toolkit,
    driver: Optional[Driver],
) -> Iterator[Finding]:
    asked = _asked(request, environment, project, driver)
    if not toolkit.nvcc or asked is None:
        return
    targets = [item.architecture for item in asked if item.architecture]
    if asked and len(targets) < len(asked):  # "all", a variable: not known
        return
    default = Architecture(compat.at_least(compat.DEFAULT_ARCHITECTURE, toolkit.release))
    lacking = _lacking(project, targets or [default])
    if lacking:
        feature, needed = lacking
        built_for = ", ".join(item.dotted for item in targets) or f"{default.dotted}, nvcc's default"
        yield Finding(
            message=f"{feature.text} needs architecture {needed.dotted}, and the build is for {built_for}.",
            consequence="nvcc or ptxas refuses it, or the kernel that uses it is left out.",
            evidence=(
                Evidence(feature.place, feature.text),
                *dict.fromkeys(Evidence(item.source, item.text) for item in asked),
            ),
            fix=_fix(project, asked, needed),
            location=Location(feature.file, feature.line),
        )


def _asked(
    request: Request,
    environment: Environment,
    project: Project,
    driver: Optional[Driver],
) -> Optional[Tuple[Asked, ...]]:
    """What nvcc will compile for; empty: its default; None: not known here."""
    if architectures.asks_for_gpus(environment, project):
        gpus = architectures.detected(request, environment, project, driver)
        return gpus or None  # without a GPU: gpu-not-visible-at-build
    return architectures.handed_to_nvcc(environment, project)


def _lacking(project: Project, targets: List[Architecture]) -> Optional[Tuple[Located, Architecture]]:
    """The feature that asks for most and that no target has."""
    worst = None
    for feature in project.features:
        number = compat.FEATURE_ARCHITECTURE.get(feature.text)
        if number is None:
            continue
        needed = Architecture(number, "a" if feature.text in compat.ARCHITECTURE_SPECIFIC_FEATURES else "")
        if not any(_has(target, needed) for target in targets) and (
            worst is None or number > worst[1].number
        ):
            worst = feature, needed
    return worst


def _has(target: Architecture, needed: Architecture) -> bool:
    if needed.suffix:
        return target.number == needed.number and target.suffix == needed.suffix
    return target.number >= needed.number


def _fix(project: Project, asked: Tuple[Asked, ...], needed: Architecture) -> Fix:
    title = f"Build for {needed.dotted}" + ("" if needed.suffix else " or newer")
    if asked and asked[0].origin in ("project", "GPU"):
        return Fix(title)
    if builders.builds_torch_extension(project):
        return Fix(title, (SetEnv("TORCH_CUDA_ARCH_LIST", needed.dotted + "+PTX"),))
    if builders.builds_with_cmake(project):
        return Fix(title, (SetEnv("CUDAARCHS", str(needed)),))
    return Fix(title, (SetEnv("NVCC_APPEND_FLAGS", f"-arch=sm_{needed}", "append"),))
