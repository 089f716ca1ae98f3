"""Every CUDA toolkit: named by variables, reached from PATH, in the usual places, from conda and from wheels."""

import posixpath
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from envdoctor.facts import Nvccs, Python, Toolkit, Toolkits
from envdoctor.host import Host
from envdoctor.probes import _programs, _toolkit_layout, _toolkit_libraries, _toolkit_parts

_ROOT_VARIABLES = ("CUDA_HOME", "CUDA_PATH", "CUDAToolkit_ROOT", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR")
# A cluster's module tree may hold dozens; the strongest origins come first.
_MOST = 16
# Reading the version out of cicc takes some milliseconds each; a build chooses among the first.
_MOST_DEEP = 4


class Candidate(NamedTuple):
    """A folder that may be a root, and how it was reached."""

    folder: str
    origin: str


def probe(host: Host, nvccs: Optional[Nvccs], python: Optional[Python]) -> Toolkits:
    """Each root once, strongest origin first; the programs of all are asked side by side."""
    origins: Dict[str, List[str]] = {}
    for candidate in (
        *_named(host),
        *_on_path(nvccs),
        *_usual(host),
        *_conda(host, python),
        *_wheels(host, python),
    ):
        root = _toolkit_layout.real_root(host, candidate.folder)
        if root in origins or _toolkit_layout.is_toolkit(host, root):
            origins.setdefault(root, []).append(candidate.origin)
    for root in list(origins)[_MOST:]:
        host.note(root, f"a CUDA toolkit that was not examined: only the first {_MOST} are")
    roots = list(enumerate(list(origins)[:_MOST]))
    items = _programs.side_by_side(
        lambda entry: _toolkit(host, entry[1], origins[entry[1]], entry[0] < _MOST_DEEP), roots
    )
    return Toolkits(tuple(items), _linkable(host))


def _named(host: Host) -> Iterator[Candidate]:
    """By variables; a list of folders or an empty value names no root."""
    for name in _ROOT_VARIABLES:
        value = host.env.get(name, "")
        if value:
            yield Candidate(posixpath.join(host.cwd, value), name)
    words = _programs.words_of(host.env.get("CUDACXX", ""))
    nvcc = host.which(words[0]) if words else None
    if nvcc and posixpath.basename(host.realpath(nvcc)) == "nvcc":
        yield Candidate(posixpath.dirname(posixpath.dirname(host.realpath(nvcc))), "CUDACXX")


def _on_path(nvccs: Optional[Nvccs]) -> Iterator[Candidate]:
    for item in nvccs.items if nvccs else ():
        if item.kind == "wrapper" and item.root is None and item.error:
            continue  # it leads nowhere: the folder above it is a prefix of other things
        # nvcc behind a bare link knows no root; its files are those of the real one all the same
        root = item.root or posixpath.dirname(posixpath.dirname(item.real))
        yield Candidate(root, "nvcc on PATH" if item.wins else "another nvcc on PATH")


def _usual(host: Host) -> Iterator[Candidate]:
    versions = sorted(host.glob("/usr/local", "cuda-*"), key=_number, reverse=True)
    for folder in (
        "/usr/local/cuda",
        "/opt/cuda",
        *versions,
        *sorted(host.glob("/opt", "cuda-*"), key=_number),
    ):
        yield Candidate(folder, folder)
    if host.is_file("/usr/lib/nvidia-cuda-toolkit/bin/nvcc"):
        yield Candidate("/usr", "Debian's nvidia-cuda-toolkit")
    for root in _toolkit_layout.hpc_roots(host):
        yield Candidate(root, "HPC SDK")


def _conda(host: Host, python: Optional[Python]) -> Iterator[Candidate]:
    for prefix in dict.fromkeys(
        filter(None, (host.env.get("CONDA_PREFIX"), python.prefix if python else None))
    ):
        if host.is_dir(f"{prefix}/conda-meta"):
            yield Candidate(prefix, "conda")


def _wheels(host: Host, python: Optional[Python]) -> Iterator[Candidate]:
    for site in python.site_packages if python else ():
        for root in _toolkit_layout.wheel_roots(host, site):
            yield Candidate(root, "wheels")


def _toolkit(host: Host, root: str, origins: List[str], deep: bool) -> Toolkit:
    layout = _toolkit_layout.layout_of(host, root)
    nvcc = _toolkit_layout.nvcc_of(host, root, layout)
    includes = _toolkit_layout.include_dirs(host, root, layout)
    folders = _toolkit_layout.library_dirs(host, root, layout)
    answers = _toolkit_parts.ask(host, root, layout, nvcc) if nvcc else _toolkit_parts.Answers({}, (), None)
    components = tuple(_toolkit_parts.components(host, root, layout, includes, answers, deep))
    build = next(
        (
            c.version
            for name in ("nvcc", "cudart", "cuda.h")
            for c in components
            if c.name == name and c.version
        ),
        None,
    )
    bounds = _toolkit_parts.bounds(host, includes)
    return Toolkit(
        root=root,
        version=".".join(build.split(".")[:2]) if build else None,
        build=build,
        nvcc=nvcc,
        layout=layout,
        origins=tuple(dict.fromkeys(origins)),
        components=components,
        libraries=_toolkit_libraries.libraries(
            host, includes, folders, _library_versions(host, root, layout)
        ),
        include_dirs=includes,
        library_dirs=folders,
        architectures=answers.architectures,
        newest_gcc=bounds.gcc,
        newest_clang=bounds.clang,
        lib64=host.is_dir(f"{root}/lib64"),
        profile=bool(nvcc) and host.is_file(posixpath.join(posixpath.dirname(nvcc or ""), "nvcc.profile")),
        glibc_2_41_ready=bounds.glibc_2_41,
        error=answers.error,
        missing_link_dir=_toolkit_layout.missing_link_dir(host, nvcc) if nvcc else None,
    )


def _library_versions(host: Host, root: str, layout: str) -> Dict[str, str]:
    if layout not in ("wheel", "wheel-split"):
        return {}
    wheels = _toolkit_parts.wheel_versions(host, root)
    return {name: wheels[wheel] for name, wheel in _toolkit_parts.LIBRARY_WHEELS.items() if wheel in wheels}


def _linkable(host: Host) -> Tuple[str, ...]:
    """Libraries in LIBRARY_PATH, which gcc passes to every link."""
    folders = (
        posixpath.join(host.cwd, entry) for entry in host.env.get("LIBRARY_PATH", "").split(":") if entry
    )
    paths = (
        path for folder in folders for pattern in ("lib*.so", "lib*.a") for path in host.glob(folder, pattern)
    )
    return tuple(dict.fromkeys(path for path in paths if host.is_file(path)))


def _number(path: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in posixpath.basename(path).split("-")[-1].split(".") if part.isdigit())
