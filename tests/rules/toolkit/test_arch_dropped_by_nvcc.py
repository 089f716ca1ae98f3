"""Architectures that newer toolkits left behind."""

from envdoctor.facts import Request
from envdoctor.finding import SetEnv, Shim
from envdoctor.rules.toolkit.arch_dropped_by_nvcc import check
from tests.factory import (
    at,
    cmake,
    driver,
    environment,
    extension,
    gpu,
    program,
    project,
    setup,
    toolkit,
    toolkits,
    tools,
)

EXTENSION = project(setup=setup(extension()))
MAKE = project(
    builds=("make",),
    cuda_sources=("k.cu",),
    architectures=(at("70", "Makefile", 2), at("75", "Makefile", 3), at("80", "Makefile", 4)),
)


WHOLE = toolkit()


def run(project=MAKE, toolkit=WHOLE, request=None, others=None, driver=None, tools=None, **variables):
    request = request or Request(role="build")
    return list(check(request, environment(**variables), project, toolkit, others, driver, tools, None))


def test_quiet_for_what_nvcc_lists_and_for_newer_ones():
    assert not run(toolkit=toolkit("12.4"))
    assert not run(project=EXTENSION, TORCH_CUDA_ARCH_LIST="7.5;8.0+PTX")
    assert not run(project=EXTENSION, toolkit=toolkit("11.8"), TORCH_CUDA_ARCH_LIST="12.0")
    assert not run(project=project(architectures=MAKE.architectures, builds=("make",)))


def test_a_makefile_keeps_the_rest_by_an_nvcc_that_leaves_it_out():
    (finding,) = run()
    assert "7.0" in finding.message and finding.location is not None and finding.location.line == 2
    assert finding.fix is not None
    (script,) = [step for step in finding.fix.steps if isinstance(step, Shim) and step.kind == "script"]
    assert script.path == "cuda/bin/nvcc" and "exec /usr/local/cuda/bin/nvcc" in script.content
    assert SetEnv("ENVDOCTOR_DROPPED_ARCHITECTURES", "70") in finding.fix.steps
    assert not run(ENVDOCTOR_DROPPED_ARCHITECTURES="70")


LISTED = project(
    builds=("cmake",),
    cmake=cmake("3.18", "CXX", "CUDA", cmake_lists=at("CMAKE_CUDA_ARCHITECTURES_ALL", "CMakeLists.txt")),
)


def test_cmakes_own_list_counts_where_that_cmake_is_older_than_the_toolkit():
    for version, cuda in (("3.31.10", "13.0"), ("4.1.3", "13.0"), ("3.31.10", "12.4"), ("3.22.1", "13.0")):
        assert not run(project=LISTED, toolkit=toolkit(cuda), tools=tools(program("cmake", version)))
    (finding,) = run(project=LISTED, tools=tools(program("cmake", "3.25.1")))
    assert "3.5, 3.7, 5.0" in finding.message
    assert finding.evidence[0].text == "${CMAKE_CUDA_ARCHITECTURES_ALL} of CMake 3.25.1"
    assert finding.fix is not None
    assert SetEnv("ENVDOCTOR_DROPPED_ARCHITECTURES", "35 37 50 52 53 60 61 62 70 72") in finding.fix.steps


def test_with_stated_targets_nvcc_compiles_for_them_alone():
    (finding,) = run(request=Request(role="build", architectures=("8.0",)))
    assert finding.fix is not None and finding.fix.title.endswith("for 8.0 alone of what the build asks for")
    assert SetEnv("ENVDOCTOR_DROPPED_ARCHITECTURES", "70 75") in finding.fix.steps


def test_a_variable_is_written_again_without_it():
    (finding,) = run(project=EXTENSION, TORCH_CUDA_ARCH_LIST="7.0;8.6")
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "8.6+PTX"),)


def test_when_nothing_else_is_asked_for_an_older_toolkit_is_wanted():
    only = project(builds=("make",), cuda_sources=("k.cu",), architectures=(at("61", "Makefile", 2),))
    (finding,) = run(project=only)
    assert finding.fix is not None and not finding.fix.steps
    (finding,) = run(project=only, others=toolkits(toolkit(), toolkit("12.4", root="/opt/cuda-12.4")))
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/opt/cuda-12.4") in finding.fix.steps


def test_the_toolkit_to_install_is_older_than_the_one_that_dropped_it():
    for asked, release in (("3.5", "12.0"), ("6.1", "13.0"), ("3.0", "11.0"), ("10.1", "13.0")):
        (finding,) = run(project=EXTENSION, request=Request(role="build", architectures=(asked,)))
        assert finding.fix is not None and finding.fix.title.endswith(f"older than CUDA {release}")


def test_thors_old_number_and_an_old_gpu():
    (finding,) = run(project=EXTENSION, TORCH_CUDA_ARCH_LIST="10.1;11.0")
    assert "10.1" in finding.message
    (finding,) = run(project=EXTENSION, driver=driver(gpu((7, 0), name="Tesla V100")))
    assert "V100" in finding.evidence[0].source


def test_flags_of_nvcc_in_the_environment():
    plain = project(builds=("make",), cuda_sources=("k.cu",))
    value = "-lineinfo -gencode arch=compute_70,code=sm_70 -gencode=arch=compute_80,code=sm_80"
    (finding,) = run(project=plain, NVCC_APPEND_FLAGS=value)
    assert finding.evidence[0].source == "NVCC_APPEND_FLAGS"
    left = SetEnv("NVCC_APPEND_FLAGS", "-lineinfo -gencode=arch=compute_80,code=sm_80")
    assert finding.fix is not None and finding.fix.steps == (left,)
    (finding,) = run(project=plain, NVCC_PREPEND_FLAGS="-arch=sm_61")
    assert finding.fix is not None and finding.fix.steps == (SetEnv("NVCC_PREPEND_FLAGS", None),)
    assert not run(
        project=plain, NVCC_APPEND_FLAGS="-arch sm_90a -DCODE=compute_70 -Xcompiler '-march=native"
    )


def test_cmake_args_count_where_the_build_hands_them_on():
    scripted = project(
        builds=("pyproject", "cmake"),
        cmake=cmake("3.18", "CXX", "CUDA"),
        build_backend=at("scikit_build_core.build", "pyproject.toml"),
    )
    arguments = '-G Ninja "-DCMAKE_CUDA_ARCHITECTURES:STRING=61;80" -DX=61'
    (finding,) = run(project=scripted, CMAKE_ARGS=arguments.replace('"', ""))
    assert finding.fix.steps == (
        SetEnv("CMAKE_ARGS", "-G Ninja -DCMAKE_CUDA_ARCHITECTURES:STRING=80 -DX=61"),
    )
    assert not run(project=scripted, CMAKE_ARGS="-DX=61")
    alone = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"))
    assert not run(project=alone, CMAKE_ARGS=arguments)
