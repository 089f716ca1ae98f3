"""MKL is too new for conda's build of this torch.

## What it means

conda's torch takes MKL as a shared library, and up to 2.4 it uses `iJIT_NotifyEvent`, which MKL no longer has since
2024.1: "libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent" at `import torch`. torch's wheels carry an MKL of
their own.

## How envdoctor knows

torch was installed by conda and is older than 2.5, and the installed MKL is 2024.1 or newer.

In a log, undefined symbols of MKL (`iJIT_NotifyEvent`, `mkl_...`) count.

## What to do

`conda install "mkl<2024.1"`, or a newer torch.

## When to ignore it

When this torch was built here against the MKL that is installed.
"""

from typing import Iterator, Tuple

from packaging.version import InvalidVersion, Version

from envdoctor import compat
from envdoctor.facts import Packages, Torch
from envdoctor.finding import Evidence, Finding, Fix, Run, Safety, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR


def check(torch: Torch, packages: Packages) -> Iterator[Finding]:
    package, mkl = packages.get("torch"), packages.get("mkl")
    if package is None or mkl is None or package.installer != "conda":
        return
    old_torch = Version(torch.version).release < compat.TORCH_BUILT_WITH_NEW_MKL
    if old_torch and not torch.vendor and _release(mkl.version) >= compat.MKL_WITHOUT_ITT:
        yield Finding(
            message=f"mkl {mkl.version} has dropped a function that conda's torch {torch.version} uses.",
            consequence="import torch stops: libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent.",
            evidence=(
                Evidence(package.location, f"torch {torch.version}, by conda"),
                Evidence(mkl.location, f"mkl {mkl.version}"),
            ),
            fix=Fix("Install an older MKL", (Run('conda install "mkl<2024.1"', Safety.UNSAFE),)),
        )


def _release(version: str) -> Tuple[int, ...]:
    try:
        return Version(version).release
    except InvalidVersion:
        return ()


# Source: what conda's builds of torch up to 2.4 take from MKL (pytorch/pytorch#123097).
_GONE = (
    r"undefined symbol: (?P<name>iJIT_\w+)",
    r"[Ss]ymbol not found[^\n]{0,60}_?(?P<name>iJIT_\w+)",
)
_OTHER = r"undefined symbol: (?P<name>mkl_\w+)"


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_GONE)
    if hit:
        yield hit.finding(
            f"The installed MKL no longer has {hit['name']}, which this torch takes from it.",
            "import torch stops: MKL is 2024.1 or newer, and this torch is made for an older one.",
            Fix(
                'conda install "mkl<2024.1", or a newer torch; with oneAPI, source the environment of 2024.0'
            ),
        )
    other = log.first(_OTHER)
    if other:
        yield other.finding(
            f"MKL's libraries here are of different releases: one misses {other['name']} in another.",
            "What uses MKL does not load.",
            Fix(
                "Install one MKL: conda list mkl, pip list | grep -i mkl; then conda install or pip install one release"
            ),
            confidence="medium",
        )
