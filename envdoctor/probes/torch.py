"""torch as its files describe it: version.py, metadata, symbols and headers. Nothing of it is imported."""

import functools
import posixpath
import re
from typing import Dict, List, Optional, Tuple, Union

from envdoctor import compat, elf, elf_symbols
from envdoctor.facts import Component, Package, Packages, Python, Request, Torch, Unknown
from envdoctor.host import Host
from envdoctor.probes import _installed

# "name = 'text'" and "name: Optional[str] = None" of version.py, which has had both styles.
_SETTING = re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:(None)|(['\"])(.*?)\3)\s*(?:#.*)?$", re.MULTILINE)
# What NVIDIA's containers and others build from torch's own branches: 2.1.0a0+b5021ba, 2.5.0a0+872d972e41.nv24.08
_VENDOR = re.compile(r"\d+(?:\.\d+)*(?:a0|\.0a0)\+(?!git|cu\d|cpu|rocm)\S+|.*\+nv\S*")
_ARCHITECTURES = re.compile(r"\bsupported_arches\s*=\s*\[([^\]]*)\]")
_STANDARD = re.compile(r"__cplusplus\s*<\s*(20\d\d)\d\dL")
_STANDARDS = {"2011": 11, "2014": 14, "2017": 17, "2020": 20, "2023": 23}
# c10::Error's constructor and torchCheckFail in both spellings of std::string, since 1.0: what every extension needs.
_NEW, _OLD = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", "Ss"
_ABI_SYMBOLS = (
    "_ZN3c105ErrorC1ENS_14SourceLocation{}",
    "_ZN3c105ErrorC1ENS_14SourceLocationERK{}",
    "_ZN3c106detail14torchCheckFailEPKcS2_jRK{}",
)
_DEEP_TIMEOUT = 60.0
_DEEP = r"""
import sys
if sys.path and sys.path[0] == "":
    del sys.path[0]
import json, os
answer = {"architectures": [], "error": None}
try:
    import torch
    flags = getattr(torch._C, "_cuda_getArchFlags", None)
    answer["architectures"] = ((flags() if flags else None) or "").split()
except BaseException as error:
    answer["error"] = "%s: %s" % (type(error).__name__, " ".join(str(error).split()))
sys.stdout.write("\n" + json.dumps(answer) + "\n")
sys.stdout.flush()
os._exit(0)
"""


def probe(
    host: Host,
    python: Optional[Python],
    packages: Optional[Packages],
    request: Request,
) -> Union[Torch, Unknown, None]:
    """The torch that the examined interpreter would import; None when it would find none."""
    if python is None:
        return Unknown("no interpreter was examined")
    package = packages.get("torch") if packages else None
    path = _folder(host, python, package)
    if path is None:
        return (
            None
            if package is None
            else Unknown(f"{package.location} says torch, but there is no torch package")
        )
    try:
        settings = _settings(host.read_text(f"{path}/version.py"))
    except OSError as error:
        return Unknown(f"{path}/version.py: {error.strerror or error}")
    version = settings.get("__version__")
    if not version or "cuda" not in settings:
        return Unknown(
            f"{path}/version.py does not say {'which CUDA' if version else 'the version'}: is it damaged?"
        )
    architectures, import_error = _ask(host, python) if request.deep else ((), None)
    return Torch(
        version=version,
        cuda=settings["cuda"],
        hip=settings.get("hip"),
        path=path,
        cxx11_abi=_cxx11_abi(host, path, python),
        vendor=bool(_VENDOR.fullmatch(version)),
        libraries=_libraries(host, path, packages),
        known_architectures=_known_architectures(host, path),
        cxx_standard=_cxx_standard(host, path, version),
        architectures=architectures,
        import_error=import_error,
        found_via=f"{path}/version.py",
    )


def _folder(host: Host, python: Python, package: Optional[Package]) -> Optional[str]:
    """The first torch on the search path, else where an editable install says its source is."""
    source = _installed.editable_source(host, package) if package else None
    for folder in (*python.path, *python.site_packages, *((source,) if source else ())):
        # A folder without __init__.py, which an uninstall may leave behind, does not stop the search.
        if host.is_file(f"{folder}/torch/__init__.py"):
            return posixpath.join(folder, "torch")
    return None


def _settings(text: str) -> Dict[str, Optional[str]]:
    """Names and values of version.py; a later assignment wins."""
    found = _SETTING.finditer(text)
    return {match[1]: None if match[2] else match[4] for match in found}


def _cxx11_abi(host: Host, path: str, python: Python) -> Optional[bool]:
    """By the spelling of std::string in symbols that libc10 exports; None when it has neither."""
    for library in (f"{path}/lib/libc10.so", f"{python.prefix}/lib/libc10.so"):
        try:
            read = functools.partial(host.read_range, library)
            names = {spelt.format(text): text for spelt in _ABI_SYMBOLS for text in (_NEW, _OLD)}
            spellings = {names[name] for name in elf_symbols.exports(read, elf.parse(read), names)}
        except FileNotFoundError:
            continue
        except (OSError, elf.ElfError) as error:
            host.note(library, getattr(error, "strerror", None) or str(error))
            continue
        if len(spellings) == 1:
            return spellings == {_NEW}
    return None


def _libraries(host: Host, path: str, packages: Optional[Packages]) -> Tuple[Component, ...]:
    """What lies in torch/lib, and what NVIDIA's wheels bring that torch requires."""
    found: Dict[str, Component] = {}
    for name in host.listdir(f"{path}/lib"):
        stem = _cuda_stem(name)
        if stem:
            found.setdefault(stem, Component(stem, f"{path}/lib/{name}", _named_version(name), "torch/lib"))
    for file, wheel in sorted(_required_wheels(host, packages).items()):
        stem = _cuda_stem(posixpath.basename(file))
        if stem:
            found.setdefault(stem, Component(stem, file, wheel.version, f"wheel {wheel.name}"))
    return tuple(found[stem] for stem in sorted(found))


def _required_wheels(host: Host, packages: Optional[Packages]) -> Dict[str, Package]:
    """Files of the installed NVIDIA wheels that torch requires, itself or by way of one of them."""
    torch = packages.get("torch") if packages else None
    if packages is None or torch is None:
        return {}
    wanted: List[str] = ["torch"]
    for name in wanted:
        package = packages.get(name)
        required = (re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in (package.requires if package else ()))
        names = (re.sub(r"[-_.]+", "-", one).lower() for one in required)
        wanted.extend(
            one for one in names if one.startswith(("nvidia-", "cuda-toolkit")) and one not in wanted
        )
    wheels = tuple(package for package in packages.items if package.name in wanted)
    return _installed.nvidia_wheels(host, Packages(wheels))


def _cuda_stem(name: str) -> Optional[str]:
    """ "cudart" of libcudart.so.13 and of libcudart-45da57e3.so.11.0; None for what is not CUDA's."""
    named = re.match(r"lib((?:cu|nv(?!fuser)|nccl)[A-Za-z_]*(?:-builtins)?)(?:-[0-9a-f]{8})?\.so", name)
    return named[1] if named else None


def _named_version(name: str) -> Optional[str]:
    return name.partition(".so.")[2] or None


def _known_architectures(host: Host, path: str) -> Tuple[str, ...]:
    """The list that cpp_extension compares TORCH_CUDA_ARCH_LIST with, out of its text."""
    text = host.try_text(f"{path}/utils/cpp_extension.py") or ""
    found = _ARCHITECTURES.search(text)
    return tuple(re.findall(r"['\"](\d+\.\d+[a-z]?)['\"]", found[1])) if found else ()


def _cxx_standard(host: Host, path: str, version: str) -> int:
    """What torch/all.h refuses to be compiled below, else what that release is known to need."""
    text = host.try_text(f"{path}/include/torch/csrc/api/include/torch/all.h") or ""
    stated = [_STANDARDS[year] for year in _STANDARD.findall(text) if year in _STANDARDS]
    return max(stated) if stated else compat.torch_cxx_standard(version)


def _ask(host: Host, python: Python) -> Tuple[Tuple[str, ...], Optional[str]]:
    """Import it in a child of the examined interpreter: the architectures of its kernels, or the error."""
    try:
        answer = host.ask_python(python.executable, _DEEP, isolated=False, timeout=_DEEP_TIMEOUT)
        return tuple(answer["architectures"]), answer["error"]
    except (KeyError, TypeError, ValueError) as error:
        return (), str(error)[:300]
