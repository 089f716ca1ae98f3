"""Static CUDA archives that the link line asks for."""

from envdoctor.finding import Run, Safety, SetEnv, Shim
from envdoctor.rules.linking.static_cublas_missing import check
from tests.factory import at, cmake, extension, library, project, python, setup, toolkit, toolkits, torch

ROOT = "/venv/lib/python3.11/site-packages/nvidia/cu13"
NAMES = (at("cublas_static"), at("cublasLt_static"), at("culibos"), at("cudart"))


def wheels(*libraries, **changes):
    return toolkit("13.5", ROOT, layout="wheel", origins=("CUDA_HOME",), libraries=libraries, **changes)


def shared(name):
    return library(name, ROOT, static=None, dev_link=None, stub=None)


def found(project_, used, *others, torch=None):
    return list(check(project_, toolkits(used, *others), used, python(), torch))


def test_quiet_when_the_toolkit_has_them_or_nobody_asks():
    assert not found(project(link_names=NAMES), toolkit())
    assert not found(project(link_names=(at("cublas"), at("m"), at("foo_static"))), wheels())
    assert not list(check(project(link_names=NAMES), toolkits(), None, python(), None))


def test_quiet_when_debian_or_library_path_has_them():
    asks = project(link_names=(at("cublas_static"),))
    debian = toolkit("11.8", "/usr", layout="debian")
    assert not found(asks, wheels(shared("cublas")), debian)
    used = wheels(shared("cublas"))
    assert not list(check(asks, type(toolkits())((used,), ("/x/lib/libcublas_static.a",)), used, None, None))


def test_the_shared_libraries_stand_in():
    (finding,) = found(project(link_names=NAMES), wheels(shared("cublas"), shared("cublasLt")))
    assert "libcublas_static.a" in finding.message
    steps = finding.fix.steps
    assert Shim("lib/libcublas_static.a", "text", "INPUT ( -lcublas )\n") in steps
    assert Shim("lib/libcublas.so", "text", f'INPUT ( "{ROOT}/lib64/libcublas.so.13" )\n') in steps
    assert Shim("lib/libculibos.a", "archive", "") in steps
    assert SetEnv("LIBRARY_PATH", "{overlay}/lib", "prepend") in steps
    assert not any(isinstance(step, SetEnv) and step.name == "CMAKE_LIBRARY_PATH" for step in steps)


def test_cmake_targets_are_found_through_cmakes_own_path():
    asks = project(link_names=(at("CUDA::cublas_static"),), cmake=cmake())
    (finding,) = found(asks, wheels(shared("cublas")))
    assert SetEnv("CMAKE_LIBRARY_PATH", "{overlay}/lib", "prepend") in finding.fix.steps


def test_without_any_copy_the_wheel_is_named():
    (finding,) = found(project(link_names=(at("cublas_static"),)), wheels())
    assert finding.fix.steps == (Run("/venv/bin/python -m pip install nvidia-cublas", Safety.UNSAFE),)


def test_the_folder_that_cuda_home_names_counts_also_without_nvcc():
    named = wheels(shared("cublas"), nvcc=None)
    (finding,) = check(
        project(link_names=(at("cublas_static"),)), toolkits(toolkit(), named), toolkit(), python(), None
    )
    assert ROOT in finding.message


def test_quiet_where_torch_takes_no_toolkit_of_that_major_version():
    asks = project(setup=setup(extension()), link_names=NAMES)
    assert found(asks, wheels(), torch=torch(cuda="13.0"))
    assert not found(asks, wheels(), torch=torch("2.6.0+cu124", cuda="12.4"))
