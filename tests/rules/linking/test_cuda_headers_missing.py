"""Headers of CUDA libraries that the toolkit lacks."""

from envdoctor.facts import Header
from envdoctor.finding import Run, Safety, SetEnv
from envdoctor.rules.linking.cuda_headers_missing import check
from tests.factory import (
    at,
    environment,
    extension,
    library,
    project,
    python,
    setup,
    toolkit,
    toolkits,
    torch,
)

SITE = "/venv/lib/python3.11/site-packages/nvidia/cu13"
TORCH = project(includes=(at("ATen/cuda/CUDAContext.h", "csrc/a.cu", 3),), cuda_sources=("csrc/a.cu",))
BARE = toolkit(libraries=(library("cudart"),))
WHEELS = toolkit("13.0", SITE, layout="wheel", nvcc=None, origins=("wheels",))


def found(project_, *items, torch_=None, **variables):
    used = items[0] if items else None
    return list(
        check(project_, toolkits(*items), used, environment(**variables), torch_ or torch(), python())
    )


def test_quiet_with_the_headers_or_without_the_includes():
    assert not found(TORCH, toolkit())
    assert not found(project(includes=(at("torch/extension.h"), at("c10/cuda/CUDAGuard.h"))), BARE)
    assert not found(TORCH)


def test_quiet_when_cpath_or_flags_reach_them():
    assert not found(TORCH, BARE, WHEELS, CPATH=f"/x:{SITE}/include")
    assert not found(TORCH, BARE, WHEELS, NVCC_PREPEND_FLAGS=f"-O2 -I{SITE}/include")


def test_quiet_with_a_cpu_torch():
    assert not found(TORCH, BARE, torch_=torch("2.13.0+cpu", None))


def test_torchs_header_needs_the_math_libraries():
    (finding,) = found(TORCH, BARE, WHEELS)
    assert "cusparse" in finding.message
    assert finding.location.file == "csrc/a.cu"
    assert finding.fix.steps == (SetEnv("CPATH", f"{SITE}/include", "append"),)


def test_headers_of_another_cuda_are_not_mixed_in():
    (finding,) = found(TORCH, BARE, toolkit("12.4", "/opt/cuda"))
    assert Run("/venv/bin/python -m pip install nvidia-cusparse", Safety.UNSAFE) in finding.fix.steps


def test_a_header_that_resolves_nowhere():
    header = Header("nv/target", at("nv/target", "a.cu", 2), ())
    old = toolkit("12.4", components=())
    (finding,) = found(project(unresolved_headers=(header,)), old)
    assert finding.fix.steps == (Run("/venv/bin/python -m pip install nvidia-cuda-cccl-cu12", Safety.UNSAFE),)
    assert not found(project(unresolved_headers=(header,)), toolkit("12.4"))


def test_what_the_compiler_says_names_the_header_that_is_included():
    header = Header("cub/block/block_load.cuh", at("cub/block/block_load.cuh", "a.cu", 2), ())
    (finding,) = found(project(unresolved_headers=(header,)), toolkit("12.4", components=()))
    assert "stops: cub/block/block_load.cuh:" in finding.consequence
    (finding,) = found(TORCH, BARE, WHEELS)
    assert "stops: cusparse.h:" in finding.consequence


def test_quiet_where_torch_takes_no_toolkit_of_that_major_version():
    asks = project(setup=setup(extension()), includes=TORCH.includes)
    assert found(asks, BARE)
    assert not found(asks, BARE, torch_=torch("2.6.0+cu124", cuda="12.4"))


def test_half_precision_headers_include_nv_target_themselves():
    half = project(includes=(at("cuda_bf16.h", "k.cu", 1),), cuda_sources=("k.cu",))
    without = [part for part in toolkit().components if part.name != "cccl"]
    assert not found(half, toolkit())
    assert not found(half, toolkit("11.8", components=tuple(without)))
    assert not found(project(includes=(at("cuda_runtime.h"),)), toolkit(components=tuple(without)))
    (finding,) = found(half, toolkit(components=tuple(without)))
    assert "cccl" in finding.message and "nv/target: No such file" in finding.consequence
