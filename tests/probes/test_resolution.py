"""What each finder of a build takes."""

from envdoctor.facts import FindPackage, NvccPath, Nvccs, Request
from envdoctor.host import Completed
from envdoctor.probes.resolution import probe
from tests import factory
from tests.fakes import FakeHost

OLD, NEW = "/opt/cuda-12.4", "/usr/local/cuda-13.0"
TOOLKITS = factory.toolkits(factory.toolkit("12.4", OLD), factory.toolkit("13.0", NEW))
CUDA_FILES = {
    f"{root}/bin/{name}": text
    for root in (OLD, NEW)
    for name, text in (("nvcc", "\x7fELF"), ("nvcc.profile", "TOP = $(_HERE_)/..\n"))
}
BOTH = factory.project(builds=("cmake",), cmake=factory.cmake("3.18", "CXX", "CUDA"))
ONLY_TOOLKIT = factory.project(builds=("cmake",), cmake=factory.cmake("3.18", "CXX"))

# Lines of CMake 3.31.10's and of Debian's 3.25.1 FindPython/Support.cmake.
SUPPORT = """
  set(_${_PYTHON_PREFIX}_VERSIONS 3.13 3.12 3.11 3.10 3.9 3.8)
cmake_policy (GET CMP0094 _${_PYTHON_PREFIX}_LOOKUP_POLICY)
  set (_${_PYTHON_PREFIX}_FIND_STRATEGY "VERSION")
else()
  set (_${_PYTHON_PREFIX}_FIND_UNVERSIONED_NAMES LAST)
endif()
                        PATHS ENV VIRTUAL_ENV ENV CONDA_PREFIX
                        VALIDATOR _python_validate_find_interpreter)
"""
DEBIAN = """
  set(_${_PYTHON_PREFIX}_VERSIONS 3.12 3.11 3.10 3.9 3.8)
set (_${_PYTHON_PREFIX}_FIND_STRATEGY "LOCATION")
else()
  set (_${_PYTHON_PREFIX}_FIND_UNVERSIONED_NAMES FIRST)
endif()
                        PATHS ENV VIRTUAL_ENV ENV CONDA_PREFIX
                        VALIDATOR _python_validate_find_interpreter)
"""
TOOLS = factory.tools(factory.program("cmake", "3.31.10", "/opt/cmake/bin/cmake"))


def cuda_host(path, links=None, files=None, **env):
    everything = {**CUDA_FILES, **(files or {})}
    return FakeHost(
        {}, everything, {"PATH": path, **env}, links, [name for name in everything if "/bin/" in name]
    )


def cuda(host, project=None, torch=None, nvccs=None):
    found = probe(host, Request(), TOOLKITS, nvccs, project, torch, None)
    return {answer.finder: answer.takes for answer in found.about("cuda")}


def test_all_agree_on_a_plain_machine():
    nvccs = Nvccs((NvccPath(f"{NEW}/bin/nvcc", "binary", f"{NEW}/bin/nvcc", NEW, True, None),))
    answers = cuda(cuda_host(f"{NEW}/bin:/usr/bin"), None, factory.torch(), nvccs)
    assert answers == dict.fromkeys(
        ("shell", "torch cpp_extension", "CMake CUDA language", "FindCUDAToolkit"), NEW
    )


def test_torch_goes_by_cuda_home_and_cmake_by_path():
    answers = cuda(cuda_host(f"{NEW}/bin:/usr/bin", CUDA_HOME=OLD), BOTH, factory.torch())
    assert answers["torch cpp_extension"] == OLD
    assert answers["CMake CUDA language"] == answers["FindCUDAToolkit"] == NEW


def test_a_torch_without_cuda_looks_for_none():
    assert (
        cuda(cuda_host("/usr/bin", CUDA_HOME=OLD), None, factory.torch("2.13.0+cpu", None))[
            "torch cpp_extension"
        ]
        is None
    )
    assert "torch cpp_extension" not in cuda(cuda_host("/usr/bin"))


def test_torch_takes_the_folder_above_a_wrapper():
    wrapper = {"/usr/local/bin/nvcc": f'#!/bin/sh\nexec {NEW}/bin/nvcc "$@"\n'}
    answers = cuda(cuda_host("/usr/local/bin", files=wrapper), None, factory.torch())
    assert answers["torch cpp_extension"] == "/usr/local"
    assert answers["CMake CUDA language"] == NEW


def test_cmake_looks_beside_the_compilers_that_it_has_before_path():
    files = {"/usr/bin/c++": "\x7fELF", "/usr/bin/nvcc": f'#!/bin/sh\nexec {OLD}/bin/nvcc "$@"\n'}
    assert cuda(cuda_host(f"{NEW}/bin:/usr/bin", files=files), BOTH)["CMake CUDA language"] == OLD
    cuda_first = factory.project(builds=("cmake",), cmake=factory.cmake("3.18", "CUDA", "CXX"))
    assert cuda(cuda_host(f"{NEW}/bin:/usr/bin", files=files), cuda_first)["CMake CUDA language"] == NEW


def test_the_systems_folders_count_for_packages_and_not_for_compilers():
    host = cuda_host("/usr/bin", files={"/usr/local/bin/nvcc": f'#!/bin/sh\nexec {NEW}/bin/nvcc "$@"\n'})
    answers = cuda(host, ONLY_TOOLKIT)
    assert (answers["FindCUDAToolkit"], answers["CMake CUDA language"]) == (NEW, None)


def test_find_cuda_toolkit_without_the_language_has_its_own_order():
    usual = {"/usr/local/cuda": NEW}
    assert cuda(cuda_host("/usr/bin", usual), ONLY_TOOLKIT)["FindCUDAToolkit"] == NEW
    assert cuda(cuda_host("/usr/bin", usual, CUDA_PATH=OLD), ONLY_TOOLKIT)["FindCUDAToolkit"] == OLD
    assert cuda(cuda_host(f"{NEW}/bin", CUDA_PATH=OLD), ONLY_TOOLKIT)["FindCUDAToolkit"] == NEW
    assert cuda(cuda_host(f"{NEW}/bin", CUDAToolkit_ROOT=OLD), ONLY_TOOLKIT)["FindCUDAToolkit"] == OLD
    assert (
        cuda(cuda_host("/usr/bin"), ONLY_TOOLKIT)["FindCUDAToolkit"] == NEW
    )  # the newest /usr/local/cuda-X.Y
    assert cuda(FakeHost(env={"PATH": "/usr/bin"}), ONLY_TOOLKIT)["FindCUDAToolkit"] is None


def test_cudacxx_that_is_not_there():
    found = probe(
        cuda_host(f"{NEW}/bin", CUDACXX="/opt/none/nvcc"), Request(), TOOLKITS, None, BOTH, None, None
    )
    answer = found.get("CMake CUDA language")
    assert answer is not None
    assert (answer.takes, answer.reason) == (None, "CUDACXX names /opt/none/nvcc, which is not there")


def python_host(path, support=SUPPORT, programs=None, interp="", **env):
    files = {
        "/opt/cmake/bin/cmake": "\x7fELF",
        "/opt/cmake/share/cmake-3.31/Modules/FindPython/Support.cmake": support,
        "/opt/cmake/share/cmake-3.31/Modules/FindPythonInterp.cmake": interp,
        "/venv/pyvenv.cfg": "home = /opt/py310/bin\nversion = 3.10.13\n",
        "/venv/bin/python3": "\x7fELF",
        "/venv/bin/python": "\x7fELF",
        "/usr/bin/python3.11": "\x7fELF",
        "/usr/lib/python3.11/os.py": "",
    }
    links = {"/usr/bin/python3": "python3.11"}
    return FakeHost(
        programs or {}, files, {"PATH": path, **env}, links, [name for name in files if "/bin/" in name]
    )


def pythons(host, minimum="3.18", version=None, tools=TOOLS, deep=False):
    packages = tuple(
        FindPackage(name, version, (), True, "CMakeLists.txt", 3) for name in ("Python3", "PythonInterp")
    )
    project = factory.project(builds=("cmake",), cmake=factory.cmake(minimum, packages=packages))
    found = probe(host, Request(deep=deep), None, None, project, None, tools)
    return {answer.finder: answer for answer in found.about("python")}


def test_under_the_new_policy_the_first_python_by_location():
    answers = pythons(python_host("/venv/bin:/usr/bin"))
    assert {name: answer.takes for name, answer in answers.items()} == {
        "shell": "/venv/bin/python",
        "FindPython3": "/venv/bin/python3",
        "FindPython3 (CMP0094 OLD)": "/usr/bin/python3.11",
        "FindPython": "/venv/bin/python3",
        "FindPythonInterp": "/venv/bin/python",
    }
    assert answers["FindPython3"].reason == "CMP0094 NEW: the first by location (PATH)"
    assert {answer.how for answer in answers.values()} == {"computed"}


def test_the_projects_minimum_decides_the_policy():
    host = python_host("/venv/bin:/usr/bin", VIRTUAL_ENV="/venv")
    assert pythons(host, "3.12")["FindPython3"].takes == "/usr/bin/python3.11"
    assert pythons(host, "3.12...3.14")["FindPython3"].takes == "/usr/bin/python3.11"
    assert pythons(host, "3.12...3.27")["FindPython3"].takes == "/venv/bin/python3"
    assert pythons(host, "2.8.12")["FindPython3"].takes == "/usr/bin/python3.11"


def test_an_environment_comes_before_path_by_location():
    host = python_host("/usr/bin:/venv/bin", VIRTUAL_ENV="/venv")
    assert pythons(host)["FindPython3"].takes == "/venv/bin/python3"
    assert pythons(host)["FindPythonInterp"].takes == "/venv/bin/python"


def test_a_version_asked_for():
    host = python_host("/venv/bin:/usr/bin")
    assert pythons(host, version="3.11")["FindPython3"].takes == "/usr/bin/python3.11"
    assert pythons(host, version="3.9...<3.11")["FindPython3"].takes == "/venv/bin/python3"
    answer = pythons(host, version="3.13")["FindPython3"]
    assert (answer.takes, answer.reason) == (None, "CMP0094 NEW: the first by location; none fits")


def test_debians_cmake_goes_by_location_whatever_the_policy():
    answers = pythons(python_host("/venv/bin:/usr/bin", DEBIAN), "3.12")
    assert answers["FindPython3 (CMP0094 OLD)"].takes == "/venv/bin/python3"
    assert answers["FindPython3"].reason == "Debian's CMake: the first by location (PATH)"


def test_find_python_interp_without_a_python_on_path():
    assert pythons(python_host("/usr/bin"))["FindPythonInterp"].takes == "/usr/bin/python3.11"
    debian = python_host("/usr/bin", DEBIAN, interp='list(APPEND _Python_VERSIONS "3")')
    assert pythons(debian)["FindPythonInterp"].takes == "/usr/bin/python3"


def test_an_old_cmake_stops_at_the_first_that_does_not_fit():
    old = SUPPORT.replace("VALIDATOR _python_validate_find_interpreter", "").replace(
        "3.13 3.12 3.11 3.10", ""
    )
    host = python_host("/venv/bin:/usr/bin", old)
    assert pythons(host, version="3.11")["FindPython3"].takes is None
    assert pythons(host)["FindPython3 (CMP0094 OLD)"].takes == "/venv/bin/python3"


def test_without_cmake_nothing_is_taken_and_the_reason_is_said():
    answers = pythons(python_host("/usr/bin"), tools=factory.tools())
    assert (answers["FindPython3"].takes, answers["FindPython3"].reason) == (None, "no cmake on PATH")


def test_deep_asks_the_real_cmake_in_a_folder_of_its_own():
    asked = {"/opt/cmake/bin/cmake -P ask.cmake": Completed(0, "", "TAKES=/usr/bin/python3\n")}
    host = python_host("/venv/bin:/usr/bin", programs=asked)
    answer = pythons(host, "3.12", deep=True)["FindPython3"]
    assert (answer.takes, answer.how) == ("/usr/bin/python3", "asked")
    script = host.scratched[0]["ask.cmake"]
    assert "CMP0094:OLD" in script
    assert "find_package(Python3  QUIET COMPONENTS Interpreter)" in script
    assert "${Python3_EXECUTABLE}" in script


def test_a_cmake_that_does_not_tell_leaves_the_computed_answer():
    asked = {"/opt/cmake/bin/cmake -P ask.cmake": Completed(1, "", "CMake Error\n")}
    answer = pythons(python_host("/venv/bin:/usr/bin", programs=asked), deep=True)["FindPython3"]
    assert (answer.takes, answer.how) == ("/venv/bin/python3", "computed")


def test_a_root_folder_in_the_environment_comes_first_for_the_finder_of_its_name():
    host = python_host("/usr/bin", VIRTUAL_ENV="/gone", Python3_ROOT_DIR="/venv")
    answers = pythons(host)
    assert (
        answers["FindPython3"].takes == "/venv/bin/python3"
        and "Python3_ROOT_DIR" in answers["FindPython3"].reason
    )
    assert answers["FindPython"].takes == "/usr/bin/python3.11"
