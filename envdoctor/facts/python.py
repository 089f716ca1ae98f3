"""The examined interpreter, the others on PATH, and what is installed in it."""

from dataclasses import dataclass
from typing import Optional, Tuple

from envdoctor.facts.base import Located


@dataclass(frozen=True)
class Python:
    """The interpreter under examination, as it described itself in a child process."""

    executable: str
    real: str
    version: str  # "3.11.7"
    implementation: str  # "cpython"
    prefix: str
    base_prefix: str
    kind: str  # "venv" | "conda" | "pyenv" | "system" | "uv" | "other"
    #: Path of an EXTERNALLY-MANAGED marker (PEP 668) that applies, None without one.
    externally_managed: Optional[str]
    include: str
    #: Whether Python.h lies in `include`.
    headers: bool
    soabi: Optional[str]  # "cpython-311-x86_64-linux-gnu"
    platform: str  # "linux-x86_64"
    #: Where pip would install pure modules.
    purelib: str
    #: Its own folders of installed packages that are on `path`, in that order; PYTHONPATH's do not count.
    site_packages: Tuple[str, ...]
    #: sys.path as a child sees it: PYTHONPATH and .pth files included, the working folder not.
    path: Tuple[str, ...]
    #: "--python"; "VIRTUAL_ENV" or "CONDA_PREFIX" (a bare `python` runs that environment's, or there is none on PATH);
    #: "python on PATH"; "python3 on PATH"; "the interpreter of envdoctor".
    found_via: str

    @property
    def minor(self) -> Tuple[int, int]:
        """(3, 11)."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)


@dataclass(frozen=True)
class PathPython:
    """A `python*` on PATH, read statically."""

    name: str  # "python3.11"
    path: str
    #: The file that runs in the end: pyenv shims and links resolved; the path itself when a shim leads nowhere.
    real: str
    #: "3.11.7", or "3.11" where no file tells more; None for a shim that leads nowhere and for scripts.
    version: Optional[str]
    kind: str  # as Python.kind
    prefix: Optional[str]
    #: First of its name on PATH.
    wins: bool


@dataclass(frozen=True)
class PathPip:
    """A `pip*` on PATH and the interpreter that it names in its first lines."""

    name: str
    path: str
    python: Optional[str]  # None: it names none (a binary, a pyenv shim of a version that is not active)
    #: False when that interpreter does not exist (or cannot be run); True also where none is named.
    python_exists: bool
    #: Same environment (prefix) as the examined interpreter; False too when its own is gone; None: not to be told.
    same_environment: Optional[bool]
    wins: bool


@dataclass(frozen=True)
class Interpreters:
    """Everything named python* and pip* on PATH, in PATH order."""

    pythons: Tuple[PathPython, ...]
    pips: Tuple[PathPip, ...]


@dataclass(frozen=True)
class Package:
    """One installed distribution of the examined interpreter."""

    name: str  # normalised: "nvidia-cuda-nvcc"
    version: str
    #: Folder or file of its metadata; the egg itself for "egg".
    location: str
    #: "egg": made by `setup.py install`; "egg-link": by `setup.py develop`; "editable": by `pip install -e`.
    kind: str  # "dist-info" | "egg-info" | "egg" | "egg-link" | "editable"
    installer: Optional[str]  # "pip", "conda", "uv", ...; eggs do not say
    requires: Tuple[str, ...]  # Requires-Dist lines as written (an egg's requires.txt in the same form)
    requires_python: Optional[str]
    #: Tags of the WHEEL file: ("cp311-cp311-linux_x86_64",)
    tags: Tuple[str, ...]


@dataclass(frozen=True)
class Packages:
    """All distributions on `Python.path`; the first of two with one name is the one that is imported."""

    items: Tuple[Package, ...]

    def get(self, name: str) -> Optional[Package]:
        """By normalised name."""
        return next((package for package in self.items if package.name == name), None)

    def version(self, name: str) -> Optional[str]:
        """The installed version, or None."""
        package = self.get(name)
        return package.version if package else None


@dataclass(frozen=True)
class Needed:
    """One DT_NEEDED entry of a module and what the loader would take for it."""

    soname: str
    path: Optional[str]  # None: the loader finds nothing
    via: Optional[str]  # "rpath", "LD_LIBRARY_PATH", "ld.so.cache", "default", "torch", "installed wheel"
    #: Newest GLIBCXX_ that it defines, for a libstdc++ found by "rpath": other modules get another one.
    glibcxx: Optional[str] = None


@dataclass(frozen=True)
class CompiledModule:
    """A compiled module or library of an installed package (torch and NVIDIA's own wheels left out)."""

    path: str
    package: Optional[str]
    needed: Tuple[Needed, ...]
    glibc: Optional[str]  # newest GLIBC_ that it needs: "2.34"
    glibcxx: Optional[str]  # newest GLIBCXX_ that it needs: "3.4.30"
    architectures: Tuple[str, ...]  # embedded device code: ("sm_80", "compute_80")
    #: Undefined c10/at/torch symbols that the installed torch does not export (mangled; at most ten).
    missing_torch_symbols: Tuple[str, ...]


@dataclass(frozen=True)
class CompiledModules:
    """Compiled modules of the examined interpreter's site-packages."""

    items: Tuple[CompiledModule, ...]


@dataclass(frozen=True)
class Wheel:
    """A distribution file in a folder that pip is told to look into."""

    file: str  # full path
    name: str  # normalised
    version: str
    #: "cp311-cp311-linux_x86_64", compressed sets kept; empty for an sdist.
    tag: str
    requires: Tuple[str, ...]  # Requires-Dist lines; empty for an sdist


@dataclass(frozen=True)
class WheelFolder:
    """A find-links folder on this machine."""

    path: str
    source: str  # the variable or "file:line" that names it
    exists: bool
    wheels: Tuple[Wheel, ...]


@dataclass(frozen=True)
class Index:
    """A package index that pip is told to use."""

    url: str  # scrubbed
    source: str
    #: False only when it is certain without a network: a missing folder, a closed port of this machine, a name
    #: that by definition never resolves. None: not asked.
    answers: Optional[bool]
    #: Whether it is asked beside the main one, which is pypi.org when none is named.
    extra: bool = False


@dataclass(frozen=True)
class Wheelhouse:
    """Where pip takes packages from, as far as this machine alone can tell."""

    #: Whether no index may be asked (PIP_NO_INDEX or no-index), and what says so.
    no_index: Optional[str]
    folders: Tuple[WheelFolder, ...]
    indexes: Tuple[Index, ...]
    #: A proxy of this machine at whose port nothing listens, with what names it; pip sends every request there.
    dead_proxy: Optional[Located] = None

    @property
    def offline(self) -> Optional[str]:
        """What keeps pip from every index: the option that says so, or the main index when none of them can answer."""
        dead = all(index.answers is False for index in self.indexes)
        main = next((f"{index.source}: {index.url}" for index in self.indexes if not index.extra), None)
        return self.no_index or (main if dead else None)
