"""The host compiler is too new for this CUDA toolkit.

## What it means

nvcc hands host code to gcc or clang and parses their headers itself. Each toolkit accepts compilers up to a
version: gcc 11 for CUDA 11.8, 13 for 12.4, 15 for 13.0. A newer one is refused: "unsupported GNU version! gcc
versions later than 11 are not supported". `-allow-unsupported-compiler` silences the check and is no cure:
with 11.8 and gcc 12 a bare kernel compiles, and <random> or <functional> end in "expected a declaration" or
"parameter packs not expanded".

## How envdoctor knows

The bound is read from the toolkit's own crt/host_config.h, the version is that of the compiler that nvcc
would call (-ccbin, NVCC_CCBIN, CUDAHOSTCXX, gcc on PATH).

In a log, `unsupported GNU version!` and torch's and CMake's words of a maximum count, and what nvcc's front end
does not understand in the headers of a newer compiler.

## What to do

Have nvcc use an accepted compiler; several can be installed side by side. When one is found anywhere on PATH,
it is named.

## When to ignore it

When the build names another host compiler itself (-ccbin, -DCMAKE_CUDA_HOST_COMPILER).
"""

from typing import Iterator, Optional

from envdoctor import builders, compat, compiler_cures, toolkit_cures
from envdoctor.facts import Compiler, Compilers, Environment, Project, System, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Here, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
FLAG = "-allow-unsupported-compiler"


def check(
    toolkit: Toolkit,
    compiler: Compiler,
    environment: Environment,
    compilers: Optional[Compilers],
    toolkits: Optional[Toolkits],
    torch: Optional[Torch],
    system: Optional[System],
    project: Optional[Project],
) -> Iterator[Finding]:
    newest = toolkit.newest_clang if compiler.kind == "clang" else toolkit.newest_gcc
    if compiler.kind not in ("gcc", "clang") or newest is None or compiler.major <= newest:
        return
    if not toolkit.nvcc or not toolkit_cures.wants_nvcc(project):
        return
    flags = " ".join(environment.get(name) or "" for name in ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS"))
    yield Finding(
        message=f"nvcc {toolkit.version} accepts {compiler.kind} up to {newest}; it would call {compiler.version}.",
        consequence=f"{FLAG} hides the check, and the C++ headers of that compiler do not parse."
        if FLAG in flags
        else "nvcc stops with #error -- unsupported version.",
        evidence=(
            Evidence(f"{toolkit.root}: host_config.h", f"{compiler.kind} <= {newest}"),
            Evidence(f"{compiler.path} ({compiler.found_via})", f"{compiler.kind} {compiler.version}"),
        ),
        fix=_fix(
            toolkit,
            compiler,
            newest,
            compilers,
            _same_major(toolkits, toolkit, compiler, torch),
            system,
            project,
        ),
    )


def _same_major(
    toolkits: Optional[Toolkits],
    toolkit: Toolkit,
    compiler: Compiler,
    torch: Optional[Torch],
) -> Optional[Toolkit]:
    """A toolkit that accepts the compiler and that torch, where there is one, accepts too."""
    built_with = compat.release(torch.cuda) if torch else None
    major = (built_with or toolkit.release)[0]

    def fits(item: Toolkit) -> bool:
        newest = item.newest_clang if compiler.kind == "clang" else item.newest_gcc
        return item.release[0] == major and newest is not None and compiler.major <= newest

    return toolkit_cures.other(toolkits, fits)


def _fix(
    toolkit: Toolkit,
    compiler: Compiler,
    newest: int,
    compilers: Optional[Compilers],
    accepting: Optional[Toolkit],
    system: Optional[System],
    project: Optional[Project],
) -> Fix:
    older = compiler_cures.accepted_compiler(compilers, compiler.kind, newest)
    if older is None and compiler.kind == "clang":
        older = compiler_cures.accepted_compiler(compilers, "gcc", toolkit.newest_gcc)
    if older:
        # torch compares the compiler of the C++ files, too.
        everywhere = builders.builds_torch_extension(project)
        steps = compiler_cures.use_compiler(older, everywhere)
        return Fix(f"Have nvcc use {older.kind} {older.version} ({older.path})", steps)
    if accepting:
        return Fix(f"Build with CUDA {accepting.version} at {accepting.root}", toolkit_cures.use(accepting))
    gcc = toolkit.newest_gcc or newest
    command = compiler_cures.install_gcc(system, gcc)
    if command:
        return Fix("Install a g++ that this toolkit accepts; envdoctor then has nvcc use it", (command,))
    return Fix(
        f"Install g++ {gcc} or older beside this one (with conda: conda install -c conda-forge gxx_linux-64={gcc}), "
        "or a toolkit that accepts this compiler"
    )


# What nvcc's front end says of headers that are newer than it: builtins, pack expansions and attributes of theirs.
_REFUSED = (
    r"unsupported (?P<kind>GNU|clang) version! .*?(?P<newest>\d+(?:\.\d+)?) (?:and up )?are not supported",
    r"unsupported (?P<kind>clang) version! clang version must be less than (?P<newest>\d+)",
    # torch's cpp_extension, before it calls nvcc.
    (
        r"current installed version of (?P<kind>\S+) \([\d.]+\) is greater than the maximum required version by CUDA"
        r"[\s\S]{0,160}\(>=[\d.]+, <=?(?P<newest>[\d.]+)\)"
    ),
)
_UNPARSED = (
    r"/include/c\+\+/\d+(?:\.\d+)*/[\w./-]+:\d+:\d+: error: (?:parameter packs not expanded|mismatched argument pack)",
    r"/include/c\+\+/\d+(?:\.\d+)*/[\w./-]+:\d+:\d+: error: body of constexpr function .* not a return-statement",
    r"std_function\.h:.* error: parameter packs not expanded",
    r"/gcc/[\w-]+/\d+(?:\.\d+)*/include/[\w-]+\.h\(\d+\): error: .*",
    r"/include/c\+\+/\d+(?:\.\d+)*/[\w./-]+\(\d+\): error: .*",
    r"error: identifier ['\"](?:__builtin_\w+|__(?:Poly|Int|Float|bf16|fp16|SV|mfp8)\w*|_Float\d+x?)['\"] is undefined",
    r"reference to __host__ function '__glibcxx_assert_fail' in __host__ __device__ function",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    refused = log.first(*_REFUSED)
    if refused:
        kind = "clang" if refused["kind"] == "clang" else "gcc"
        yield refused.finding(
            f"nvcc accepts {kind} up to {refused['newest']}, and the host compiler is newer.",
            f"Every .cu file stops here; {FLAG} hides the check, and the compiler's headers do not parse then.",
            Fix(
                f"Have nvcc call {kind} {refused['newest']}: NVCC_CCBIN, CUDAHOSTCXX or -ccbin; or use a newer toolkit"
            ),
        )
    unparsed = log.first(*_UNPARSED)
    if unparsed and not log.has(r"namespace ['\"]std['\"] has no member"):
        yield unparsed.finding(
            "nvcc does not understand the host compiler's own headers: that compiler is newer than the toolkit.",
            "No change of the project helps; every file that includes these headers fails.",
            Fix("Have nvcc call an older gcc (NVCC_CCBIN, CUDAHOSTCXX or -ccbin), or use a newer toolkit"),
        )


def judge(finding: Finding, toolkit: Toolkit, compiler: Compiler) -> Optional[Here]:
    newest = toolkit.newest_clang if compiler.kind == "clang" else toolkit.newest_gcc
    if compiler.kind not in ("gcc", "clang") or newest is None or not toolkit.nvcc:
        return None
    said = f"nvcc {toolkit.version} accepts {compiler.kind} up to {newest}; it would call {compiler.version}"
    return Here("confirmed" if compiler.major > newest else "contradicted", said)
