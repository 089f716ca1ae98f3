"""glibc 2.41 and the math headers of older toolkits."""

import pytest

from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.glibc_too_new_for_cuda import check
from tests.factory import compiler, project, system, toolkit, toolkits, torch

CUDA = project(builds=("make",), cuda_sources=("k.cu",))
NEW = system(libc_version="2.41", distribution_version="13")
OLD = toolkit("12.4", root="/opt/cuda-12.4")


@pytest.mark.parametrize(
    ("system", "toolkit"),
    [
        (system(), OLD),
        (system(libc="musl", libc_version="2.99"), OLD),
        (system(libc_version=None), OLD),
        (NEW, toolkit()),
        (NEW, toolkit("12.4", glibc_2_41_ready=None)),
    ],
)
def test_quiet_when_they_fit(system, toolkit):
    assert not list(check(system, toolkit, None, compiler(), None, CUDA))


def test_quiet_with_condas_sysroot_or_without_cuda():
    assert not list(check(NEW, OLD, None, compiler(owner="conda"), None, CUDA))
    assert not list(check(NEW, OLD, None, compiler(), None, project()))


def test_a_newer_toolkit_is_the_cure_if_torch_allows_it():
    (finding,) = check(NEW, OLD, toolkits(OLD, toolkit()), compiler(), None, CUDA)
    assert "2.41" in finding.message
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/usr/local/cuda") in finding.fix.steps
    (finding,) = check(NEW, OLD, toolkits(OLD, toolkit()), compiler(), torch("2.6.0", cuda="12.4"), CUDA)
    assert finding.fix is not None and not finding.fix.steps
