"""CUDA_VISIBLE_DEVICES against the GPUs that are there."""

import pytest

from envdoctor.finding import SetEnv
from envdoctor.rules.loading.device_visibility import check
from tests.factory import driver, environment, gpu

TWO = driver(gpu(index=0), gpu(index=1))
UNLIKE = driver(gpu(index=0, name="NVIDIA T400"), gpu(index=1))


def found(driver_, **variables):
    return list(check(environment(**variables), driver_))


@pytest.mark.parametrize("value", ["0", "1", "0,1", "1,0", "0,-1", "GPU-5a1f", "MIG-7", " 1 "])
def test_quiet_for_gpus_that_exist(value):
    assert not found(TWO, CUDA_VISIBLE_DEVICES=value)


def test_quiet_without_the_variable_or_a_gpu():
    assert not found(UNLIKE)
    assert not found(driver(), CUDA_VISIBLE_DEVICES="")
    assert not found(UNLIKE, CUDA_VISIBLE_DEVICES="1", CUDA_DEVICE_ORDER="PCI_BUS_ID")


@pytest.mark.parametrize("value", ["", "-1"])
def test_hidden_altogether(value):
    (finding,) = found(TWO, CUDA_VISIBLE_DEVICES=value)
    assert finding.fix.steps == (SetEnv("CUDA_VISIBLE_DEVICES", None),)


def test_an_index_that_does_not_exist_hides_the_rest():
    (finding,) = found(TWO, CUDA_VISIBLE_DEVICES="1,2,0")
    assert "GPU 2" in finding.message
    assert finding.consequence.endswith("left are: 1.")


def test_unlike_gpus_are_counted_fastest_first():
    (finding,) = found(UNLIKE, CUDA_VISIBLE_DEVICES="1")
    assert finding.fix.steps == (SetEnv("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),)
