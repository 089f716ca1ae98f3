"""torch is a build without CUDA, and the project builds a CUDA extension with it.

## What it means

A CPU build of torch never looks for CUDA: its CUDA_HOME is None whatever the variable says, and the build
ends with "CUDA_HOME environment variable is not set. Please set it to your CUDA install root". Setting it
changes nothing.

## How envdoctor knows

torch/version.py names neither a CUDA nor a ROCm version, and setup.py declares a CUDAExtension. A project
that asks torch first and has a version without CUDA is left alone, unless FORCE_CUDA or its like is set.

In a log, `Torch not compiled with CUDA enabled` and its kin count, missing libraries that only a CUDA build of
torch has, and a version such as 2.1.0+cpu beside a build that asks for CUDA.

## What to do

Install a CUDA build of the same torch version, for the major version of the toolkit that is to compile.
Version names tell them apart: 2.13.0+cpu, 2.13.0+cu130. On x86_64 the package index's own wheel is a CUDA build;
a `find-links` folder or an index of PyTorch's with +cpu builds, which pip prefers, shows in `envdoctor facts`.

## When to ignore it

When the project is meant to be built without its CUDA part.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import installing
from envdoctor.facts import Environment, Project, Python, System, Toolkit, Torch
from envdoctor.finding import Evidence, Finding, Fix, Here, Location, Run, Severity
from envdoctor.log import BuildLog
from envdoctor.messages.phrases import CPU_TORCH

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
FORCING = ("FORCE_CUDA", "BUILD_CUDA_EXT")


def check(
    project: Project,
    torch: Torch,
    environment: Environment,
    toolkit: Optional[Toolkit],
    python: Optional[Python],
    system: Optional[System],
) -> Iterator[Finding]:
    if torch.cuda is not None or torch.hip is not None or project.setup is None:
        return
    declared = [item for item in project.setup.extensions if item.kind == "CUDAExtension"]
    forced = next((name for name in FORCING if environment.get(name) in ("1", "ON", "TRUE", "YES")), None)
    if not declared or (_asks_first(project) and forced is None):
        return
    extension = declared[0]
    home = environment.get("CUDA_HOME")
    yield Finding(
        message=f"torch {torch.version} is a build without CUDA, and {extension.file} builds a CUDA extension.",
        consequence='The build ends, mostly with "CUDA_HOME environment variable is not set"'
        + (f", although it is set to {home}." if home else "; setting it would not help."),
        evidence=(
            Evidence(torch.found_via, f"torch {torch.version}: cuda = None"),
            Evidence(f"{extension.file}:{extension.line}", f"CUDAExtension {extension.name}"),
            *((Evidence(forced, environment.get(forced) or ""),) if forced else ()),
        ),
        fix=Fix(_install(torch, toolkit), _steps(torch, python, system)),
        location=Location(extension.file, extension.line),
    )


def _asks_first(project: Project) -> bool:
    """Whether setup.py has another way to go without CUDA."""
    assert project.setup is not None
    kinds = {item.kind for item in project.setup.extensions}
    return "CppExtension" in kinds or any(call.text.endswith("is_available") for call in project.setup.calls)


def _install(torch: Torch, toolkit: Optional[Toolkit]) -> str:
    version = torch.version.partition("+")[0]
    if toolkit and toolkit.nvcc and toolkit.release > (0, 0):
        return f"Install torch {version} built for CUDA {toolkit.release[0]} (the toolkit here is {toolkit.version})"
    return f"Install a CUDA build of torch {version}, and a toolkit of the same CUDA major version"


def _steps(torch: Torch, python: Optional[Python], system: Optional[System]) -> Tuple[Run, ...]:
    # On other machines the index has builds without CUDA under the plain name.
    if python is None or system is None or system.machine != "x86_64":
        return ()
    version = torch.version.partition("+")[0]
    return (installing.by_pip(python, f"--force-reinstall 'torch=={version}'"),)


# Source: torch/cuda/__init__.py, torch's CUDAHooksInterface.h, the loader and linkers: a CPU build has no such library.
_SAID = (
    r"Torch not compiled with CUDA enabled",
    r"PyTorch is not linked with support for (?:cuda|CUDA)",
    r"without (?:the )?(?:ATen_cuda|CUDA|caffe2_gpu) library\. PyTorch splits its backend",
    r"libc10_cuda\.so: cannot open shared object file",
    r"cannot find -l(?:c10_cuda|torch_cuda)\b",
    r"cannot open (?:input )?file '(?:c10_cuda|torch_cuda(?:_c\w+)?)\.lib'",
    r"c10/cuda/impl/cuda_cmake_macros\.h['\"]?: No such file",
    r"(?:[Pp]y)?[Tt]orch (?:is|was) (?:not|n't) (?:compiled|built) with (?:CUDA|GPU)",
    r"(?i:CPU[ -]only (?:version|build) of (?:py)?torch)",
    r"(?i:(?:py)?torch (?:\S+ )?(?:is|was) (?:built|compiled) (?:without CUDA|for CPU only))",
)
# torch.version.cuda is None there.
_NONE = (
    (
        r"torch\.version\.cuda\b[^\n]*\n(?:[^\n]*\n){0,12}?[^\n]*(?:'NoneType' object|expected string or bytes-like"
        r"|NoneType' and)"
    ),
    r"torch_cuda_version = [\w.]*parse\(torch\.version\.cuda\)",
)
# torch says this of a CPU build, too, even where nvcc is on PATH and runs.
_UNSET = r"CUDA_HOME environment variable is not set"
# Not decided: torch may not be imported yet. With torch's own frames in the log, it is.
_CUDA_LIBRARY = r"libtorch_cuda\.so: cannot open shared object file"
_TORCH_IMPORTED = (r"torch[/\\]__init__\.py", r"torch[/\\]_(?:ops|classes)\.py")


def explain(log: BuildLog) -> Iterator[Finding]:
    unset, cpu, library = log.first(_UNSET), log.first(*CPU_TORCH), log.first(_CUDA_LIBRARY)
    said = log.first(*_SAID, *_NONE) or (unset if cpu else None)
    hit = said or library
    if hit:
        confidence = "high" if said else "medium" if log.has(*_TORCH_IMPORTED) else "low"
        yield hit.finding(
            "The installed torch is a build without CUDA.",
            "It has no CUDA libraries, and its CUDA_HOME is None whatever the variable says.",
            Fix(
                "Install a CUDA build of the same torch version, from the package index or"
                " https://download.pytorch.org/whl/cu126 and its like; print(torch.version.cuda) then names a version"
            ),
            confidence,
            because=(cpu,) if cpu else (),
        )


def judge(finding: Finding, torch: Torch) -> Optional[Here]:
    if torch.cuda is None:
        return Here("confirmed", f"torch {torch.version} at {torch.path} is a build without CUDA")
    return Here("contradicted", f"torch {torch.version} at {torch.path} is a build for CUDA {torch.cuda}")
