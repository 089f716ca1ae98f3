"""What compilers and linkers are asked for in flags: architectures, C++ standards, libraries, folders."""

import re
from typing import Iterator, List, Sequence, Tuple

from envdoctor import compat

_ARCHITECTURE_OPTION = re.compile(
    r"(?<![\w-])(?:--?(?:gencode|generate-code|arch|gpu-architecture|code|gpu-code))[\s=]*[\"']?([^\s\"']+)"
)
_NAMED = re.compile(r"(?<![A-Za-z0-9])(?:compute|sm|lto)_(\d{2,3}[af]?)(?!\w)")
_WORD = re.compile(r"(?:native|all|all-major)$")
_ENTRY = re.compile(r"(\d{2,3}[af]?)(?:-(?:real|virtual))?$")
_TORCH_ENTRY = re.compile(r"(\d{1,2})\.(\d[af]?)(?:\+PTX)?$")
_STANDARD = re.compile(r"(?:^|[\s\"',=])--?std[=\s:]*[\"']?(?:c|gnu)\+\+(\w\w)(?!\w)")
_OLD_NAMES = {"0x": "11", "1y": "14", "1z": "17", "2a": "20", "2b": "23", "2c": "26"}
_LIBRARY = re.compile(r"(?<![^\s\"',])-l\s*(?!ineinfo\b)([A-Za-z_][\w.+-]*|:[\w.+-]+)")
_INCLUDE = re.compile(r"(?<![^\s\"',])-(?:I|isystem\s)\s*[\"']?([^\s\"',]+)")
_SHARED_RUNTIME = re.compile(r"(?<![\w-])--?cudart[\s=]+shared\b")


def architectures(flags: str) -> List[str]:
    """GPU architectures that nvcc is asked for: "80", "90a", "native", "all-major"."""
    found: List[str] = []
    if "arch" not in flags and "code" not in flags:
        return found
    for value in _ARCHITECTURE_OPTION.findall(flags):
        found.extend(_NAMED.findall(value))
        if _WORD.match(value):
            found.append(value)
    return list(dict.fromkeys(found))


def architecture_list(value: str) -> List[str]:
    """The entries of CMAKE_CUDA_ARCHITECTURES or TORCH_CUDA_ARCH_LIST, normalised; others are left out."""
    found: List[str] = []
    for entry in re.split(r"[;,\s]+", value.strip("\"'")):
        plain, dotted = _ENTRY.match(entry), _TORCH_ENTRY.match(entry)
        if plain:
            found.append(plain.group(1))
        elif dotted:
            found.append("".join(dotted.groups()))
        elif _WORD.match(entry):
            found.append(entry)
    return list(dict.fromkeys(found))


def standards(flags: str) -> List[str]:
    """C++ standards asked for: "14", "17"."""
    if "std" not in flags:
        return []
    return [
        _OLD_NAMES.get(text, text)
        for text in _STANDARD.findall(flags)
        if text in _OLD_NAMES or text.isdigit()
    ]


def libraries(flags: str) -> List[str]:
    """Names after -l, and the shared run time that `-cudart shared` links."""
    if "-l" not in flags and "cudart" not in flags:
        return []
    names = [name for name in _LIBRARY.findall(flags) if not name.endswith((".o", ".a"))]
    return names + (["cudart"] if _SHARED_RUNTIME.search(flags) else [])


def include_dirs(flags: str) -> List[str]:
    """Folders after -I and -isystem."""
    if "-I" not in flags and "-isystem" not in flags:
        return []
    return [folder for folder in _INCLUDE.findall(flags) if folder]


def nvcc_options(flags: str) -> List[str]:
    """Options that only newer releases of nvcc know: "std=c++20", "compress-mode"."""
    found = [f"std=c++{standard}" for standard in standards(flags)]
    words = (word.lstrip("-").partition("=")[0] for word in flags.split() if word.startswith("-"))
    return found + [word for word in dict.fromkeys(words) if word in compat.NVCC_FLAG_SINCE]


def split(flags: Sequence[str]) -> Iterator[Tuple[str, str]]:
    """("std", "17"), ("arch", "80"), ("lib", "cudart"), ("include", "csrc") of a list of flags."""
    text = " ".join(flags)
    for kind, read in (
        ("std", standards),
        ("arch", architectures),
        ("lib", libraries),
        ("include", include_dirs),
    ):
        for value in read(text):
            yield kind, value
