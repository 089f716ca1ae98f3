"""nvcc is reached through a link to the file alone, and does not find its own toolkit.

## What it means

nvcc reads nvcc.profile beside the name it was called by; that file tells where its headers, libraries and
cicc are. A link such as ~/bin/nvcc or /usr/bin/nvcc to .../bin/nvcc has no profile beside it: `nvcc
--version` works, and every compilation ends with "cuda_runtime.h: No such file or directory" or "cicc: not
found".

## How envdoctor knows

The first nvcc on PATH is a link to a file, and asked for its root it names none.

In a log, nvcc's words count when it misses its own parts: `Path to libdevice library not specified`, `cicc: not
found`.

## What to do

Put the toolkit's own bin folder on PATH, or use a script of one line: `exec /path/to/bin/nvcc "$@"`. Linking
the whole toolkit's folder is fine.

## When to ignore it

When the build names nvcc by another path.
"""

import posixpath
from typing import Iterator, Optional

from envdoctor import builders, toolkit_cures
from envdoctor.facts import Environment, NvccPath, Nvccs, Project, Toolkits
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(
    nvccs: Nvccs,
    environment: Environment,
    toolkits: Optional[Toolkits],
    project: Optional[Project],
) -> Iterator[Finding]:
    first = next((item for item in nvccs.items if item.wins), None)
    if first is None or first.kind != "link" or first.root or not toolkit_cures.wants_nvcc(project):
        return
    if _not_used(environment, project):
        return
    yield Finding(
        message=f"{first.path} is a link to {first.real} and does not find its toolkit.",
        consequence="Compilations end with cuda_runtime.h: No such file or directory.",
        evidence=(
            Evidence(first.path, f"-> {first.real}"),
            Evidence(f"{posixpath.dirname(first.path)}/nvcc.profile", "not there"),
        ),
        fix=_fix(first, toolkits),
        # A Makefile may well take $(CUDA_HOME)/bin/nvcc instead.
        severity=Severity.WARNING if environment.get("CUDA_HOME") or environment.get("CUDA_PATH") else None,
    )


def _not_used(environment: Environment, project: Optional[Project]) -> bool:
    """torch asks CUDA_HOME before PATH, CMake CUDACXX."""
    if builders.builds_torch_extension(project):
        return bool(environment.get("CUDA_HOME") or environment.get("CUDA_PATH"))
    return builders.builds_with_cmake(project) and bool(environment.get("CUDACXX"))


def _fix(first: NvccPath, toolkits: Optional[Toolkits]) -> Fix:
    own = next((item for item in (toolkits.items if toolkits else ()) if item.nvcc == first.real), None)
    title = f"Put {posixpath.dirname(first.real)} first on PATH"
    if own:
        return Fix(title, toolkit_cures.use(own))
    return Fix(title, (SetEnv("PATH", posixpath.dirname(first.real), "prepend"),))


# nvcc without its nvcc.profile does not know where its headers, its libdevice and its own programs are.
_LOST = (
    r"nvcc fatal\s*: Path to libdevice library not specified",
    r"\b(?:cicc|cudafe\+\+|cudafe|ptxas|fatbinary): (?:command )?not found",
    r"nvcc (?:fatal|error)\s*: .*'?(?:cicc|cudafe\+\+)'?.*(?:No such file|not found)",
    r"(?:cc1plus|cc1|<built-in>|<command-line>)\S{0,20}: fatal error: '?cuda_runtime\.h'?: No such file",
)
_HEADER = (r"cuda_runtime\.h: No such file", r"cannot find -lcudart")
_LINK = (r"\bnvcc -> (?P<to>/\S+/bin/nvcc)\b", r"ln -\w+ (?P<to>/\S+/bin/nvcc) \S+")


def explain(log: BuildLog) -> Iterator[Finding]:
    link = log.first(*_LINK)
    hit = log.first(*_LOST) or (link and log.first(*_HEADER))
    # Headers that really are absent say the same: cuda-headers-missing.
    decided = link or (hit and ("libdevice" in hit.text or "cicc" in hit.text))
    if hit:
        root = link["to"].rpartition("/bin/")[0] if link else "/usr/local/cuda"
        yield hit.finding(
            "nvcc does not find the parts of its own toolkit: it is called through a link to the file alone.",
            "It has no nvcc.profile beside it, and so neither headers nor libraries.",
            Fix(
                f"Put the toolkit's own folder on PATH (`export PATH={root}/bin:$PATH`) and remove the link;"
                " `ls -l $(which nvcc)` shows it"
            ),
            "high" if decided else "medium",
            (link,) if link else (),
        )
