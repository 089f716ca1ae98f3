"""What the names of symbols tell: whose they are, and with which string ABI C++ was compiled. Pure."""

import re
from typing import Iterable, Optional

from envdoctor import compat

# Names in torch's namespaces, with type tables and guards; functions of its Python layer; its stable C interface.
_OF_TORCH = re.compile(r"_Z(?:T[IVST]|GV)?N?[KVRO]*(?:3c10|2at|5torch|6caffe2)|_Z\d+THP|aoti_torch_")
_OF_CUDA = re.compile("|".join(f"(?P<{stem}>{start})" for stem, start in compat.CUDA_SYMBOLS.items()))
_LENGTH = re.compile(r"\d+")
# Numbers among template arguments: "Li512E", "Lb1E".
_LITERAL = re.compile(r"L[a-z]n?\d+E")


def is_of_torch(name: str) -> bool:
    """Whether torch's libraries define it, and nothing else does."""
    return _OF_TORCH.match(name) is not None


def cuda_library(name: str) -> Optional[str]:
    """The library of CUDA's, "cudart", whose functions begin so."""
    match = _OF_CUDA.match(name)
    return match.lastgroup if match else None


def uses_other_string_abi(names: Iterable[str], cxx11_abi: Optional[bool]) -> Optional[str]:
    """The first symbol that spells std::string in the way that torch was not built with; None when none does."""
    if cxx11_abi is None:
        return None
    return next(
        (name for name in names if (has_old_string(name) if cxx11_abi else has_new_string(name))), None
    )


def has_new_string(symbol: str) -> bool:
    """std::__cxx11::basic_string in a signature, or the tag of functions that return one."""
    return "NSt7__cxx11" in symbol or "B5cxx11" in symbol


def has_old_string(symbol: str) -> bool:
    """Ss, the abbreviation of the old std::string, outside of names (which stand behind their length)."""
    return "Ss" in _without_names(symbol)


def _without_names(symbol: str) -> str:
    """A mangled symbol with its identifiers taken out: "_ZN3c105ErrorC1ESs" is "_ZNC1ESs"."""
    symbol = _LITERAL.sub("", symbol)
    kept, position = [], 0
    while position < len(symbol):
        length = _LENGTH.match(symbol, position)
        if length is None:
            kept.append(symbol[position])
            position += 1
        else:
            position = length.end() + int(length.group()[:4])
    return "".join(kept)
