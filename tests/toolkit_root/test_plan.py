"""Which wheels belong together."""

import re

import pytest

from envdoctor.toolkit_root.plan import Pin, PlanError, TooOld, extras_of, plan, specifier_of
from envdoctor.toolkit_root.pool import COMPILERS, HOST_COMPILERS

# Lines of cuda-toolkit 13.0.2 and 13.5.0, as they are on PyPI.
OF_13_0 = """Metadata-Version: 2.4
Name: cuda-toolkit
Version: 13.0.2
Provides-Extra: all
Requires-Dist: nvidia-cublas==13.1.0.3.*; (sys_platform == 'linux' or sys_platform == 'win32') and extra == 'all'
Requires-Dist: nvidia-cuda-nvcc==13.0.88.*; (sys_platform == 'linux' or sys_platform == 'win32') and extra == 'all'
Provides-Extra: cublas
Requires-Dist: nvidia-cublas==13.1.0.3.*; (sys_platform == 'linux' or sys_platform == 'win32') and extra == 'cublas'
Provides-Extra: nvcc
Requires-Dist: nvidia-cuda-nvcc==13.0.88.*; (sys_platform == 'linux' or sys_platform == 'win32') and extra == 'nvcc'
Provides-Extra: nvvm
Requires-Dist: nvidia-nvvm==13.0.88.*; (sys_platform == 'linux' or sys_platform == 'win32') and extra == 'nvvm'

# cuda-toolkit 13.0.2
"""
BOTH = (
    "(sys_platform == 'linux' and platform_machine == 'aarch64' or sys_platform == 'linux' and platform_machine == "
    "'x86_64' or sys_platform == 'win32' and platform_machine == 'AMD64')"
)
OF_13_5 = f"""Metadata-Version: 2.5
Name: cuda-toolkit
Version: 13.5.0
Provides-Extra: nvcc
Requires-Dist: nvidia-cuda-crt==13.5.37.*; {BOTH} and extra == 'nvcc'
Requires-Dist: nvidia-cuda-nvcc==13.5.37.*; {BOTH} and extra == 'nvcc'
Requires-Dist: nvidia-nvvm==13.5.37.*; {BOTH} and extra == 'nvcc'
Provides-Extra: cudla
Requires-Dist: nvidia-cudla==13.5.25.*; (sys_platform == 'linux' and platform_machine == 'aarch64') and extra == 'cudla'
Provides-Extra: cusparse
Requires-Dist: nvidia-cusparse==12.9.4.2.*; {BOTH} and extra == 'cusparse'
Requires-Dist: nvidia-nvjitlink<14,>=13.5.37; {BOTH} and extra == 'cusparse'
Provides-Extra: nvjitlink
Requires-Dist: nvidia-nvjitlink<14,>=13.5.37; {BOTH} and extra == 'nvjitlink'
"""


def test_nothing_but_the_base_unless_asked():
    assert plan(OF_13_0, (), "x86_64").pins == (
        Pin("nvidia-cuda-nvcc", "==13.0.88.*"),
        Pin("nvidia-nvvm", "==13.0.88.*"),
    )


def test_every_component_is_pinned_and_what_is_not_there_is_named():
    found = plan(OF_13_0, ("cublas",), "x86_64")
    assert found.version == "13.0.2"
    assert Pin("nvidia-cublas", "==13.1.0.3.*") in found.pins
    assert "nvdisasm" in found.absent and "nvcc" not in found.absent


def test_a_range_becomes_the_release_that_it_starts_with():
    pins = plan(OF_13_5, ("cusparse",), "aarch64").pins
    assert Pin("nvidia-nvjitlink", "==13.5.37.*") in pins
    assert len({pin.project for pin in pins}) == len(pins) == 5


def test_what_one_machine_alone_has():
    assert Pin("nvidia-cudla", "==13.5.25.*") in plan(OF_13_5, ("cudla",), "aarch64").pins
    with pytest.raises(
        PlanError,
        match="no wheels of cudla for x86_64; --with takes torch, all, host-compiler, or of cusparse",
    ):
        plan(OF_13_5, ("cudla",), "x86_64")


def test_a_machine_without_wheels():
    with pytest.raises(TooOld, match="for ppc64le: its wheels hold no nvcc"):
        plan(OF_13_5, (), "ppc64le")


def test_no_release_stated():
    with pytest.raises(PlanError, match="states no release of nvidia-nvvm"):
        plan(OF_13_0.replace("nvidia-nvvm==13.0.88.*", "nvidia-nvvm<14"), (), "x86_64")


def test_metadata_that_cannot_be_read():
    with pytest.raises(PlanError, match="cannot be read"):
        plan(OF_13_0.replace("nvidia-nvvm==13.0.88.*", "nvidia nvvm ? 3"), (), "x86_64")


@pytest.mark.parametrize(
    ("version", "specifier"),
    [
        ("13", "==13.*"),
        ("13.0", "==13.0.*"),
        ("13.0.2", "==13.0.2.*"),
        ("newest", ">=13"),
        ("14.9", "==14.9.*"),
        ("12", "==12.4.1.*"),
        ("12.4", "==12.4.1.*"),
        ("11.8.0", "==11.8.0.*"),
    ],
)
def test_versions(version, specifier):
    assert specifier_of(version) == specifier


@pytest.mark.parametrize("version", ["10.2", "11.7", "12.4.0", "12.40", "12.9.1"])
def test_a_cuda_of_which_nobody_has_a_compiler(version):
    with pytest.raises(TooOld, match=r"hold no nvcc, .*; 11\.8\.0, 12\.4\.1, 13\.0 and newer can be made"):
        specifier_of(version)


OF_11_8 = """Metadata-Version: 2.4
Name: cuda-toolkit
Version: 11.8.0
Requires-Dist: nvidia-cuda-nvcc-cu11==11.8.89.*; sys_platform == 'linux' and extra == 'nvcc'
Provides-Extra: nvcc
"""


def test_a_compiler_of_debians():
    found = plan(OF_11_8, ("host-compiler",), "x86_64")
    assert found.pins == (Pin("nvidia-cuda-nvcc-cu11", "==11.8.89.*"),)
    names = [item.name for item in found.packages]
    assert names[0] == "nvidia-cuda-toolkit_11.8.89~11.8.0-5~deb12u1_amd64.deb"
    assert names[-2:] == [
        "nvidia-cuda-dev_11.8.89_amd64.libcudadevrt.a",
        "nvidia-cuda-dev_11.8.89_amd64.libcudart_static.a",
    ]
    assert "g++-11_11.3.0-12_amd64.deb" in names
    assert "nvvm" not in found.absent and "cudart" in found.absent
    assert all("arm64" in item.name for item in plan(OF_11_8, ("host-compiler",), "aarch64").packages)
    assert plan(OF_13_0, (), "x86_64").packages == ()
    with pytest.raises(PlanError, match="no host-compiler for ppc64le"):
        plan(OF_13_0, ("host-compiler",), "ppc64le")


def test_other_wheels_of_that_cuda_have_none():
    with pytest.raises(TooOld, match="cannot be made for x86_64"):
        plan(OF_11_8.replace("11.8.0", "11.7.0"), (), "x86_64")
    with pytest.raises(TooOld, match="cannot be made for ppc64le"):
        plan(OF_11_8, (), "ppc64le")


@pytest.mark.parametrize("item", [*COMPILERS.values(), *sum(HOST_COMPILERS.values(), ())])
def test_every_file_of_debians_has_a_checksum_and_a_version(item):
    assert re.fullmatch("[0-9a-f]{64}", item.sha256) and re.fullmatch(r"\d+(\.\d+)+", item.upstream)
    assert item.path.startswith("pool/") and item.architecture in ("amd64", "arm64")


@pytest.mark.parametrize("version", ["", "13.", "v13", "latest", "13.0; python_version > '3'", "-d"])
def test_no_versions(version):
    with pytest.raises(PlanError, match="not a CUDA version"):
        specifier_of(version)


def test_groups_and_what_libraries_need():
    assert extras_of([]) == ()
    assert extras_of(["cusolver"]) == ("cublas", "cusolver", "cusparse", "nvjitlink")
    assert extras_of(["torch"]) == ("cublas", "cufft", "curand", "cusolver", "cusparse", "nvjitlink")
    assert extras_of(["all"]) == ("all",)
