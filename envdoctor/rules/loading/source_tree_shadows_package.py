"""The project's folder holds a package of the same name as an installed one, without its compiled modules.

## What it means

Python puts the folder of the script, or the working folder for `python -c`, `-m` and in a notebook, first on its
path. In a checkout it then imports the checkout's package, in which nothing was compiled, in place of the installed
one: "No module named 'vllm._C'", "cannot import name … (unknown location)".

## How envdoctor knows

A top-level package of the tree has no compiled module, and an installed package of that name has some.

## What to do

Run from another folder, or install the checkout itself in place: `pip install --no-build-isolation -e .`.

## When to ignore it

When you never start Python in this folder.
"""

from typing import Iterator, Optional

from envdoctor.facts import CompiledModules, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity

SEVERITY = Severity.WARNING


def check(project: Project, modules: CompiledModules, python: Python) -> Iterator[Finding]:
    for name in project.packages:
        module = _installed(name, modules, python)
        if module is not None:
            yield Finding(
                message=f"This project's folder {name} hides the installed {name} and has no compiled modules.",
                consequence=f"Python started in {project.root} imports the sources and misses the compiled part.",
                evidence=(
                    Evidence(f"{project.root}/{name}", "no compiled module in it"),
                    Evidence(module, "installed"),
                ),
                fix=Fix(
                    "Run from another folder, or install this checkout in place (pip install --no-build-isolation -e .)"
                ),
                location=Location(f"{name}/__init__.py"),
            )


def _installed(name: str, modules: CompiledModules, python: Python) -> Optional[str]:
    """A compiled module of the installed package; one inside the project's own tree would be listed otherwise."""
    folders = tuple(f"{site}/{name}/" for site in python.site_packages)
    return next((module.path for module in modules.items if module.path.startswith(folders)), None)
