"""Drivers older than the CUDA in use."""

import pytest

from envdoctor.facts import Request
from envdoctor.finding import Severity
from envdoctor.rules.loading.driver_too_old import check
from tests.factory import driver, gpu, system, toolkit, torch

OLD = driver(gpu(), cuda_version="12.2", kernel_module="535.104.05", libcuda_version="535.104.05")


def found(driver_, torch_=None, toolkit_=None, role="runtime", system_=None):
    return list(check(driver_, Request(role=role), torch_, toolkit_, system_))


def test_quiet_within_a_major_version_and_for_newer_drivers():
    assert not found(OLD, torch("2.6.0+cu124", "12.4"))
    assert not found(driver(gpu()), torch("2.6.0+cu118", "11.8"))
    assert not found(OLD, torch("2.13.0+cpu", None), toolkit())
    assert not found(OLD)


def test_quiet_for_a_compat_library_and_an_unknown_driver():
    compat = driver(gpu(), cuda_version="12.2", libcuda="/usr/local/cuda/compat/libcuda.so.580.1")
    assert not found(compat, torch())
    assert not found(driver(cuda_version=None, kernel_module=None, libcuda_version=None), torch())


def test_ubuntu_has_a_package_for_the_branch_and_a_container_none():
    ubuntu = {"family": ("ubuntu", "debian")}
    (finding,) = found(OLD, torch(), system_=system(**ubuntu))
    assert [step.package for step in finding.fix.steps] == ["nvidia-driver-580"]
    for elsewhere in (system(), system(container="docker", **ubuntu), None):
        (finding,) = found(OLD, torch(), system_=elsewhere)
        assert finding.fix.steps == ()


@pytest.mark.parametrize(("role", "severity"), [("runtime", Severity.ERROR), ("build", Severity.WARNING)])
def test_a_newer_major_version(role, severity):
    (finding,) = found(OLD, torch(), role=role)
    assert finding.severity is severity
    assert "580.65.6" in finding.fix.title


def test_the_table_answers_where_the_driver_does_not():
    silent = driver(gpu(), cuda_version=None, kernel_module="470.57.02")
    (finding,) = found(silent, None, toolkit("12.4"))
    assert "CUDA 11" in finding.message
