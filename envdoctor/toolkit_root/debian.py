"""What of Debian's packages goes where in a root, for the CUDA whose wheels hold no compiler."""

import posixpath
import re
from typing import Dict, Optional, Tuple

from envdoctor.toolkit_root.pool import ARCHITECTURES, COMPILERS, HOST_COMPILERS, PARTS, Deb, Part

#: CUDA -> its meta package, whose wheels have the compiler's very release. Source: cuda-toolkit 11.8.0 and 12.4.1.
METAS: Dict[str, str] = {"11.8": "11.8.0", "12.4": "12.4.1"}
#: Basic components that are no wheels of theirs, and come with the compiler.
BROUGHT = frozenset(("nvvm", "crt", "cuobjdump", "nvdisasm"))
#: The word for --with, and its folder in the root.
HOST_COMPILER = "host-compiler"

_PROGRAMS = (
    "__nvcc_device_query bin2c cu++filt cudafe++ cuobjdump fatbinary nvdisasm nvlink nvprune ptxas".split()
)
_DIRECT: Dict[str, str] = {
    **{f"usr/bin/{name}": f"bin/{name}" for name in _PROGRAMS},
    # usr/bin/nvcc is a script that names the place where dpkg puts this one.
    "usr/lib/nvidia-cuda-toolkit/bin/nvcc": "bin/nvcc",
    "usr/lib/nvidia-cuda-toolkit/bin/crt/link.stub": "bin/crt/link.stub",
    "usr/lib/nvidia-cuda-toolkit/bin/crt/prelink.stub": "bin/crt/prelink.stub",
    "usr/lib/nvidia-cuda-toolkit/bin/cicc": "nvvm/bin/cicc",
    "usr/lib/nvidia-cuda-toolkit/libdevice/libdevice.10.bc": "nvvm/libdevice/libdevice.10.bc",
    "usr/include/nvvm.h": "nvvm/include/nvvm.h",
}
_COPYRIGHT = re.compile(r"usr/share/doc/(?P<package>[^/]+)/copyright")
_GCC = re.compile(r"usr/(?:bin|include|lib/gcc)/.+")
#: What is for debuggers and for gcc's own makers: a third of it.
_GCC_LEFT_OUT = re.compile(r"lto-dump|gcov|/plugin/|libcc1\.so|mapper-server")
_GCC_LIBRARY = re.compile(r"usr/lib/[^/]+-linux-gnu/(?P<name>lib[^/]+)")

#: NVIDIA's own, for folders as they are in a root: Debian's names the places where dpkg puts things.
PROFILE = """TOP              = $(_HERE_)/..

NVVMIR_LIBRARY_DIR = $(TOP)/nvvm/libdevice

LD_LIBRARY_PATH += $(TOP)/lib:
PATH            += $(TOP)/nvvm/bin:$(_HERE_):

INCLUDES        +=  "-I$(TOP)/include" $(_SPACE_)

LIBRARIES        =+ $(_SPACE_) "-L$(TOP)/lib64/stubs" "-L$(TOP)/lib64"

CUDAFE_FLAGS    +=
PTXAS_FLAGS     +=
"""
#: nvcc takes `gcc` in that folder.
PROFILE_BINDIR = f"compiler-bindir   = $(TOP)/{HOST_COMPILER}/bin\n"
#: A compiler of the root, as it is called: its own libraries lie beside it.
DRIVER = """#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd -P) || exit 1
LD_LIBRARY_PATH="$here/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
export LD_LIBRARY_PATH
exec "$here/usr/bin/{triplet}-{name}-11" "$@"
"""
DRIVERS = ("gcc", "g++")


def releases(machine: str) -> Tuple[str, ...]:
    """The CUDA that Debian's packages can give to a machine."""
    return tuple(sorted(release for release, name in COMPILERS if name == machine))


def release_of(version: str) -> Optional[str]:
    """ "12.4" of 12, 12.4, 12.4.1; None where Debian has no compiler for it."""
    fitting = (release for release, meta in METAS.items() if f"{meta}.".startswith(f"{version}."))
    return next(fitting, None)


def compiler(release: str, machine: str) -> Tuple[Tuple[Deb, ...], Tuple[Part, ...]]:
    """What nvcc comes with; nothing where there is none."""
    found = COMPILERS.get((release, machine))
    return (found,) if found else (), PARTS.get((release, machine), ())


def host_compiler(machine: str) -> Tuple[Deb, ...]:
    """gcc and what it runs with; nothing where there is none."""
    return HOST_COMPILERS.get(machine, ())


def triplet(machine: str) -> str:
    """Debian's name for its kind of programs."""
    return f"{machine}-linux-gnu" if machine in ARCHITECTURES else machine


def place(member: str) -> Optional[str]:
    """Where a file of a package belongs in the root; None for what a root does not need."""
    notice = _COPYRIGHT.fullmatch(member)
    if notice:
        return f"share/licenses/{notice['package']}/copyright"
    return _DIRECT.get(member)


def gcc_place(member: str) -> Optional[str]:
    """As `place`, for the packages of the host compiler."""
    if _COPYRIGHT.fullmatch(member) or _GCC_LEFT_OUT.search(member):
        return place(member)
    library = _GCC_LIBRARY.fullmatch(member)
    if library:
        return f"{HOST_COMPILER}/lib/{library['name']}"
    return f"{HOST_COMPILER}/{member}" if _GCC.fullmatch(member) else None


def entry(index: str, package: str) -> Dict[str, str]:
    """What an index of packages (a file Packages) says of one; {} where it has none."""
    for paragraph in index.split("\n\n"):
        if paragraph.startswith(f"Package: {package}\n"):
            lines = (line.partition(": ") for line in paragraph.splitlines() if not line.startswith(" "))
            return {name: value for name, _, value in lines}
    return {}


def link_script(leads_to: str) -> str:
    """A library's name for the linker where the library is the system's: the linker looks for it by its other name."""
    return f"INPUT ( {posixpath.basename(leads_to)} )\n"
