"""No nvcc anywhere, and a project that needs one."""

import pytest

from envdoctor.facts import NvccPath, Nvccs
from envdoctor.finding import Run, SetEnv, Severity
from envdoctor.rules.toolkit import cuda_toolkit_missing
from envdoctor.toolkit_root.plan import specifier_of
from tests.factory import at, cmake, environment, extension, project, setup, toolkit, toolkits, torch


def check(project, environment, toolkit, toolkits, torch, *nvccs):
    return cuda_toolkit_missing.check(project, environment, toolkit, toolkits, torch, Nvccs(nvccs))


EXTENSION = project(setup=setup(extension()))


def test_quiet_with_nvcc_or_without_cuda_sources():
    assert not list(check(EXTENSION, environment(), toolkit(), None, torch()))
    assert not list(check(project(), environment(), None, None, torch()))
    assert not list(
        check(project(setup=setup(extension("CppExtension"))), environment(), None, None, torch())
    )


def test_quiet_where_a_narrower_rule_speaks():
    assert not list(check(EXTENSION, environment(CUDA_HOME="/gone"), None, None, torch()))
    assert not list(check(EXTENSION, environment(), None, None, torch("2.13.0+cpu", cuda=None)))
    assert not list(check(EXTENSION, environment(), None, None, torch("2.9.0+rocm6.4", cuda=None, hip="6.4")))
    builds = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"))
    assert not list(check(builds, environment(CUDACXX="/gone/nvcc"), None, None, None))


def test_the_wheels_of_torchs_release_are_named_all_of_them():
    (finding,) = check(EXTENSION, environment(), None, None, torch())
    assert finding.severity is None and finding.fix is not None
    (step,) = finding.fix.steps
    assert isinstance(step, Run)
    for name in ("nvidia-cuda-nvcc", "nvidia-nvvm", "nvidia-cuda-crt", "nvidia-cuda-runtime"):
        assert f"'{name}==13.0.*'" in step.command


@pytest.mark.parametrize(
    ("cuda", "made", "others"),
    [
        ("12.4", "12.4", False),
        ("12.8", "12.4", True),
        ("11.8", "11.8 --with host-compiler", False),
        ("11.7", "11.8 --with host-compiler", True),
        ("10.2", None, True),
    ],
)
def test_what_is_made_for_an_older_cuda(cuda, made, others):
    (finding,) = check(EXTENSION, environment(), None, None, torch("2.6.0", cuda=cuda))
    assert finding.fix is not None
    commands = [step.command for step in finding.fix.steps if isinstance(step, Run)]
    assert commands == ([f'envdoctor toolkit create {made} --prefix "$HOME/cuda"'] if made else [])
    assert (f"cuda-version={cuda}" in finding.fix.title) is others
    assert made is None or specifier_of(made.split()[0])


def test_headers_alone_are_no_toolkit_and_loose_sources_only_a_warning():
    bare = toolkit(nvcc=None)
    (finding,) = check(EXTENSION, environment(), bare, None, torch())
    assert any(evidence.source == bare.root for evidence in finding.evidence)
    loose = project(builds=("make",), cuda_sources=("k.cu",))
    (finding,) = check(loose, environment(), None, None, None)
    assert finding.severity is Severity.WARNING
    (finding,) = check(
        project(cmake=cmake("3.18", "CUDA"), requirements=(at("x"),)), environment(), None, None, None
    )
    assert finding.severity is None


def test_a_toolkit_that_is_installed_and_not_on_path():
    builds = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"))
    (finding,) = check(
        builds, environment(), None, toolkits(toolkit("12.4"), toolkit("13.0", "/opt/cuda")), None
    )
    assert "/opt/cuda is not on PATH" in finding.message
    assert SetEnv("PATH", "/opt/cuda/bin", "prepend") in finding.fix.steps
    (finding,) = check(EXTENSION, environment(), None, toolkits(toolkit("12.4")), torch())  # of another CUDA
    assert isinstance(finding.fix.steps[0], Run)


def test_one_that_hangs_is_not_absent():
    hanging = NvccPath("/opt/bin/nvcc", "wrapper", "/opt/bin/nvcc", None, True, "gave no answer within 5 s")
    (finding,) = check(EXTENSION, environment(), None, None, torch(), hanging)
    assert "no nvcc that works" in finding.message
    assert any(evidence.source == "/opt/bin/nvcc" for evidence in finding.evidence)
