"""NumPy 2 is installed with packages that were compiled for NumPy 1.

## What it means

Modules compiled for NumPy 1 cannot use NumPy 2: "A module that was compiled using NumPy 1.x cannot be run in NumPy
2". torch then starts with a warning, and every `.numpy()` and `from_numpy()` says "Numpy is not available".

## How envdoctor knows

NumPy is 2 or newer, and the installed torch, pandas, scikit-learn, scipy, pyarrow or matplotlib is older than its
first release for NumPy 2 (table with sources in `compat/pytorch.py`); or, as a warning, another compiled package's
metadata leaves out NumPy 2 as a whole.

## What to do

`pip install "numpy<2"`, or newer releases of the packages that are named.

## When to ignore it

When the package was built here against NumPy 2.
"""

from typing import Iterator, Optional, Tuple

from packaging.version import InvalidVersion, Version

from envdoctor import compat, installing, requirements
from envdoctor.facts import Packages, Python
from envdoctor.finding import Evidence, Finding, Fix, Severity

SEVERITY = Severity.ERROR


def check(packages: Packages, python: Optional[Python]) -> Iterator[Finding]:
    numpy = packages.get("numpy")
    if numpy is None or not numpy.version.split(".")[0].isdigit() or int(numpy.version.split(".")[0]) < 2:
        return
    old = [
        package
        for package in (packages.get(name) for name in compat.NUMPY_2_SINCE)
        if package is not None and _older(package.version, compat.NUMPY_2_SINCE[package.name])
    ]
    certain = bool(old)
    old += [item for item in packages.items if item not in old and requirements.built_for_numpy_1(item)]
    if old:
        names = ", ".join(f"{package.name} {package.version}" for package in old)
        yield Finding(
            message=f"NumPy {numpy.version} is installed with {names}, compiled for NumPy 1.",
            consequence="Using the two together fails: Numpy is not available, _ARRAY_API not found.",
            evidence=(
                Evidence(numpy.location, numpy.version),
                *(Evidence(p.location, p.version) for p in old),
            ),
            fix=Fix(
                "Install NumPy 1",
                (installing.by_pip(python, "'numpy<2'"),),
            ),
            # Metadata alone does not tell whether the compiled part uses NumPy's.
            severity=None if certain else Severity.WARNING,
        )


def _older(version: str, first: Tuple[int, ...]) -> bool:
    try:
        return Version(version).release < first
    except InvalidVersion:
        return False
