"""No nvcc is found by the build, and this project compiles CUDA.

## What it means

CUDA sources are compiled by nvcc. A driver, a CUDA build of torch and the NVIDIA wheels that torch brings are
enough to run CUDA programs; none of them holds nvcc. Builds end with "CUDA_HOME environment variable is not
set", "could not find nvcc" or CMake's "No CMAKE_CUDA_COMPILER could be found".

## How envdoctor knows

The project declares CUDA extensions, the CUDA language or .cu sources, and what the build asks (PATH, CUDA_HOME,
CUDACXX, for torch also /usr/local/cuda) leads to no nvcc. Toolkits in the usual places, in the active Python's or
conda's environment and in a distribution's package are looked for, too: CMake and make do not.

In a log, the words of builders count that need CUDA and find none: `CUDA_HOME environment variable is not set`,
CMake's failure to find a CUDA compiler, and the like of projects.

## What to do

Where a toolkit is installed, put it in the way of the build: PATH, CUDA_HOME and CUDACXX.

Else install a toolkit whose major version is that of the torch in use. For CUDA 13 and newer, wheels are enough:
`envdoctor toolkit create` makes a root of them anywhere, pip (all of them pinned to one release) puts them into
the environment. nvidia-cuda-nvcc-cu11 and -cu12 hold no nvcc: `envdoctor toolkit create` takes that of 12.4 and
11.8 from Debian's packages, on any Linux; for others use conda (`cuda-nvcc`), NVIDIA's packages, or a container image
with "devel" in its name.

## When to ignore it

When the CUDA part of the project is optional and is not wanted.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import compat, toolkit_cures
from envdoctor.builders import builds_torch_extension, builds_with_cmake
from envdoctor.facts import Environment, NvccPath, Nvccs, Project, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, Here, Run, Safety, Severity
from envdoctor.log import BuildLog, told
from envdoctor.messages import programs
from envdoctor.messages.phrases import CPU_TORCH, IN_ERROR

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
# The first CUDA major whose compiler is on PyPI as a whole.
WHEELS_SINCE = 13


def check(
    project: Project,
    environment: Environment,
    toolkit: Optional[Toolkit],
    toolkits: Optional[Toolkits],
    torch: Optional[Torch],
    nvccs: Optional[Nvccs],
) -> Iterator[Finding]:
    if not project.wants_cuda or (toolkit and toolkit.nvcc) or _narrower(project, environment, torch):
        return
    if project.makefile_toolkits_gone and toolkits and any(item.nvcc for item in toolkits.items):
        return  # cuda-home-wrong
    broken = nvccs.items if nvccs else ()
    built_with = compat.release(torch.cuda) if torch else None
    installed = toolkit_cures.other(
        toolkits, lambda item: built_with is None or item.release[0] == built_with[0]
    )
    yield Finding(
        message=f"This project compiles CUDA, and the build finds no nvcc{' that works' if broken else ''}"
        + (f", for the toolkit at {installed.root} is not on PATH." if installed else "."),
        consequence="The build ends when it looks for nvcc.",
        evidence=(*_wishes(project), *_found(toolkit, broken), *_evidence(installed)),
        fix=_use(installed) if installed else _fix(torch),
        # A Makefile or a setup.py that merely has .cu files beside it may do without them.
        severity=None if builds_torch_extension(project) or builds_with_cmake(project) else Severity.WARNING,
    )


def _found(toolkit: Optional[Toolkit], broken: Tuple[NvccPath, ...]) -> Tuple[Evidence, ...]:
    """What stands where an nvcc would have to be."""
    if toolkit:
        return (Evidence(toolkit.root, "headers and libraries, no nvcc"),)
    return tuple(Evidence(item.path, item.error or "leads to no toolkit") for item in broken) or (
        Evidence("PATH", "no nvcc"),
    )


#: CUDA major -> what `envdoctor toolkit create` makes of it. 11.8 accepts gcc 11 at most.
_MADE = {11: "11.8 --with host-compiler", 12: "12.4"}


def _evidence(installed: Optional[Toolkit]) -> Tuple[Evidence, ...]:
    return (Evidence(installed.nvcc or "", f"nvcc {installed.build}"),) if installed else ()


def _use(installed: Toolkit) -> Fix:
    title = f"Let the build find CUDA {installed.version} at {installed.root}"
    return Fix(title, toolkit_cures.use(installed))


def _narrower(project: Project, environment: Environment, torch: Optional[Torch]) -> bool:
    """Whether cuda-home-wrong, cudacxx-wrong or torch-cpu-only speaks, or ROCm builds instead."""
    if builds_with_cmake(project):  # CMake's CUDA language reads no CUDA_HOME
        variables: Tuple[str, ...] = ("CUDACXX",)
    else:
        variables = ("CUDA_HOME", "CUDA_PATH")
    if any(environment.get(name) for name in variables):
        return True
    return (
        torch is not None
        and torch.cuda is None
        and (torch.hip is not None or builds_torch_extension(project))
    )


def _wishes(project: Project) -> Tuple[Evidence, ...]:
    extensions = project.setup.extensions if project.setup else ()
    declared = tuple(
        Evidence(f"{item.file}:{item.line}", f"CUDAExtension {item.name}")
        for item in extensions
        if item.kind == "CUDAExtension"
    )
    languages = tuple(
        Evidence(item.place, "language CUDA")
        for item in (project.cmake.languages if project.cmake else ())
        if item.text == "CUDA"
    )
    return (declared + languages)[:3] or (Evidence(project.cuda_sources[0], "CUDA source"),)


def _fix(torch: Optional[Torch]) -> Fix:
    built_with = compat.release(torch.cuda) if torch else None
    if torch is None or built_with is None:
        return Fix(
            "Make a CUDA toolkit out of wheels, no root needed, or install one that knows the GPUs to build for",
            (Run('envdoctor toolkit create newest --prefix "$HOME/cuda"', Safety.UNSAFE),),
        )
    if built_with[0] >= WHEELS_SINCE:
        line = toolkit_cures.pip_line(built_with)
        return Fix(
            f"Install the compiler of CUDA {torch.cuda}, which this torch was built with",
            (Run(line, Safety.UNSAFE),),
        )
    others = f"conda install -c conda-forge cuda-nvcc cuda-version={torch.cuda}, NVIDIA's packages, or a devel image"
    if built_with[0] not in _MADE:
        return Fix(
            f"Install a toolkit of CUDA {built_with[0]}, which this torch was built with ({torch.cuda}): {others}"
        )
    made = _MADE[built_with[0]]
    same = "" if built_with == compat.release(made) else f"; another of CUDA {built_with[0]}: {others}"
    return Fix(
        f"Make a toolkit of CUDA {made.split()[0]}, no root needed (torch: {torch.cuda}{same})",
        (Run(f'envdoctor toolkit create {made} --prefix "$HOME/cuda"', Safety.UNSAFE),),
    )


# Source: torch's cpp_extension, CMake (CUDA language, FindCUDA, FindCUDAToolkit), Caffe2's CMake files, DeepSpeed,
# flash-attention, apex, flashinfer, TransformerEngine, meson, MSBuild's CUDA targets, numba, XLA.
_SAID = (
    r"CUDA_HOME (?i:environment(?:al)? )?(?i:variable )?is not set",
    r"Couldn't find CUDA library root",
    r"CUDA was not found on the system, please set the CUDA_HOME",
    r"CUDA_HOME does not exist, unable to compile CUDA op",
    r"No CMAKE_CUDA_COMPILER could be found",
    r"Failed to find nvcc\. Compiler .{0,20} ?requires the CUDA toolkit",
    r"Could not find nvcc, please set CUDAToolkit_ROOT",
    r"Could not find 'nvcc' executable in any searched paths",
    r"Specify CUDA_TOOLKIT_ROOT_DIR",
    r"Could NOT find CUDA(?:Toolkit)? \(missing: [^)\n]*(?:NVCC_EXECUTABLE|TOOLKIT_ROOT_DIR|NVCC)",
    r"version uses CUDA but I cannot find the CUDA libraries",
    r"PyTorch: CUDA was explicitly requested \(USE_CUDA=1\) but cannot be found",
    r"[Cc]ould not find nvcc and default cuda_home=",
    r"Could not find NVCC executable|Could not find a CUDA installation",
    r"name 'bare_metal_version' is not defined",
    r"Unknown compiler\(s\): \[\['nvcc'\]\]",
    r"The CUDA Toolkit v[\d.]+ directory '' does not exist",
    r"libNVVM cannot be found",
    r"libdevice not found at \./libdevice|Can't find libdevice directory",
    r"error: command 'nvcc' failed: No such file",
    r"unable to execute 'nvcc'",
    r"\[Errno 2\] No such file or directory: ['\"]nvcc['\"]",
    # cuda_dir + "/bin/nvcc", where torch's CUDA_HOME is None.
    r"(?:cuda_dir|CUDA_HOME|cuda_home)[^\n]{0,80}nvcc[^\n]*\n[^\n]*\n?(?:[^\n]*\n)?[^\n]*NoneType' and 'str'",
)
_FIND = r"(?:(?:could|can)(?: ?not|n't) (?:be )?|unable to |failed to )(?:find|locate|detect|located|found)"
# The same in general words, and what shells say.
_WORDS = (
    r"(?:^|[ :])nvcc: (?:[Cc]ommand )?not found",
    r"(?:^|[ :])nvcc: No such file or directory",
    r"'nvcc(?:\.exe)?' is not recognized as",
    r"[Tt]he term 'nvcc(?:\.exe)?' is not recognized",
    rf"{IN_ERROR}(?i:{_FIND} (?:the )?'?(?:nvcc|cuda toolkit|cuda compiler|cuda installation|cuda_home)\b)",
    rf"{IN_ERROR}(?i:\bcuda(?:[ -]?toolkit)?(?: is| was)? not (?:found|installed|detected))",
    rf"{IN_ERROR}(?i:\bnvcc(?: compiler| binary)?(?: is| was)? (?:not|could not be) (?:found|installed|located))",
    r"The nvcc binary could not be located",
    # CMake 3.18 to 3.28, where nvcc printed nothing because it is not there.
    r"Failed to detect a default CUDA architecture\. Compiler output: (?:Call Stack|--)",
    r"configure: error: [^\n]*(?:nvcc|CUDA (?:toolkit|compiler))[^\n]*",
)
# Notices, after which some builds go on: they count where one failed.
_NOTICES = (
    r"nvcc was not found\. Are you sure your environment has nvcc available",
    r"CUDA_TOOLKIT_ROOT_DIR not found or specified",
    r"Program 'nvcc' not found|checking for nvcc\.\.\. no$|no nvcc in \(",
    r"CUDA path could not be detected",
)
_FAILED = r"\b(?:[Ee]rror|ERROR|FAILED|[Ff]ailed|\w+Error)\b"


def explain(log: BuildLog) -> Iterator[Finding]:
    if told.on_rocm(log):
        return
    if programs.nvcc_elsewhere(log):  # cuda-home-wrong speaks of these lines
        log = log.without(*programs.NVCC_ELSEWHERE)
    said = log.first(*_SAID)
    hit = said or log.first(*_WORDS) or (log.first(*_NOTICES) if log.has(_FAILED) else None)
    if hit:
        yield hit.finding(
            "The build needs nvcc, and finds no CUDA toolkit.",
            "The driver and torch's own CUDA libraries are enough to run, not to compile.",
            Fix(
                "Install a toolkit of the CUDA that python -c 'import torch; print(torch.version.cuda)' prints, from"
                " NVIDIA's packages, conda (cuda-nvcc) or a devel image; where one is installed, set CUDA_HOME and"
                " PATH. If it prints None, install a CUDA build of torch first"
            ),
            confidence="high" if said and not log.has(*CPU_TORCH) else "medium",
        )


def judge(finding: Finding, toolkit: Optional[Toolkit]) -> Optional[Here]:
    if toolkit is not None and toolkit.nvcc:
        return Here("contradicted", f"CUDA {toolkit.version} is at {toolkit.root}, and a build here finds it")
    return Here("confirmed", "a build here finds no nvcc")
