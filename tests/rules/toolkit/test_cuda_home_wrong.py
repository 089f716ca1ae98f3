"""CUDA_HOME that names no toolkit."""

from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.cuda_home_wrong import check as check_all
from tests.factory import at, environment, extension, project, setup, toolkit, toolkits


def check(environment, toolkits, project=None):
    return check_all(environment, toolkits, project)


GOOD = toolkit(origins=("CUDA_HOME", "/usr/local/cuda"))


def test_quiet_when_it_names_a_toolkit_or_is_unset():
    assert not list(check(environment(CUDA_HOME="/usr/local/cuda"), toolkits(GOOD)))
    assert not list(check(environment(), toolkits(GOOD)))
    assert not list(check(environment(CUDA_HOME=""), toolkits(GOOD)))


def test_a_missing_folder_is_named_and_replaced():
    (finding,) = check(environment(CUDA_HOME="/opt/cuda-11.6"), toolkits(toolkit()))
    assert "/opt/cuda-11.6" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDA_HOME", "/usr/local/cuda"),)


def test_a_list_of_folders_is_said_to_be_one():
    (finding,) = check(environment(CUDA_PATH="/usr/local/cuda:/opt/cuda"), toolkits())
    assert "list of folders" in finding.message
    assert finding.fix is not None and not finding.fix.steps


def test_headers_and_libraries_alone():
    wheels = toolkit(root="/venv/nvidia/cu13", nvcc=None, layout="wheel", origins=("CUDA_HOME",))
    named = environment(CUDA_HOME="/venv/nvidia/cu13")
    assert not list(check(named, toolkits(wheels, toolkit())))
    assert not list(check(named, toolkits(wheels, toolkit()), project(setup=setup(extension("Extension")))))
    (finding,) = check(named, toolkits(wheels, toolkit()), project(setup=setup(extension())))
    assert "no nvcc" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDA_HOME", "/usr/local/cuda"),)


def test_a_folder_that_the_makefile_names():
    gone = (at("CUDA_DIR=/opt/cuda-11.6", "Makefile", 2),)
    make = project(builds=("make",), cuda_sources=("k.cu",), makefile_toolkits_gone=gone)
    assert not list(check(environment(), toolkits(), make))
    (finding,) = check(environment(), toolkits(toolkit()), make)
    assert "CUDA_DIR = /opt/cuda-11.6" in finding.message and finding.fix is not None
    assert finding.fix.steps == (SetEnv("MAKEFLAGS", "CUDA_DIR=/usr/local/cuda", "append"),)
