"""The code uses device instructions that no architecture of this build has.

## What it means

`__hfma2` exists from architecture 5.3 on, `__dp4a` from 6.1, wmma from 7.0, ldmatrix from 7.5, cp.async from
8.0, wgmma on 9.0a alone. Compiled for less, nvcc says "identifier __hfma2 is undefined" or ptxas "Feature
'ldmatrix' requires .target sm_75 or higher"; where the code has a guard, the kernel is silently left out.

## How envdoctor knows

The instructions were found in the sources, and every architecture that the build hands to nvcc is lower; or
it hands none, and nvcc's default is. When one of several architectures is high enough, the code is taken to
have its guards.

In a log, ptxas counts (`requires .target sm_80 or higher`), and names that CUDA's headers declare from some
architecture on and that the compiler does not know.

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
from envdoctor.log import BuildLog

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


WAYS = "TORCH_CUDA_ARCH_LIST, CMAKE_CUDA_ARCHITECTURES or -arch"

# Source: the messages in ptxas of CUDA 8 to 13.
_TOO_LOW = (
    (
        r"(?:Feature|Instruction|Modifier|Operation|Type) '?(?P<what>[^'\n]{1,80}?)'?(?: on '[^'\n]*')?"
        r" requires \.target '?sm_(?P<needed>\d+[af]?)\b"
    ),
)
# The same, where the instruction belongs to one GPU family's own target, as sm_90a.
_SPECIFIC = (
    r"(?:Feature|Instruction|Modifier) '(?P<what>[^'\n]{1,80})' not supported on \.target 'sm_(?P<given>\d+[af]?)'",
)
# Intrinsics that cuda_fp16.h, the sm_*_intrinsics.h and mma.h declare from some architecture on.
_UNDECLARED = (
    (
        r"identifier ['\"](?P<what>__(?:h(?:fma|add|sub|mul|div|neg|abs|max|min|eq|ne|lt|le|gt|ge|isnan)2?(?:_\w+)?"
        r"|hb(?:eq|ne|lt|le|gt|ge)2|dp[24]a(?:_\w+)?|ldg|nanosleep|reduce_\w+_sync|match_(?:any|all)_sync))['\"] is un"
    ),
    r"identifier ['\"](?P<what>h2?(?:exp|log|sin|cos|sqrt|rsqrt|rcp|tanh|floor|ceil|rint|trunc)(?:2|10)?)['\"] is un",
    r"namespace ['\"](?:nvcuda|cooperative_groups)['\"] has no member ['\"](?P<what>\w+)['\"]",
    (
        r"no instance of overloaded function ['\"](?P<what>atomicAdd)['\"] matches the argument list"
        r" argument types are: \((?:double|__half2?|half2?|__nv_bfloat162?) \*"
    ),
)
# Guards of CCCL and cooperative_groups; CUTLASS, whose kernel prints it.
_GUARDS = (
    r"CUDA (?:synchronization primitives|atomics) are only supported for sm_\d+ and up",
    r"This file requires compute capability \d+\.\d+ or greater",
    r"Arch conditional MMA instruction used without targeting appropriate compute capability",
    r"Attempting to use \w+ without CUTE_ARCH_\w+_ENABLED",
    r"PTX with \.target '\w+' cannot be compiled for architecture '\w+'",
)
# Guards that a project writes itself.
_STATED = (
    r"(?:#error|static assertion failed)[^\n]{0,120}\b(?:sm_?|SM ?|compute_|compute capability (?:of )?)\d[\d.]*",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    low = log.first(*_TOO_LOW)
    if low:
        needed = architectures.parse(low["needed"])
        name = needed.dotted if needed else low["needed"]
        yield low.finding(
            f"The code uses {low['what']}, which needs architecture {name}; the build is for a lower one.",
            "ptxas refuses every kernel that uses it.",
            Fix(f"Build for {name} or newer, as far as the GPUs are ({WAYS})"),
        )
    specific = log.first(*_SPECIFIC)
    if specific:
        yield specific.finding(
            f"The code uses {specific['what']}, which the target sm_{specific['given']} does not have.",
            "ptxas refuses every kernel that uses it.",
            Fix(f"Build for the GPU family's own target, as 9.0a, 10.0a or 12.0a ({WAYS})"),
        )
    undeclared = log.first(*_UNDECLARED)
    if undeclared:
        number = compat.FEATURE_ARCHITECTURE.get(undeclared["what"])
        name = Architecture(number).dotted + " or newer" if number else "an architecture that has it"
        yield undeclared.finding(
            f"The code uses {undeclared['what']}, and one architecture of this build does not have it.",
            "nvcc does not declare it for that architecture: its default where none was given.",
            Fix(f"Build for {name} alone ({WAYS})"),
        )
    yield from _guarded(log)


def _guarded(log: BuildLog) -> Iterator[Finding]:
    for patterns, confidence in ((_GUARDS, "high"), (_STATED, "medium")):
        hit = log.first(*patterns)
        if hit:
            yield hit.finding(
                "The code is compiled for an architecture that it does not support.",
                "Its headers refuse that architecture, or the kernel stops when it is called.",
                Fix(
                    f"Build for what the message names: the GPU's own architecture, with its suffix a ({WAYS})"
                ),
                confidence,
            )
