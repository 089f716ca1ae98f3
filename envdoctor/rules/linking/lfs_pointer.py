"""Files of the project are git-lfs pointers: 130 bytes of text in place of the content.

## What it means

Without git-lfs installed a clone gets the pointers, and so do archives. A header that is a pointer fails with
"'version' does not name a type", a library with "invalid ELF header", a notebook or JSON file with "Expecting
value".

## How envdoctor knows

The files begin with `version https://git-lfs.github.com/spec/v1`.

In a log, the pointer's own lines count where a program reads or shows them, and what the loader, compilers and
Python's pickle say of such a file.

## What to do

Install git-lfs, then `git lfs install --local && git lfs pull` in the project. An archive has no content to fetch:
clone the repository.

## When to ignore it

When the files (models, pictures, notebooks) are not needed for what you do: pointers that are no sources or
libraries are only a hint.
"""

from typing import Iterator

from envdoctor.facts import Project
from envdoctor.finding import Evidence, Finding, Fix, Location, Run, Safety, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
STAGE = 0

_BUILT = (
    *(
        ".h",
        ".hh",
        ".hpp",
        ".hxx",
        ".cuh",
        ".inc",
        ".inl",
        ".ipp",
        ".tcc",
        ".c",
        ".cc",
        ".cpp",
        ".cxx",
        ".cu",
        ".ptx",
    ),
    *(
        ".py",
        ".pyx",
        ".pyi",
        ".cmake",
        ".a",
        ".so",
        ".whl",
        ".cubin",
        ".fatbin",
        "CMakeLists.txt",
        "Makefile",
    ),
)


def check(project: Project) -> Iterator[Finding]:
    for built in (True, False):
        paths = [path for path in project.lfs_pointers if path.endswith(_BUILT) is built]
        if not paths:
            continue
        many = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield Finding(
            message=f"{paths[0]}{many} {'are' if many else 'is'} git-lfs pointer text, not content.",
            consequence="Compiling or loading them fails."
            if built
            else "What reads them finds text in place of the content.",
            evidence=tuple(
                Evidence(path, "version https://git-lfs.github.com/spec/v1") for path in paths[:5]
            ),
            fix=Fix(
                "Fetch the content (git-lfs has to be installed)",
                (Run("git lfs install --local && git lfs pull", Safety.SAFE),),
            ),
            location=Location(paths[0], 1),
            severity=Severity.ERROR if built and project.builds else Severity.INFO,
        )


# The pointer itself, shown or read as source by gcc, clang and MSVC; Python's pickle and llama.cpp, which name its
# first letters; git and git-lfs.
_POINTER = (
    r"version https://git-lfs\.github\.com/spec/v\d",
    r"oid sha256:[0-9a-f]{64} size \d+",
    r"'version' does not name a type",
    r"unknown type name 'version'",
    r"identifier \"version\" is undefined",
    r"missing ';' before identifier 'https'",
    r"invalid load key, 'v'\.",
    r"invalid magic characters:? '?vers\b",
    r"configured for Git LFS but 'git-lfs' was not found",
    r"git-lfs(?:\.exe)?(?: filter-process| smudge)?: (?:git-lfs: )?(?:command )?not found",
    r"git: 'lfs' is not a git command",
)
# The loader, of any library that is no ELF file.
_NO_ELF = r"\.so(?:\.\d+)*: invalid ELF header"
# A library that is text, and a safetensors file whose first eight bytes are no length.
_TEXT = (
    r"\.(?:so|a)(?:\.\d+)*: ?(?:error: )?file format not recognized; treating as linker script",
    r"deserializing header: [Hh]eader ?[Tt]oo ?[Ll]arge",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    for confidence, patterns in (("high", _POINTER), ("medium", _TEXT), ("low", (_NO_ELF,))):
        hit = log.first(*patterns)
        if hit:
            yield hit.finding(
                "A file of the project is a git-lfs pointer: a few lines of text in place of the content.",
                "What compiles, links or loads it reads the words 'version https://git-lfs...' and fails.",
                Fix("In the clone: git lfs install --local && git lfs pull (install git-lfs first)"),
                confidence,
            )
            return
