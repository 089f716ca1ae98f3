"""A toolkit put together from several releases."""

from envdoctor.facts import Component
from envdoctor.finding import Run, SetEnv, Severity
from envdoctor.rules.toolkit.cuda_component_version_mix import check
from tests.factory import project, toolkit, toolkits, torch

CUDA = project(cuda_sources=("k.cu",))


def wheels(**versions):
    """A toolkit of wheels 13.0 with these parts of other versions."""
    parts = {"nvcc": "13.0.88", "cicc": "13.0.88", "ptxas": "13.0.88", "crt": "13.0.88", "cuda.h": "13.0"}
    parts.update({"cudart": "13.0.96", "cccl": "13.0.85"})
    parts.update({name.replace("_", "."): version for name, version in versions.items()})
    found = tuple(Component(name, f"/r/{name}", version, "test") for name, version in parts.items())
    return toolkit(root="/site/nvidia/cu13", layout="wheel", components=found)


def test_quiet_on_real_sets_of_wheels_and_toolkits():
    for whole in (
        toolkit("11.8"),
        toolkit("12.4"),
        toolkit(),
        wheels(),
        wheels(cccl="13.3.5"),
        wheels(cudart="13.5.37"),
    ):
        assert not list(check(whole, None, torch(), CUDA))
    assert not list(check(wheels(cicc=None, ptxas=None), None, torch(), CUDA))


def test_quiet_where_nothing_is_compiled():
    assert not list(check(wheels(cicc="13.5.37"), None, torch(), project(builds=("setup.py",))))


def test_a_newer_cicc_is_an_error_and_the_pins_are_printed():
    (finding,) = check(wheels(cicc="13.5.37", crt="13.5.37"), None, torch(), CUDA)
    assert finding.severity is Severity.ERROR
    assert "cicc 13.5.37" in finding.message and "PTX" in finding.consequence
    assert finding.fix is not None
    (step,) = finding.fix.steps
    assert isinstance(step, Run) and "'nvidia-nvvm==13.0.*'" in step.command


def test_the_pins_follow_torch_when_nvcc_is_the_odd_one():
    odd = wheels(nvcc="13.5.37")
    odd = toolkit("13.5", build="13.5.37", layout="wheel", components=odd.components)
    (finding,) = check(odd, None, torch(cuda="13.0"), CUDA)
    assert finding.fix is not None and isinstance(finding.fix.steps[0], Run)
    assert "==13.0.*" in finding.fix.steps[0].command


def test_headers_of_another_release_are_a_warning():
    (finding,) = check(wheels(cuda_h="13.5"), None, None, CUDA)
    assert finding.severity is Severity.WARNING


def test_cudart_of_another_major_counts_and_a_whole_toolkit_is_preferred():
    mixed = wheels(cudart="12.4.127")
    (finding,) = check(mixed, toolkits(mixed, toolkit("13.0", root="/opt/cuda")), None, CUDA)
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/opt/cuda") in finding.fix.steps
