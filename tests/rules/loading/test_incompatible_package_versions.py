"""Packages that ask for other versions of each other."""

from envdoctor.rules.loading.incompatible_package_versions import check
from tests.factory import package, packages, python


def found(*items):
    return list(check(packages(*items), python("3.11.7")))


def asking(*requires):
    return package("demo", "1.0", requires=requires)


def test_quiet_when_all_fit_or_the_other_is_absent():
    assert not found(asking("torch>=2.0,<3", "tokenizers<0.20,>=0.14"), package("torch", "2.13.0+cu130"))


def test_quiet_for_extras_other_pythons_and_lines_that_are_none():
    asks = asking('torch<2; extra == "old"', 'torch<2; python_version < "3.9"', "-e .", "torch @ file:///x")
    assert not found(asks, package("torch", "2.13.0"))


def test_quiet_for_a_vendors_torch_and_unknown_versions():
    assert not found(asking("torch>=2.1"), package("torch", "2.1.0a0+32f93b1"))
    assert not found(asking("vllm>=0.5"), package("vllm", "0.0.0"))
    assert not found(asking("torch>=2.1"), package("torch", "not.a.version"))


def test_two_that_ask_for_another_version_are_one_finding():
    items = (asking("torch==2.4.0"), package("xformers", "0.0.27", requires=("torch<2.5",)))
    (finding,) = found(*items, package("torch", "2.13.0"))
    assert "demo 1.0, xformers 0.0.27 ask for" in finding.message
    assert '"torch<2.5,==2.4.0" demo xformers' in finding.fix.steps[0].command


def test_a_real_prerelease_does_not_stand_for_its_release():
    assert found(asking("torch>=2.1"), package("torch", "2.1.0rc1"))


def test_numpy_1_in_compiled_packages_is_told_by_numpy_abi_mismatch():
    numpy = package("numpy", "2.1.3")
    compiled = package("pywavelets", "1.5.0", requires=("numpy<2",), tags=("cp311-cp311-linux_x86_64",))
    pure = package("oldstats", "1.0", requires=("numpy<2",))
    assert not list(check(packages(numpy, compiled), python()))
    assert list(check(packages(numpy, pure), python()))
