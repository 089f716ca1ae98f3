"""pip is told to install for the user, and this virtual environment does not see the user's packages.

## What it means

`PIP_USER=1`, or `user = true` in pip's configuration, makes every `pip install` one of `pip install --user`. In a
virtual environment pip refuses that: `Can not perform a '--user' install. User site-packages are not visible in this
virtualenv.` Together with `--target` or `--prefix` it refuses as well.

## How envdoctor knows

The variable or the configuration says so, and the active Python is a virtual environment's.

In a log, pip's `Can not perform a '--user' install` counts.

## What to do

`PIP_USER=0` for the build; for good: remove the setting.

## When to ignore it

When the environment was made with --system-site-packages, which does see them.
"""

from typing import Iterator, Optional, Tuple

from envdoctor.facts import Configuration, Environment, Python
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR

TRUE = ("1", "true", "yes", "on", "y", "t")


def check(
    python: Python,
    environment: Environment,
    configuration: Optional[Configuration],
) -> Iterator[Finding]:
    said = _said(environment, configuration)
    if python.prefix == python.base_prefix or said is None or said[1].lower() not in TRUE:
        return
    if any("site-packages" in folder and not folder.startswith(python.prefix) for folder in python.path):
        return  # the environment looks outside
    yield Finding(
        message=f"pip is told to install for the user, and {python.prefix} does not see the user's packages.",
        consequence="pip install stops: Can not perform a '--user' install.",
        evidence=(Evidence(*said), Evidence(python.found_via, python.executable)),
        fix=Fix("Install into the environment", (SetEnv("PIP_USER", "0"),)),
    )


def _said(environment: Environment, configuration: Optional[Configuration]) -> Optional[Tuple[str, str]]:
    """Who decides on --user, and how."""
    value = environment.get("PIP_USER")
    if value is not None:
        return "PIP_USER", value
    for setting in configuration.settings if configuration else ():
        if setting.tool == "pip" and setting.wins and setting.name in ("global.user", "install.user"):
            return f"{setting.source}: {setting.name}", setting.value
    return None


# Source: pip's commands/install.py, decide_user_install.
_REFUSED = (
    r"Can not perform a '--user' install\. User site-packages are not visible in this virtualenv",
    r"Can not combine '--user' and '--(?:prefix|target)'",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_REFUSED)
    if hit:
        yield hit.finding(
            "pip is told to install for the user, and this environment does not see the user's packages.",
            "pip stops before it installs anything.",
            Fix("Set PIP_USER=0 and leave --user out; pip config debug says where user = true is set"),
        )
