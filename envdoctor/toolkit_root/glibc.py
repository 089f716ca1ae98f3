"""The math headers of CUDA 11 and 12 for the glibc of today, which has functions that they declare otherwise.

As NVIDIA does it in crt/math_functions.h and .hpp of 13.5.37: with glibc's exception specification, and without
definitions of their own. Nothing changes where glibc is older.
"""

import re
from typing import Dict, Match

HEADERS = ("include/crt/math_functions.h", "include/crt/math_functions.hpp")
#: Macro -> (functions, condition). Source: math/bits/mathcalls.h of glibc 2.41 and 2.43.
_WANTED = "(__GLIBC_USE_ISOC23 || defined(__STDC_WANT_IEC_60559_FUNCS_EXT__))"
_SINCE: Dict[str, str] = {"41": "sinpi sinpif cospi cospif", "42": "rsqrt rsqrtf"}
_MINOR = {name: minor for minor, names in _SINCE.items() for name in names.split()}
_NAMES = "|".join(_MINOR)
_BEGINNING = "#if defined(__cplusplus) && defined(__CUDACC__)\n"
_DECLARED = re.compile(rf"\b(?P<name>{_NAMES})\((?:double|float) x\)(?=;)")
_DEFINED = re.compile(
    rf"^__func__\((?:double|float) (?P<name>{_NAMES})\([^)]*\)\)(?:;\n|\n\{{\n.*?^\}}\n)",
    re.MULTILINE | re.DOTALL,
)


def mended(text: str) -> str:
    """One of the headers, so changed."""
    text = _DECLARED.sub(lambda match: f"{match[0]} {_macro(match)}", text)
    text = _DEFINED.sub(lambda match: f"#if !{_macro(match)}_IS_THERE\n{match[0]}#endif\n", text)
    return text.replace(_BEGINNING, _BEGINNING + _macros(), 1) if f" {_PREFIX}" in text else text


_PREFIX = "ENVDOCTOR_GLIBC_2_"


def _macro(match: "Match[str]") -> str:
    return _PREFIX + _MINOR[match["name"]]


def _macros() -> str:
    lines = ["#include <features.h>"]
    for minor in _SINCE:
        name = f"{_PREFIX}{minor}"
        lines += [
            "#ifdef __GLIBC_PREREQ",
            f"#if __GLIBC_PREREQ(2, {minor}) && {_WANTED}",
            f"#define {name} __THROW",
            f"#define {name}_IS_THERE 1",
            "#endif",
            "#endif",
            f"#ifndef {name}",
            f"#define {name}",
            "#endif",
        ]
    return "\n".join(lines) + "\n"
