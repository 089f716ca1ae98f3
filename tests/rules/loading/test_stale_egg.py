"""What old installations leave behind."""

from envdoctor.facts import CompiledModules
from envdoctor.rules.loading.stale_egg import check
from tests.factory import extension, module, package, packages, project, python, setup

SITE = "/venv/lib/python3.11/site-packages"
EGG = package("torch-int", "0.0.0", kind="egg", location=f"{SITE}/torch_int-0.0.0-py3.11-linux-x86_64.egg")


def found(*items, modules=(), project_=None):
    return list(check(packages(*items), python(), CompiledModules(modules), project_))


def test_quiet_for_a_single_installation_of_any_kind():
    assert not found(EGG)
    assert not found(package("demo", kind="egg-link", location="/work/demo"))
    assert not found(package("demo", kind="editable"), package("other"), project_=project())


def test_an_egg_beside_a_wheel():
    (finding,) = found(EGG, package("torch-int", "0.1"))
    assert "twice" in finding.message
    assert finding.consequence.startswith("Python imports 0.0.0")
    assert finding.fix.steps[0].command == "/venv/bin/python -m pip uninstall torch-int"


def test_an_egg_of_the_project_that_is_built():
    (finding,) = found(EGG, project_=project(name="torch_int"))
    assert "0.0.0" in finding.message


def test_a_module_that_belongs_to_nobody():
    builds = project(setup=setup(extension(name="autogptq_cuda_64"), extension(name="demo._C")))
    stray = module(None, path=f"{SITE}/autogptq_cuda_64.cpython-311-x86_64-linux-gnu.so")
    owned = module("auto-gptq", path=f"{SITE}/autogptq_cuda_256.cpython-311-x86_64-linux-gnu.so")
    assert not found(modules=(owned,), project_=builds)
    (finding,) = found(modules=(stray, owned), project_=builds)
    assert "autogptq_cuda_64" in finding.message
