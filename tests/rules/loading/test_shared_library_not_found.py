"""Libraries that the loader does not find."""

from envdoctor.facts import CompiledModules, Copy, LoadedLibrary, Loader
from envdoctor.finding import Run, Safety, SetEnv
from envdoctor.rules.loading.shared_library_not_found import check
from tests.factory import library, module, packages, python, system, toolkit, toolkits, torch

NOTHING = Loader((), ())
OPT = "/opt/cuda-12.4"


def found(*modules, loader=NOTHING, toolkits_=None, torch_=None, manager="apt-get"):
    return list(
        check(
            CompiledModules(modules),
            packages(),
            loader,
            toolkits_,
            torch_,
            system(package_manager=manager),
            python(),
        )
    )


def test_quiet_when_everything_is_found():
    assert not found(
        module(needed={"libcudart.so.12": "/x/libcudart.so.12", "libc10.so": "/torch/lib/libc10.so"})
    )


def test_quiet_for_optional_plugins_and_torchs_own_libraries():
    assert not found(module("torchaudio", "a.so", needed={"libsox.so.3": None}), module("torchaudio", "b.so"))
    parts = (
        module("numba", "omppool.cpython-311-x86_64-linux-gnu.so", needed={"libgomp.so.1": None}),
        module("numba"),
    )
    assert not found(*parts)
    assert not found(module(needed={"libc10.so": None, "libtorch.so": None}))
    assert not found(module("cupy-cuda12x", needed={"libcublas.so.12": None}))


def test_quiet_where_another_cuda_is_the_trouble():
    there = LoadedLibrary("libcudart.so.12", Copy("/x/libcudart.so.12", "wheel", False, "12.4"), ())
    asks = module(needed={"libcudart.so.11.0": None})
    assert not found(asks, loader=Loader((), (there,)))
    assert not found(asks, torch_=torch())


def test_a_copy_off_the_path_is_put_on_it():
    there = toolkit("12.4", OPT, libraries=(library("cudart", OPT, "12"),))
    (finding,) = found(module(needed={"libcudart.so.12": None}), toolkits_=toolkits(there))
    assert finding.fix.steps == (SetEnv("LD_LIBRARY_PATH", f"{OPT}/lib64", "append"),)


def test_a_stub_is_no_copy():
    stub = LoadedLibrary("libnvrtc.so.12", None, (Copy("/x/stubs/libnvrtc.so", "toolkit", True, None),))
    (finding,) = found(module(needed={"libnvrtc.so.12": None}), loader=Loader((), (stub,)))
    assert finding.fix.steps == (
        Run("/venv/bin/python -m pip install nvidia-cuda-nvrtc-cu12", Safety.UNSAFE),
    )


def test_a_slim_image_without_openmp():
    (finding,) = found(module("demo", needed={"libgomp.so.1": None}))
    assert finding.fix.steps == (Run("sudo apt-get install -y libgomp1", Safety.UNSAFE, "libgomp1"),)
    (finding,) = found(module("demo", needed={"libgomp.so.1": None}), manager="pacman")
    assert not finding.fix.steps


def test_a_wheels_folder_that_nobody_opens_is_put_on_the_path():
    path = "/site/nvidia/cuda_runtime/lib/libcudart.so.12"
    there = LoadedLibrary("libcudart.so.12", None, (Copy(path, "wheel", False, "12.4"),))
    (finding,) = found(module("demo", needed={"libcudart.so.12": None}), loader=Loader((), (there,)))
    assert finding.fix.steps == (SetEnv("LD_LIBRARY_PATH", "/site/nvidia/cuda_runtime/lib", "append"),)


def test_a_part_of_the_cuda_that_is_here():
    there = LoadedLibrary("libcudart.so.12", Copy("/x/libcudart.so.12", "wheel", False, "12.4"), ())
    (finding,) = found(module("demo", needed={"libcublas.so.12": None}), loader=Loader((), (there,)))
    assert finding.fix.steps == (Run("/venv/bin/python -m pip install nvidia-cublas-cu12", Safety.UNSAFE),)
