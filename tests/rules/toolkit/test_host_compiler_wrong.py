"""Compilers that variables name, and halves of compilers."""

from pathlib import Path

import pytest

from envdoctor.facts import Compilers, Environment, Variable
from envdoctor.finding import Run, SetEnv
from envdoctor.log import read_text
from envdoctor.rules.toolkit.host_compiler_wrong import check, explain
from tests.factory import cmake, compiler, environment, project, system, toolkit

GXX = compiler()
LOGS = Path(__file__).parents[2] / "logs/host-compiler-wrong"


def run(*items, used=None, project=project(), system=None, **variables):  # noqa: B008
    found = items or (GXX,)
    return list(check(environment(**variables), project, Compilers(found), used or found[0], system, None))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"CXX": "g++"},
        {"CXX": "/usr/bin/g++"},
        {"CXX": "ccache g++ -m64"},
        {"CXX": ""},
        {"CUDAHOSTCXX": "/gone"},
    ],
)
def test_quiet_for_what_is_there_or_not_read(variables):
    assert not run(**variables)


def test_quiet_for_another_name_of_a_compiler_that_was_found():
    assert not run(compiler(found_via="CXX", path="/opt/bin/c++"), CXX="/opt/gcc/bin/../bin/c++")
    assert not run(project=project(builds=()), CXX="/gone/g++")


@pytest.mark.parametrize("value", ["icpx", "/opt/nvidia/hpc_sdk/compilers/bin/nvc++", "hipcc", "mpicxx -O2"])
def test_quiet_for_other_makers_compilers(value):
    assert not run(CXX=value)


def test_a_variable_that_names_nothing_is_unset():
    (finding,) = run(CXX="/opt/conda/bin/x86_64-conda-linux-gnu-c++")
    assert "/opt/conda" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CXX", None),)
    cuda = project(builds=("make",), cuda_sources=("k.cu",))
    (finding,) = run(project=cuda, CUDAHOSTCXX="/gone/g++-11")
    assert "CUDAHOSTCXX" in finding.message


def test_a_name_of_any_kind_that_leads_to_no_program():
    for value in ("/nope", "/usr/bin/nonexistent", "icpx"):
        gone = Environment((Variable("CXX", value, exists=False),))
        (finding,) = check(gone, project(), Compilers((GXX,)), GXX, None, None)
        assert value in finding.message
    there = Environment((Variable("CXX", "icpx", exists=True),))
    assert not list(check(there, project(), Compilers((GXX,)), GXX, None, None))


def test_gcc_without_its_cxx_half():
    half = compiler(name="gcc", path="/usr/bin/gcc", cxx=False)
    (finding,) = run(half, system=system())
    assert finding.fix is not None and isinstance(finding.fix.steps[0], Run)
    assert finding.fix.steps[0].command == "sudo apt-get install -y g++"
    whole = compiler("11.3.0", name="g++-11", path="/usr/bin/g++-11")
    (finding,) = run(half, whole)
    assert finding.fix is not None and SetEnv("CXX", "/usr/bin/g++-11") in finding.fix.steps


CUDA = project(builds=("make",), cuda_sources=("k.cu",))


def test_ccbin_that_names_nothing():
    assert not run(NVCC_PREPEND_FLAGS="-ccbin /usr/bin/g++-9")
    assert not run(project=CUDA, NVCC_PREPEND_FLAGS="-ccbin /usr/bin/g++")
    assert not run(project=CUDA, NVCC_APPEND_FLAGS="-O2 --compiler-bindir=/opt/nvc++")
    by_flags = compiler(path="/opt/g++-9", found_via="NVCC_PREPEND_FLAGS")
    assert not run(GXX, by_flags, project=CUDA, NVCC_PREPEND_FLAGS="-ccbin g++-9")
    (finding,) = run(project=CUDA, NVCC_PREPEND_FLAGS="-lineinfo -ccbin /usr/bin/g++-9")
    assert "-ccbin /usr/bin/g++-9" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("NVCC_PREPEND_FLAGS", "-lineinfo"),)


def test_a_c_compiler_for_cxx():
    gcc = compiler(name="gcc", path="/usr/bin/gcc", found_via="CXX")
    (finding,) = run(GXX, gcc, CXX="/usr/bin/gcc")
    assert "the C compiler" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CXX", "/usr/bin/g++"),)
    (finding,) = run(gcc, CXX="ccache gcc")
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CXX", None),)
    assert not run(GXX, gcc, CC="gcc", CXX="x86_64-conda-linux-gnu-c++")


@pytest.mark.parametrize("name", ["CUDACXX", "CUDAFLAGS"])
def test_ccbin_that_only_cmake_reads(name):
    value = "/opt/cuda/bin/nvcc -ccbin /gone/g++-10 -O2"
    by_cmake = project(cmake=cmake("3.18", "CUDA"))
    (finding,) = run(project=by_cmake, **{name: value})
    assert finding.fix.steps == (SetEnv(name, "/opt/cuda/bin/nvcc  -O2"),)
    assert not run(project=CUDA, **{name: value})
    there = compiler(path="/opt/g++-10", found_via=name)
    assert not run(GXX, there, project=by_cmake, **{name: value})


def test_nvccs_own_variable_counts_where_nvcc_reads_it():
    gone = Environment((Variable("NVCC_CCBIN", "/gone/g++-9", exists=False),))

    def told(version, project_=CUDA):
        return list(check(gone, project_, Compilers((GXX,)), GXX, None, toolkit(version)))

    (finding,) = told("13.0")
    assert finding.fix.steps == (SetEnv("NVCC_CCBIN", None),)
    assert not told("12.4")
    assert not told("13.0", project())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cmake-broken", "/opt/tools/bin/g++"),
        ("cmake-cxx-gone", "CXX is clang++-99"),
        ("cmake-named-gone", "/usr/bin/g++-nosuch"),
        ("torch-cxx-gone", "g++-99"),
    ],
)
def test_a_log_that_names_the_compiler(name, words):
    text = (LOGS / f"{name}.log").read_text()
    (finding, *_) = explain(read_text(text))
    assert words in finding.message


def test_a_first_test_whose_output_was_cut_off_decides_nothing():
    text = (LOGS / "cmake-broken.log").read_text()
    start = text[: text.index("    gmake[1]: Entering")]
    assert not list(explain(read_text(start)))
    other = text.replace("    gmake[1]: ***", "    c++: error: unrecognized option '-x'\n    gmake[1]: ***")
    assert [finding.confidence for finding in explain(read_text(other))] == ["low"]
