"""Compiled extensions and the GPUs that they have to serve."""

import pytest

from envdoctor.facts import CompiledModule, CompiledModules
from envdoctor.finding import Severity
from envdoctor.rules.toolkit.no_kernel_image_for_device import check
from tests.factory import driver, gpu


def module(*architectures, package="demo", path="/site/demo/_C.so"):
    return CompiledModule(path, package, (), None, None, architectures, ())


def run(gpus, *modules):
    return list(check(driver(*gpus), CompiledModules(modules)))


@pytest.mark.parametrize(
    ("code", "capability"),
    [
        (("sm_80",), (8, 0)),
        (("sm_80",), (8, 6)),
        (("sm_80", "compute_80"), (9, 0)),
        (("compute_70",), (12, 0)),
        (("sm_90a",), (9, 0)),
        ((), (9, 0)),
    ],
)
def test_quiet_when_machine_code_or_ptx_serves_it(code, capability):
    assert not run([gpu(capability)], module(*code))


def test_quiet_when_another_file_of_the_package_serves_it_and_without_gpus():
    assert not run([gpu((8, 0))], module("sm_90a"), module("sm_80", path="/site/demo/_C80.so"))
    assert not run([], module("sm_80"))


@pytest.mark.parametrize(
    ("code", "capability"),
    [
        (("sm_80",), (9, 0)),
        (("sm_86",), (8, 0)),
        (("sm_90a", "compute_90a"), (10, 0)),
        (("compute_90",), (8, 0)),
    ],
)
def test_a_gpu_without_code_is_named(code, capability):
    (finding,) = run([gpu(capability, name="NVIDIA X")], module(*code))
    assert finding.severity is None and "NVIDIA X" in finding.message and "demo" in finding.message


def test_one_of_two_gpus_is_a_warning():
    (finding,) = run([gpu((8, 0)), gpu((9, 0), index=1)], module("sm_80"))
    assert finding.severity is Severity.WARNING and finding.evidence[-1].source == "GPU 1"
