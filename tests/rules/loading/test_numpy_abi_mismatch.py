"""NumPy 2 with packages for NumPy 1."""

from envdoctor.rules.loading.numpy_abi_mismatch import check
from tests.factory import package, packages, python


def found(numpy, **others):
    items = tuple(package(name.replace("_", "-"), version) for name, version in others.items())
    return list(check(packages(package("numpy", numpy), *items), python()))


def test_quiet_with_numpy_1_or_new_packages():
    assert not found("1.26.4", torch="1.13.1", pandas="1.5.3")
    assert not found("2.4.6", torch="2.13.0+cpu", scikit_learn="1.4.2", pandas="2.2.3")
    assert not found("2.0.0", torch="2.3.0a0+git123")
    assert not list(check(packages(), None))


def test_the_old_ones_are_named():
    (finding,) = found("2.1.0", torch="2.2.2+cu121", pandas="2.2.1", scipy="1.13.1")
    assert "torch 2.2.2+cu121, pandas 2.2.1" in finding.message
    assert "scipy" not in finding.message
