"""The nvcc that torch would find is a wrapper or link outside its toolkit.

## What it means

Without CUDA_HOME and CUDA_PATH torch's extension builder takes the first nvcc on PATH and calls the folder
two levels up CUDA_HOME. When that nvcc is a script or a link in another prefix, such as /usr/local/bin/nvcc,
CUDA_HOME becomes /usr/local: nvcc runs, and C++ files do not find cuda_runtime.h, nor the linker -lcudart in
CUDA_HOME/lib64.

## How envdoctor knows

CUDA_HOME and CUDA_PATH are unset, setup.py declares a CUDAExtension, torch is a CUDA build, the first nvcc on
PATH is no program of its own, and the folder that torch would take is not the root of a toolkit.

In a log, torch's CUDA_HOME counts where it is the prefix of an nvcc in /usr/local or a home folder and what is
looked for there is missing.

## What to do

Set CUDA_HOME to the root of the toolkit that the wrapper runs.

## When to ignore it

When the compiler's own search path holds the CUDA headers and libraries (CPATH, LIBRARY_PATH).
"""

import posixpath
from typing import Iterator, Optional

from envdoctor import builders
from envdoctor.facts import Environment, NvccPath, Nvccs, Project, Toolkit, Toolkits, Torch
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    environment: Environment,
    project: Project,
    torch: Torch,
    nvccs: Nvccs,
    toolkits: Toolkits,
) -> Iterator[Finding]:
    if environment.get("CUDA_HOME") or environment.get("CUDA_PATH") or torch.cuda is None:
        return
    first = next((item for item in nvccs.items if item.wins), None)
    if first is None or first.kind == "binary" or not builders.builds_torch_extension(project):
        return
    # A link that does not even find its toolkit is nvcc-symlinked's.
    if first.kind == "link" and not first.root:
        return
    home = posixpath.dirname(posixpath.dirname(first.path))
    own = _own(first, toolkits)
    if own is None or own.root == home or toolkits.get(home) is not None:
        return
    yield Finding(
        message=f"torch would take {home} for CUDA_HOME; the nvcc there only leads to {own.root}.",
        consequence=f"C++ files do not find cuda_runtime.h in {home}/include, the linker not -lcudart in {home}/lib64.",
        evidence=(
            Evidence("CUDA_HOME, CUDA_PATH", "not set"),
            Evidence(first.path, f"{first.kind} to {first.real}"),
            Evidence(own.nvcc or own.root, f"CUDA {own.version}"),
        ),
        fix=Fix(f"Set CUDA_HOME to {own.root}", (SetEnv("CUDA_HOME", own.root),)),
    )


def _own(first: NvccPath, toolkits: Toolkits) -> Optional[Toolkit]:
    """The toolkit that a wrapper runs: by the root that nvcc names, or by the file."""
    if first.root and toolkits.get(first.root):
        return toolkits.get(first.root)
    return next((item for item in toolkits.items if item.nvcc == first.real), None)


# A prefix that torch makes of an nvcc in another place than a toolkit, and what is not found there.
_PREFIX = r"(?P<root>/usr/local|/home/[^/\s']+(?:/\.local)?|/root(?:/\.local)?)"
_TAKEN = (rf"using CUDA_HOME='{_PREFIX}'", rf"(?:^|[\s'\"]){_PREFIX}/bin/nvcc[\s'\"]")
_NOT_FOUND = (r"cuda_runtime(?:_api)?\.h: No such file", r"cannot find -lcudart")


def explain(log: BuildLog) -> Iterator[Finding]:
    taken, missing = log.first(*_TAKEN), log.first(*_NOT_FOUND)
    # A link alone, shown as such, is nvcc-symlinked.
    if taken and missing and not log.has(r"\bnvcc -> /", r"<command-line>: fatal error"):
        yield taken.finding(
            f"nvcc is found in {taken['root']}/bin, so torch takes {taken['root']} for the toolkit, and it is none.",
            "nvcc runs, and C++ files and the linker do not find CUDA's headers and libraries.",
            Fix("Set CUDA_HOME to the toolkit that this nvcc belongs to: `nvcc -v -c x.cu` prints it as TOP"),
            because=(missing,),
        )
