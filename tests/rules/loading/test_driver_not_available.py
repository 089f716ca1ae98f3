"""CUDA without a driver."""

from envdoctor.facts import CompiledModules, Request
from envdoctor.finding import SetEnv
from envdoctor.rules.loading.driver_not_available import ROLES, check
from tests.factory import driver, environment, gpu, module, system, torch

HERE = Request(role="runtime", role_stated=True)
ANYWHERE = Request(role="runtime")


def found(driver_=None, request=HERE, torch_=None, modules=(), system_=None, **variables):
    return list(check(driver_, request, environment(**variables), system_, torch_, CompiledModules(modules)))


def test_quiet_with_a_driver_without_cuda_and_where_nobody_asked():
    assert not found(driver(gpu()), torch_=torch())
    assert not found(torch_=torch("2.13.0+cpu", None))
    assert not found(torch_=torch(), request=ANYWHERE)
    assert not found(torch_=torch(), request=ANYWHERE, NVIDIA_VISIBLE_DEVICES="void")
    assert ROLES == ("runtime",)


def test_the_stated_role_asks():
    (finding,) = found(torch_=torch())
    assert "no driver" in finding.message


def test_a_container_that_was_meant_for_gpus():
    (finding,) = found(
        request=ANYWHERE, torch_=torch(), system_=system(container="docker"), NVIDIA_VISIBLE_DEVICES="all"
    )
    assert "--gpus all" in finding.fix.title


def test_a_module_that_links_libcuda():
    (finding,) = found(request=ANYWHERE, modules=(module(needed={"libcuda.so.1": None}),))
    assert "libcuda.so.1" in finding.evidence[0].text


def test_wsl_keeps_it_in_its_own_folder():
    (finding,) = found(torch_=torch(), system_=system(wsl=2))
    assert finding.fix.steps == (SetEnv("LD_LIBRARY_PATH", "/usr/lib/wsl/lib", "append"),)


def test_ubuntus_package_is_named_by_torchs_cuda():
    (finding,) = found(torch_=torch(), system_=system(family=("ubuntu", "debian")))
    assert [step.package for step in finding.fix.steps] == ["nvidia-driver-580"]


def test_device_files_that_cannot_be_opened():
    (finding,) = found(driver(forbidden_nodes=("/dev/nvidiactl",)), request=ANYWHERE)
    assert "/dev/nvidiactl" in finding.message
