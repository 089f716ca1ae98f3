"""The sources use parts of torch's C++ interface that the installed torch no longer has.

## What it means

Extensions written for torch 1.x use `AT_CHECK` (gone since 1.5), `THC/THC.h` with `THCudaCheck` and its
relatives (gone since 1.11), or give `x.type()` to an AT_DISPATCH macro (gone since 2.6: "no suitable conversion
function from const at::DeprecatedTypeProperties to c10::ScalarType"). With a newer torch they do not compile.

## How envdoctor knows

The names stand in the project's sources, and a table (with sources in `compat/pytorch.py`) says which torch dropped
them.

In a log, the compiler's words of a name, header or member count that the table knows as gone.

## What to do

Port the lines: `TORCH_CHECK` for `AT_CHECK`, `C10_CUDA_CHECK` for `THCudaCheck`, `at::ceil_div` for
`THCCeilDiv`, `at::cuda::getCurrentCUDAStream()` for `THCState_getCurrentStream`, `x.scalar_type()` for
`x.type()`. Until then the cure that
`envdoctor check` prints defines these names from outside: flags for the macros, and a `THC/THC.h` of the
overlay on CPATH. Other headers of TH and THC have no substitute; take a torch below the version that is named.

## When to ignore it

When the lines are behind an `#if` on torch's version, or the file is left out of your build.
"""

import re
from typing import Iterator, List, Optional, Tuple

from packaging.version import Version

from envdoctor import compat
from envdoctor.facts import Environment, Located, Project, Torch
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity, Shim, Step
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import absent

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")

THC_HEADER = "THC/THC.h"
# Compiled with torch 2.13: what extensions commonly took from THC/THC.h, in today's terms.
SUBSTITUTE = """\
#pragma once
#include <ATen/ceil_div.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
struct THCState;
#define THCudaCheck(...) C10_CUDA_CHECK(__VA_ARGS__)
#define THCCeilDiv(a, b) at::ceil_div((a), (b))
#define THCState_getCurrentStream(state) at::cuda::getCurrentCUDAStream().stream()
#define THCudaMalloc(state, size) c10::cuda::CUDACachingAllocator::raw_alloc(size)
#define THCudaFree(state, pointer) c10::cuda::CUDACachingAllocator::raw_delete(pointer)
"""
TYPE_HEADER = "include/envdoctor_tensor_type.h"
# Compiled with torch 2.13: the overload that ATen/Dispatch.h had up to 2.5.
TYPE_OVERLOAD = """\
#pragma once
#if defined(__cplusplus) && __has_include(<ATen/core/DeprecatedTypeProperties.h>)
#include <ATen/core/DeprecatedTypeProperties.h>
namespace detail {
inline at::ScalarType scalar_type(const at::DeprecatedTypeProperties& properties) { return properties.scalarType(); }
}  // namespace detail
#endif
"""
VARIABLES = ("CFLAGS", "CXXFLAGS", "NVCC_APPEND_FLAGS")
#: What a name is replaced by on the command line of every compiler.
FLAGS = {
    "AT_CHECK": "-DAT_CHECK=TORCH_CHECK",
    "AT_DISPATCH on Tensor.type()": f"-include {{overlay}}/{TYPE_HEADER}",
}


def check(project: Project, torch: Torch, environment: Environment) -> Iterator[Finding]:
    release = Version(torch.version).release[:2]
    gone = [
        (place, since)
        for place, since in _removed(project)
        if release >= since and not _defined(place.text, environment)
    ]
    if not gone:
        return
    names = list(dict.fromkeys(place.text for place, _ in gone))
    oldest = ".".join(map(str, min(since for _, since in gone)))
    first = gone[0][0]
    yield Finding(
        message=f"The sources use {', '.join(names)}, which torch {torch.version} does not have.",
        consequence="The compiler stops at them: not declared, or no such file.",
        evidence=(
            *(
                Evidence(place.place, f"{place.text}: gone since torch {since[0]}.{since[1]}")
                for place, since in gone[:10]
            ),
            Evidence(torch.found_via, torch.version),
        ),
        fix=_fix(names, oldest),
        location=Location(first.file, first.line),
    )


def _defined(name: str, environment: Environment) -> bool:
    """Whether every compiler is told already what stands for the name."""
    flag = FLAGS.get(name, "").rpartition("{overlay}")[2]
    return bool(flag) and all(flag in (environment.get(variable) or "") for variable in VARIABLES)


def _removed(project: Project) -> Iterator[Tuple[Located, Tuple[int, int]]]:
    missing = (
        Located(h.name, h.included_from.file, h.included_from.line) for h in project.unresolved_headers
    )
    seen = set()
    for place in (*project.features, *missing):
        name = place.text
        since = compat.TORCH_REMOVED.get(name) or compat.TORCH_REMOVED.get(name.partition("/")[0] + "/")
        if since and name not in compat.TORCH_HEADERS_LEFT and (name, place.place) not in seen:
            seen.add((name, place.place))
            yield place, since


def _fix(names: List[str], oldest: str) -> Fix:
    # THC's macros hang on the header that brought them; other old headers have no substitute.
    known = {*FLAGS, THC_HEADER, *(compat.TORCH_REMOVED if THC_HEADER in names else ())}
    if any(name not in known for name in names):
        return Fix(f"Port these lines, or take a torch older than {oldest}")
    return Fix("Define the old names in today's terms for this build", tuple(_steps(names)))


def _steps(names: List[str]) -> Iterator[Step]:
    if THC_HEADER in names:
        yield Shim(f"include/{THC_HEADER}", "text", SUBSTITUTE)
        yield SetEnv("CPATH", "{overlay}/include", "prepend")
    if "AT_DISPATCH on Tensor.type()" in names:
        yield Shim(TYPE_HEADER, "text", TYPE_OVERLOAD)
    for name, flag in FLAGS.items():
        if name in names:
            for variable in VARIABLES:
                yield SetEnv(variable, flag, "append")


# gcc, clang, EDG (nvcc) and MSVC, of a name that is not declared.
_UNDECLARED = (
    r"'(?P<name>{names})' (?:was not declared in this scope|has not been declared|does not name a type)",
    r"(?:use of undeclared identifier|unknown type name) '(?P<name>{names})'",
    r"identifier [\"'](?P<name>{names})[\"'] is undefined",
    r"'(?P<name>{names})': (?:identifier not found|undeclared identifier)",
    r"has no member (?:named )?[\"'](?P<name>getTHCState|THPStream_Unwrap)[\"']",
    r"undefined (?:reference to|symbol:?) '?(?P<name>AT_CHECK|THCState_\w+|THCudaCheck)\b",
)
_NAMES = r"AT_CHECK|AT_ASSERTM|THC?[A-Z]?\w*(?:State|Check|Tensor|Malloc|Free|Stream|Blas|Div)\w*|THCNumerics"
_TYPE = r"no suitable conversion function from \"const at::DeprecatedTypeProperties\"|DeprecatedTypeProperties' to '"
# Names of torch that this torch does not have: the sources are for another one.
_MEMBERS = (
    r"'(?P<name>\w+)' is not a member of '(?:at|c10|torch)(?:::\w+)*'",
    r"namespace [\"'](?:at|c10|torch)(?:::\w+)*[\"'] has no member [\"'](?P<name>\w+)[\"']",
    r"no member named '(?P<name>\w+)' in namespace '(?:at|c10|torch)(?:::\w+)*'",
    r"class [\"'](?:at::Tensor|at::Context|at::Type|c10::\w+)[\"'] has no member [\"'](?P<name>\w+)[\"']",
    r"'(?:class|struct) (?:at|c10|torch)::[\w:]+' has no member named '(?P<name>\w+)'",
)
_OWN_HEADER = re.compile(r"[^\s:]*[\\/]torch[\\/]include[\\/]")


def explain(log: BuildLog) -> Iterator[Finding]:
    header = _removed_header(log)
    name = _first_outside(log, *(pattern.replace("{names}", _NAMES) for pattern in _UNDECLARED), _TYPE)
    member = None if header or name else _first_outside(log, *_MEMBERS)
    for hit, confidence in ((header, "high"), (name, "high"), (member, "medium")):
        if hit:
            what = hit["name"] or "Tensor.type() in an AT_DISPATCH macro"
            yield hit.finding(
                f"The sources use {what}, which the torch in use does not have.",
                "They are written for another torch; no other compiler or flag helps.",
                Fix(
                    "Port the lines (TORCH_CHECK for AT_CHECK, C10_CUDA_CHECK for THCudaCheck, x.scalar_type() for"
                    " x.type()); or take a torch that has them: below 1.5 for AT_CHECK, below 1.11 for THC"
                ),
                confidence,
            )


def _first_outside(log: BuildLog, *patterns: str) -> Optional[Hit]:
    """Outside torch's own headers, which use no name that is gone: they miss what an older C++ standard hides."""
    return next((hit for hit in log.search(*patterns) if not _OWN_HEADER.match(hit.lines[0].matched)), None)


def _removed_header(log: BuildLog) -> Optional[Hit]:
    """A header of torch that is gone: TH and THC, or any while torch's include folder is searched."""
    searched = log.has(
        r"-(?:I|isystem) ?\S{0,200}torch/include\b",
        r"[/-]I\S{0,200}torch\\include\b",
        r"torch/include/torch/csrc",
    )
    found = absent.headers(log, "torch")
    return next(
        (hit for hit, name in found if searched or name.startswith(("TH/", "THC/", "THNN/", "THCUNN/"))), None
    )
