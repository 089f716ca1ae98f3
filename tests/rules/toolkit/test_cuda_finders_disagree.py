"""Finders of one build and what each of them takes."""

from envdoctor.facts import Answer, FindPackage, Resolution
from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.cuda_finders_disagree import check
from tests.factory import cmake, extension, project, setup, toolkit, toolkits

PACKAGE = FindPackage("CUDAToolkit", None, (), True, "CMakeLists.txt", 3)
CMAKE = project(builds=("cmake",), cmake=cmake("3.18", "CUDA", packages=(PACKAGE,)))
OLD = toolkit("12.4", root="/opt/cuda-12.4")
FOUND = toolkits(OLD, toolkit(), toolkit(root="/usr/local/cuda-13.0"))


def run(project=CMAKE, found=FOUND, **takes):
    finders = {
        "language": "CMake CUDA language",
        "package": "FindCUDAToolkit",
        "torch": "torch cpp_extension",
        "shell": "shell",
    }
    answers = tuple(Answer("cuda", finders[name], root, "test", "asked") for name, root in takes.items())
    return list(check(project, Resolution(answers), found, toolkit()))


def test_quiet_when_they_agree_on_a_release():
    assert not run(language="/usr/local/cuda", package="/usr/local/cuda")
    assert not run(language="/usr/local/cuda", package="/usr/local/cuda-13.0")
    assert not run(language="/usr/local/cuda", package=None)


def test_quiet_for_finders_that_this_build_does_not_ask():
    assert not run(language="/usr/local/cuda", shell="/opt/cuda-12.4", torch="/opt/cuda-12.4")
    torch = project(setup=setup(extension()))
    assert not run(project=torch, torch="/usr/local/cuda", language="/opt/cuda-12.4")
    plain = project(builds=("cmake",), cmake=cmake("3.18", "CUDA"))
    assert not run(project=plain, language="/usr/local/cuda", package="/opt/cuda-12.4")


def test_two_releases_are_pointed_at_one():
    (finding,) = run(language="/usr/local/cuda", package="/opt/cuda-12.4")
    assert "13.0" in finding.message and "12.4" in finding.message
    assert finding.fix is not None
    assert SetEnv("CUDACXX", "/usr/local/cuda/bin/nvcc") in finding.fix.steps
    assert SetEnv("CUDAToolkit_ROOT", "/usr/local/cuda") in finding.fix.steps


def test_cuda_home_that_find_package_alone_does_not_read():
    named = toolkit("13.5", root="/venv/nvidia/cu13", origins=("CUDA_HOME",))
    plain = project(builds=("cmake",), cmake=cmake("3.18", "CXX", packages=(PACKAGE,)))
    (finding,) = run(plain, toolkits(named, toolkit()), package="/usr/local/cuda")
    assert SetEnv("CUDAToolkit_ROOT", "/venv/nvidia/cu13") in finding.fix.steps
    assert not run(plain, toolkits(named, toolkit()), package="/venv/nvidia/cu13")
