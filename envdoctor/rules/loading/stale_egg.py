"""A left-over of an old installation hides or doubles an installed package.

## What it means

`python setup.py install` leaves an egg (often "0.0.0") and a line in easy-install.pth; `setup.py develop` leaves an
egg-link. Later installations by pip do not remove them, and Python may import the old copy. Compiled modules that
old packages put at the top of site-packages (`autogptq_cuda_64….so`) stay as well and are imported by their name.

## How envdoctor knows

A distribution is there twice, one of them an egg or egg-link; or the project that is built here has an egg of its
own installed; or a compiled module with the name of one of the project's extensions lies in site-packages and
belongs to no package.

In a log, pip's refusal to uninstall what distutils installed counts, and an egg link that leads elsewhere.

## What to do

Uninstall the name until pip says that it is not installed, then install once.

## When to ignore it

When the egg-link is your development installation, and the other copy is the one to remove.
"""

import posixpath
import shlex
from typing import Iterator, Optional

from packaging.utils import canonicalize_name

from envdoctor.facts import CompiledModules, Package, Packages, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Run, Safety, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING

EGGS = ("egg", "egg-link")


def check(
    packages: Packages,
    python: Python,
    modules: Optional[CompiledModules],
    project: Optional[Project],
) -> Iterator[Finding]:
    own = canonicalize_name(project.name) if project and project.name else None
    for egg in packages.items:
        if egg.kind not in EGGS:
            continue
        other = next((p for p in packages.items if p.name == egg.name and p.location != egg.location), None)
        if other is not None:
            yield _double(egg, other, packages, python)
        elif egg.kind == "egg" and egg.name == own:
            yield _old_build(egg, python)
    yield from _stray_modules(modules, project, python)


def _double(egg: Package, other: Package, packages: Packages, python: Python) -> Finding:
    first = packages.get(egg.name) or egg
    return Finding(
        message=f"{egg.name} is installed twice: {egg.version} ({egg.kind}) and {other.version} ({other.kind}).",
        consequence=f"Python imports {first.version}; pip may show or remove the other.",
        evidence=(
            Evidence(egg.location, f"{egg.version}, {egg.kind}"),
            Evidence(other.location, f"{other.version}, {other.kind}"),
        ),
        fix=Fix(
            "Remove both, then install once",
            (Run(f"{shlex.quote(python.executable)} -m pip uninstall {egg.name}", Safety.UNSAFE),),
        ),
    )


def _old_build(egg: Package, python: Python) -> Finding:
    return Finding(
        message=f"An egg of this project, {egg.name} {egg.version}, is installed from an earlier setup.py install.",
        consequence="easy-install.pth may put it before what is built and installed now.",
        evidence=(Evidence(egg.location, f"{egg.version}, egg"),),
        fix=Fix(
            "Remove it before installing again",
            (Run(f"{shlex.quote(python.executable)} -m pip uninstall {egg.name}", Safety.UNSAFE),),
        ),
    )


def _stray_modules(
    modules: Optional[CompiledModules], project: Optional[Project], python: Python
) -> Iterator[Finding]:
    extensions = project.setup.extensions if project and project.setup else ()
    names = {extension.name for extension in extensions if "." not in extension.name}
    for module in modules.items if modules else ():
        folder, file = posixpath.split(module.path)
        if module.package is None and folder in python.site_packages and file.partition(".")[0] in names:
            yield Finding(
                message=f"{file} of an earlier installation lies in site-packages and belongs to no package.",
                consequence="import takes it in place of the one that this project builds.",
                evidence=(Evidence(module.path, "listed by no installed package"),),
                fix=Fix(f"Remove {module.path}"),
            )


# Source: pip's req_uninstall.py, before and since 21.
_MESSAGES = (
    r"Cannot uninstall '?(?P<name>[\w.-]+)'?\. It is a distutils installed project",
    r"Cannot uninstall (?P<name>[\w.-]+) \S+ [^\w\n]{0,8}It is a distutils installed project",
    r"Egg-link (?P<name>\S+) .{0,60}does not match installed location",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_MESSAGES)
    if hit:
        yield hit.finding(
            f"{hit['name']} is left from an old installation that pip cannot remove.",
            "pip does not install another version over it.",
            Fix(
                "Install into a virtual environment; or remove the old copy (the distribution's package manager, or its"
                " folder and egg-info), or pip install --ignore-installed"
            ),
            confidence="medium",
        )
