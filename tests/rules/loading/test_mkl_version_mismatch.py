"""conda's torch with a newer MKL."""

from envdoctor.rules.loading.mkl_version_mismatch import check
from tests.factory import package, packages, torch


def found(version, mkl, installer="conda"):
    installed = packages(
        package("torch", version, installer=installer), package("mkl", mkl, installer=installer)
    )
    return list(check(torch(version, "11.8"), installed))


def test_quiet_for_wheels_newer_torch_and_older_mkl():
    assert not found("2.2.2", "2024.2", "pip")
    assert not found("2.5.1", "2024.2")
    assert not found("2.2.2", "2024.0.0")
    assert not found("2.2.2", "unknown")
    assert not list(check(torch(), packages()))


def test_the_function_that_is_gone():
    (finding,) = found("2.2.2", "2024.1.0")
    assert "iJIT_NotifyEvent" in finding.consequence
