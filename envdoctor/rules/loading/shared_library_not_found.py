"""An installed package needs a shared library that the loader does not find.

## What it means

The library is not installed (libgomp in a slim image), or it lies in a folder that the loader does not search: a
toolkit below /usr/local or /opt, a wheel's folder. Importing the package says "cannot open shared object file".

## How envdoctor knows

The needed libraries of compiled modules are read from the files and looked up as the loader does it: run path,
LD_LIBRARY_PATH, ld.so.cache, default folders, and what torch loads first. Said only for modules that Python itself
imports or that are a package's only one, and only for CUDA's libraries and the compilers' run-time libraries:
others are often optional.

In a log, the loader's `cannot open shared object file` counts, Windows' `DLL load failed`, and the like of programs
that open libraries by name.

## What to do

The cure that `envdoctor check` prints puts the folder on LD_LIBRARY_PATH when a copy is on this machine; else
install the package that is named.

## When to ignore it

When the package loads the library itself, or does without the module.
"""

import posixpath
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor import compat, installing, libraries
from envdoctor.facts import (
    CompiledModule,
    CompiledModules,
    Loader,
    Packages,
    Python,
    System,
    Toolkits,
    Torch,
)
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import unresolved

SEVERITY = Severity.ERROR


def check(
    modules: CompiledModules,
    packages: Packages,
    loader: Loader,
    toolkits: Optional[Toolkits],
    torch: Optional[Torch],
    system: Optional[System],
    python: Optional[Python],
) -> Iterator[Finding]:
    here = {_number(entry.soname) for entry in loader.get("cudart") if entry.taken or entry.others}
    here |= {torch.cuda.partition(".")[0]} if torch is not None and torch.cuda else set()
    for (name, soname), found in _missing(modules).items():
        copy = _copy(soname, loader, toolkits)
        stem = libraries.soname(soname)[0]
        if copy is None and stem in compat.CUDA_MAJOR_SONAMES and here and _number(soname) not in here:
            continue  # another CUDA is here: wheel-built-for-other-cuda speaks
        yield Finding(
            message=f"{name} {packages.version(name) or ''} needs {soname}, which the loader does not find.",
            consequence=f"Importing it stops: {soname}: cannot open shared object file.",
            evidence=(
                *(Evidence(module.path, f"needs {soname}: not found") for module in found[:3]),
                *((Evidence(copy, "is there, in a folder that is not searched"),) if copy else ()),
            ),
            fix=_there(copy) if copy else _install(stem, soname, system, python),
        )


def _number(soname: str) -> str:
    return libraries.soname(soname)[1].partition(".")[0]


def _missing(modules: CompiledModules) -> Dict[Tuple[str, str], List[CompiledModule]]:
    """By package and soname; a module that is one of several alternatives is left out."""
    counts: Dict[str, int] = {}
    for module in modules.items:
        counts[module.package or module.path] = counts.get(module.package or module.path, 0) + 1
    missing: Dict[Tuple[str, str], List[CompiledModule]] = {}
    for module in modules.items:
        name = module.package or module.path
        if name.startswith(compat.OWN_LOADERS):
            continue
        for needed in module.needed:
            if needed.path is None and _counts(
                needed.soname, counts[name] == 1, libraries.is_importable(module.path)
            ):
                missing.setdefault((name, needed.soname), []).append(module)
    return missing


def _counts(soname: str, only: bool, importable: bool) -> bool:
    """Whether a missing library is certain to matter."""
    stem = libraries.soname(soname)[0]
    if stem in compat.CUDA_LIBRARIES:
        return only or importable
    return only and any(stem == known for known, *_ in compat.RUNTIME_PACKAGES)


def _copy(soname: str, loader: Loader, toolkits: Optional[Toolkits]) -> Optional[str]:
    """A copy that is on this machine; a stub is none."""
    for entry in loader.libraries:
        if entry.soname == soname:
            copies = [copy for copy in (entry.taken, *entry.others) if copy and not copy.stub]
            if copies:
                return copies[0].path
    for item in toolkits.items if toolkits else ():
        for library in item.libraries:
            if library.soname == soname and library.shared:
                return library.shared
    return None


def _there(copy: str) -> Fix:
    return Fix(
        "Let the loader search the folder", (SetEnv("LD_LIBRARY_PATH", posixpath.dirname(copy), "append"),)
    )


def _install(stem: str, soname: str, system: Optional[System], python: Optional[Python]) -> Fix:
    for known, *packages in compat.RUNTIME_PACKAGES:
        command = installing.by_manager(system, installing.names(*packages)) if stem == known else None
        if command:
            return Fix(f"Install {command.package}", (command,))
    number = _number(soname)
    wheel = (
        compat.cuda_wheel(stem, int(number))
        if stem in compat.CUDA_MAJOR_SONAMES and number.isdigit()
        else None
    )
    if wheel:
        return Fix(
            f"Install CUDA {number}'s library, and put its folder on LD_LIBRARY_PATH",
            (installing.by_pip(python, wheel),),
        )
    return Fix(f"Install the package that brings {soname}")


# Source: CPython's Windows loader, torch/__init__.py on Windows; cuDNN, NVRTC, CTranslate2, ONNX Runtime and cffi of
# libraries that they open by name; Windows' own message.
_TOLD = (
    r"DLL load failed while importing (?P<name>\w+): The specified module could not be found",
    r"ImportError: DLL load failed: The specified module could not be found",
    r"\[WinError (?:126|1114)\][^\n]*Error loading \"(?P<name>[^\"\n]+)\"",
    r"FileNotFoundError: Could not find module '(?P<name>[^'\n]+)' \(or one of its dependencies\)",
    r"code execution cannot proceed because (?P<name>\S+\.dll) was not found",
    (
        r"Could not (?:load|locate)(?: library)? (?P<name>(?:lib)?[\w-]+\.(?:dll|so[\w.]*))\. "
        r"(?:Error: \S+: cannot open|Please make sure it is in your library path)"
    ),
    r"[Ll]ibrary (?P<name>[\w.-]+\.(?:dll|so[\w.]*)) is not found or cannot be loaded",
    r"Unable to load any of \{(?P<name>lib[\w.]+)",
    r"(?:Cannot|Could not) load symbol (?P<name>cu\w+)",
    r"failed to open (?P<name>(?:lib)?nvrtc-builtins[\w.-]+)",
    r"OSError: cannot load library '(?P<name>[^'\n]+)'",
    r"LoadLibrary failed with error 126[^\n]*? when trying to load \"(?P<name>[^\"\n]+)\"",
    r"OSError: (?P<name>[\w-]+) library not found|OSError: no library called \"?(?P<library>[\w-]+)",
    r"Could not load dynamic library '(?P<name>[^'\n]+)'",
    # bitsandbytes falls back to its library without CUDA when it finds no libcudart.
    r"(?P<name>libbitsandbytes_cpu\.so): undefined symbol",
    r"(?P<name>libcudart\.so) not found in any environmental path",
    r"Unable to load (?P<name>cu(?:SPARSE|BLAS|DNN|FFT|SOLVER)|CUPTI)\. Is it installed\?",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for library in unresolved.libraries(log):
        if not library.of_driver:
            yield library.hit.finding(
                f"The loader does not find {library.name}.",
                "What needs it does not start or import.",
                _cure(library.stem),
                confidence=_confidence(log, library),
            )
    hit = log.first(*_TOLD)
    if hit:
        name = hit["name"] or hit["library"] or "a library"
        yield hit.finding(
            f"{name}, or a library that it needs, is not found.",
            "What needs it does not load.",
            _DLL if log.has(r"\.dll\b|DLL load|\.pyd\b|WinError") else _cure(""),
            confidence="medium",
        )


def _confidence(log: BuildLog, library: unresolved.Missing) -> str:
    """Others speak of another CUDA's libraries, and of torch's, which import order or another torch explain as well."""
    if library.of_torch:
        return "medium" if library.program else "low"
    return "low" if unresolved.of_other_cuda(log, library) else "high"


def _cure(stem: str) -> Fix:
    """By what distributions call the package."""
    package = next((apt for known, apt, *_ in (*compat.RUNTIME_PACKAGES, *_PACKAGES) if known == stem), None)
    if package:
        return Fix(
            f"apt-get install {package} (or your distribution's package with the library), also in slim images"
        )
    return Fix(
        f"find / -name 'lib{stem or '*'}.so*' shows whether a copy is here: put its folder on LD_LIBRARY_PATH (or in"
        " /etc/ld.so.conf.d, then ldconfig), or give what is built a run path (-Wl,-rpath,"
        " CMAKE_INSTALL_RPATH); else install the package"
        " that brings it"
    )


_DLL = Fix(
    "Install the Visual C++ redistributable (x64), and put the folder of the DLL on PATH or in os.add_dll_directory;"
    " Dependencies.exe or dumpbin /dependents on the file names the one that is missing"
)
#: Libraries that slim images lack: soname's stem, package. Source: the package lists of Debian 12.
_PACKAGES = (
    ("glib-2.0", "libglib2.0-0"),
    ("gthread-2.0", "libglib2.0-0"),
    ("SM", "libsm6"),
    ("ICE", "libice6"),
    ("Xext", "libxext6"),
    ("Xrender", "libxrender1"),
    ("X11", "libx11-6"),
    ("EGL", "libegl1"),
    ("OpenGL", "libopengl0"),
    ("GLU", "libglu1-mesa"),
    ("curl", "libcurl4"),
    ("sndfile", "libsndfile1"),
    ("ibverbs", "libibverbs1"),
    ("rdmacm", "librdmacm1"),
    ("mpi", "libopenmpi3"),
    ("openblas", "libopenblas0"),
    ("OpenCL", "ocl-icd-libopencl1"),
    ("atomic", "libatomic1"),
    ("usb-1.0", "libusb-1.0-0"),
    ("tbb", "libtbb12"),
    ("aio", "libaio1"),
)
