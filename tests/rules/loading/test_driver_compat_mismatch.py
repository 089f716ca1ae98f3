"""libcuda and the kernel module of two drivers."""

from envdoctor.finding import SetEnv
from envdoctor.rules.loading.driver_compat_mismatch import check
from tests.factory import driver, environment, gpu

COMPAT = "/usr/local/cuda/compat"


def compat(library, kernel, name="NVIDIA A100", via="LD_LIBRARY_PATH"):
    return driver(
        gpu(name=name),
        libcuda=f"{COMPAT}/libcuda.so.{library}",
        libcuda_version=library,
        kernel_module=kernel,
        libcuda_via=via,
    )


def found(driver_, **variables):
    return list(check(driver_, environment(**variables)))


def test_quiet_when_they_agree_or_one_is_not_seen():
    assert not found(driver(gpu()))
    assert not found(driver(kernel_module=None))
    assert not found(driver(kernel_module="535.54.03", libcuda_version="535.054.03"))


def test_quiet_for_what_the_compat_package_is_made_for():
    assert not found(compat("580.65.06", "535.104.05"))


def test_an_update_without_a_reboot():
    (finding,) = found(driver(kernel_module="535.104.05"))
    assert "Reboot" in finding.fix.title


def test_a_compat_library_older_than_the_driver():
    (finding,) = found(compat("550.54.15", "580.65.06"), LD_LIBRARY_PATH=f"{COMPAT}:/x")
    assert "803" in finding.consequence
    assert finding.fix.steps == (SetEnv("LD_LIBRARY_PATH", "/x"),)


def test_a_compat_library_on_a_geforce():
    (finding,) = found(compat("580.65.06", "535.104.05", "NVIDIA GeForce RTX 4090", "ld.so.cache"))
    assert "804" in finding.consequence
    assert "ldconfig" in finding.fix.title
