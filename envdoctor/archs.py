"""Which GPU architectures to compile for, in the words of nvcc, CMake and torch, with a reason for each entry."""

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

from envdoctor import architectures, compat
from envdoctor.architectures import Architecture
from envdoctor.facts import Driver, Environment, Facts, NotExamined, Project, Toolkit, Torch, Unknown


@dataclass(frozen=True)
class Target:
    """One entry of the list: machine code, PTX, or both."""

    architecture: Architecture
    machine_code: bool
    ptx: bool
    reason: str


@dataclass(frozen=True)
class Refusal:
    """An architecture that somebody asked for and that one of the tools cannot serve."""

    architecture: Architecture
    by: str  # "nvcc 13.0.88", "torch 2.13.0"
    reason: str


@dataclass(frozen=True)
class Architectures:
    """The lists, where they are from, and what was left out."""

    origin: str  # "--arch" | "TORCH_CUDA_ARCH_LIST" | "CUDAARCHS" | "GPU" | "project" | "default"
    because: str
    targets: Tuple[Target, ...]
    torch_targets: Tuple[Target, ...]
    refusals: Tuple[Refusal, ...]
    notes: Tuple[str, ...]

    @property
    def nvcc(self) -> Tuple[str, ...]:
        """-gencode flags."""
        flags = []
        for target in self.targets:
            name = target.architecture
            flags += [f"-gencode arch=compute_{name},code=sm_{name}"] * target.machine_code
            flags += [f"-gencode arch=compute_{name},code=compute_{name}"] * target.ptx
        return tuple(flags)

    @property
    def cmake(self) -> str:
        """CMAKE_CUDA_ARCHITECTURES."""
        kinds = {(True, True): "", (True, False): "-real", (False, True): "-virtual"}
        return ";".join(str(t.architecture) + kinds[t.machine_code, t.ptx] for t in self.targets)

    @property
    def torch(self) -> str:
        """TORCH_CUDA_ARCH_LIST; it has no word for PTX alone."""
        return ";".join(f"{t.architecture.dotted}{'+PTX' * t.ptx}" for t in self.torch_targets)


def choose(facts: Facts) -> Architectures:
    """What was stated, else the GPUs present, else what the project asks for, else a default."""
    toolkit = facts.toolkit if isinstance(facts.toolkit, Toolkit) else None
    torch = facts.torch if isinstance(facts.torch, Torch) else None
    origin, because, wanted = _wanted(facts)
    refusals: List[Refusal] = []
    substitutes = origin in ("GPU", "project")
    chosen = _served(wanted, _Nvcc(toolkit), refusals, substitutes) if toolkit else dict(wanted)
    for_torch = _served(chosen, _TorchList(torch), refusals, True) if torch else dict(chosen)
    return Architectures(
        origin=origin,
        because=because,
        targets=_with_ptx(chosen),
        torch_targets=_with_ptx(for_torch),
        refusals=tuple(refusals),
        notes=tuple(_notes(facts, chosen)),
    )


def parse(text: str) -> Tuple[Architecture, ...]:
    """The numbers of a list as torch, CMake or a person writes it; words such as "native" are left out."""
    found = (architectures.parse(entry) for entry in architectures.split(text))
    return tuple(dict.fromkeys(Architecture(item.number, item.suffix) for item in found if item))


def _wanted(facts: Facts) -> Tuple[str, str, Dict[Architecture, str]]:
    """Where the list is from, in a word and in a sentence, and each architecture with its reason."""
    stated = parse(" ".join(facts.request.architectures))
    if stated:
        return "--arch", "the architectures stated with --arch", dict.fromkeys(stated, "stated with --arch")
    for name in ("TORCH_CUDA_ARCH_LIST", "CUDAARCHS"):
        value = facts.environment.get(name) if isinstance(facts.environment, Environment) else None
        found = parse(value or "")
        if found:
            return (
                name,
                f"the architectures that the variable {name} states ({value})",
                dict.fromkeys(found, f"in {name}"),
            )
    asked = _asked_by_project(facts)
    if isinstance(facts.driver, Driver) and facts.driver.gpus:
        return "GPU", "the GPUs of this machine", _of_gpus(facts.driver, asked)
    if asked:
        return "project", "what the project asks for; no GPU is here", asked
    toolkit = facts.toolkit if isinstance(facts.toolkit, Toolkit) else None
    default = dict.fromkeys(architectures.sensible(toolkit), "default")
    return "default", "a default: nothing was stated and no GPU is here", default


def _asked_by_project(facts: Facts) -> Dict[Architecture, str]:
    items = facts.project.architectures if isinstance(facts.project, Project) else ()
    return {entry: f"asked for in {item.place}" for item in reversed(items) for entry in parse(item.text)}


def _of_gpus(driver: Driver, asked: Dict[Architecture, str]) -> Dict[Architecture, str]:
    """Each GPU's architecture; "90a" in place of "90" where the project asks for that."""
    found: Dict[Architecture, str] = {}
    for gpu in driver.gpus:
        number = gpu.compute_capability[0] * 10 + gpu.compute_capability[1]
        special = [item for item in asked if item.number == number and item.suffix]
        for item in special or [Architecture(number)]:
            more = f"; {asked[item]}" if item in asked else ""
            found.setdefault(item, f"GPU {gpu.index}, {gpu.name}{more}")
    return found


class _Nvcc:
    """What a toolkit's nvcc serves: asked from it, else by its release."""

    def __init__(self, toolkit: Optional[Toolkit]) -> None:
        self.toolkit = toolkit
        self.release = toolkit.release if toolkit else (0, 0)
        self.name = f"nvcc {toolkit.build or toolkit.version or '?'}" if toolkit else "nvcc"
        listed = tuple(parse(" ".join(toolkit.architectures))) if toolkit else ()
        self.numbers = sorted({item.number for item in listed}) or self._by_release()

    def _by_release(self) -> List[int]:
        if self.release == (0, 0):
            return []
        oldest = compat.at_least(compat.OLDEST_ARCHITECTURE, self.release)
        return [n for n, since in compat.ARCHITECTURE_SINCE.items() if since <= self.release and n >= oldest]

    def known(self) -> List[Architecture]:
        """Without suffixes, oldest first; empty when it could not be determined."""
        return [Architecture(number) for number in self.numbers]

    def refuses(self, item: Architecture) -> Optional[str]:
        """Why an architecture cannot be compiled for, None when it can (or nobody knows)."""
        verdict = architectures.refusal(item, self.toolkit) if self.toolkit else None
        renamed = compat.RENAMED_ARCHITECTURES.get(item.number)
        if verdict == "dropped" and renamed in self.numbers:
            return f"it is called {Architecture(renamed).dotted} since CUDA {_release(_first(renamed))}"
        if verdict == "dropped":
            later = [first for first, oldest in compat.OLDEST_ARCHITECTURE if oldest > item.number]
            when = f" (dropped in CUDA {_release(min(later))})" if later else ""
            return f"it is older than {Architecture(self.numbers[0]).dotted}, the oldest that this nvcc serves{when}"
        if verdict == "new":
            since = max(_first(item.number), compat.SUFFIX_SINCE.get(item.suffix, (0, 0)))
            return (
                f"it is known since CUDA {_release(since)}"
                if since > self.release
                else "this nvcc does not list it"
            )
        return None


class _TorchList:
    """What torch's cpp_extension accepts in TORCH_CUDA_ARCH_LIST."""

    def __init__(self, torch: Optional[Torch]) -> None:
        self.name = f"torch {torch.version}" if torch else "torch"
        self.items = parse(" ".join(torch.known_architectures)) if torch else ()

    def known(self) -> List[Architecture]:
        """Without suffixes, oldest first."""
        return sorted((item for item in self.items if not item.suffix), key=lambda item: item.number)

    def refuses(self, item: Architecture) -> Optional[str]:
        """Why torch refuses an entry."""
        if not self.items or item in self.items:
            return None
        return "its cpp_extension does not know it, and stops before nvcc is asked"


def _served(
    wanted: Dict[Architecture, str],
    tool: Union[_Nvcc, _TorchList],
    refusals: List[Refusal],
    substitutes: bool,
) -> Dict[Architecture, str]:
    """The architectures that a tool serves; where it makes sense, the nearest older one for those that it does not."""
    served: Dict[Architecture, str] = {}
    for item, reason in wanted.items():
        why = tool.refuses(item)
        if why is None:
            served.setdefault(item, reason)
            continue
        older = [known for known in tool.known() if known.number < item.number]
        instead = older[-1] if older and substitutes and not item.suffix else None
        if instead:
            why += f"; {instead.dotted} instead, {_runs(instead, item)}"
        refusals.append(Refusal(item, tool.name, why))
        if instead:
            served.setdefault(instead, f"in place of {item.dotted} ({reason})")
    return served


def _runs(built: Architecture, gpu: Architecture) -> str:
    """How code for an older architecture runs on a newer GPU."""
    if built.number // 10 == gpu.number // 10:
        return "whose machine code runs there"
    return "whose PTX the driver compiles when it is loaded"


def _with_ptx(chosen: Dict[Architecture, str]) -> Tuple[Target, ...]:
    """In order, with PTX for the newest that is not bound to one GPU family."""
    ordered = sorted(chosen, key=lambda item: (item.number, item.suffix))
    general = [item for item in ordered if not item.suffix]
    newest = general[-1] if general else None
    return tuple(Target(item, True, item == newest, chosen[item]) for item in ordered)


def _notes(facts: Facts, chosen: Dict[Architecture, str]) -> Iterable[str]:
    if facts.toolkit is None:
        yield "No CUDA toolkit with nvcc was found: the list is not checked against one."
    elif isinstance(facts.toolkit, (Unknown, NotExamined)):
        yield "The CUDA toolkit could not be determined: the list is not checked against one."
    elif not _Nvcc(facts.toolkit).numbers:
        yield f"What the nvcc of {facts.toolkit.root} serves could not be determined: the list is not checked."
    if facts.torch is None:
        yield "torch is not installed: TORCH_CUDA_ARCH_LIST is not checked against it."
    elif isinstance(facts.torch, (Unknown, NotExamined)):
        yield "torch could not be determined: TORCH_CUDA_ARCH_LIST is not checked against it."
    elif not facts.torch.known_architectures:
        yield f"What torch {facts.torch.version} accepts could not be determined: its list is not checked."
    if isinstance(facts.driver, (Unknown, NotExamined)):
        yield "Whether a GPU is here could not be determined."
    if chosen and all(item.suffix for item in chosen):
        yield "No PTX is added: code for these targets runs on no other GPU."
    if _words(facts.project):
        yield f"The project also says {', '.join(_words(facts.project))}, which its build turns into numbers."


def _words(project: Any) -> List[str]:
    """What the project says instead of numbers: "native", "all-major", an unresolved variable."""
    items = project.architectures if isinstance(project, Project) else ()
    return list(dict.fromkeys(item.text for item in items if not parse(item.text)))


def _first(number: int) -> Tuple[int, int]:
    return compat.ARCHITECTURE_SINCE.get(number, (0, 0))


def _release(release: Tuple[int, int]) -> str:
    return f"{release[0]}.{release[1]}"
