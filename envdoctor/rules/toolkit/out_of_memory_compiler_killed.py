"""The build would start more compilers at once than the memory holds.

## What it means

Ninja starts two jobs more than there are cores. One compiler of a torch extension takes 1.5 GB and more, one
of CUTLASS 4 GB; when they do not fit, the kernel kills one: "Killed signal terminated program cc1plus", "died
due to signal 9". In a container the limit is the container's, not the machine's.

## How envdoctor knows

The jobs that the build would start (MAX_JOBS, CMAKE_BUILD_PARALLEL_LEVEL, MAKEFLAGS, else ninja's default;
never more than there are sources; make starts one) times what one compiler of this kind is known to take,
against the memory that this process may use.

In a log, a program of the compiler that was killed counts (`Killed signal terminated program cc1plus`, signal 9),
and a compiler's own `out of memory`; a bare `Killed` or exit status 137 where the log shows that it was compiling.

## What to do

Fewer jobs at once: MAX_JOBS for torch's extension builder, CMAKE_BUILD_PARALLEL_LEVEL for CMake.

## When to ignore it

When the sources are small, or the build is started with a -j of its own.
"""

import re
from typing import Iterator, Optional, Tuple

from envdoctor import builders
from envdoctor.facts import Environment, Project, System, Tools
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")
MIB = 1 << 20
GIB = 1 << 30
# What one compiler process takes. Measured: CUTLASS 4 GB an instance; sources with torch/extension.h 1.2 to 2 GB;
# templates of the standard library 0.2 to 0.4 GB.
CUTLASS = 4 * GIB
TORCH = 3 * GIB // 2
CUDA = 384 * MIB
CXX = 256 * MIB
_MAKE_JOBS = re.compile(r"(?:^|\s)(?:-?j\s*|--jobs[= ])(\d+)")


def check(
    system: System,
    environment: Environment,
    project: Project,
    tools: Optional[Tools],
) -> Iterator[Finding]:
    jobs, why = _jobs(system, environment, project, tools)
    each, what = _each(project)
    memory = system.memory
    usable = memory.usable + (memory.swap if memory.limit is None else 0)
    if jobs > 1 and usable and jobs * each > usable:
        fitting = max(1, usable // each)
        limit = "" if memory.limit is None else f", limited to {memory.limit // MIB} MiB"
        yield Finding(
            message=f"The build would run {jobs} compilers at once in {usable // MIB} MiB of memory.",
            consequence=f"{what} takes about {each // MIB} MiB; the kernel kills a compiler when memory runs out.",
            evidence=(
                why,
                Evidence(
                    memory.found_via,
                    f"{memory.total // MIB} MiB, {memory.available // MIB} MiB available{limit}",
                ),
            ),
            fix=Fix(
                f"Run {fitting} at once",
                (
                    SetEnv("MAX_JOBS", str(fitting)),
                    SetEnv("CMAKE_BUILD_PARALLEL_LEVEL", str(fitting)),
                    *_make(environment, fitting),
                ),
            ),
        )


def _jobs(
    system: System,
    environment: Environment,
    project: Project,
    tools: Optional[Tools],
) -> Tuple[int, Evidence]:
    ninja = tools is not None and bool(tools.all("ninja"))
    if project.setup and project.setup.extensions and builders.uses_torch_builder(project):
        stated = environment.get("MAX_JOBS") or ""
        if stated.isdigit():
            return _bounded(int(stated), project), Evidence("MAX_JOBS", stated)
        if ninja and environment.get("USE_NINJA") not in ("0", "OFF", "off"):
            return _bounded(_ninja(system), project), Evidence(
                "ninja", f"{_ninja(system)} jobs, MAX_JOBS is not set"
            )
        return 1, Evidence("setup.py", "one job without ninja")
    if project.cmake and project.builds and project.builds[0] != "make":
        stated = environment.get("CMAKE_BUILD_PARALLEL_LEVEL") or ""
        if stated.isdigit():
            return int(stated), Evidence("CMAKE_BUILD_PARALLEL_LEVEL", stated)
        generator = environment.get("CMAKE_GENERATOR") or ""
        backend = project.build_backend.text if project.build_backend else ""
        if "Ninja" in generator or (ninja and not generator and "scikit_build" in backend):
            return _ninja(system), Evidence(
                "ninja", f"{_ninja(system)} jobs, CMAKE_BUILD_PARALLEL_LEVEL is not set"
            )
    flags = environment.get("MAKEFLAGS") or ""
    stated = "".join(_MAKE_JOBS.findall(flags)[-1:])
    return (int(stated) if stated else 1), Evidence("MAKEFLAGS", flags or "not set: one job")


def _make(environment: Environment, fitting: int) -> Tuple[SetEnv, ...]:
    """MAKEFLAGS where it states jobs: make reads neither of the other two."""
    flags = environment.get("MAKEFLAGS") or ""
    fewer = _MAKE_JOBS.sub(lambda found: found[0][: -len(found[1])] + str(fitting), flags)
    return (SetEnv("MAKEFLAGS", fewer),) if fewer != flags else ()


def _ninja(system: System) -> int:
    """Ninja's default: two more than cores, 2 for one core, 3 for two."""
    cores = system.cpu.cores
    return {0: 2, 1: 2, 2: 3}.get(cores, cores + 2)


def _bounded(jobs: int, project: Project) -> int:
    extensions = project.setup.extensions if project.setup else ()
    most = max((len(extension.sources) for extension in extensions), default=0)
    return min(jobs, most) if most else jobs


def _each(project: Project) -> Tuple[int, str]:
    if any(item.text.startswith(("cutlass/gemm", "cutlass/conv", "cute/")) for item in project.includes):
        return CUTLASS, "One source with CUTLASS kernels"
    if builders.includes_torch(project):
        return TORCH, "One source with torch's headers"
    if project.wants_cuda:
        return CUDA, "One CUDA source"
    return CXX, "One C++ source"


_PROGRAMS = (
    r"(?:cc1plus|cc1|cc1obj|cicc|ptxas|cudafe(?:\+\+)?|fatbinary|nvlink|lto1|as|ld|collect2|clang|rustc|nvcc)"
)
# A program of the compiler that was killed. Source: gcc, collect2, nvcc, clang, rustc, bash, the kernel, MSVC.
_KILLED = (
    rf"Killed signal terminated program '?(?P<program>{_PROGRAMS})",
    rf"internal compiler error: Killed \(program (?P<program>{_PROGRAMS})\)",
    r"'(?P<program>[\w+]+)' died due to signal 9\b",
    rf"\b\d{{1,9}} Killed \s?(?:\S*/|\"?\$\w+/)?(?P<program>{_PROGRAMS})\b",
    r"\b(?P<program>ld(?:\.\w+)?|as) terminated with signal 9",
    r"(?P<program>clang)(?:\+\+)?(?:-[\d.]+)?: error: unable to execute command: Killed",
    r"could not compile .*\(signal: 9, SIGKILL",
    r"process didn't exit successfully: '?\S*rustc.*signal: 9",
    rf"[Oo]ut of memory: Killed process \d+ \((?P<program>{_PROGRAMS})\)",
    r"command '\S*(?P<program>nvcc|gcc|g\+\+|cc|c\+\+|clang\S*)'? (?:terminated by signal 9|failed: signal 9)",
    r"^(?:g?make|ninja)(?:\[\d+\])?: \*\*\* \[.*\.(?:o|obj|cu|so|a)\] (?:Killed|Error 137)",
    r"cc1plus(?:\.exe)?: out of memory allocating|virtual memory exhausted",
    r"fatal error C1060: |C1060: compiler is out of heap space|C1076: compiler limit: internal heap limit",
    r"C3859: .*virtual memory.*PCH|LNK1102: out of memory",
    r"(?:nvcc|ptxas|nvlink) (?:fatal|error)\s*: Memory allocation failure|LLVM ERROR: out of memory",
    r"(?:fork|vfork|posix_spawn|cc1plus|clone).{0,20}: Cannot allocate memory",
)
# The same of a whole build, where the log shows that it was compiling.
_BARE = (
    r"^[^\S\n]*Killed[^\S\n]*$",
    r"died with <Signals\.SIGKILL: 9>",
    r"exit code:? 137\b|Error 137\b|non-zero code: 137\b|exit 137\b|exit status:? -9\b|exit code:? -9\b",
)
_COMPILING = (
    r"^[^\S\n]*FAILED: ",
    r"^[^\S\n]*\[\d+/\d+\] ",
    r"^[^\S\n]*\[\s*\d+%\] (?:Building|Linking)",
    r"\bnvcc [^\n]*\.cu\b",
    r"\b(?:gcc|g\+\+|c\+\+|cc1plus) .* -c ",
    r"ninja: build stopped|'ninja', '-v'|building '\S+' extension|Building wheel for",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit, confidence = log.first(*_KILLED), "high"
    if hit is None and log.has(*_COMPILING):
        hit, confidence = log.first(*_BARE), "medium"
    if hit:
        program = hit["program"] or "a compiler"
        yield hit.finding(
            f"The memory ran out while {program} was running."
            if confidence == "high"
            else "The build was killed, as the kernel does when memory runs out.",
            "Mostly more compilers run at once than the memory holds; the other errors follow from it.",
            Fix(
                "Build with fewer jobs: MAX_JOBS=1 (torch extensions), CMAKE_BUILD_PARALLEL_LEVEL=1,"
                " make -j1, NVCC_THREADS=1;"
                " compile for fewer architectures; or give the machine or container more memory or swap. Where memory"
                " is left, a limit of the shell or runner stopped it: ulimit -a shows -v (space) and -t (seconds)"
            ),
            confidence,
        )
