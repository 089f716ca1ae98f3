"""GPU architectures as builds write them: read, compared, and which of them a build hands to nvcc."""

import re
import shlex
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional, Tuple

from envdoctor import compat
from envdoctor.builders import builds_torch_extension, builds_with_cmake, of_build, reads_cmake_args
from envdoctor.facts import Driver, Environment, Gpu, Project, Request, Toolkit

#: Words that stand for a set which only nvcc, CMake or torch can spell out.
WORDS = frozenset({"native", "all", "all-major", "auto", "common"})

#: Where the overlay tells its own shims, and the next examination, which architectures they use or leave out.
CHOSEN_VARIABLE = "ENVDOCTOR_CUDA_ARCHITECTURES"
DROPPED_VARIABLE = "ENVDOCTOR_DROPPED_ARCHITECTURES"

#: What nvcc reads beside its command line.
FLAG_VARIABLES = ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS")
_FLAG = re.compile(r"--?(?:gencode|generate-code|arch|gpu-architecture|code|gpu-code)(?:=(.*))?", re.DOTALL)
_NAMED = re.compile(r"(?<![A-Za-z0-9])(?:compute|sm|lto)_\d{2,3}[af]?(?!\w)|^(?:native|all|all-major)$")
# CMake's own variable on a command line or in CMAKE_ARGS; it is stronger than CUDAARCHS.
_DEFINED = re.compile(r"""(-D\s*CMAKE_CUDA_ARCHITECTURES(?::\w+)?=)("[^"]*"|'[^']*'|\S*)""")

_ONE = re.compile(r"(?:sm_|compute_|lto_)?(\d{1,2})\.?(\d)([af]?)(-real|-virtual)?(\+PTX)?", re.IGNORECASE)


@dataclass(frozen=True)
class Architecture:
    """One target: number 90 with suffix "a" is 9.0a, sm_90a, compute_90a."""

    number: int
    suffix: str = ""
    ptx: bool = False

    def __str__(self) -> str:
        return f"{self.number}{self.suffix}"

    @property
    def dotted(self) -> str:
        """As torch and people write it: "9.0a"."""
        return f"{self.number // 10}.{self.number % 10}{self.suffix}"


@dataclass(frozen=True)
class Asked:
    """An entry of a list of architectures and who asks for it.

    `architecture` is None for a word ("native") and for what cannot be read.
    """

    text: str
    architecture: Optional[Architecture]
    source: str  # "--arch", "TORCH_CUDA_ARCH_LIST", "Makefile:3"
    origin: str  # "request" | "variable" | "flags" (a variable with flags of nvcc) | "project" | "GPU"
    file: Optional[str] = None
    line: Optional[int] = None


def parse(text: str) -> Optional[Architecture]:
    """One architecture in any spelling: 80, 8.0, 8.0+PTX, sm_90a, 75-virtual; None when it is not one."""
    match = _ONE.fullmatch(text.strip())
    if not match:
        return None
    major, minor, suffix, kind, ptx = match.groups()
    return Architecture(int(major) * 10 + int(minor), suffix.lower(), bool(ptx) or kind == "-virtual")


def split(text: str) -> Tuple[str, ...]:
    """The entries of a list as torch and CMake separate them, torch's names of families written out."""
    for name, members in compat.TORCH_NAMED_ARCHITECTURES:
        text = text.replace(name, members)
    return tuple(entry for entry in re.split(r"[;,\s]+", text) if entry)


def stated(request: Request) -> Tuple[Asked, ...]:
    """The targets that the caller named."""
    return tuple(Asked(text, parse(text), "--arch", "request") for text in request.architectures)


def handed_to_nvcc(environment: Environment, project: Optional[Project]) -> Tuple[Asked, ...]:
    """What the build will hand to nvcc, as far as files and variables tell; empty when a tool decides by itself.

    NVCC_PREPEND_FLAGS and NVCC_APPEND_FLAGS count beside the rest. Flags of setup.py switch TORCH_CUDA_ARCH_LIST
    off (torch's cpp_extension looks for "arch" in them); what CMakeLists.txt sets is stronger than CUDAARCHS.
    """
    if project is None:
        return ()
    written = tuple(
        Asked(item.text, parse(item.text), item.place, "project", item.file, item.line)
        for item in of_build(project, project.architectures)
    )
    flags = tuple(_in_flags(environment))
    if written:
        return written + flags
    for applies, name in _variables(project):
        value = _listed(environment, name) if applies else None
        if value:
            return tuple(Asked(entry, parse(entry), name, "variable") for entry in split(value)) + flags
    return flags


def without(flags: str, old: Iterable[Architecture]) -> str:
    """Flags of nvcc without the options that name those architectures."""
    names = {str(item) for item in old}
    kept = [
        words
        for words in _options(flags)
        if not any(str(parse(text)) in names for text in _named("=".join(words)))
    ]
    return " ".join(shlex.quote(word) for words in kept for word in words)


def _in_flags(environment: Environment) -> Iterator[Asked]:
    for variable in FLAG_VARIABLES:
        texts = [
            text for words in _options(environment.get(variable) or "") for text in _named("=".join(words))
        ]
        for text in dict.fromkeys(texts):
            yield Asked(text, parse(text), variable, "flags")


def _options(flags: str) -> Iterator[Tuple[str, ...]]:
    """The words of flags, an option of architectures together with its value."""
    try:
        words = shlex.split(flags)
    except ValueError:  # an open quotation mark
        words = flags.split()
    waiting: Tuple[str, ...] = ()
    for word in words:
        found = _FLAG.fullmatch(word)
        if waiting:
            yield (*waiting, word)
            waiting = ()
        elif found and found.group(1) is None:
            waiting = (word,)
        else:
            yield (word,)
    if waiting:
        yield waiting


def _named(option: str) -> List[str]:
    """The architectures of "-gencode=arch=compute_80,code=sm_80"."""
    found = _FLAG.fullmatch(option)
    return [match.group() for match in _NAMED.finditer(found.group(1) or "")] if found else []


def requested(
    request: Request,
    environment: Environment,
    project: Optional[Project],
) -> Tuple[Asked, ...]:
    """The targets of a build: stated ones, else what the build hands to nvcc."""
    return stated(request) or handed_to_nvcc(environment, project)


def detected(
    request: Request,
    environment: Environment,
    project: Optional[Project],
    driver: Optional[Driver],
) -> Tuple[Asked, ...]:
    """Architectures of the GPUs here, where the build asks them: torch without a list, CMake's and nvcc's "native".

    In the role "ci" the GPU of this machine says nothing of the machine that builds.
    """
    if driver is None or request.role == "ci" or not asks_for_gpus(environment, project):
        return ()
    found: List[Asked] = []
    for gpu in driver.gpus:
        major, minor = gpu.compute_capability
        found.append(
            Asked(
                f"{major}.{minor}", Architecture(major * 10 + minor), f"GPU {gpu.index} ({gpu.name})", "GPU"
            )
        )
    return tuple(found)


def asks_for_gpus(environment: Environment, project: Optional[Project]) -> bool:
    """Whether a build takes its architectures from the GPUs that it sees."""
    handed = handed_to_nvcc(environment, project)
    if all(asked.origin == "flags" for asked in handed):
        return builds_torch_extension(project) or any(asked.text == "native" for asked in handed)
    return any(asked.text == "native" for asked in handed)


def refusal(asked: Architecture, toolkit: Toolkit) -> Optional[str]:
    """Why a toolkit's nvcc refuses an architecture: "new", "dropped", None when it takes it or cannot be told.

    What nvcc lists decides; the table decides only for a toolkit that did not answer, and for suffixes, which
    `nvcc --list-gpu-arch` leaves out.
    """
    if toolkit.release == (0, 0):
        return None
    since = max(
        compat.ARCHITECTURE_SINCE.get(asked.number, (0, 0)), compat.SUFFIX_SINCE.get(asked.suffix, (0, 0))
    )
    listed = {number for number in (_number(text) for text in toolkit.architectures) if number is not None}
    oldest = min(listed) if listed else compat.at_least(compat.OLDEST_ARCHITECTURE, toolkit.release)
    if asked.number < oldest or _renamed(asked.number, toolkit):
        return "dropped"
    if since > toolkit.release:
        return "new"
    if listed and asked.number > max(listed):
        return "new"
    return None


def dropped_in(asked: Iterable[Architecture], toolkit: Toolkit) -> compat.Release:
    """The first CUDA release, up to that toolkit's, that compiles no longer for one of them."""
    found = [toolkit.release]
    for item in asked:
        found += [first for first, oldest in compat.OLDEST_ARCHITECTURE if oldest > item.number]
        renamed = compat.RENAMED_ARCHITECTURES.get(item.number)
        found += [compat.ARCHITECTURE_SINCE[renamed]] if renamed else []
    return min(found)


def takes(asked: Architecture, toolkit: Toolkit) -> bool:
    """Whether a toolkit that works compiles for an architecture."""
    return bool(toolkit.nvcc) and not toolkit.error and refusal(asked, toolkit) is None


def covers(embedded: Iterable[str], gpu: Gpu) -> bool:
    """Whether device code ("sm_80", "compute_80") serves a GPU."""
    return serves(embedded, gpu.compute_capability)


def serves(embedded: Iterable[str], capability: Tuple[int, int]) -> bool:
    """Whether device code does for GPUs of a compute capability.

    Machine code serves its own major number from its minor number on, PTX everything newer, "90a" only 9.0.
    """
    major, minor = capability
    for text in embedded:
        item = parse(text)
        if item is None:
            continue
        if item.suffix == "a":
            fits = item.number == major * 10 + minor
        elif item.suffix == "f" or not text.startswith("compute_"):
            fits = item.number // 10 == major and item.number % 10 <= minor
        else:
            fits = item.number <= major * 10 + minor
        if fits:
            return True
    return False


def dotted_list(architectures: Tuple[Architecture, ...], ptx: bool = True) -> str:
    """As TORCH_CUDA_ARCH_LIST wants it: sorted, with PTX for the newest."""
    names = [item.dotted for item in sorted(set(architectures), key=lambda item: (item.number, item.suffix))]
    return ";".join(names) + ("+PTX" if ptx and names else "")


def cmake_list(architectures: Tuple[Architecture, ...]) -> str:
    """As CUDAARCHS and CMAKE_CUDA_ARCHITECTURES want it."""
    return ";".join(
        str(item) for item in sorted(set(architectures), key=lambda item: (item.number, item.suffix))
    )


def sensible(toolkit: Optional[Toolkit]) -> Tuple[Architecture, ...]:
    """Targets for a build that names none and sees no GPU: what the GPUs in use have, as far as nvcc knows them."""
    common = tuple(Architecture(number) for number in (75, 80, 86, 89, 90, 100, 120))
    if toolkit is None:
        return common[1:5]
    return tuple(item for item in common if refusal(item, toolkit) is None)


def as_variable(environment: Environment, name: str, architectures: Tuple[Architecture, ...]) -> str:
    """The value of a variable that is to ask for these alone; of CMAKE_ARGS everything else is kept."""
    if name == "CMAKE_ARGS":
        return in_cmake_args(environment, cmake_list(architectures))
    return cmake_list(architectures) if name == "CUDAARCHS" else dotted_list(architectures)


def in_cmake_args(environment: Environment, listed: str) -> str:
    """CMAKE_ARGS with that list for CMAKE_CUDA_ARCHITECTURES."""
    return _DEFINED.sub(lambda found: found[1] + listed, environment.get("CMAKE_ARGS") or "")


def _listed(environment: Environment, name: str) -> str:
    """The list of architectures in a variable's value."""
    value = environment.get(name) or ""
    if name != "CMAKE_ARGS":
        return value
    found = _DEFINED.search(value)
    return found[2].strip("\"'") if found else ""


def _variables(project: Project) -> Tuple[Tuple[bool, str], ...]:
    finds_torch = bool(project.cmake and project.cmake.package("Torch"))
    return (
        (builds_torch_extension(project) or finds_torch, "TORCH_CUDA_ARCH_LIST"),
        (builds_with_cmake(project) and reads_cmake_args(project), "CMAKE_ARGS"),
        (builds_with_cmake(project), "CUDAARCHS"),
    )


def _number(text: str) -> Optional[int]:
    architecture = parse(text)
    return architecture.number if architecture else None


def _renamed(number: int, toolkit: Toolkit) -> bool:
    new = compat.RENAMED_ARCHITECTURES.get(number)
    return new is not None and toolkit.release >= compat.ARCHITECTURE_SINCE[new]
