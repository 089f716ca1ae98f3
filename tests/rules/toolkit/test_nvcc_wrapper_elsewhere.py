"""A wrapper nvcc and the CUDA_HOME that torch makes of it."""

from envdoctor.facts import NvccPath, Nvccs
from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.nvcc_wrapper_elsewhere import check
from tests.factory import environment, extension, project, setup, toolkit, toolkits, torch

REAL = "/usr/local/cuda/bin/nvcc"
WRAPPER = NvccPath("/usr/local/bin/nvcc", "wrapper", REAL, "/usr/local/cuda", True, None)
EXTENSION = project(setup=setup(extension()))


def run(first=WRAPPER, project=EXTENSION, built=None, found=None, **variables):
    found = found or toolkits(toolkit())
    return list(check(environment(**variables), project, built or torch(), Nvccs((first,)), found))


def test_quiet_when_it_does_not_decide():
    assert not run(CUDA_HOME="/usr/local/cuda")
    assert not run(CUDA_PATH="/usr/local/cuda")
    assert not run(project=project())
    assert not run(built=torch("2.13.0+cpu", cuda=None))


def test_quiet_for_a_toolkits_own_nvcc_and_for_debians():
    assert not run(NvccPath(REAL, "binary", REAL, "/usr/local/cuda", True, None))
    debian = NvccPath("/usr/bin/nvcc", "wrapper", "/usr/lib/nvidia-cuda-toolkit/bin/nvcc", "/usr", True, None)
    assert not run(debian, found=toolkits(toolkit("12.4", root="/usr", layout="debian")))
    inside = NvccPath(
        "/usr/local/cuda/bin/nvcc", "link", "/usr/local/cuda/bin/nvcc-13", "/usr/local/cuda", True, None
    )
    assert not run(inside)


def test_quiet_where_nvcc_symlinked_speaks():
    assert not run(NvccPath("/usr/local/bin/nvcc", "link", REAL, None, True, None))


def test_the_real_root_is_named():
    (finding,) = run()
    assert "/usr/local for CUDA_HOME" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDA_HOME", "/usr/local/cuda"),)
    unnamed = NvccPath("/usr/local/bin/nvcc", "wrapper", REAL, None, True, None)
    assert run(unnamed)
