"""A toolkit's components, each with its own version: what nvcc and ptxas answer, what binaries and headers say."""

import json
import posixpath
import re
from typing import Dict, Iterator, Match, NamedTuple, Optional, Pattern, Tuple

from envdoctor import elf
from envdoctor.facts import Component
from envdoctor.host import Host
from envdoctor.probes import _programs, _toolkit_layout

_TOOL_VERSION = re.compile(rb"Cuda compilation tools, release \d+\.\d+, V(\d+\.\d+\.\d+)")
_WHEEL = re.compile(r"nvidia_(?P<name>[a-z_]+?)(?:_cu\d+)?-(?P<version>\d[\w.]*)\.dist-info")
_CONDA = re.compile(r"(?P<name>[a-z][a-z0-9_-]*)-(?P<version>\d[\d.]*)-[^-]+\.json")
_MACRO = r"^[ \t]*#[ \t]*define[ \t]+{}[ \t]+(\d+)"
_GCC_LIMIT = re.compile(r"^#if\s+\(?\s*__GNUC__ > (\d+)", re.MULTILINE)
_CLANG_LIMIT = re.compile(r"__clang_major__ >= (\d+)[^\n]*\n\s*#error -- unsupported clang version")
# Source: CCCL of the wheels of 12.4.127 and 12.5.39 (the second), 12.6.77 (the first), 13.0.85.
_CCCL_VERSIONS = (
    "cuda/std/__cccl/version.h",
    "cuda/std/detail/libcxx/include/__cccl/version.h",
    "cuda/version.h",
)
_MATH_FUNCTIONS = ("sinpi(double x)", "sinpif(float x)", "cospi(double x)", "cospif(float x)")
# cicc's .rodata is 6 to 14 MB; its version stands in it as a string, and it has no option that prints it.
_READ_AT_ONCE = 1 << 20
_READ_MOST = 64 << 20

#: Component -> (wheel nvidia-*, conda package) that brings it.
PACKAGES = {
    "nvcc": ("cuda_nvcc", "cuda-nvcc-tools"),
    "cicc": ("nvvm", "cuda-nvvm-tools"),
    "ptxas": ("cuda_nvcc", "cuda-nvcc-tools"),
    "crt": ("cuda_crt", "cuda-crt-dev_linux-64"),
    "cudart": ("cuda_runtime", "cuda-cudart"),
    "cccl": ("cuda_cccl", "cuda-cccl_linux-64"),
}
#: Library -> wheel that brings it.
LIBRARY_WHEELS = {
    "cudart": "cuda_runtime",
    "cublas": "cublas",
    "cublasLt": "cublas",
    "cusparse": "cusparse",
    "cusolver": "cusolver",
    "curand": "curand",
    "cufft": "cufft",
    "nvrtc": "cuda_nvrtc",
    "nvJitLink": "nvjitlink",
    "cupti": "cuda_cupti",
    "nvToolsExt": "nvtx",
}


class Bounds(NamedTuple):
    """What the headers say of host compilers and glibc."""

    gcc: Optional[int]
    clang: Optional[int]
    glibc_2_41: Optional[bool]


class Answers(NamedTuple):
    """What the toolkit's programs answered."""

    versions: Dict[str, str]  # "nvcc" -> "13.0.88"
    architectures: Tuple[str, ...]
    error: Optional[str]


def ask(host: Host, root: str, layout: str, nvcc: str) -> Answers:
    """nvcc's version and architectures, and the versions of the programs beside it, side by side."""
    own = host.run(nvcc, "--version")
    if not own.ok:  # one that hangs is not asked twice
        return Answers({}, (), own.complaint)
    named = (
        (name, _toolkit_layout.program(host, root, layout, name)) for name in ("ptxas", "fatbinary", "nvlink")
    )
    questions = [(name, path, "--version") for name, path in named if path]
    questions.append(("architectures", nvcc, "--list-gpu-arch"))
    answers = _programs.side_by_side(lambda question: host.run(*question[1:]), questions)
    by_name = {"nvcc": own, **{question[0]: answer for question, answer in zip(questions, answers)}}
    listed = by_name.pop("architectures").stdout
    found = {
        name: _TOOL_VERSION.search(answer.stdout.encode()) for name, answer in by_name.items() if answer.ok
    }
    versions = {name: match[1].decode() for name, match in found.items() if match}
    architectures = re.findall(r"^compute_(\d+[a-z]?)$", listed, re.MULTILINE)
    error = None if "nvcc" in versions else "its --version answer holds no version"
    return Answers(versions, tuple(sorted(architectures, key=_number)), error)


def package_versions(host: Host, root: str, layout: str) -> Dict[str, Tuple[str, str]]:
    """Component -> (version, found_via) by what an installer wrote: wheels, conda, NVIDIA's version.json."""
    if layout in ("wheel", "wheel-split"):
        wheels = wheel_versions(host, root)
        return {
            part: (wheels[names[0]], "wheel metadata")
            for part, names in PACKAGES.items()
            if names[0] in wheels
        }
    if layout == "conda":
        found = (_CONDA.fullmatch(name) for name in host.listdir(f"{root}/conda-meta"))
        conda = {match["name"]: match["version"] for match in found if match}
        return {
            part: (conda[names[1]], "conda-meta") for part, names in PACKAGES.items() if names[1] in conda
        }
    return _version_json(host, root)


def wheel_versions(host: Host, root: str) -> Dict[str, str]:
    """Wheel ("cuda_nvcc", "cublas") -> version, from the folders of metadata in the root's site-packages."""
    site = posixpath.dirname(root if posixpath.basename(root) == "nvidia" else posixpath.dirname(root))
    major = re.fullmatch(r"cu(\d+)", posixpath.basename(root))
    found = {}
    for name in host.listdir(site):
        match = _WHEEL.fullmatch(name)
        suffix = re.search(r"_cu(\d+)-", name)
        # cu13's wheels carry no suffix; those with one belong to the folders by component
        if match and (suffix is None) == bool(major and int(major[1]) >= 13):
            found[match["name"]] = match["version"]
    return found


def components(
    host: Host,
    root: str,
    layout: str,
    includes: Tuple[str, ...],
    answers: Answers,
    deep: bool,
) -> Iterator[Component]:
    """Every part that is there; `deep` reads the version out of cicc, which takes some milliseconds."""
    packaged = package_versions(host, root, layout)
    for name in ("nvcc", "ptxas", "fatbinary", "nvlink"):
        path = _toolkit_layout.program(host, root, layout, name)
        if path:
            yield _component(name, path, answers.versions.get(name), f"{name} --version", packaged)
    cicc = _toolkit_layout.program(host, root, layout, "cicc")
    if cicc:
        yield _component("cicc", cicc, text_version(host, cicc) if deep else None, "text in cicc", packaged)
    crt = _header(host, includes, "crt/host_config.h")
    if crt:
        yield _component("crt", posixpath.dirname(crt), None, "", packaged)
    yield from _header_components(host, includes, packaged)
    for folder in (f"{root}/nvvm/libdevice", f"{root}/lib/nvidia-cuda-toolkit/libdevice"):
        for path in host.glob(folder, "libdevice*.bc"):
            yield Component("libdevice", path, None, folder)


def bounds(host: Host, includes: Tuple[str, ...]) -> Bounds:
    """Read from crt/host_config.h and crt/math_functions.h."""
    config = host.try_text(_header(host, includes, "crt/host_config.h") or "") or ""
    gcc, clang = _GCC_LIMIT.search(config), _CLANG_LIMIT.search(config)
    math = _header(host, includes, "crt/math_functions.h")
    text = host.try_text(math) if math else None
    return Bounds(
        int(gcc[1]) if gcc else None,
        int(clang[1]) - 1 if clang else None,
        None if text is None else _declares_like_glibc_2_41(text),
    )


def text_version(host: Host, path: str) -> Optional[str]:
    """The version in the text "Cuda compilation tools, release 13.0, V13.0.88" of a program's constants."""
    found = _in_constants(host, path, _TOOL_VERSION)
    return found[1].decode() if found else None


def reads_variable(host: Host, nvcc: str, name: str) -> bool:
    """Whether an nvcc knows an environment variable: its name then stands among its constants."""
    return _in_constants(host, nvcc, re.compile(rb"\b" + name.encode() + rb"\b")) is not None


def _in_constants(host: Host, path: str, pattern: Pattern[bytes]) -> Optional[Match[bytes]]:
    def read(offset: int, size: int) -> bytes:
        return host.read_range(path, offset, size)

    try:
        constants = elf.section(read, elf.parse(read), ".rodata")
        end = constants.offset + min(constants.size, _READ_MOST) if constants else 0
        for offset in range(constants.offset if constants else 0, end, _READ_AT_ONCE):
            found = pattern.search(read(offset, _READ_AT_ONCE + 128))
            if found:
                return found
    except (OSError, ValueError) as error:
        host.note(path, f"its constants could not be read: {error}"[:200])
    return None


def _component(
    name: str,
    path: str,
    version: Optional[str],
    via: str,
    packaged: Dict[str, Tuple[str, str]],
) -> Component:
    """With the version that the part itself says, else its package's."""
    if version is None and name in packaged:
        version, via = packaged[name]
    return Component(name, path, version, via or "its file")


def _header_components(
    host: Host,
    includes: Tuple[str, ...],
    packaged: Dict[str, Tuple[str, str]],
) -> Iterator[Component]:
    for name, file, macro in (
        ("cuda.h", "cuda.h", "CUDA_VERSION"),
        ("cudart", "cuda_runtime_api.h", "CUDART_VERSION"),
    ):
        path = _header(host, includes, file)
        if path:
            number = _macro(host, path, macro)
            version = f"{number // 1000}.{number % 1000 // 10}" if number else None
            yield _component(name, path, version, f"{macro} in {file}", packaged)
    for file in _CCCL_VERSIONS:
        path = _header(host, includes, file)
        number = _macro(host, path, "CCCL_VERSION") if path else None
        if path and number:
            version = f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"
            yield Component("cccl", path, version, f"CCCL_VERSION in {file}")
            return


def _header(host: Host, includes: Tuple[str, ...], name: str) -> Optional[str]:
    paths = (posixpath.join(folder, name) for folder in includes)
    return next((path for path in paths if host.is_file(path)), None)


def _macro(host: Host, path: str, name: str) -> Optional[int]:
    """A number that a header defines; it stands within the first 64 KB of all of them."""
    text = host.try_text(path, 1 << 16) or ""
    found = re.search(_MACRO.format(name), text, re.MULTILINE)
    return int(found[1]) if found else None


def _declares_like_glibc_2_41(text: str) -> Optional[bool]:
    """Whether sinpi and its like are declared with an exception specification; None when they are not found."""
    starts = [text.find(f" {name}") for name in _MATH_FUNCTIONS]
    rests = [text[start : text.find(";", start)].partition(")")[2] for start in starts if start >= 0]
    return all(rest.strip() for rest in rests) if rests else None


def _version_json(host: Host, root: str) -> Dict[str, Tuple[str, str]]:
    """The component versions that NVIDIA's own installers write."""
    text = host.try_text(f"{root}/version.json")
    try:
        entries = json.loads(text) if text else {}
    except ValueError:
        host.note(f"{root}/version.json", "it is not JSON")
        return {}
    found = {}
    for part, wheel in (
        ("nvcc", "cuda_nvcc"),
        ("crt", "cuda_crt"),
        ("cudart", "cuda_cudart"),
        ("cicc", "libnvvm"),
    ):
        entry = entries.get(wheel) if isinstance(entries, dict) else None
        version = entry.get("version") if isinstance(entry, dict) else None
        if isinstance(version, str):
            found[part] = (version, "version.json")
    return found


def _number(architecture: str) -> Tuple[int, str]:
    digits = re.match(r"\d+", architecture)
    return (int(digits[0]) if digits else 0), architecture
