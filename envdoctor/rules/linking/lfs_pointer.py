"""Files of the project are git-lfs pointers: 130 bytes of text in place of the content.

## What it means

Without git-lfs installed a clone gets the pointers, and so do archives. A header that is a pointer fails with
"'version' does not name a type", a library with "invalid ELF header", a notebook or JSON file with "Expecting
value".

## How envdoctor knows

The files begin with `version https://git-lfs.github.com/spec/v1`.

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
