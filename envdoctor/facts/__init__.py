"""What can be known about a machine and a project: frozen values, each with how it was found.

A field of `Facts` holds a fact; None when the thing is absent; `Unknown` when it could not be determined;
`NotExamined` when nobody looked. None of the last three is a pass.
"""

from dataclasses import dataclass
from typing import Optional, Tuple, TypeVar, Union

from envdoctor.facts.base import Located, NotExamined, Unknown
from envdoctor.facts.cuda import (
    Component,
    Copy,
    Driver,
    Gpu,
    Library,
    LoadedLibrary,
    Loader,
    NvccPath,
    Nvccs,
    Toolkit,
    Toolkits,
    Torch,
)
from envdoctor.facts.project import (
    BuildFolder,
    CMakeProject,
    Extension,
    FindPackage,
    Header,
    Project,
    SetupScript,
    Submodule,
)
from envdoctor.facts.python import (
    CompiledModule,
    CompiledModules,
    Index,
    Interpreters,
    Needed,
    Package,
    Packages,
    PathPip,
    PathPython,
    Python,
    Wheel,
    WheelFolder,
    Wheelhouse,
)
from envdoctor.facts.resolution import Answer, Resolution
from envdoctor.facts.system import (
    Configuration,
    Cpu,
    Environment,
    Folder,
    Folders,
    Memory,
    RuntimeLibrary,
    Setting,
    System,
    Variable,
)
from envdoctor.facts.tools import Compiler, Compilers, Program, Tools

T = TypeVar("T")
Known = Union[T, None, Unknown, NotExamined]

NOT_EXAMINED = NotExamined()
ROLES = ("build", "runtime", "ci")


@dataclass(frozen=True)
class Request:
    """What the caller stated: role and targets, never guessed."""

    role: str = "runtime"  # one of ROLES
    project: Optional[str] = None
    architectures: Tuple[str, ...] = ()  # "8.0", "9.0a"
    python: Optional[str] = None
    cuda: Optional[str] = None
    deep: bool = False
    #: Whether a role was stated; otherwise `examine` decides it from the project.
    role_stated: bool = False
    #: The command that is to be run, and the script that it names; "" where none is known.
    command: str = ""


@dataclass(frozen=True)
class Note:
    """Something that could not be done or read, with the probe or rule it belongs to: never a pass, never a finding."""

    source: str
    text: str


@dataclass(frozen=True)
class Facts:
    """Everything that rules may ask for by parameter name."""

    request: Request = Request()
    system: Known[System] = NOT_EXAMINED
    folders: Known[Folders] = NOT_EXAMINED
    environment: Known[Environment] = NOT_EXAMINED
    configuration: Known[Configuration] = NOT_EXAMINED
    python: Known[Python] = NOT_EXAMINED
    interpreters: Known[Interpreters] = NOT_EXAMINED
    packages: Known[Packages] = NOT_EXAMINED
    modules: Known[CompiledModules] = NOT_EXAMINED
    wheelhouse: Known[Wheelhouse] = NOT_EXAMINED
    tools: Known[Tools] = NOT_EXAMINED
    compilers: Known[Compilers] = NOT_EXAMINED
    #: The host compiler that nvcc would use for a build here.
    compiler: Known[Compiler] = NOT_EXAMINED
    nvccs: Known[Nvccs] = NOT_EXAMINED
    toolkits: Known[Toolkits] = NOT_EXAMINED
    #: The toolkit that a build of this project would use.
    toolkit: Known[Toolkit] = NOT_EXAMINED
    driver: Known[Driver] = NOT_EXAMINED
    torch: Known[Torch] = NOT_EXAMINED
    loader: Known[Loader] = NOT_EXAMINED
    project: Known[Project] = NOT_EXAMINED
    resolution: Known[Resolution] = NOT_EXAMINED
    notes: Tuple[Note, ...] = ()


__all__ = [
    "NOT_EXAMINED",
    "ROLES",
    "Answer",
    "BuildFolder",
    "CMakeProject",
    "CompiledModule",
    "CompiledModules",
    "Compiler",
    "Compilers",
    "Component",
    "Configuration",
    "Copy",
    "Cpu",
    "Driver",
    "Environment",
    "Extension",
    "Facts",
    "FindPackage",
    "Folder",
    "Folders",
    "Gpu",
    "Header",
    "Index",
    "Interpreters",
    "Known",
    "Library",
    "LoadedLibrary",
    "Loader",
    "Located",
    "Memory",
    "Needed",
    "NotExamined",
    "Note",
    "NvccPath",
    "Nvccs",
    "Package",
    "Packages",
    "PathPip",
    "PathPython",
    "Program",
    "Project",
    "Python",
    "Request",
    "Resolution",
    "RuntimeLibrary",
    "Setting",
    "SetupScript",
    "Submodule",
    "System",
    "Toolkit",
    "Toolkits",
    "Tools",
    "Torch",
    "Unknown",
    "Variable",
    "Wheel",
    "WheelFolder",
    "Wheelhouse",
]
