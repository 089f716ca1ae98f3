"""CPU kernels are compiled out because their flags were lost.

## What it means

Kernels for AVX2, AVX-512 or ARM dot products are compiled only where the compiler's flags allow them. When
CFLAGS or CXXFLAGS are overridden, -march or -mcpu goes with them, the kernels vanish behind their #ifdefs,
and the linker reports their names as undefined.

## How envdoctor knows

It cannot be foreseen: which kernels a project expects to exist is in its code, not in its files' names or
flags. From a log it is known by undefined references to names of CPU kernels while the compile lines have no
-march, -mcpu or -m flag.

## What to do

Add the flags instead of replacing them (-march=native, or the processor that is meant), or unset CFLAGS and
CXXFLAGS.

## When to ignore it

Never.
"""

from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


FOLLOWS = "The compiler does not generate those instructions, whatever the processor has."

# Source: gcc (tree-inline.c), clang (err_function_needs_feature, err_builtin_needs_feature), assemblers of ARM, and
# the #errors of gcc's intrinsic headers.
_REFUSED = (
    r"inlining failed in call to (?:'?always_inline'? )?'?(?P<what>[^':\n]{1,200})'? ?: target specific option",
    r"always_inline function '(?P<what>\w+)' requires target feature '[^'\n]+'",
    r"'(?P<what>\w+)' needs target feature \S+",
    r"[Ss]elected processor does not support (?:ARM mode )?'?(?P<what>[^'\n]{1,60})",
    r"error: instruction requires: (?P<what>[^\n]{1,60})",
    (
        r"#error ['\"]?(?P<what>(?:MMX|S?SSE[\w.]*|AVX[\w.]*|FMA\w*|F16C|AES|PCLMUL|POPCNT|BMI\w*|XOP|NEON)"
        r" (?:instruction set|intrinsics)? ?not (?:enabled|available))"
    ),
    (
        r"#error [^\n]{0,60}(?P<what>(?:S?SSE|AVX|NEON|F16C|FMA)[\w.]*)[^\n]{0,40}"
        r"(?:required|must be enabled|not enabled|-m(?:avx|s?sse|fpu|fma))"
    ),
    r"#error ['\"]?You must enable (?P<what>NEON|AVX\w*|SSE\w*) instructions",
)
# Kernels for one processor family have it in their names; iqk_ are ik_llama.cpp's.
_KERNELS = (
    (
        r"(?:undefined reference to|undefined (?:reference|symbol):|unresolved external symbol) ['\"]?"
        r"(?P<what>[\w:]{0,80}(?:iqk_|(?i:avx|_sse\d|neon|_sve|sdot|dotprod|_amx|vnni|simd))\w*)"
    ),
    r"Undefined symbols for architecture \w+: \"_?(?P<what>\w*(?:iqk_|(?i:avx|_sse\d|neon|_sve|dotprod|simd))\w*)",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    refused = log.first(*_REFUSED)
    if refused:
        yield refused.finding(
            f"The code uses {refused['what']}, and the compiler's flags do not allow it.",
            FOLLOWS,
            Fix("Add the flag that allows it to CFLAGS and CXXFLAGS, or -march=native (ARM: -mcpu=native)"),
        )
    kernel = log.first(*_KERNELS)
    if kernel:
        yield kernel.finding(
            f"The CPU kernel {kernel['what']} is called, and was not compiled.",
            FOLLOWS + " Its kernels vanish behind their #ifdefs.",
            Fix(
                "Add to the project's CFLAGS and CXXFLAGS instead of replacing them, with -march=native"
                " (ARM: -mcpu=native), and build from scratch"
            ),
            confidence="medium",
        )
