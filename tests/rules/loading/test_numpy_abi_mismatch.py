"""NumPy 2 with packages for NumPy 1."""

from envdoctor.finding import Severity
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


def test_compiled_packages_whose_metadata_leaves_numpy_2_out():
    def told(requires, tag="cp311-cp311-manylinux_2_17_x86_64"):
        wheel = package("pywavelets", "1.5.0", requires=(requires,), tags=(tag,))
        return list(check(packages(package("numpy", "2.1.3"), wheel), python()))

    (finding,) = told("numpy<2.0,>=1.22.4")
    assert "pywavelets 1.5.0" in finding.message and finding.severity is Severity.WARNING
    assert not told("numpy<2.0", tag="py3-none-any")
    assert not told("numpy<2.1,>=1.24")  # built for 2.0
    assert not told("numpy>=1.20")
    assert not told('numpy<2 ; python_version < "3.9"')
