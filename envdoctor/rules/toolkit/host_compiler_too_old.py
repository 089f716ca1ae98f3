"""The host compiler is too old for what is compiled with it.

## What it means

gcc learns C++ standards with its releases (C++17 with 7, C++20 with 10), and torch's headers ask for gcc 9
since 2.2.2: "You're trying to build PyTorch with a too old version of GCC. We need GCC 9 or later". Older
compilers do not know the flag, or end inside the headers.

## How envdoctor knows

The version of the compiler that the build would use, against the C++ standards that the project asks for and
the torch whose headers it includes.

In a log, words of headers and build scripts that ask for a newer compiler count, and options, headers and
intrinsics that the compiler does not know.

## What to do

Use a newer compiler that the CUDA toolkit still accepts. When one is found on PATH, it is named.

## When to ignore it

When the build chooses another compiler by itself.
"""

import re
from typing import Iterator, List, NamedTuple, Optional, Tuple

from envdoctor import builders, compat, compiler_cures
from envdoctor.facts import Compiler, Compilers, Project, System, Toolkit, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import standards

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


class Need(NamedTuple):
    """What asks for how new a gcc."""

    gcc: int
    what: str
    evidence: Evidence


def check(
    project: Project,
    compiler: Compiler,
    compilers: Optional[Compilers],
    torch: Optional[Torch],
    toolkit: Optional[Toolkit],
    system: Optional[System],
) -> Iterator[Finding]:
    compiler = _used(project, compiler, compilers)
    if compiler.kind != "gcc" or not project.builds:
        return
    needs = [need for need in (*_standards(project), *_torch(project, torch)) if need.gcc > compiler.major]
    if needs:
        need = max(needs, key=lambda need: need.gcc)
        newest = toolkit.newest_gcc if toolkit and project.wants_cuda else None
        yield Finding(
            message=f"{need.what} needs gcc {need.gcc} or newer; the build would use {compiler.version}.",
            consequence="The compiler refuses the flag or the headers.",
            evidence=(
                need.evidence,
                Evidence(f"{compiler.path} ({compiler.found_via})", f"gcc {compiler.version}"),
            ),
            fix=_fix(need.gcc, newest, compilers, system),
        )


def _used(project: Project, compiler: Compiler, compilers: Optional[Compilers]) -> Compiler:
    """Where CMake or make compile no CUDA it is CXX's, which nvcc does not look at."""
    if project.wants_cuda or project.builds[:1] not in (("cmake",), ("make",)):
        return compiler
    items = compilers.items if compilers else ()
    return next((item for item in items if item.found_via == "CXX"), compiler)


def _standards(project: Project) -> List[Need]:
    """The lowest standard that is asked for: others may belong to a branch that is not taken."""
    numbers = {}
    for item in builders.of_build(project, project.cxx_standards):
        number = item.text.split()[-1]
        if number.isdigit() and int(number) in compat.GCC_CXX_SINCE:
            numbers[int(number)] = item
    if not numbers:
        return []
    lowest = min(numbers)
    return [
        Need(compat.GCC_CXX_SINCE[lowest], f"C++{lowest}", Evidence(numbers[lowest].place, f"C++{lowest}"))
    ]


def _torch(project: Project, torch: Optional[Torch]) -> List[Need]:
    if torch is None or not (builders.builds_torch_extension(project) or builders.includes_torch(project)):
        return []
    release = compat.release(torch.version)
    if release is None:
        return []
    gcc = compat.at_least(compat.TORCH_OLDEST_GCC, release)
    return [
        Need(
            gcc, f"An extension of torch {torch.version}", Evidence(torch.found_via, f"torch {torch.version}")
        )
    ]


def _fix(oldest: int, newest: Optional[int], compilers: Optional[Compilers], system: Optional[System]) -> Fix:
    newer = compiler_cures.accepted_compiler(compilers, "gcc", newest, oldest)
    if newer:
        return Fix(
            f"Use gcc {newer.version} ({newer.path})", compiler_cures.use_compiler(newer, everywhere=True)
        )
    command = compiler_cures.install_gcc(system, newest, oldest)
    between = f"g++ {oldest} or newer" + (f" (nvcc accepts up to {newest})" if newest else "")
    if command:
        return Fix(f"Install {between}; envdoctor then has the build use it", (command,))
    return Fix(f"Install {between}: a devtoolset, conda's gxx_linux-64, or the distribution's newer package")


# What headers and build scripts say of the version. Source: c10/util/C++17.h, torch's cpp_extension, CMake, LLVM.
_VERSION = (
    r"too old version of (?P<kind>\w+)\. We need (?P<needed>\w+ [\d.]+)",
    r"You need (?P<needed>(?:GCC|Clang|MSVC) [\d.]+) or later",
    (
        # 0.0.0 is the version of none: host-compiler-wrong.
        r"[Tt]he current installed version of (?P<kind>\S+) \((?!0(?:\.0)*\))(?P<version>[\d.]+)\)"
        r" is less than the minimum required version by CUDA [\d.]+ \((?P<needed>[\d.]+)\)"
    ),
    r"Your compiler \((?P<kind>[^)\n]*)\) may be ABI-incompatible with PyTorch",
    r"The compiler feature \"(?P<feature>cxx_std_\d\d)\" is not known to CXX compiler \"\w+\" version [\d.]+",
    r"Host (?P<kind>GCC|Clang) version must be at least (?P<needed>[\d.]+)",
    (
        r"(?:ERROR|[Ee]rror)\b[^\n]{0,120}\b[Rr]equires? (?:at least )?(?P<needed>(?:GCC|Clang|gcc|clang"
        r"|g\+\+)\s?>?=?\s?[\d.]+)"
    ),
    (
        r"(?:CMake Error at [^\n]+\n\s*|[Ee]rror: [^\n]{0,120})(?P<kind>GCC|gcc|g\+\+|GNU"
        r"|Clang)\b[^\n]{0,80} (?:must|should) be"
        r" at least v?(?P<needed>[\d.]+)"
    ),
    (
        r"(?:CMake Error at [^\n]+\n\s*|[Ee]rror: [^\n]{0,120})(?P<needed>(?:GCC|gcc|g\+\+|Clang)(?: version)? [\d.]+)"
        r" (?:\(?or|and) (?:newer|later|above|higher|greater)"
    ),
    (
        r"(?:[Ee]rror[^\n]{0,120}|CMake Error at [^\n]+\n\s*)(?P<needed>(?:MSVC"
        r"|Visual Studio) \d[\d.]*)(?: [Uu]pdate \d)? or (?:newer|later)"
    ),
    (
        r"(?:[Ee]rror[^\n]{0,120}|CMake Error at [^\n]+\n\s*)\b(?P<kind>(?:C\+\+|CXX|C|[Hh]ost) compiler|GCC|gcc"
        r"|g\+\+|Clang)\b[^\n]{0,60}\btoo old"
    ),
    r"The C\+\+ compiler does not support (?P<feature>C\+\+\d\d)",
    r"(?:C\+\+ )?[Cc]ompiler .{0,60}has no (?P<feature>C\+\+\d\d) support",
)
# What an old compiler does not know: options, values, headers, intrinsics. Source: gcc, clang, gas.
_STANDARD = rf"(?:{standards.KNOWN}|(?:c|gnu)(?:99|11|17|18|2x|23)\b)"
# What -march= and -mcpu= name: other words are slips of the pen. Source: the manuals of gcc 14 and clang 18.
_PROCESSOR = (
    r"(?:native|x86-64(?:-v\d)?|znver\d|[\w-]*(?:lake|well|bridge|mont|rapids|ridge|forest|cove)[\w-]*|knl|knm|core\w*|skx"
    r"|nocona|bdver\d|btver\d|k8\w*|armv\d[\w.+-]*|(?:cortex|neoverse|apple|ampere|thunderx|tsv|grace|a64fx|oryon)[\w.+-]*"
    r"|power\d+|pwr\d+|rv\d\d\w+|z1\d|arch\d\d)"
)
_OPTIONS = (
    (
        r"(?:gcc|cc|c\+\+|g\+\+|cc1plus|cc1|clang(?:\+\+)?)\S*: error: unrecognized command[- ]line option"
        rf" ['\"](?P<option>-(?:std={_STANDARD}|march=|mcpu=|mavx512|mavxvnni|mamx|fconcepts|fcoroutines"
        r"|fopenmp-simd)[^'\"]*)"
    ),
    rf"error: invalid value '(?P<option>{_STANDARD})' in '-std=",
    r"invalid feature modifier .{0,40}in '(?P<option>-m(?:arch|cpu)=\S+)'",
    rf"bad value \(?'?(?P<option>{_PROCESSOR})'?\)? for '?-m(?:arch|cpu)=",
    rf"error: unknown (?:value|target CPU) '(?P<option>{_PROCESSOR})'(?: for '?-m(?:arch|cpu))?",
    r"clang compiler does not support '(?P<option>-m(?:arch|cpu)=native)'",
    rf"unsupported argument '(?P<option>{_PROCESSOR})' to option '-m(?:arch|cpu)='",
    r"nvcc warning\s*: The (?P<option>-std=\S+) flag is not supported with the configured host compiler",
)
_HEADERS = (
    (
        r"(?:fatal )?error: (?P<header>stdatomic\.h|experimental/\w+|string_view|optional|variant|any|filesystem"
        r"|charconv|memory_resource|execution|concepts|ranges|span|bit|compare|numbers|source_location|version|latch|barrier"
        r"|semaphore|stop_token|format|expected|coroutine"
        r"|arm_(?:sve|bf16|fp16)\.h|a(?:vx512|vxvnni|mx)\w*intrin\.h): No such file"
    ),
    (
        r"fatal error: '(?P<header>stdatomic\.h|string_view|optional|variant|any|filesystem|charconv"
        r"|concepts|ranges|span|bit|compare|source_location|format)' file not found"
    ),
)
_INTRINSICS = (
    r"error: '(?P<name>_mm\d*_\w+|_cvt\w+|_tile_\w+|vld\d\w+_x\d|vdot\w*_\w+|__builtin_\w+)' was not declared",
    (
        r"error: '(?P<name>__m(?:128|256|512)(?:bh|h)|__bf16|bfloat16_t|float16_t|_Float16|__fp16)'"
        r" (?:does not name a type|was not declared)"
    ),
    r"error: unknown type name '(?P<name>__m(?:128|256|512)(?:bh|h)|__bf16|_Float16)'",
    r"Error: no such instruction: '(?P<name>\w+)",
    r"sorry, unimplemented: (?P<name>non-trivial designated initializers)",
    # is_trivially_copyable_v and its like came with C++17: cxx-standard-too-low.
    r"error: '(?P<name>is_trivially_\w+(?<!_v)|get_time|put_time)' is not a member of 'std'",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for hit, message, confidence in _signs(log):
        yield hit.finding(
            message,
            "The compiler stops at the first file that needs it.",
            Fix(
                "Use a newer compiler (CC and CXX; NVCC_CCBIN for nvcc) that the CUDA toolkit still"
                " accepts: a newer g++"
                " package, gcc-toolset on RHEL, `conda install -c conda-forge gxx_linux-64`"
            ),
            confidence,
        )


def _signs(log: BuildLog) -> Iterator[Tuple[Hit, str, str]]:
    """Each place that shows it, with what it says and how surely."""
    hit = log.first(*_VERSION)
    if hit:
        needs = hit["needed"] or hit["feature"]
        warned = "may be" in hit.text
        yield (
            hit,
            f"The host compiler is too old: {needs or 'GCC 5'} or newer is needed.",
            "medium" if warned else "high",
        )
    hit = log.first(*_OPTIONS)
    # An option of another processor is no question of age.
    if hit and not (re.search(r"avx|amx|x86", hit["option"]) and log.has(r"\b(?:aarch64|arm64)\b")):
        yield hit, f"The host compiler is too old for {hit['option']}.", "high"
    hit = log.first(*_HEADERS)
    if hit:
        yield hit, f"The host compiler is too old: its library has no <{hit['header']}>.", "high"
    hit = log.first(*_INTRINSICS)
    if hit:
        yield hit, f"The host compiler or its assembler is too old for {hit['name']}.", "medium"
    hit = log.first(r"C\+\+(?P<standard>\d\d) or later compatible compiler is required")
    if hit and (standards.lowest_asked(log) or 0) >= int(hit["standard"]):
        yield (
            hit,
            f"The host compiler is asked for C++{hit['standard']}, and does not have all of it.",
            "high",
        )
