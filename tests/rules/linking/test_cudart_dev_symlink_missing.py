"""CUDA libraries without the name that -l looks for."""

from envdoctor.facts import FindPackage, Toolkits
from envdoctor.finding import Run, Safety, SetEnv, Severity, Shim
from envdoctor.rules.linking.cudart_dev_symlink_missing import check
from tests.factory import at, cmake, extension, library, project, python, setup, toolkit, toolkits, torch

ROOT = "/venv/lib/python3.11/site-packages/nvidia/cu13"
BARE = (library("cudart", ROOT, dev_link=None), library("cublas", ROOT, dev_link=None))
EXTENSION = project(setup=setup(extension("CUDAExtension")))


def wheels(version="13.5", **changes):
    values = {"layout": "wheel", "lib64": False, "libraries": BARE, "library_dirs": (f"{ROOT}/lib",)}
    return toolkit(version, ROOT, **{**values, **changes})


def found(project_, used, *others, torch=None):
    return list(check(project_, toolkits(used, *others), used, python(), torch))


def test_quiet_with_links_or_when_nothing_links_them():
    assert not found(EXTENSION, toolkit())
    assert not found(project(cuda_sources=("a.cu",)), wheels())
    assert not found(project(link_names=(at("m"), at("cudart_static"))), wheels())
    assert not found(project(setup=setup(extension("CppExtension"))), wheels())
    assert not list(check(EXTENSION, toolkits(), None, None, None))


def test_quiet_once_the_overlay_is_on_library_path():
    used = wheels()
    assert not list(
        check(EXTENSION, Toolkits((used,), ("/p/.envdoctor/lib/libcudart.so",)), used, None, None)
    )


def test_torchs_extensions_need_cudart():
    (finding,) = found(EXTENSION, wheels())
    assert finding.severity is None
    assert (
        Shim("lib/libcudart.so", "text", f'INPUT ( "{ROOT}/lib64/libcudart.so.13" )\n') in finding.fix.steps
    )
    assert SetEnv("LIBRARY_PATH", "{overlay}/lib", "prepend") in finding.fix.steps


def test_cmakes_cudatoolkit_needs_cudart():
    package = FindPackage("CUDAToolkit", None, (), True, "CMakeLists.txt", 4)
    (finding,) = found(project(cmake=cmake("3.18", "CXX", packages=(package,))), wheels())
    assert "libcudart.so" in finding.message
    assert SetEnv("CMAKE_LIBRARY_PATH", "{overlay}/lib", "prepend") in finding.fix.steps


def test_an_absent_library_is_taken_from_a_copy_of_the_same_cuda():
    machine = toolkit("13.0", libraries=(library("cudart"),))
    (finding,) = found(project(link_names=(at("cublas"),)), machine, wheels())
    assert finding.severity is Severity.WARNING
    assert (
        Shim("lib/libcublas.so", "text", f'INPUT ( "{ROOT}/lib64/libcublas.so.13" )\n') in finding.fix.steps
    )


def test_a_copy_of_another_cuda_is_no_substitute():
    machine = toolkit("12.4", libraries=(library("cudart"),))
    (finding,) = found(project(link_names=(at("cublas"),)), machine, wheels())
    assert finding.fix.steps == (Run("/venv/bin/python -m pip install nvidia-cublas-cu12", Safety.UNSAFE),)


def test_the_profile_of_the_wheels_13_0_names_a_folder_that_is_not_there():
    builds = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"))
    assert not found(builds, wheels("13.5"))
    (finding,) = found(builds, wheels("13.0", **LOST))
    assert SetEnv("LIBRARY_PATH", f"{{overlay}}/lib:{ROOT}/lib", "prepend") in finding.fix.steps


def test_conda_keeps_them_in_lib():
    prefix = "/opt/conda/envs/x"
    link = f"{prefix}/lib/libcudart.so"
    libs = (library("cudart", prefix, dev_link=link),)
    healthy = toolkit(
        "12.4", prefix, layout="conda", libraries=libs, library_dirs=(f"{prefix}/lib",), lib64=False
    )
    assert not found(EXTENSION, healthy)
    both = (f"{prefix}/lib64", f"{prefix}/lib")
    (finding,) = found(EXTENSION, toolkit("12.4", prefix, layout="conda", libraries=libs, library_dirs=both))
    assert f"{prefix}/lib64" in finding.message


LOST = {
    "missing_link_dir": f"{ROOT}/lib64",
    "libraries": (library("cudart", ROOT), library("cudadevrt", ROOT, static=f"{ROOT}/lib/libcudadevrt.a")),
    "origins": ("nvcc on PATH",),
}


def test_a_makefile_that_links_with_nvcc():
    makes = {"builds": ("make",), "cuda_sources": ("a.cu",)}
    links = project(nvcc_links=(at("nvcc", "Makefile", 3),), **makes)
    assert not found(project(**makes), wheels("13.0", **LOST))  # nvcc -c alone
    assert not found(links, wheels("13.2"))
    elsewhere = project(nvcc_links=(at("/opt/cuda/bin/nvcc", "Makefile", 3),), **makes)
    assert not found(elsewhere, wheels("13.0", **LOST))
    (finding,) = found(links, wheels("13.0", **LOST))
    assert (finding.location.file, finding.location.line) == ("Makefile", 3)
    used = wheels("13.0", **LOST)
    reached = ("/o/libcudadevrt.a", "/o/libcudart_static.a")
    assert not list(check(links, Toolkits((used,), reached), used, None, None))


def test_cmake_stops_over_the_target_of_an_absent_library():
    links = (at("cublas", "CMakeLists.txt", 9),)
    builds = cmake("3.18", "CXX", "CUDA", libraries=(at("CUDA::cublas", "CMakeLists.txt", 9),))
    machine = toolkit("13.0", libraries=(library("cudart"),))
    (finding,) = found(project(link_names=links, cmake=builds), machine)
    assert finding.severity is None and "CUDA::cublas" in finding.consequence
    (finding,) = found(project(link_names=links, cmake=cmake()), machine)
    assert finding.severity is Severity.WARNING


def test_nvcc_links_an_archive_that_is_absent():
    light = toolkit("12.4", libraries=(library("cudart", static=None),), origins=("nvcc on PATH",))
    builds = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"))
    (finding,) = found(builds, light)
    assert Shim("lib/libcudart_static.a", "text", "INPUT ( -lcudart )\n") in finding.fix.steps
    assert not list(check(builds, Toolkits((light,), ("/o/libcudart_static.a",)), light, None, None))
    makes = {"builds": ("make",), "nvcc_links": (at("nvcc", "Makefile", 3),)}
    assert found(project(**makes), light)
    assert not found(project(link_names=(at("cudart", "Makefile", 3),), **makes), light)


def test_quiet_where_torch_takes_no_toolkit_of_that_major_version():
    old = wheels("12.4")
    assert found(EXTENSION, old, torch=torch("2.6.0+cu124", cuda="12.4"))
    assert not found(EXTENSION, old, torch=torch(cuda="13.0"))
    cmake_too = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"), link_names=(at("cublas"),))
    assert found(cmake_too, old, torch=torch(cuda="13.0"))
