"""Which wheels make one toolkit: NVIDIA's meta package `cuda-toolkit` says which component versions belong together."""

import re
from dataclasses import dataclass
from email.parser import Parser
from typing import Dict, Iterable, List, Sequence, Set, Tuple, Union

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement

from envdoctor.toolkit_root import debian
from envdoctor.toolkit_root.pool import Deb, Part
from envdoctor.toolkit_root.wheels import component_of

#: The first CUDA major whose wheels hold nvcc. Source: the wheels nvidia-cuda-nvcc-cu11 11.8.89, -cu12 12.4.131 and
#: 12.9.86 (ptxas, libnvvm, libdevice and headers only), and nvidia-cuda-nvcc 13.0.48 to 13.5.37.
FIRST_MAJOR = 13
META_PACKAGE = "cuda-toolkit"
COMPILER = "nvidia-cuda-nvcc"

#: What every root has: compiler, runtime, headers, and the small libraries and tools that builds expect beside them.
#: Not cupti: its wheels want glibc 2.25 and a pip of 2020, the others run on glibc 2.17.
BASE = tuple(
    "nvcc nvvm crt cudart cccl culibos cuobjdump nvdisasm cuxxfilt nvrtc nvtx nvml nvfatbin profiler".split()
)
#: What torch's headers include and what find_package(Torch) links. Source: torch 2.14.1, include/ and
#: share/cmake/Caffe2/public/cuda.cmake.
TORCH = ("cublas", "cusparse", "cusolver", "curand", "cufft")
#: Libraries that a library's file needs; the meta package says so itself only since 13.1. Source: the ELF headers.
NEEDS: Dict[str, Tuple[str, ...]] = {
    "cusparse": ("nvjitlink",),
    "cusolver": ("cublas", "cusparse", "nvjitlink"),
}
_GROUPS = {"torch": TORCH, "all": ("all",)}
_VERSION = re.compile(r"\d{1,3}(\.\d{1,4}){0,3}")


class PlanError(Exception):
    """What cannot be had of wheels, in one line."""


class TooOld(PlanError):
    """A CUDA of which nobody has an nvcc to take."""


@dataclass(frozen=True)
class Pin:
    """One component: a project on the index, and the release that belongs to this toolkit."""

    project: str  # "nvidia-cublas"
    specifier: str  # "==13.1.0.3.*"


@dataclass(frozen=True)
class Plan:
    """The wheels of one toolkit, and what was looked for in vain."""

    version: str  # that of the meta package: "13.0.2"
    pins: Tuple[Pin, ...]
    absent: Tuple[str, ...]  # basic components that this release has no wheels of
    debs: Tuple[Deb, ...] = ()  # what has the compiler where no wheel has it, and a compiler for it
    parts: Tuple[Part, ...] = ()

    @property
    def packages(self) -> Tuple[Union[Deb, Part], ...]:
        """All that is of Debian's archive."""
        return (*self.debs, *self.parts)


def specifier_of(version: str) -> str:
    """What to ask the meta package for: "13.0" is the newest 13.0.x. Raises PlanError."""
    if version == "newest":
        return f">={FIRST_MAJOR}"
    if not _VERSION.fullmatch(version):
        raise PlanError(
            f"{version!r} is not a CUDA version; write it as 13.0, 13.0.2, 13, newest, 12.4 or 11.8"
        )
    if int(version.partition(".")[0]) >= FIRST_MAJOR:
        return f"=={version}.*"
    release = debian.release_of(version)
    if release is None:
        made = ", ".join(debian.METAS.values())
        raise TooOld(
            f"CUDA {version} cannot be made: its wheels hold no nvcc, and Debian has that of {made} alone; "
            f"{made}, {FIRST_MAJOR}.0 and newer can be made"
        )
    return f"=={debian.METAS[release]}.*"


def extras_of(words: Iterable[str]) -> Tuple[str, ...]:
    """Components for what was asked with --with, groups and the libraries that libraries need filled in; sorted."""
    found: Set[str] = set()
    waiting = list(words)
    while waiting:
        word = waiting.pop()
        waiting.extend(_GROUPS[word] if word in _GROUPS and word != "all" else NEEDS.get(word, ()))
        if word not in _GROUPS or word == "all":
            found.add(word)
    return tuple(sorted(found))


def plan(metadata: str, extras: Sequence[str], machine: str) -> Plan:
    """Pin every component, base and extras, from the meta package's METADATA. Raises PlanError."""
    message = Parser().parsestr(metadata)
    version = message["Version"] or ""
    offered = set(message.get_all("Provides-Extra", []))
    lines = message.get_all("Requires-Dist", [])
    wanted = [name for name in extras if name != debian.HOST_COMPILER]
    unknown = sorted(name for name in wanted if name not in offered or not _pins(lines, (name,), machine))
    if unknown:
        known = ", ".join(sorted(offered - {"all", *BASE, *unknown}))
        raise PlanError(
            f"CUDA {version} has no wheels of {', '.join(unknown)} for {machine}; "
            f"--with takes torch, all, {debian.HOST_COMPILER}, or of {known}"
        )
    pins = _pins(lines, (*BASE, *wanted), machine)
    debs, parts = debian.compiler(".".join(version.split(".")[:2]), machine)
    if COMPILER not in {component_of(project) for project in pins} or not (COMPILER in pins or debs):
        raise TooOld(f"CUDA {version} cannot be made for {machine}: its wheels hold no nvcc")
    absent = (name for name in BASE if name not in offered and not (debs and name in debian.BROUGHT))
    return Plan(
        version, tuple(pins.values()), tuple(absent), (*debs, *_host_compiler(extras, machine)), parts
    )


def _host_compiler(extras: Sequence[str], machine: str) -> Tuple[Deb, ...]:
    if debian.HOST_COMPILER not in extras:
        return ()
    found = debian.host_compiler(machine)
    if not found:
        raise PlanError(f"there is no {debian.HOST_COMPILER} for {machine}")
    return found


def _pins(lines: List[str], extras: Iterable[str], machine: str) -> Dict[str, Pin]:
    """Project -> pin, in the order in which the extras ask for them."""
    try:
        requirements = [Requirement(line) for line in lines]
    except InvalidRequirement as error:
        raise PlanError(f"the metadata of {META_PACKAGE} cannot be read: {error}") from None
    found: Dict[str, Pin] = {}
    for extra in extras:
        # The marker's own defaults speak of the system and the processor that run this.
        environment = {name: str(value) for name, value in default_environment().items()}
        environment.update(sys_platform="linux", platform_machine=machine, extra=extra)
        for requirement in requirements:
            if requirement.marker is None or requirement.marker.evaluate(environment):
                found.setdefault(requirement.name, Pin(requirement.name, _pinned(requirement)))
    return found


def _pinned(requirement: Requirement) -> str:
    """One release: a range would bring the newest wheel of another CUDA (nvvm 13.5 under nvcc 13.0)."""
    for specifier in requirement.specifier:
        if specifier.operator in ("==", ">="):
            version = specifier.version
            return f"=={version}" if version.endswith(".*") else f"=={version}.*"
    raise PlanError(f"{META_PACKAGE} states no release of {requirement.name}: {requirement}")
