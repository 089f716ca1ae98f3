"""The build asks the GPU of this machine what to compile for, and sees none.

## What it means

Without TORCH_CUDA_ARCH_LIST torch's extension builder lists the GPUs that it sees; with none it dies with
"IndexError: list index out of range" at `arch_list[-1] += '+PTX'` (all releases up to 2.15). CMake 3.24 to
3.30 stop at architecture "native" with "no GPU was detected"; newer ones go on and compile for nvcc's
default. A setup.py that calls torch.cuda.get_device_capability() gets "Found no NVIDIA driver on your system",
or with a driver "No CUDA GPUs are available"; one that asks torch.cuda.is_available() first leaves its CUDA
part out and says nothing.

## How envdoctor knows

The project declares a CUDAExtension and no list is set, or names "native", or calls get_device_capability;
and no GPU is visible, CUDA_VISIBLE_DEVICES hides them all, or the role is "ci", where this machine's GPU says
nothing of the builder's.

In a log, an empty list of architectures in torch's builder counts, CMake's and nvcc's `native` without a GPU, and a
setup script that asks torch for a GPU that it does not see.

## What to do

State the architectures to build for: TORCH_CUDA_ARCH_LIST or CUDAARCHS; `envdoctor archs` prints them.

## When to ignore it

When the build happens on another machine, with a GPU.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import architectures, compat, gpu_questions, targets, toolkit_cures
from envdoctor.architectures import Architecture
from envdoctor.facts import Driver, Environment, Located, Project, Request, Toolkit, Tools, Torch
from envdoctor.finding import Edit, Evidence, Finding, Fix, Location, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import unseen_gpus

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
FORCING = ("FORCE_CUDA", "BUILD_CUDA_EXT", "FORCE_BUILD_CUDA")


def check(
    request: Request,
    environment: Environment,
    project: Project,
    tools: Optional[Tools],
    toolkit: Optional[Toolkit],
    torch: Optional[Torch],
    driver: Optional[Driver],
) -> Iterator[Finding]:
    unseen = _unseen(request, environment, driver)
    if environment.get(architectures.CHOSEN_VARIABLE) or unseen is None:
        return
    if torch and torch.cuda and toolkit and toolkit.nvcc:  # all that the CUDA part needs, but for the GPU
        yield from _left_out(project, unseen, targets.stated(request, toolkit))
    named = targets.without_gpu(request, project, toolkit, torch) if project.wants_cuda else ()
    if not named:
        return
    title = "Name the architectures to build for" + (
        "" if request.architectures else " (change the list to the GPUs that you have)"
    )
    if torch is None or torch.cuda is not None:  # torch without CUDA is torch-cpu-only's
        refusing = project.setup.stops_without_gpu if project.setup else None
        call = gpu_questions.of_setup(project)
        if refusing:
            yield _refused_by_setup(refusing, unseen, targets.single(named))
        elif call:
            yield _asked_by_setup(call, unseen, targets.single(named), _torch_says(request, driver))
        else:
            # Stated targets are built alone; else the newest also as PTX, for GPUs that come later.
            listed = targets.for_torch(named, torch, ptx=not request.architectures)
            yield from _torch(environment, project, unseen, title, listed)
    yield from _native(environment, project, tools, unseen, title, targets.for_cmake(named))
    yield from _nvcc_native(environment, project, unseen, targets.single(named))


def _unseen(request: Request, environment: Environment, driver: Optional[Driver]) -> Optional[Evidence]:
    """Why the build sees no GPU; None when it sees one."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if driver is None or not driver.gpus:
        return Evidence("GPUs", "none visible" + (f": {driver.error}" if driver and driver.error else ""))
    if request.role == "ci":
        return Evidence("--role ci", "the GPU of this machine is not the builder's")
    if visible is not None and (not visible.strip() or visible.strip().startswith("-")):
        return Evidence("CUDA_VISIBLE_DEVICES", f'"{visible}" hides every GPU')
    return None


def _left_out(project: Project, unseen: Evidence, stated: Tuple[Architecture, ...]) -> Iterator[Finding]:
    """The CUDA part that a setup.py builds only for a GPU that it sees."""
    setup = project.setup
    if setup is None or not setup.gpu_only:
        return
    first = setup.gpu_only[0]
    force = next((variable.text for variable in setup.variables if variable.text in FORCING), None)
    yield Finding(
        message=f"{first.file} builds its CUDA part only where it sees a GPU, and none is visible.",
        consequence="The build ends well, without CUDA and without a word of it.",
        evidence=(Evidence(first.place, f"CUDAExtension {first.text}"), unseen),
        fix=_forced(force, stated),
        location=Location(first.file, first.line),
        severity=Severity.WARNING,
    )


def _forced(force: Optional[str], stated: Tuple[Architecture, ...]) -> Fix:
    """Whoever states targets wants the CUDA part; else the build may be meant as it is."""
    if stated and force:
        return Fix(f"Build it for the stated targets all the same: {force}=1", (SetEnv(force, "1"),))
    if stated:
        target = targets.single(stated)
        return Fix(
            f"Answer that there is a GPU, of architecture {target.dotted}",
            toolkit_cures.answered_presence(target),
        )
    if force:
        return Fix(f"Set {force}=1 for the build if the CUDA part is wanted, and TORCH_CUDA_ARCH_LIST")
    return Fix("Build where the GPU is if the CUDA part is wanted, or state the targets with --arch")


def _torch(
    environment: Environment,
    project: Project,
    unseen: Evidence,
    title: str,
    listed: Optional[str],
) -> Iterator[Finding]:
    extension = gpu_questions.of_torch(environment, project)
    if extension is None:
        return
    yield Finding(
        message="torch is to find the architectures of the GPUs here, and no GPU is visible.",
        consequence="torch's extension builder dies with IndexError: list index out of range.",
        evidence=(
            Evidence(extension.place, extension.text),
            Evidence("TORCH_CUDA_ARCH_LIST", environment.get("TORCH_CUDA_ARCH_LIST") or "not set"),
            unseen,
        ),
        fix=Fix(title, (SetEnv("TORCH_CUDA_ARCH_LIST", listed),))
        if listed
        else Fix("Name architectures that this torch knows in TORCH_CUDA_ARCH_LIST"),
        location=Location(extension.file, extension.line),
    )


def _torch_says(request: Request, driver: Optional[Driver]) -> str:
    """torch's own words; of the machine that a CI job runs on nothing is known."""
    no_driver, no_gpu = '"Found no NVIDIA driver on your system"', '"No CUDA GPUs are available"'
    if request.role == "ci":
        return f"{no_driver} or {no_gpu}"
    return no_gpu if driver and driver.libcuda else no_driver


def _asked_by_setup(call: Located, unseen: Evidence, target: Architecture, says: str) -> Finding:
    fix = Fix(
        f"Answer the call with {target.dotted} (state another one with --arch)",
        toolkit_cures.answered_capability(target),
    )
    return Finding(
        message=f"{call.file} asks the GPU what to compile for ({call.text}), and no GPU is visible.",
        consequence=f"It ends with RuntimeError: {says}.",
        evidence=(Evidence(call.place, call.text), unseen),
        fix=fix,
        location=Location(call.file, call.line),
    )


def _refused_by_setup(line: Located, unseen: Evidence, target: Architecture) -> Finding:
    return Finding(
        message=f"{line.place} ends the build where torch sees no GPU, and none is visible.",
        consequence="The build stops there, although compiling needs no GPU.",
        evidence=(Evidence(line.place, line.text), unseen),
        fix=Fix(
            f"Answer that there is one, of architecture {target.dotted} (state another one with --arch)",
            toolkit_cures.answered_presence(target),
        ),
        location=Location(line.file, line.line),
    )


def _native(
    environment: Environment,
    project: Project,
    tools: Optional[Tools],
    unseen: Evidence,
    title: str,
    listed: str,
) -> Iterator[Finding]:
    native = gpu_questions.of_cmake(environment, project)
    cmake = tools.first("cmake") if tools else None
    release = compat.release(cmake.version) if cmake else None
    if native is None or cmake is None or release is None:
        return
    first, after = compat.NATIVE_STOPS_WITHOUT_GPU
    if release < first:  # the word is refused for its own sake there: cmake-too-old
        return
    stops = release < after
    yield Finding(
        message='CMake is to find the architecture of the GPU here ("native"), and no GPU is visible.',
        consequence=f'CMake {cmake.version} stops: CUDA_ARCHITECTURES is set to "native", but no GPU was detected.'
        if stops
        else "Everything is compiled for nvcc's default architecture, the oldest that it knows.",
        evidence=(Evidence(native.place, "native"), Evidence(cmake.path, f"cmake {cmake.version}"), unseen),
        fix=_listed(environment, native, title, listed),
        location=Location(native.file, native.line) if native.line else None,
        severity=None if stops else Severity.WARNING,
    )


def _listed(environment: Environment, native: Located, title: str, listed: str) -> Fix:
    """The list where the word stands: in a variable, else by a toolchain file, or for good in CMake's file."""
    if native.file == "CUDAARCHS":
        return Fix(title, (SetEnv("CUDAARCHS", listed),))
    if native.file == "CMAKE_ARGS":
        return Fix(title, (SetEnv("CMAKE_ARGS", architectures.in_cmake_args(environment, listed)),))
    edits = (Edit(native.file, native.line, "native", listed),) if native.line else ()
    return Fix(title, toolkit_cures.cmake_architectures(environment, listed), edits)


def _nvcc_native(
    environment: Environment,
    project: Project,
    unseen: Evidence,
    target: Architecture,
) -> Iterator[Finding]:
    native = gpu_questions.of_nvcc(project)
    if native is None or "-arch" in (environment.get("NVCC_APPEND_FLAGS") or ""):
        return
    yield Finding(
        message="nvcc is to find the architecture of the GPU here (-arch=native), and no GPU is visible.",
        consequence="It warns and compiles for its default architecture, the oldest that it knows.",
        evidence=(Evidence(native.place, "native"), unseen),
        fix=Fix(
            f"Compile for {target.dotted} (state another one with --arch)",
            (SetEnv("NVCC_APPEND_FLAGS", f"-arch=sm_{target}", "append"),),
        ),
        location=Location(native.file, native.line),
        severity=Severity.WARNING,
    )


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = unseen_gpus.without_architecture(log)
    asked = unseen_gpus.asked_by_setup(log)
    if hit:
        yield hit.finding(
            "The build asks the GPU of the machine what to compile for, and sees none.",
            "It stops before it compiles anything.",
            _TO_NAME,
        )
    elif asked:
        setup, unseen = asked
        yield setup.finding(
            "setup.py asks the GPU of the machine for its architecture, and none is visible.",
            "The build stops before it compiles anything.",
            _TO_NAME,
            "high" if unseen else "medium",
            (unseen,) if unseen else (),
        )


_TO_NAME = Fix(
    "Name the architectures: TORCH_CUDA_ARCH_LIST='8.0;8.6;9.0+PTX' for torch extensions, CUDAARCHS or"
    " -DCMAKE_CUDA_ARCHITECTURES for CMake; or build where `nvidia-smi` shows a GPU (docker build sees none)"
)
