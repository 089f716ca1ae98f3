"""`setup.py install` zips the compiled module of a torch extension into an egg, from which it does not load.

## What it means

`python setup.py install` makes an egg, and zips it when it sees no reason not to. A compiled module is then loaded by a
few lines of Python in its place. They load it, but a module that is initialised in several phases, as pybind11 3 makes
them, does not take that place: `ImportError: cannot import name ... from 'package._C'`, although it was built well.
torch's headers bring pybind11.

## How envdoctor knows

The command that `envdoctor run` is given calls `setup.py install`, setup.py declares a torch extension, the installed
setuptools is the one that writes those lines (60 and newer), and nothing tells it to leave eggs unzipped. Whether the
module is of that kind is not known before it is built, so this is a warning. Seen with setuptools 84 and torch 2.14.

In a log, an import counts that fails inside an .egg: a module of that name is there, and its compiled part cannot
be imported.

## What to do

Leave the egg unzipped: `zip_ok = 0` in a configuration file that DIST_EXTRA_CONFIG names, or `zip_safe=False` in
setup.py. Or install with pip, which makes no eggs.

## When to ignore it

When the project is installed with pip.
"""

import re
from typing import Iterator

from packaging.version import Version

from envdoctor.builders import builds_torch_extension
from envdoctor.facts import Environment, Packages, Project, Request
from envdoctor.finding import Evidence, Finding, Fix, Location, SetEnv, Severity, Shim
from envdoctor.log import BuildLog
from envdoctor.requirements import release_of

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")
STAGE = 2

SINCE = Version("60")
INSTALLS = re.compile(r"setup\.py\b[^\n;&|]*\sinstall\b")
CONFIGURATION = "python/distutils.cfg"


def check(
    request: Request,
    project: Project,
    packages: Packages,
    environment: Environment,
) -> Iterator[Finding]:
    setuptools = release_of(packages.version("setuptools"))
    if project.setup is None or not builds_torch_extension(project) or not INSTALLS.search(request.command):
        return
    if setuptools is None or setuptools < SINCE or environment.get("DIST_EXTRA_CONFIG"):
        return
    first = project.setup.extensions[0]
    yield Finding(
        message=f"setup.py install of setuptools {setuptools} zips {first.name} into an egg.",
        consequence="From a zipped egg its names are not found: ImportError: cannot import name.",
        evidence=(
            Evidence(f"{first.file}:{first.line}", f"{first.kind} {first.name}"),
            Evidence("setuptools", str(setuptools)),
        ),
        fix=Fix(
            "Have setuptools leave eggs unzipped",
            (
                Shim(CONFIGURATION, "text", "[easy_install]\nzip_ok = 0\n"),
                SetEnv("DIST_EXTRA_CONFIG", f"{{overlay}}/{CONFIGURATION}"),
            ),
        ),
        location=Location(first.file, first.line),
    )


_STUB = (
    r"cannot import name '?(?P<name>\w+)'? from '(?P<module>[\w.]+)' \((?P<file>[^)\n]*\.egg(?:-tmp)?[/\\][^)\n]*)\)",
    r"module '(?P<module>[\w.]+)' from '(?P<file>[^'\n]*\.egg(?:-tmp)?[/\\][^'\n]*)' has no attribute '(?P<name>\w+)'",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_STUB)
    if hit:
        yield hit.finding(
            (
                f"{hit['module']} is imported from an egg, and the lines that stand in for its compiled"
                f" module lack {hit['name']}."
            ),
            "setup.py install zipped the compiled module, from where it does not load.",
            Fix(
                "pip install --no-build-isolation . in place of setup.py install; or zip_safe=False in setup.py"
            ),
        )
