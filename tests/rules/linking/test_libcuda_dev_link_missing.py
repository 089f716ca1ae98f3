"""-lcuda without a libcuda.so for the linker."""

from envdoctor.finding import SetEnv
from envdoctor.rules.linking.libcuda_dev_link_missing import check
from tests.factory import at, driver, extension, library, project, setup, toolkit, toolkits, torch

ASKS = project(link_names=(at("cuda", "setup.py", 9),))
STUB = "/usr/local/cuda/lib64/stubs/libcuda.so"
WITH_STUB = toolkit(libraries=(library("cuda", shared=None, dev_link=None, static=None, stub=STUB),))
WITHOUT = toolkit(libraries=())


def found(project_, used, driver_=None, torch=None):
    return list(check(project_, toolkits(used), used, driver_, torch))


def test_quiet_when_nobody_asks_or_a_driver_is_there():
    assert not found(project(link_names=(at("cudart"),)), WITHOUT)
    assert not found(ASKS, WITHOUT, driver())
    assert not list(check(ASKS, toolkits(), None, None, None))


def test_quiet_where_nvcc_or_cmake_search_the_stubs():
    assert not found(project(link_names=(at("CUDA::cuda_driver", "CMakeLists.txt", 9),)), WITH_STUB)
    named = setup(extension(flags=("-L/usr/local/cuda/lib64/stubs",)))
    assert not found(project(link_names=(at("cuda"),), setup=named), WITH_STUB)


def test_a_stub_that_gxx_does_not_search_is_added():
    (finding,) = found(ASKS, WITH_STUB)
    assert finding.fix.steps == (SetEnv("LIBRARY_PATH", "/usr/local/cuda/lib64/stubs", "append"),)


def test_without_a_stub_the_package_is_named():
    (finding,) = found(ASKS, WITHOUT)
    assert "cuda-driver-dev-13-0" in finding.fix.title


def test_quiet_where_torch_takes_no_toolkit_of_that_major_version():
    asks = project(setup=setup(extension()), link_names=(at("cuda", "setup.py", 9),))
    assert found(asks, WITHOUT, torch=torch(cuda="13.0"))
    assert not found(asks, WITHOUT, torch=torch("2.6.0+cu124", cuda="12.4"))
