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

## What to do

State the architectures to build for: TORCH_CUDA_ARCH_LIST or CUDAARCHS; `envdoctor archs` prints them.

## When to ignore it

When the build happens on another machine, with a GPU.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import architectures, builders, compat, toolkit_cures
from envdoctor.architectures import Architecture
from envdoctor.facts import Driver, Environment, Located, Project, Request, Toolkit, Tools, Torch
from envdoctor.finding import Edit, Evidence, Finding, Fix, Location, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
CALLS = ("get_device_capability", "get_device_properties")
FORCING = ("FORCE_CUDA", "BUILD_CUDA_EXT", "FORCE_BUILD_CUDA")
ASKING_FIRST = ("is_available", "device_count")


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
        yield from _left_out(project, unseen, _stated(request, toolkit))
    if not project.wants_cuda:
        return
    targets = _targets(request, project, toolkit, torch)
    if not targets:
        return
    title = "Name the architectures to build for" + (
        "" if request.architectures else " (change the list to the GPUs that you have)"
    )
    call = _call(project)
    # torch without CUDA is torch-cpu-only's.
    if project.setup and project.setup.stops_without_gpu and (torch is None or torch.cuda is not None):
        yield _refused_by_setup(project.setup.stops_without_gpu, unseen, _single(targets))
    elif call and (torch is None or torch.cuda is not None):
        yield _asked_by_setup(call, unseen, _single(targets), _torch_says(request, driver))
    elif torch is None or torch.cuda is not None:
        yield from _torch(
            environment, project, unseen, title, _named(targets, torch, not request.architectures)
        )
    yield from _native(environment, project, tools, unseen, title, targets)
    yield from _nvcc_native(environment, project, unseen, _single(targets))


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
        target = _single(stated)
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
    named: Optional[str],
) -> Iterator[Finding]:
    value = environment.get("TORCH_CUDA_ARCH_LIST")
    if (
        not builders.builds_torch_extension(project)
        or builders.of_build(project, project.architectures)
        or (value and value != "native")
    ):
        return
    assert project.setup is not None
    extension = next(item for item in project.setup.extensions if item.kind == "CUDAExtension")
    yield Finding(
        message="torch is to find the architectures of the GPUs here, and no GPU is visible.",
        consequence="torch's extension builder dies with IndexError: list index out of range.",
        evidence=(
            Evidence(f"{extension.file}:{extension.line}", f"CUDAExtension {extension.name}"),
            Evidence("TORCH_CUDA_ARCH_LIST", value or "not set"),
            unseen,
        ),
        fix=Fix(title, (SetEnv("TORCH_CUDA_ARCH_LIST", named),))
        if named
        else Fix("Name architectures that this torch knows in TORCH_CUDA_ARCH_LIST"),
        location=Location(extension.file, extension.line),
    )


def _named(targets: Tuple[Architecture, ...], torch: Optional[Torch], ptx: bool) -> Optional[str]:
    """Those that torch accepts in its list: it stops over any other one (arch-unknown-to-torch).

    Stated targets are built alone; else the newest also as PTX, for GPUs that come later.
    """
    known = torch.known_architectures if torch else ()
    listed = tuple(item for item in targets if not known or item.dotted in known)
    return architectures.dotted_list(listed, ptx) if listed else None


def _call(project: Project) -> Optional[Located]:
    """A call of setup.py that fails without a GPU.

    One that asks first whether there are any, or takes TORCH_CUDA_ARCH_LIST instead, does not.
    """
    setup = project.setup
    if setup is None or any(call.text.endswith(ASKING_FIRST) for call in setup.calls):
        return None
    if any(variable.text == "TORCH_CUDA_ARCH_LIST" for variable in setup.variables):
        return None
    return next((call for call in setup.calls if call.text.endswith(CALLS)), None)


def _single(targets: Tuple[Architecture, ...]) -> Architecture:
    """One answer for a call that takes one: 8.0 where it is among them, for its code runs on the most GPUs in use."""
    return next((item for item in targets if item.number == 80), targets[0])


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
    targets: Tuple[Architecture, ...],
) -> Iterator[Finding]:
    native = next((item for item in project.architectures if item.text == "native" and _in_cmake(item)), None)
    handed = architectures.handed_to_nvcc(environment, project)
    named = (item.source for item in handed if item.text == "native" and item.origin == "variable")
    variable = next(named, None) if native is None else None
    if variable in ("CUDAARCHS", "CMAKE_ARGS"):
        native = Located("native", variable)
    cmake = tools.first("cmake") if tools else None
    release = compat.release(cmake.version) if cmake else None
    if native is None or cmake is None or release is None:
        return
    first, after = compat.NATIVE_STOPS_WITHOUT_GPU
    if release < first:  # the word is refused for its own sake there: cmake-too-old
        return
    stops = release < after
    value = (
        ";".join(f"{item}-real" for item in targets[:-1]) + (";" if targets[:-1] else "") + str(targets[-1])
    )
    yield Finding(
        message='CMake is to find the architecture of the GPU here ("native"), and no GPU is visible.',
        consequence=f'CMake {cmake.version} stops: CUDA_ARCHITECTURES is set to "native", but no GPU was detected.'
        if stops
        else "Everything is compiled for nvcc's default architecture, the oldest that it knows.",
        evidence=(Evidence(native.place, "native"), Evidence(cmake.path, f"cmake {cmake.version}"), unseen),
        fix=Fix(
            title,
            (
                SetEnv(
                    variable,
                    value if variable == "CUDAARCHS" else architectures.in_cmake_args(environment, value),
                ),
            )
            if variable
            else toolkit_cures.cmake_architectures(environment, value),
            (Edit(native.file, native.line, "native", value),) if native.line else (),
        ),
        location=Location(native.file, native.line) if native.line else None,
        severity=None if stops else Severity.WARNING,
    )


def _nvcc_native(
    environment: Environment,
    project: Project,
    unseen: Evidence,
    target: Architecture,
) -> Iterator[Finding]:
    """nvcc's own word, in Makefiles and flags: a warning, and the default architecture."""
    written = builders.of_build(project, project.architectures)
    native = next((item for item in written if item.text == "native" and not _in_cmake(item)), None)
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


def _targets(
    request: Request,
    project: Project,
    toolkit: Optional[Toolkit],
    torch: Optional[Torch],
) -> Tuple[Architecture, ...]:
    """The stated targets, else what nvcc and torch know of the GPUs in use and what has the code's instructions."""
    if request.architectures:
        return _stated(request, toolkit)
    known = torch.known_architectures if torch else ()
    lowest = max((compat.FEATURE_ARCHITECTURE.get(item.text, 0) for item in project.features), default=0)
    if any(item.text in compat.ARCHITECTURE_SPECIFIC_FEATURES for item in project.features):
        return (Architecture(lowest, "a"),)
    return tuple(
        item
        for item in architectures.sensible(toolkit)
        if item.number >= lowest and (not known or item.dotted in known)
    )


def _stated(request: Request, toolkit: Optional[Toolkit]) -> Tuple[Architecture, ...]:
    """Without those that nvcc refuses: arch-dropped-by-nvcc and arch-unsupported-by-nvcc speak of them."""
    stated = tuple(asked.architecture for asked in architectures.stated(request) if asked.architecture)
    compiles = toolkit if toolkit and toolkit.nvcc else None
    return tuple(item for item in stated if not (compiles and architectures.refusal(item, compiles)))


def _in_cmake(item: Located) -> bool:
    return item.file.endswith((".cmake", "CMakeLists.txt"))


# Source: torch's _get_cuda_arch_flags; CMake's cmGeneratorTarget; setup.py files that ask for GPUs themselves.
_NO_ARCHITECTURE = (
    r"Unsupported gpu architecture 'compute_No CUDA devices found",
    r"\b\w{1,60}\[-1\] \+= ['\"]\+PTX['\"]",
    r"CUDA_ARCHITECTURES is set to \"native\", but no GPU was detected",
    r"nvcc fatal\s*: .*(?:-arch=native|'native').*(?:no|[Cc]annot find|not find).*GPU",
    r"Error: No (?:CUDA )?GPUs? (?:were |was )?(?:found|detected).*[Ss]pecify.*arch",
    r"Unknown compute capability\. Specify the target compute capabilit",
)
# What torch says to whoever asks it for a GPU. Source: torch's cuda/__init__.py, c10's CUDAFunctions.cpp.
_UNSEEN = (
    r"RuntimeError: Found no NVIDIA driver on your system",
    r"RuntimeError: No (?:CUDA )?GPUs? (?:(?:are|were|was) )?(?:available|found|detected)",
)
# A setup.py that asked for a GPU, saw none, and goes on without what it would have learned.
_WENT_ON = (
    r"No CUDA runtime is found, using CUDA_HOME=[^\n]*\n(?:[^\n]*\n){0,40}?[^\n]*"
    r"NameError: name '\w*(?:cuda|compute_cap|arch)\w*' is not defined"
)
_BY_SETUP = (r"File \"(?:<string>|[^\"\n]*setup\.py)\", line \d+",)
_BUILDING = (
    r"get_device_(?:capability|properties)\(",
    r"No CUDA runtime is found, using CUDA_HOME=",
    r"[Gg]etting requirements to build|build_meta\.py|pip-build-env-|running (?:build|egg_info|develop|bdist)",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_NO_ARCHITECTURE)
    if hit:
        yield hit.finding(
            "The build asks the GPU of the machine what to compile for, and sees none.",
            "It stops before it compiles anything.",
            _to_name(),
        )
        return
    setup, unseen = log.first(*_BY_SETUP), log.first(*_UNSEEN)
    if setup is None or not log.has(*_BUILDING):
        return
    went_on = log.first(_WENT_ON)
    if unseen or went_on:
        yield setup.finding(
            "setup.py asks the GPU of the machine for its architecture, and none is visible.",
            "The build stops before it compiles anything.",
            _to_name(),
            "high" if unseen else "medium",
            (unseen,) if unseen else (),
        )


def _to_name() -> Fix:
    return Fix(
        "Name the architectures: TORCH_CUDA_ARCH_LIST='8.0;8.6;9.0+PTX' for torch extensions, CUDAARCHS or"
        " -DCMAKE_CUDA_ARCHITECTURES for CMake; or build where `nvidia-smi` shows a GPU (docker build sees none)"
    )
