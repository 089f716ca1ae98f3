"""Packages for a CUDA that is not here."""

from envdoctor.facts import CompiledModules, Copy, LoadedLibrary, Loader
from envdoctor.finding import Run, Safety
from envdoctor.log import read_text
from envdoctor.rules.loading.wheel_built_for_other_cuda import check, explain
from tests.factory import module, package, packages, python, toolkit, toolkits, torch

PACKAGES = packages(package("fastgptq", "0.7.1"))
CUDA_12 = Loader(
    (), (LoadedLibrary("libcudart.so.12", Copy("/site/libcudart.so.12", "wheel", False, "12.4"), ()),)
)


def found(*modules, loader=CUDA_12, torch_=None, toolkits_=None):
    return list(check(CompiledModules(modules), PACKAGES, loader, torch_, toolkits_, python()))


def test_quiet_when_it_is_found_or_is_no_cuda():
    assert not found(module("fastgptq", needed={"libcudart.so.12": "/site/libcudart.so.12"}))
    assert not found(module("fastgptq", needed={"libsox.so.3": None, "libcusparse.so.11": None}))


def test_quiet_without_any_cuda_and_for_copies_that_are_only_off_the_path():
    asks = module("fastgptq", needed={"libcudart.so.11.0": None})
    assert not found(asks, loader=Loader((), ()))
    assert not found(asks, toolkits_=toolkits(with_soname("libcudart.so.11.0")))


def test_quiet_for_a_package_that_picks_among_several():
    names = ("libbitsandbytes_cuda118.so", "libbitsandbytes_cuda124.so")
    assert not found(*(module("bitsandbytes", name, needed={"libcudart.so.11.0": None}) for name in names))
    assert not found(module("cupy-cuda11x", needed={"libcublas.so.11": None}))


def test_the_other_cudas_run_time_is_named():
    (finding,) = found(module("fastgptq", needed={"libcudart.so.11.0": None}))
    assert "CUDA 11" in finding.message
    assert "CUDA 12" in finding.message
    assert finding.fix.steps == (
        Run("/venv/bin/python -m pip install nvidia-cuda-runtime-cu11", Safety.UNSAFE),
    )


def test_torchs_cuda_counts_as_here():
    (finding,) = found(
        module("vllm", needed={"libcudart.so.12": None}), loader=Loader((), ()), torch_=torch()
    )
    assert "has CUDA 13" in finding.message


def with_soname(soname):
    from tests.factory import library

    return toolkit("11.8", "/opt/cuda-11.8", libraries=(library("cudart", "/opt/cuda-11.8", soname=soname),))


def test_the_wheel_of_the_library_that_is_asked_for_is_named():
    missing = "ImportError: {}: cannot open shared object file: No such file or directory\n"
    for name, wheel in (
        ("libcudart.so.11.0", "nvidia-cuda-runtime-cu11"),
        ("libcublas.so.12", "nvidia-cublas-cu12"),
    ):
        (finding,) = explain(read_text("torch 2.9.0+cu130\n" + missing.format(name)))
        assert f"pip install {wheel}, " in finding.fix.title


def test_both_spellings_of_torchvisions_words_are_understood():
    words = "Detected that PyTorch and torchvision were compiled with different CUDA major versions. PyTorch has CUDA "
    for rest in (
        "Version=12.1 and torchvision has CUDA Version=11.8",
        "version 12.1 and torchvision has CUDA version 11.8",
    ):
        (finding,) = explain(read_text(words + rest + ".\n"))
        assert finding.message == "torchvision is built for CUDA 11.8, torch for CUDA 12.1."
        assert "nvidia-cuda-runtime-cu11" in finding.fix.title
