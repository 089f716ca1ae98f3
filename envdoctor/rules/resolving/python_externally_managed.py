"""The examined Python belongs to the distribution, and pip refuses to install into it.

## What it means

Debian 12, Ubuntu 23.04, Fedora and others mark their Python as externally managed (PEP 668). `pip install .` ends with
`error: externally-managed-environment` before anything is built.

## How envdoctor knows

The marker file EXTERNALLY-MANAGED lies in the interpreter's standard library, the interpreter is not a virtual
environment's, and neither PIP_BREAK_SYSTEM_PACKAGES nor pip's configuration overrides it.

In a log, pip's and uv's `externally-managed-environment` counts.

## What to do

Make a virtual environment and build in it. In a throw-away container, `PIP_BREAK_SYSTEM_PACKAGES=1` is harmless.

## When to ignore it

When the project is only built (`pip wheel .`, CMake, make) and never installed here.
"""

import shlex
from typing import Iterator, Optional

from envdoctor.facts import Configuration, Environment, Project, Python
from envdoctor.finding import Evidence, Finding, Fix, Run, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")


def check(
    project: Project,
    python: Python,
    environment: Environment,
    configuration: Optional[Configuration],
) -> Iterator[Finding]:
    marker = python.externally_managed
    overridden = environment.get("PIP_BREAK_SYSTEM_PACKAGES") or any(
        setting.tool == "pip" and setting.wins and setting.name.endswith("break-system-packages")
        for setting in (configuration.settings if configuration else ())
    )
    if not marker or overridden or not any(build in ("setup.py", "pyproject") for build in project.builds):
        return
    yield Finding(
        message=f"{python.executable} is managed by the distribution; pip does not install into it.",
        consequence="pip install ends with: error: externally-managed-environment.",
        evidence=(Evidence(marker, "PEP 668 marker"),),
        fix=Fix(
            "Build in a virtual environment",
            (Run(f"{shlex.quote(python.executable)} -m venv .venv && . .venv/bin/activate"),),
        ),
    )


# Source: pip's exceptions.py, PEP 668's marker of Debian and Fedora, uv.
_REFUSED = (
    r"error: externally-managed-environment",
    r"This environment is externally managed",
    r"The interpreter at \S+ is externally managed",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_REFUSED)
    if hit:
        yield hit.finding(
            "This Python belongs to the distribution, and pip refuses to install into it.",
            "Nothing was built or installed.",
            Fix(
                "Build in a virtual environment: python3 -m venv .venv && . .venv/bin/activate;"
                " in a throw-away container PIP_BREAK_SYSTEM_PACKAGES=1 is harmless"
            ),
        )
