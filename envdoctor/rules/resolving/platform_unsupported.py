"""The project needs CUDA, and this system or this torch cannot have it.

## What it means

NVIDIA's CUDA toolkit and the CUDA builds of torch exist for Linux with glibc on x86_64 and aarch64. On musl
(Alpine) there is neither, and a CUDA extension cannot be compiled against a ROCm build of torch without being
ported (hipified).

## How envdoctor knows

The C library is musl, or the machine is of another kind; or `torch.version.hip` is set while the project has CUDA
sources. Packages that refuse a system by themselves, and Windows, cannot be foreseen here; the log shows them.

## What to do

Use a glibc image (Debian, Ubuntu, Fedora, AlmaLinux) or a CUDA build of torch.

## When to ignore it

When the project's setup hipifies its sources (torch's CUDAExtension does so for simple ones), or builds its CPU
variant.
"""

from typing import Iterator, Optional

from envdoctor.facts import Project, System, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog, Hit, told
from envdoctor.messages import unfound

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
MACHINES = ("x86_64", "aarch64", "ppc64le")  # ppc64le up to CUDA 12.4


def check(project: Project, system: System, torch: Optional[Torch]) -> Iterator[Finding]:
    if project.wants_cuda and system.libc == "musl":
        yield Finding(
            message=f"The project needs CUDA, and {system.distribution_name} uses musl.",
            consequence="Neither the CUDA toolkit nor CUDA builds of torch run on musl.",
            evidence=(
                Evidence(
                    system.found_via, f"{system.distribution_name}, musl {system.libc_version or ''}".strip()
                ),
            ),
            fix=Fix("Build on a glibc system: Debian, Ubuntu, Fedora, AlmaLinux"),
        )
    elif project.wants_cuda and system.machine not in MACHINES:
        yield Finding(
            message=f"The project needs CUDA, which does not exist for {system.machine}.",
            consequence="No toolkit can be installed.",
            evidence=(Evidence("uname", system.machine),),
            fix=Fix("Build on x86_64 or aarch64"),
        )
    elif project.wants_cuda and torch is not None and torch.hip:
        yield Finding(
            message=f"The project has CUDA sources, and torch {torch.version} is a ROCm build.",
            consequence="torch compiles extensions for ROCm; sources that are not ported to HIP do not compile.",
            evidence=(Evidence(torch.found_via, f"hip {torch.hip}"),),
            fix=Fix("Install a CUDA build of torch, or port the sources to HIP"),
            severity=Severity.WARNING,
        )


# A package that says so itself.
_SYSTEMS = r"(?P<what>Windows|win32|macOS|Mac|[Dd]arwin|ROCm|HIP|AMD|musl|Alpine|aarch64|ARM|arm64)\b"
_SAYS_SO = (
    r"(?:Error|ERROR|error|Exception)\b[^\n]{0,200}not (?:currently )?support(?:ed)? (?:on|for|by) (?:the )?"
    + _SYSTEMS,
    r"(?:Error|ERROR|error|Exception)\b[^\n]{0,200}(?:not available|unsupported) (?:on|for) (?:the )?"
    + _SYSTEMS,
    r"(?:Error|ERROR)\b[^\n]{0,160}(?:doesn't|does not) support " + _SYSTEMS,
    r"(?:Error|ERROR)\b[^\n]{0,160}only supports? (?P<what>Linux)\b",
    r"(?:Error|ERROR)\b[^\n]{0,160}only (?:supported|available|works) (?:on|for|with) (?P<what>Linux)\b",
    r"(?:Error|ERROR)\b[^\n]{0,100}[Uu]nsupported (?:platform|operating system|OS|system)\b(?P<what>)[^\n]*",
)
# Modules of Unix alone, headers of Unix alone, instructions of x86 alone, and programs of another machine or libc.
_ELSEWHERE = (
    (r"No module named '?(?:fcntl|resource|termios|pwd|grp)'?(?![\w-])", "Unix", "high"),
    (
        r"C1083: [^\n]*'(?:unistd|dlfcn|pthread|sys/(?:time|mman|ioctl|socket)|strings|getopt)\.h'",
        "Unix",
        "high",
    ),
    (
        r"fatal error: (?:x86intrin|immintrin|emmintrin|xmmintrin|cpuid|nmmintrin)\.h: No such file",
        "x86",
        "high",
    ),
    (r"unrecognized command[- ]line option '-m(?:64|32|avx\w*|sse[\w.]*|fma|f16c)'", "x86", "medium"),
    (r"[Ee]xec format error|cannot execute binary file", "another kind of machine", "medium"),
    (r"is not a valid Win32 application|wrong ELF class: ELFCLASS", "another kind of machine", "medium"),
    (r"no matching manifest for (?:linux|windows|darwin)/\S+", "another kind of machine", "high"),
    (
        r"incompatible architecture \(have '?(?:x86_64|arm64\w*)'?,\s*need",
        "another kind of machine",
        "medium",
    ),
    (
        r"Error loading shared library ld-linux-[\w.-]+|Error relocating \S+: \w+: symbol not found",
        "glibc",
        "high",
    ),
)
# What Windows lacks, and what only CUDA has.
_ON_WINDOWS = (
    r"No module named '?(?:vllm\._C|vllm\._moe_C|triton|sgl_kernel|deepspeed\.ops)\b",
    r"Distributed package doesn't have NCCL built in",
    r"AssertionError: Unable to pre-compile \w+$",
)
_CUDA_ONLY = (
    r"lib(?:cudart|cublas|cublasLt|cusparse|cusolver|nvrtc|cuda|nccl|cudnn)\.so\.?[\d.]*:? cannot open shared",
    r"nvcc was not found|CUDA_HOME [Ee]nvironment variable is(?:n't| not) set|nvcc: (?:command )?not found",
    r"Torch not compiled with CUDA enabled|fatal error: '?cuda(?:_runtime)?(?:_api)?\.h",
)
_ROCM = (r"\d\+rocm\d|HIPAllocator|HIP (?:runtime )?version\s*:\s*\d|\bgfx(?:9|1[01])\d{1,2}\w?\b",)
_ROCM_SAID = r"(?:using|on|for|the|with) (?:AMD )?(?i:rocm)\b"
#: How torch's collect_env says that there is no ROCm.
_NO_ROCM = r"^.*(?:ROCM used to build|HIP runtime|MIOpen runtime).*N/A.*$"


def explain(log: BuildLog) -> Iterator[Finding]:
    for item in unfound.of(log, "platform-unsupported"):
        yield item.hit.finding(
            f"{item.requirement} has no build for this system: {item.detail}.",
            "No version or index helps.",
            Fix(
                f"Build on Linux with glibc (on Windows: WSL), or leave {item.name} out where it is optional"
            ),
            item.confidence,
        )
    said = log.first(*_SAYS_SO)
    if said:
        yield _finding(said, f"The package refuses this system{_named(said['what'])}.", "medium")
    for pattern, what, confidence in _ELSEWHERE:
        hit = log.first(pattern)
        if hit:
            yield _finding(
                hit, f"What is built or run here is made for {what}, which this system is not.", confidence
            )
            return
    yield from _accelerator(log)


def _named(what: str) -> str:
    return f" (it says: {what})" if what else ""


def _accelerator(log: BuildLog) -> Iterator[Finding]:
    """CUDA where there is ROCm, Windows or macOS."""
    on_windows = log.first(*_ON_WINDOWS) if told.on_windows(log) else None
    if on_windows:
        yield _finding(on_windows, "The package has no compiled part for Windows.", "medium")
    known = log.without(_NO_ROCM)
    rocm, said = known.first(*_ROCM), known.first(_ROCM_SAID)
    cuda = log.first(*_CUDA_ONLY)
    amd = rocm or said
    if amd and cuda:
        yield cuda.finding(
            "The package is made for CUDA, and this machine has AMD GPUs (ROCm).",
            "No CUDA library can be installed that would help.",
            Fix("Use the package's ROCm build or branch, or a CUDA machine"),
            "high" if rocm else "medium",
            because=(amd,),
        )
    mac = log.first(
        r"Torch not compiled with CUDA enabled", r"(?:CUDA|nvcc)[^\n]{0,60}not (?:found|available)"
    )
    if mac and log.has(r"/Users/\w[^\n]*\.py|macosx_\d|\bdarwin\b|Darwin Kernel"):
        yield _finding(mac, "The program asks for CUDA, which macOS does not have.", "medium")


def _finding(hit: Hit, message: str, confidence: str) -> Finding:
    return hit.finding(
        message,
        "No package and no setting of this machine helps.",
        Fix(
            "Use a system that the package supports (Linux with glibc; on Windows: WSL), or a build for this one"
        ),
        confidence,
    )
