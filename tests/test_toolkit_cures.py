"""Cures that several rules share, their scripts run as the build would run them."""

import os
import subprocess

import pytest

from envdoctor import toolkit_cures
from envdoctor.finding import SetEnv, Shim
from tests.factory import project, toolkit, toolkits


def script(folder, content):
    """The script with the program behind it replaced by one that prints its arguments."""
    program = folder / "real program"
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\n')
    program.chmod(0o755)
    path = folder / "shim"
    path.write_text(content(str(program)))
    path.chmod(0o755)
    return path


def words(path, *arguments, **variables):
    answer = subprocess.run(
        [str(path), *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return answer.stdout.replace("<", "").replace(">", "").split("\n")[:-1]


def shim(steps, path):
    return next(step for step in steps if isinstance(step, Shim) and step.path == path)


@pytest.fixture
def nvcc(tmp_path):
    def content(program):
        return shim(toolkit_cures.nvcc_without(toolkit(nvcc=program), [70]), "cuda/bin/nvcc").content

    return script(tmp_path, content)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (["-gencode", "arch=compute_70,code=sm_70"], []),
        (["-gencode=arch=compute_70,code=[sm_70,compute_70]"], []),
        (["--generate-code=arch=compute_70,code=[compute_70,sm_70]"], []),
        (["-arch=sm_70"], []),
        (["-arch", "sm_70"], []),
        (["-gencode", "arch=compute_75,code=sm_75"], ["-gencode", "arch=compute_75,code=sm_75"]),
        (["-arch=sm_75"], ["-arch=sm_75"]),
        (["-DARCH=sm_70", "a b.cu", ""], ["-DARCH=sm_70", "a b.cu", ""]),
        (["--version"], ["--version"]),
        ([], []),
    ],
)
def test_nvcc_without_an_architecture(nvcc, given, left):
    around = ["-O2", *given, "-c", "k.cu"]
    assert words(nvcc, *around, ENVDOCTOR_DROPPED_ARCHITECTURES="61 70") == ["-O2", *left, "-c", "k.cu"]
    assert words(nvcc, *around, ENVDOCTOR_DROPPED_ARCHITECTURES="") == around


def test_the_root_around_that_nvcc_is_whole():
    steps = toolkit_cures.nvcc_without(toolkit(), [70, 61, 70])
    assert SetEnv("ENVDOCTOR_DROPPED_ARCHITECTURES", "61 70") in steps
    assert SetEnv("CUDA_HOME", "{overlay}/cuda") in steps
    assert shim(steps, "cuda/include").content == "/usr/local/cuda/include"
    assert shim(steps, "cuda/lib64").content == "/usr/local/cuda/lib64"
    debian = toolkit("12.4", root="/usr", lib64=False, library_dirs=("/usr/lib/x86_64-linux-gnu",))
    assert shim(toolkit_cures.nvcc_without(debian, [37]), "cuda/lib64").content == "/usr/lib/x86_64-linux-gnu"


def test_the_newest_whole_toolkit_that_fits():
    found = toolkits(
        toolkit("12.4", root="/a"),
        toolkit("13.0", root="/b", error="does not run"),
        toolkit("13.0", root="/c", nvcc=None),
        toolkit("13.0", root="/d", profile=False),
    )
    better = toolkit_cures.other(found, lambda item: True)
    assert better is not None and better.root == "/a"
    assert toolkit_cures.other(found, lambda item: item.release[0] == 11) is None
    assert toolkit_cures.other(None, lambda item: True) is None


def test_nvcc_matters_without_a_project_or_with_cuda_sources():
    assert toolkit_cures.wants_nvcc(None)
    assert toolkit_cures.wants_nvcc(project(builds=()))
    assert toolkit_cures.wants_nvcc(project(cuda_sources=("k.cu",)))
    assert not toolkit_cures.wants_nvcc(project())
