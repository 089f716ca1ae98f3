"""Old gcc, newer standards and newer torch."""

import pytest

from envdoctor.facts import Compilers
from envdoctor.finding import Run, SetEnv
from envdoctor.rules.toolkit.host_compiler_too_old import check
from tests.factory import at, compiler, extension, project, setup, system, toolkit, torch

OLD = compiler("7.5.0")


def run(project, used=OLD, others=(), built=None, toolkit=None, system=None):
    return list(check(project, used, Compilers((used, *others)), built, toolkit, system))


def wanting(*standards):
    return project(cxx_standards=tuple(at(standard, "Makefile", 1) for standard in standards))


@pytest.mark.parametrize("standards", [(), ("11",), ("14",), ("17",), ("14", "20"), ("CXX 17",)])
def test_quiet_when_a_standard_is_known_to_it(standards):
    assert not run(wanting(*standards))


def test_quiet_for_torch_of_its_time_and_other_compilers():
    assert not run(project(setup=setup(extension())), built=torch("1.13.1"))
    assert not run(project(setup=setup(extension())), used=compiler("9.4.0"), built=torch())
    assert not run(project(builds=("make",)), built=torch())
    assert not run(wanting("20"), used=compiler("7.0", kind="clang"))


def test_a_newer_gcc_within_nvccs_bound_is_used():
    others = (compiler("10.2.0", name="g++-10", path="/usr/bin/g++-10"), compiler("14.1.0", name="g++-14"))
    wish = project(builds=("make",), cuda_sources=("k.cu",), cxx_standards=(at("20", "Makefile", 3),))
    (finding,) = run(wish, others=others, toolkit=toolkit("12.4"))
    assert "C++20" in finding.message and "7.5.0" in finding.message
    assert finding.fix is not None and SetEnv("CXX", "/usr/bin/g++-10") in finding.fix.steps
    assert SetEnv("CC", "/usr/bin/gcc-10") in finding.fix.steps


def test_torchs_headers_ask_for_gcc_9_and_a_package_is_named():
    (finding,) = run(
        project(setup=setup(extension("CppExtension"))), built=torch(), system=system(is_root=True)
    )
    assert "gcc 9" in finding.message
    assert finding.fix is not None
    (step,) = finding.fix.steps
    assert isinstance(step, Run) and step.command == "apt-get install -y g++-12"


def test_without_cuda_it_is_the_compiler_of_cxx():
    cxx = compiler("9.3.0", name="g++-9", path="/opt/bin/g++-9", found_via="CXX")
    make = project(builds=("make",), cxx_standards=(at("20", "Makefile", 3),))
    (finding,) = run(make, used=compiler(), others=(cxx,))
    assert "9.3.0" in finding.message
    cuda = project(builds=("make",), cuda_sources=("k.cu",), cxx_standards=(at("20", "Makefile", 3),))
    assert not run(cuda, used=compiler(), others=(cxx,))
