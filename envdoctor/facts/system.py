"""The machine under CUDA and Python: operating system, processor, memory, folders, variables."""

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class Cpu:
    """The processor as this process may use it."""

    model: str
    #: Cores that the scheduler gives this process (affinity).
    cores: int
    #: Cores that the cgroup's quota leaves, e.g. 1.5; None without a quota.
    quota: Optional[float]
    #: Instruction sets that kernels are chosen by, named as /proc/cpuinfo does: "avx2", "avx512_vnni", "avx_vnni",
    #: "amx_int8", "asimddp", "i8mm", ... A kernel older than the processor does not know the newest.
    isa: Tuple[str, ...]
    found_via: str


@dataclass(frozen=True)
class Memory:
    """Sizes in bytes. `limit` is the tightest cgroup limit above this process, None without one."""

    total: int
    available: int
    swap: int
    limit: Optional[int]
    found_via: str

    @property
    def usable(self) -> int:
        """What a build can have: the available memory, cut by the cgroup's limit."""
        return self.available if self.limit is None else min(self.available, self.limit)


@dataclass(frozen=True)
class RuntimeLibrary:
    """A libstdc++.so.6 that a build or a load may meet, with the newest symbol versions that it defines."""

    path: str
    glibcxx: Optional[str]  # "3.4.30"; None: the file is broken
    cxxabi: Optional[str]  # "1.3.13"
    #: Whose it is: "system", "conda", "LD_LIBRARY_PATH", "LD_PRELOAD", "compiler", "run path of python"; "LDFLAGS" and
    #: "LD_RUN_PATH" put its folder into the run path of what is linked.
    origin: str
    #: Whether the loader takes this one in a new process of the examined Python (for a module without a run path).
    taken: bool


@dataclass(frozen=True)
class System:
    """Distribution, kernel, libc, container, processor, memory."""

    distribution: str  # "debian"; "unknown" without an os-release
    distribution_version: str  # "12"; "" for rolling ones
    distribution_name: str  # "Debian GNU/Linux 12 (bookworm)"
    family: Tuple[str, ...]  # ID and ID_LIKE: ("debian",)
    kernel: str
    machine: str  # "x86_64"
    libc: str  # "glibc" | "musl" | "unknown"
    libc_version: Optional[str]  # "2.36"
    container: Optional[str]  # "docker", "podman", "kubernetes", "lxc", "apptainer", "containerd", ...
    wsl: Optional[int]  # 1 or 2
    is_root: bool
    #: The distribution's own, when it is installed: "apt-get", "dnf", "apk", ...
    package_manager: Optional[str]
    cpu: Cpu
    memory: Memory
    #: Each file once, in the loader's order, then those that it does not look at (conda's, the compiler's).
    libstdcxx: Tuple[RuntimeLibrary, ...]
    locale: str  # the effective LC_ALL / LC_CTYPE / LANG
    #: Seconds since the epoch by the machine's clock (a wrong clock breaks TLS).
    clock: int
    found_via: str


@dataclass(frozen=True)
class Folder:
    """A folder that a build writes into.

    One that does not exist yet is judged by the nearest folder above it, where it would be made.
    """

    role: str  # "build" (the project's), "tmp" (as Python's tempfile chooses), "shm", "home", "pip-cache"
    path: str
    exists: bool
    is_folder: bool
    writable: bool
    noexec: bool
    free_bytes: Optional[int]
    free_inodes: Optional[int]
    filesystem: Optional[str]  # "ext4", "overlay", "tmpfs", ...
    found_via: str  # "TMPDIR", "default", ...


@dataclass(frozen=True)
class Folders:
    """Every folder of interest, by role."""

    items: Tuple[Folder, ...]

    def get(self, role: str) -> Optional[Folder]:
        """The folder with that role, or None when it was not looked at."""
        return next((folder for folder in self.items if folder.role == role), None)


@dataclass(frozen=True)
class Variable:
    """One allow-listed environment variable."""

    name: str
    value: str
    #: For a variable that names one file, folder or compiler: whether it is there. None for every other variable.
    exists: Optional[bool] = None


@dataclass(frozen=True)
class Environment:
    """The environment variables that builds, loaders and finders read; nothing else is kept."""

    variables: Tuple[Variable, ...]

    def get(self, name: str) -> Optional[str]:
        """The value, None when unset; an empty string is a value."""
        return next((variable.value for variable in self.variables if variable.name == name), None)

    def missing(self, *names: str) -> Tuple[Variable, ...]:
        """Those of the named variables that name a file, folder or compiler which is not there."""
        return tuple(
            variable for variable in self.variables if variable.name in names and variable.exists is False
        )

    def folders(self, name: str) -> Tuple[str, ...]:
        """The non-empty entries of a colon-separated variable."""
        return tuple(part for part in (self.get(name) or "").split(":") if part)


@dataclass(frozen=True)
class Setting:
    """One effective or shadowed setting of pip, conda, git or a proxy; a list gives one Setting for each value."""

    tool: str  # "pip" | "conda" | "git" | "proxy"
    #: "global.index-url" (also for PIP_INDEX_URL), "install.no-build-isolation"; "channels", "proxy_servers.https";
    #: "url.https://github.com/.insteadOf", "http.sslVerify"; "HTTPS_PROXY".
    name: str
    value: str  # scrubbed of credentials
    source: str  # a file, or "environment"
    line: Optional[int]
    #: Whether it is in force (another file or variable may override it). Of pip's sections the command's own,
    #: as "install", is stronger than "global", but counts for that command alone: both win.
    wins: bool


@dataclass(frozen=True)
class Configuration:
    """What changes where packages and sources come from."""

    settings: Tuple[Setting, ...]

    def effective(self, tool: str, name: str) -> Tuple[Setting, ...]:
        """The settings in force for one name, case-insensitively; pip's lists may give several."""
        return tuple(s for s in self.settings if s.wins and s.tool == tool and s.name.lower() == name.lower())
