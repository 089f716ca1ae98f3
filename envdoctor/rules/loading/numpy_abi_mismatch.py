"""NumPy 2 is installed with packages that were compiled for NumPy 1.

## What it means

Modules compiled for NumPy 1 cannot use NumPy 2: "A module that was compiled using NumPy 1.x cannot be run in NumPy
2". torch then starts with a warning, and every `.numpy()` and `from_numpy()` says "Numpy is not available".

## How envdoctor knows

NumPy is 2 or newer, and the installed torch, pandas, scikit-learn, scipy, pyarrow or matplotlib is older than its
first release for NumPy 2 (table with sources in `compat/pytorch.py`); or, as a warning, another compiled package's
metadata leaves out NumPy 2 as a whole.

In a log, NumPy's and Cython's words of another ABI count: `_ARRAY_API not found`, `module compiled against API
version`, `numpy.dtype size changed`.

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
from envdoctor.log import BuildLog

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


# Source: numpy/_core/src/multiarray (array_api check), numpy 1.x's __multiarray_api.h, Cython's type size check,
# torch's tensor_numpy.cpp.
_FAILED = (
    r"AttributeError: _ARRAY_API not found",
    r"ImportError: numpy\.(?:_core|core)\.multiarray failed to import",
    r"numpy\.core\.umath failed to import",
    r"module compiled against A[PB]I version \(?(?:0x)?\w+\)? but this version of numpy is",
    r"numpy\.(?:dtype|ndarray|ufunc|flatiter|broadcast)\W{0,2} size changed, may indicate binary incompatibility",
    r"ValueError: numpy\.\w+ has the wrong size, try recompiling",
)
_SAID = (
    r"compiled using NumPy 1\.x cannot be run in NumPy (?P<version>[\d.]+\w*)",
    r"Failed to initialize NumPy: _ARRAY_API not found",
    r"RuntimeError: Numpy is not available",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    said = log.first(_SAID[0]) or log.first(*_SAID[1:])
    failed = log.first(*_FAILED)
    hit = said or failed
    if hit is None:
        return
    version = hit["version"]
    newer = failed is not None and "but this version of numpy is" in failed.text and not said
    yield hit.finding(
        f"A compiled module does not fit the installed NumPy{f' {version}' if version else ''}:"
        f" it was compiled for {'a newer one' if newer else 'another one' if not said else 'NumPy 1'}.",
        "It does not load, or every use of the two together fails.",
        Fix(
            "Install a newer NumPy, or rebuild the module with the one that is here"
            if newer
            else "pip install 'numpy<2', or a newer release of the module in the last frame, which is made for NumPy 2"
        ),
        confidence="high" if failed else "medium",
        because=(failed,) if failed else (),
    )
