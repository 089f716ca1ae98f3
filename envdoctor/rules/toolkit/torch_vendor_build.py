"""torch is a vendor's own build, and something asks for another one.

## What it means

Images of NVIDIA and other vendors hold a torch such as 1.10.0a0+0aef44c: built from a commit, with its own
CUDA, compilers and C++ ABI. By version order it is older than 1.10.0, so a requirement such as torch>=1.10 is
not met, and pip replaces it with a public wheel. Everything in the image that was compiled against the
vendor's torch then fails to load (undefined symbols), and the CUDA version changes with it.

## How envdoctor knows

The installed torch has a vendor's version, and a requirement of this project or of an installed package does
not accept it.

In a log, pip's lines count in which it replaces a vendor's torch, where something then does not load.

## What to do

Keep pip from replacing it: a constraints file with the installed version, or `pip install --no-deps`. Or
leave the vendor's environment altogether and use a new virtual environment with public wheels only.

## When to ignore it

When nothing else of the image is used.
"""

from typing import Iterator, Optional, Tuple

from envdoctor import requirements
from envdoctor.facts import Packages, Project, Torch
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING


def check(torch: Torch, packages: Packages, project: Optional[Project]) -> Iterator[Finding]:
    if not torch.vendor:
        return
    refusing = [
        (source, text)
        for source, text in (*_of_project(project), *_of_packages(packages))
        if _refuses(text, torch.version)
    ]
    if refusing:
        source, text = refusing[0]
        yield Finding(
            message=f"torch {torch.version} is a vendor's build, and {source} asks for {text}.",
            consequence="pip replaces it: what was compiled against it no longer loads, and its CUDA changes.",
            evidence=(
                Evidence(torch.found_via, f"torch {torch.version}, CUDA {torch.cuda}"),
                *(Evidence(where, what) for where, what in refusing[:5]),
            ),
            fix=Fix(f"Install with a constraints file that says torch=={torch.version}, or with --no-deps"),
        )


def _of_project(project: Optional[Project]) -> Tuple[Tuple[str, str], ...]:
    if project is None:
        return ()
    written = (
        *project.requirements,
        *project.build_requires,
        *(project.setup.requirements if project.setup else ()),
    )
    return tuple((item.place, item.text) for item in written)


def _of_packages(packages: Packages) -> Tuple[Tuple[str, str], ...]:
    return tuple(
        (f"{package.name} {package.version}", text)
        for package in packages.items
        for text in package.requires
        if "extra ==" not in text
    )


def _refuses(text: str, version: str) -> bool:
    requirement = requirements.parse(text)
    return (
        requirement is not None
        and requirement.name == "torch"
        and not requirements.accepts(requirement, version)
    )


# pip replaces it, or is asked for a version that only the vendor has. The commit, behind a0, is the vendor's mark.
_VENDORS = r"(?P<version>\d+\.\d+\.\d+a0\+(?:git)?[0-9a-f]{7,}[\w.]*)"
_REPLACED = (rf"Found existing installation: torch {_VENDORS}", rf"Uninstalling torch-{_VENDORS}")


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_REPLACED)
    if hit and log.has(r"undefined symbol", r"ImportError", r"cannot open shared object file"):
        yield hit.finding(
            f"pip replaces the vendor's own torch {hit['version']} by a public one.",
            "What the image has compiled against the vendor's torch no longer loads.",
            Fix(
                "Start from the image again and keep its torch: `pip freeze | grep ^torch > keep.txt`, then"
                " `pip install -c keep.txt …` or --no-deps; or use a new virtual environment with public wheels only"
            ),
        )
