"""CUDA extensions and a torch without CUDA."""

from envdoctor.rules.toolkit.torch_cpu_only import check
from tests.factory import at, environment, extension, project, python, setup, system, toolkit, torch

EXTENSION = project(setup=setup(extension()))
CPU = torch("2.13.0+cpu", cuda=None)


def run(project=EXTENSION, built=CPU, toolkit=None, machine="x86_64", **variables):
    return list(check(project, built, environment(**variables), toolkit, python(), system(machine=machine)))


def test_quiet_with_cuda_rocm_or_cpp_extensions():
    assert not run(built=torch())
    assert not run(built=torch("2.9.0+rocm6.4", cuda=None, hip="6.4"))
    assert not run(project=project(setup=setup(extension("CppExtension"))))
    assert not run(project=project())


def test_quiet_when_setup_py_asks_first():
    either = project(setup=setup(extension(), extension("CppExtension")))
    assert not run(project=either)
    asking = project(setup=setup(extension(), calls=(at("torch.cuda.is_available"),)))
    assert not run(project=asking)
    assert run(project=asking, FORCE_CUDA="1")


def test_setting_cuda_home_is_not_the_answer():
    (finding,) = run(CUDA_HOME="/usr/local/cuda", toolkit=toolkit())
    assert "although it is set to /usr/local/cuda" in finding.consequence
    assert finding.fix is not None and "CUDA 13" in finding.fix.title
    (finding,) = run()
    assert "would not help" in finding.consequence


def test_the_command_is_given_where_the_index_has_a_cuda_build():
    (finding,) = run()
    assert [step.command for step in finding.fix.steps] == [
        "/venv/bin/python -m pip install --force-reinstall 'torch==2.13.0'"
    ]
    (finding,) = run(machine="aarch64")
    assert not finding.fix.steps
