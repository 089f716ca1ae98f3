"""What the dynamic loader gives for CUDA's libraries, libstdc++ and libgomp, and all other copies."""

import posixpath
import re
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from envdoctor.facts import Copy, LoadedLibrary, Loader, Packages, Python, Toolkits, Torch
from envdoctor.host import Host
from envdoctor.probes import _installed
from envdoctor.probes._loader import Search

# In the order of the report. Every one has its soname's number in its file name.
FAMILIES = (
    "cuda cudart cublas cublasLt cusparse cusparseLt cusolver cusolverMg curand cufft cufftw nvrtc nvrtc-builtins"
    " nvJitLink nvToolsExt cupti cufile cudnn cudnn_[a-z_]+ nccl nvshmem_host nvidia-ml stdc\\+\\+ gomp"
).split()
_NAME = re.compile(rf"lib({'|'.join(FAMILIES)})\.so((?:\.\d+)*)")
_STUBS = re.compile(r"/stubs?/")
# The driver's libraries, whose file names end in the driver's version; its libcuda has tens of megabytes.
_OF_DRIVER = ("libcuda.so.1", "libnvidia-ml.so.1")
_STUB_SIZE = 1 << 20

Versions = Dict[str, str]


def probe(
    host: Host,
    python: Optional[Python],
    packages: Optional[Packages],
    torch: Optional[Torch],
    toolkits: Optional[Toolkits],
) -> Loader:
    """`taken` is what a new process of the examined Python gets for the bare name, with nothing loaded before."""
    search = Search(host, python)
    versions = _versions(host, packages, toolkits)
    found: Dict[str, Dict[str, Copy]] = {}
    for folder, via in _folders(search, python, packages, torch, toolkits):
        for soname, path in in_folder(search, folder):
            copies = found.setdefault(soname, {})
            copies.setdefault(host.realpath(path), _copy(host, soname, path, via, versions))
    for soname, paths in search.cache.items():
        if _NAME.fullmatch(soname) and not soname.endswith(".so"):
            copies = found.setdefault(soname, {})
            for path in filter(host.is_file, paths):
                copies.setdefault(host.realpath(path), _copy(host, soname, path, "ld.so.cache", versions))
    libraries = (
        _library(search, soname, found[soname], python, versions) for soname in sorted(found, key=_order)
    )
    return Loader(search.library_path, tuple(libraries))


def is_stub(host: Host, soname: str, path: str) -> bool:
    """Whether a file is the toolkit's stand-in for linking: no code behind its functions."""
    real = host.realpath(path)
    if _STUBS.search(path) or _STUBS.search(real):
        return True
    # WSL's own libcuda is small too, and hands everything on to Windows' driver.
    versioned = re.search(r"\.so\.\d+\.\d+", posixpath.basename(real))
    if soname not in _OF_DRIVER or versioned or "/wsl/" in real:
        return False
    file = host.stat(real)
    return file is not None and file.size < _STUB_SIZE


def in_folder(search: Search, folder: str) -> Iterator[Tuple[str, str]]:
    """Sonames that a folder can serve, with the path; a stub, which has no number in its name, counts as its soname."""
    host = search.host
    files: Dict[str, List[str]] = {}
    for name in filter(_NAME.fullmatch, host.listdir(folder)):
        path = posixpath.join(folder, name)
        if host.is_file(path):
            files.setdefault(host.realpath(path), []).append(name)
    for names in files.values():
        numbered = [name for name in names if not name.endswith(".so")]
        shortest = min(numbered or names, key=len)
        path = posixpath.join(folder, shortest)
        if not numbered or (len(numbered) == 1 and shortest.count(".") > 2):
            program = search.object(path)
            soname = program.soname if program else None
            # The loader asks for the soname: a file that lies there under a longer name alone is of no use to it.
            if soname and (soname == shortest or not numbered) and _NAME.fullmatch(soname):
                yield soname, path
        else:
            yield shortest, path


def _folders(
    search: Search,
    python: Optional[Python],
    packages: Optional[Packages],
    torch: Optional[Torch],
    toolkits: Optional[Toolkits],
) -> Iterator[Tuple[str, str]]:
    """Where copies lie, with the name for each place: the loader's own folders first."""
    for folder in search.library_path:
        yield folder, "LD_LIBRARY_PATH"
    if torch:
        yield f"{torch.path}/lib", "torch"
    for folder in _wheel_folders(search.host, python):
        yield folder, "wheel"
    for item in toolkits.items if toolkits else ():
        via = "wheel" if item.layout.startswith("wheel") else "conda" if item.layout == "conda" else "toolkit"
        for folder in item.library_dirs:
            yield folder, via
            yield f"{folder}/stubs", via
    for prefix in _conda_prefixes(search.host, python):
        yield f"{prefix}/lib", "conda"
    for folder in search.default_folders:
        yield folder, "default"


def _wheel_folders(host: Host, python: Optional[Python]) -> Iterator[str]:
    """nvidia/<component>/lib and nvidia/cu13/lib of every folder that Python imports from."""
    for site in python.path if python else ():
        for name in host.listdir(f"{site}/nvidia"):
            if host.is_dir(f"{site}/nvidia/{name}/lib"):
                yield f"{site}/nvidia/{name}/lib"


def _conda_prefixes(host: Host, python: Optional[Python]) -> Tuple[str, ...]:
    prefixes = (
        host.env.get("CONDA_PREFIX"),
        python.prefix if python else None,
        python.base_prefix if python else None,
    )
    return tuple(
        dict.fromkeys(prefix for prefix in prefixes if prefix and host.is_dir(f"{prefix}/conda-meta"))
    )


def _versions(host: Host, packages: Optional[Packages], toolkits: Optional[Toolkits]) -> Versions:
    """Versions by real path, of files whose names say too little: from wheels and toolkits."""
    versions: Versions = {}
    for item in toolkits.items if toolkits else ():
        for library in item.libraries:
            if library.shared and library.version:
                versions[host.realpath(library.shared)] = library.version
    if packages:
        wheels = _installed.nvidia_wheels(host, packages)
        versions.update((host.realpath(path), package.version) for path, package in wheels.items())
    return versions


def _copy(host: Host, soname: str, path: str, via: str, versions: Versions) -> Copy:
    return Copy(path, via, is_stub(host, soname, path), version_of(soname, host.realpath(path), versions))


def version_of(soname: str, real: str, versions: Versions) -> Optional[str]:
    """From the file's name when that says more than the soname, else as its wheel or toolkit says, else None."""
    own = posixpath.basename(real).partition(".so.")[2]
    asked = soname.partition(".so.")[2]
    if re.fullmatch(r"\d+(?:\.\d+)+", own) and own != asked:
        return own
    stated = versions.get(real)
    return stated if stated and stated != asked else None


def _library(
    search: Search,
    soname: str,
    copies: Dict[str, Copy],
    python: Optional[Python],
    versions: Versions,
) -> LoadedLibrary:
    host = search.host
    found = search.find(soname)
    if found is None:
        return LoadedLibrary(soname, None, _sorted(copies.values()))
    inside = any(found.path.startswith(f"{prefix}/") for prefix in _conda_prefixes(host, python))
    via = "conda" if found.via == "rpath" and inside else found.via
    taken = _copy(host, soname, found.path, via, versions)
    others = (copy for real, copy in copies.items() if real != host.realpath(found.path))
    return LoadedLibrary(soname, taken, _sorted(others))


def _sorted(copies: Iterable[Copy]) -> Tuple[Copy, ...]:
    places = ("LD_LIBRARY_PATH", "ld.so.cache", "default", "torch", "wheel", "toolkit", "conda")
    return tuple(sorted(copies, key=lambda copy: places.index(copy.via)))


def _order(soname: str) -> Tuple[int, List[int]]:
    named = _NAME.fullmatch(soname)
    assert named is not None
    family = next(i for i, stem in enumerate(FAMILIES) if re.fullmatch(stem, named[1]))
    return family, [int(part) for part in named[2].split(".") if part]
