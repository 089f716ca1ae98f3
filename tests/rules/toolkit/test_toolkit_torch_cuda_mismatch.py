"""nvcc of one CUDA major version, torch of another."""

from dataclasses import replace

import pytest

from envdoctor.finding import Run, SetEnv
from envdoctor.rules.toolkit.toolkit_torch_cuda_mismatch import check
from tests.factory import extension, project, setup, toolkit, toolkits, torch

EXTENSION = project(setup=setup(extension()))
OLD = toolkit("12.4", root="/opt/cuda-12.4", origins=("CUDA_HOME",))


@pytest.mark.parametrize(
    ("nvcc", "cuda"), [("13.0", "13.0"), ("13.5", "13.0"), ("12.1", "12.8"), ("11.8", "11.3")]
)
def test_quiet_within_one_major_version(nvcc, cuda):
    assert not list(check(EXTENSION, toolkit(nvcc), torch(cuda=cuda), None))


def test_quiet_where_nobody_compares():
    assert not list(check(project(), OLD, torch(), None))
    assert not list(check(project(setup=setup(extension("CppExtension"))), OLD, torch(), None))
    assert not list(check(EXTENSION, OLD, torch(cuda=None), None))
    assert not list(check(EXTENSION, replace(OLD, version=None), torch(), None))


def test_the_toolkit_of_torchs_release_is_preferred():
    others = toolkits(OLD, toolkit("13.5", root="/opt/cuda-13.5"), toolkit("13.0"))
    (finding,) = check(EXTENSION, OLD, torch(), others)
    assert "12.4" in finding.message and "13.0" in finding.message
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/usr/local/cuda") in finding.fix.steps


def test_another_minor_version_will_do_and_a_broken_one_not():
    others = toolkits(OLD, toolkit("13.0", error="exit status 1"), toolkit("13.5", root="/opt/cuda-13.5"))
    (finding,) = check(EXTENSION, OLD, torch(), others)
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/opt/cuda-13.5") in finding.fix.steps


def test_without_one_the_wheels_are_named_and_for_old_cuda_nothing_is_run():
    (finding,) = check(EXTENSION, OLD, torch(), toolkits(OLD))
    assert finding.fix is not None and isinstance(finding.fix.steps[0], Run)
    (finding,) = check(EXTENSION, toolkit(), torch("2.6.0+cu124", cuda="12.4"), None)
    assert finding.fix is not None and not finding.fix.steps
