"""torch's own architectures and the GPUs."""

from envdoctor.rules.toolkit.torch_lacks_device_arch import check
from tests.factory import driver, gpu, torch


def test_quiet_when_nobody_asked_torch_or_it_has_code():
    assert not list(check(driver(gpu((12, 0))), torch()))
    assert not list(check(driver(gpu((8, 6))), torch(architectures=("sm_80", "sm_90"))))
    assert not list(check(driver(gpu((12, 0))), torch(architectures=("sm_90", "compute_90"))))
    assert not list(check(driver(), torch(architectures=("sm_80",))))


def test_a_newer_gpu_is_named_with_the_cuda_that_knows_it():
    (finding,) = check(driver(gpu((12, 0), name="RTX 5090")), torch(architectures=("sm_80", "sm_90")))
    assert "RTX 5090" in finding.message
    assert finding.fix is not None and "12.8" in finding.fix.title and "sm_120" in finding.fix.title
