"""What the project asks of the toolkit, and an older one."""

import pytest

from envdoctor.facts import FindPackage, Header, Request
from envdoctor.finding import SetEnv, Severity
from envdoctor.rules.toolkit.toolkit_too_old import check
from tests.factory import at, cmake, project, toolkit, toolkits

OLD = toolkit("11.8", root="/opt/cuda-11.8")
SOURCES = ("k.cu",)


def wanting(**changes):
    return project(cuda_sources=SOURCES, cmake=cmake("3.18", "CUDA", **changes))


def package(version, required=True, name="CUDAToolkit"):
    return FindPackage(name, version, (), required, "CMakeLists.txt", 4)


@pytest.mark.parametrize("version", [None, "11", "11.8", "10.2"])
def test_quiet_when_the_toolkit_is_new_enough(version):
    assert not list(check(Request(), wanting(packages=(package(version),)), OLD, None, None))


def test_quiet_for_standards_that_it_has_and_for_cmakes_own_words():
    standards = (at("CUDA 17", "CMakeLists.txt"), at("CXX 20", "CMakeLists.txt"))
    assert not list(check(Request(), wanting(standards=standards), OLD, None, None))
    native = project(cuda_sources=SOURCES, architectures=(at("native", "CMakeLists.txt", 3),))
    assert not list(check(Request(), native, toolkit("11.4"), None, None))
    assert not list(
        check(Request(), project(architectures=(at("native", "Makefile"),)), toolkit("11.4"), None, None)
    )


def test_a_required_toolkit_is_too_new_and_another_one_is_found():
    asking = wanting(packages=(package("12.0"),))
    (finding,) = check(Request(), asking, OLD, toolkits(OLD, toolkit("12.4", root="/opt/cuda-12.4")), None)
    assert "12.0" in finding.message and finding.location is not None and finding.location.line == 4
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/opt/cuda-12.4") in finding.fix.steps
    assert not list(check(Request(), wanting(packages=(package("12.0", required=False),)), OLD, None, None))


def test_cxx20_in_cuda_is_a_warning_and_an_option_of_nvcc_an_error():
    (finding,) = check(Request(), wanting(standards=(at("CUDA 20", "CMakeLists.txt", 7),)), OLD, None, None)
    assert finding.severity is Severity.WARNING and "C++20" in finding.message
    make = project(builds=("make",), cuda_sources=SOURCES, architectures=(at("native", "Makefile", 2),))
    (finding,) = check(Request(), make, toolkit("11.4"), None, None)
    assert finding.severity is None and "11.6" in finding.message


def test_the_stated_version_counts():
    (finding,) = check(Request(cuda="12.4"), wanting(), OLD, None, None)
    assert finding.evidence[0].source == "--cuda"
    assert not list(check(Request(cuda="11.8"), wanting(), OLD, None, None))


def test_options_and_headers_that_came_later():
    def needs(version, **changes):
        asking = project(builds=("make",), cuda_sources=SOURCES, **changes)
        return [finding.message for finding in check(Request(), asking, toolkit(version), None, None)]

    options = (
        at("std=c++17", "Makefile", 3),
        at("std=c++20", "Makefile", 4),
        at("compress-mode", "setup.py", 5),
    )
    assert not needs("13.0", nvcc_options=options)
    (compress,) = needs("12.4", nvcc_options=options)
    assert "--compress-mode needs CUDA 12.8" in compress
    assert len(needs("11.8", nvcc_options=options)) == 2
    fp4 = Header("cuda_fp4.h", at("cuda_fp4.h", "a.cuh", 2), ())
    (header,) = needs("12.4", unresolved_headers=(fp4,))
    assert "<cuda_fp4.h> needs CUDA 12.8" in header
    # A toolkit that is new enough and lacks it all the same is incomplete: cuda-headers-missing.
    assert not needs("13.0", unresolved_headers=(fp4,))
