"""What compilers, nvcc and CMake say in logs of a compiler that cannot compile C++, by what is the matter. Pure."""

# Of the compiler that CC, CXX, CUDAHOSTCXX or an option names. Source: CMakeDetermineCompiler.cmake and its kin; nvcc.
NOT_THERE = (
    (
        r"Could not find (?:the )?compiler (?:set|specified) in (?:the )?environment variable"
        r" (?P<variable>CC|CXX|CUDAHOSTCXX|FC)\b(?:: (?P<path>\S[^\n]*?)\.?$)?"
    ),
    (
        r"CMAKE_C(?:XX)?_COMPILER: (?![^\n]*pip-build-env-)(?P<path>\S[^\n]*?)"
        r" is not a full path to an existing compiler tool"
    ),
    (
        r"^(?=[^\s:]*[/\d])(?P<path>[^\s:]+): No such file or directory"
        r"\nnvcc fatal\s*: Failed to preprocess host compiler properties"
    ),
)
# Source: torch's cpp_extension, which gives the version 0.0.0 to what it cannot ask.
WITHOUT_VERSION = (
    r"[Tt]he current installed version of (?P<path>\S+) \(0(?:\.0)*\) is less than the minimum required",
)
# Source: nvcc and its crt/host_config.h, of compilers that it does not work with.
NO_HOST_COMPILER = (
    r"unsupported (?:ICC|pgc\+\+) configuration|unsupported Intel ICX compiler|unsupported xlC version",
    r"ICC is not supported as a host compiler|!!! UNSUPPORTED COMPILER !!!",
    r"are the only supported host compilers on Mac OS X",
    r"nvcc fatal\s*: Host compiler targets unsupported OS",
)
# Projects that insist on clang, in what words they like, and gcc's refusal of options that clang alone has.
CLANG_WANTED = (
    (
        r"(?:CMake Error at [^\n]+\n\s*|[Ee]rror: [^\n]{0,120}|#error[^\n]{0,120})"
        r"\b[Cc]lang(?:\+\+|-cl)?(?: compiler)? is required"
    ),
    (
        r"(?:CMake Error at [^\n]+\n\s*|[Ee]rror: [^\n]{0,120}|#error[^\n]{0,120})"
        r"(?:requires?|[Mm]ust (?:be built|be compiled|use)) (?:with |the |using )*(?:LLVM[ /])?[Cc]lang\b"
    ),
    r"unrecognized command[- ]line option ['\"]-(?:stdlib=libc\+\+|Weverything|fcolor-diagnostics)",
)
# Of a compiler without its own headers and programs. Source: gcc's driver and clang, shells, Apple's xcrun and ld.
INCOMPLETE = (
    (
        r"error: '?(?:stddef|stdarg|stdbool|float|iso646|limits|varargs|stdalign|stdnoreturn)\.h'?"
        r"(?:: No such file| file not found)"
    ),
    (
        r"(?:error trying to exec|cannot execute|[Cc]annot exec|unable to exec\w*)"
        r" '?(?:cc1|cc1plus|cc1obj|collect2|lto1|lto-wrapper|as)'?\b"
    ),
    r"installation problem, cannot exec '?\w+",
    r"/(?:cstdlib:\d+:\d+|cmath:\d+:\d+): fatal error: (?:stdlib|math)\.h: No such file",
    (
        r"\b(?:gcc|g\+\+|cc1plus|clang(?:\+\+)?|ld)(?:-\d+)?'?"
        r": cannot execute(?: binary file|: required file not found)"
    ),
    (
        r"(?:^|[\s:/])(?:[\w.-]*-)?(?:gcc|g\+\+|c\+\+|cc|cc1plus|clang(?:\+\+)?)(?:-[\d.]+)?:"
        r" (?:\d+: )?Exec format error"
    ),
    r"ld: library not found for -lSystem|You have not agreed to the Xcode license",
)
# Of the C and C++ libraries' headers and start files. Source: gcc, clang, GNU ld, autoconf.
NO_C_LIBRARY = (
    (
        r"fatal error: '?(?:stdio|stdlib|string|features|assert|errno|math|wchar|sys/cdefs|sys/types"
        r"|gnu/stubs-32|bits/libc-header-start|bits/c\+\+config|linux/limits|asm/\w+)\.?h?'?"
        r"(?:: No such file| file not found)"
    ),
    (
        r"fatal error: '?(?:iostream|cstdint|cstddef|cstdlib|cmath|string|vector|algorithm|type_traits|utility"
        r"|memory|map|atomic|new|limits)'?(?:: No such file| file not found)"
    ),
    r"cannot find S?(?:crt1|crti|crtn|crtbegin|crtbeginS)\.o",
    r"C compiler cannot create executables",
)
# Source: MSVC, MSBuild, CMake, nvcc and setuptools, without the environment of vcvarsall.bat.
NO_WINDOWS_SDK = (
    r"could not open '?(?:kernel32|user32|libcmt|msvcrtd?|msvcprtd?|ucrtd?|oldnames|uuid|vcruntime)\.lib",
    (
        r"LNK1(?:104|181): cannot open (?:input )?file '(?i:kernel32|user32|gdi32|libcmtd?|libcpmtd?|msvcrtd?"
        r"|msvcprtd?|ucrtd?|libucrt|oldnames|uuid|vcruntime|advapi32|ole32|shell32)\.lib'"
    ),
    (
        r"C1083: Cannot open include file: '(?:corecrt|stddef|stdio|stdlib|crtdefs|stdint|io|float|limits|assert"
        r"|string|math|windows|Windows|basetsd|excpt|vcruntime|winapifamily|ctype|errno|wchar|time|inttypes"
        r"|cstddef|cstdint|cstdlib|type_traits|vector|string|algorithm|yvals|yvals_core)(?:\.h)?'"
    ),
    r"no include path set",
    r"LNK1158: cannot run '(?:rc|mt|cvtres)\.exe'",
    r"CMAKE_(?:MT|RC_COMPILER)-NOTFOUND",
    r"(?:DISTUTILS_USE_SDK is not set|Please set 'DISTUTILS_USE_SDK=1')",
    (
        r"nvcc fatal\s*: (?:Could not set up the environment"
        r"|.*[Vv]isual Studio configuration file .*could not be found)"
    ),
    r"Microsoft Visual Studio configuration file 'vcvars\w*\.bat' could not be found",
    r"MSB8020: The build tools for .* cannot be found",
    r"MSB8036: The Windows SDK version .* was not found",
    r"[Ll]ibraries? machine type '\w+' conflicts with target machine type|LNK1112: module machine type",
)
# Source: CMakeTestCXXCompiler.cmake, whatever the reason (a log may end, or be cut, where the reason would be told)...
_FIRST_TEST = (
    r"(?:The C(?:XX|\+\+)? compiler|C(?:XX)? compiler) \"?(?P<path>[^\"\n]*?)\"?"
    r" is not able to compile a simple test program"
)
_CUT_OFF = (
    r"\.? It fails with the following output:\s*(?:(?:Change Dir|Run Build Command)[^\n]*\s*)*(?:\Z|^\S)"
)
FIRST_TEST_FAILS = (rf"{_FIRST_TEST}(?!{_CUT_OFF})",)
# ... and where the output of the test is all there and has no message of a compiler or linker, the file's own apart.
_MESSAGE = (
    r"[^\n]*(?:\berror: |\bfatal\b|Error\b(?! \d+$)|undefined|[Cc]annot|not found|No such|[Dd]enied|No space"
    r"|[Uu]nsupported|unrecognized|Killed|[Mm]emory|[Aa]ssert|license)"
)
FIRST_TEST_FAILS_SILENTLY = (
    (
        rf"{_FIRST_TEST}(?=\. It fails with the following output: Change Dir: [^\n]*\n"
        rf"(?:(?:\s*(?P=path): (?![^\n]*error)|(?!{_MESSAGE}))[^\n]*\n){{2,40}}?"
        r"\s*CMake will not be able to)"
    ),
)
