"""CMake files read as text."""

import pytest

from envdoctor.probes._project import cmake_files
from envdoctor.probes._project.cmake_syntax import parse
from envdoctor.probes._project.tree import Tree
from tests.fakes import FakeHost


def read(text, definitions=None, env=None, **files):
    paths = {"/w/CMakeLists.txt": text, **{f"/w/{name}": body for name, body in files.items()}}
    return cmake_files.read(Tree(FakeHost(files=paths, env=env or {}), "/w"), ".", definitions)


def told(places):
    return [(place.text, place.place) for place in places]


def texts(places):
    return [place.text for place in places]


def test_the_language():
    text = """\
# a comment with (parentheses)
#[[ a bracket
comment() ]] set(A "one;two" three) #[==[ x ]] ]==]
Message([=[raw ${x} ]] ]=]
  "quoted \\"text\\" (x)" bare\\ word -DX="y z")
if((A AND B) OR "C")
endif()
stray ) words set(B
"""
    commands = parse(text)
    assert [(command.name, command.line) for command in commands] == [
        ("set", 3),
        ("message", 4),
        ("if", 6),
        ("endif", 7),
    ]
    assert commands[0].arguments == [("A", "bare"), ("one;two", "quoted"), ("three", "bare")]
    assert commands[1].arguments[0] == ("raw ${x} ]] ", "bracket")
    assert [text for text, _ in commands[2].arguments] == ["(", "A", "AND", "B", ")", "OR", "C"]


def test_nothing_without_a_file():
    assert cmake_files.read(Tree(FakeHost(), "/w")) is None


def test_minimums_of_the_root_and_of_what_it_adds():
    reader = read(
        "cmake_minimum_required(VERSION 3.5...3.28 FATAL_ERROR)\nproject(a)\nadd_subdirectory(third_party/b)\n"
        "include(cmake/more.cmake)\ncmake_minimum_required(VERSION 3.20)\n",
        **{
            "third_party/b/CMakeLists.txt": "\ncmake_minimum_required(VERSION 2.8.12)\nproject(b CUDA)\n",
            "cmake/more.cmake": "include(CTest)\nenable_language(CUDA)\n",
        },
    )
    fact = reader.fact()
    assert told(fact.minimums) == [
        ("3.5...3.28", "CMakeLists.txt:1"),
        ("2.8.12", "third_party/b/CMakeLists.txt:2"),
    ]
    assert fact.minimum == fact.minimums[0]
    assert told(fact.languages) == [
        ("C", "CMakeLists.txt:2"),
        ("CXX", "CMakeLists.txt:2"),
        ("CUDA", "third_party/b/CMakeLists.txt:3"),
    ]
    assert told(fact.subdirectories) == [("third_party/b", "CMakeLists.txt:3")]


def test_packages():
    fact = read(
        "project(a LANGUAGES CXX)\nfind_package(Python3 3.8 REQUIRED COMPONENTS Interpreter Development)\n"
        "find_package(CUDAToolkit QUIET)\npkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7)\n"
    ).fact()
    python, toolkit, curl = fact.packages
    assert (python.name, python.version, python.components, python.required, python.line) == (
        "Python3",
        "3.8",
        ("Interpreter", "Development"),
        True,
        2,
    )
    assert (toolkit.required, curl.name, curl.required) == (False, "pkg-config libcurl", True)
    assert fact.package("CUDAToolkit") is toolkit


def test_standards_from_variables_properties_features_and_flags():
    fact = read(
        "set(CMAKE_CXX_STANDARD 14)\nset_target_properties(t PROPERTIES CUDA_STANDARD 17 CXX_STANDARD_REQUIRED ON)\n"
        'target_compile_features(t PUBLIC cxx_std_20)\nset(CMAKE_CXX_FLAGS "${CMAKE_CXX_FLAGS} -std=c++1z -Wall")\n'
        'string(APPEND CMAKE_CUDA_FLAGS " -std=c++11")\n'
    ).fact()
    assert told(fact.standards) == [
        ("CXX 14", "CMakeLists.txt:1"),
        ("CUDA 17", "CMakeLists.txt:2"),
        ("CXX 20", "CMakeLists.txt:3"),
        ("CXX 17", "CMakeLists.txt:4"),
        ("CUDA 11", "CMakeLists.txt:5"),
    ]


def test_architectures_from_everywhere():
    fact = read(
        "if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)\n  set(CMAKE_CUDA_ARCHITECTURES 80-real 90a)\nendif()\n"
        "set_property(TARGET t PROPERTY CUDA_ARCHITECTURES native)\nset(ARCH 86)\n"
        'set(CMAKE_CUDA_FLAGS "-gencode arch=compute_${ARCH},code=sm_${ARCH}")\n'
        "target_compile_options(t PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-gencode=arch=compute_75,code=sm_75>)\n"
    ).fact()
    assert told(fact.architectures) == [
        ("80-real;90a", "CMakeLists.txt:2"),
        ("native", "CMakeLists.txt:4"),
        ("86", "CMakeLists.txt:6"),
        ("75", "CMakeLists.txt:7"),
    ]


@pytest.mark.parametrize(
    ("condition", "languages"),
    [
        ("ON", ["CUDA"]),
        ("WIN32", ["HIP"]),
        ("NOT MSVC AND UNIX", ["CUDA"]),
        ("WITH_GPU", ["CUDA"]),
        ("NOT WITH_GPU OR APPLE", ["HIP"]),
        ("SWITCHED_OFF", ["HIP"]),
        ("NEVER_SET", ["HIP"]),
        ('${BACKEND} STREQUAL "cuda"', ["CUDA"]),
        ('BACKEND MATCHES "^hi"', ["HIP"]),
        ("BACKEND IN_LIST BACKENDS", ["CUDA"]),
        ("3.2 VERSION_LESS 3.10 AND 2 GREATER 1", ["CUDA"]),
        ("(WIN32 OR ON) AND NOT (OFF)", ["CUDA"]),
        ("EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/CMakeLists.txt", ["CUDA"]),
        ("EXISTS missing.txt", ["HIP"]),
        ("CMAKE_CUDA_COMPILER", []),
        ("Thing_FOUND", []),
        ("asked", []),
        ("CMAKE_VERSION VERSION_LESS 3.20", []),
        ("TARGET other", []),
    ],
)
def test_conditions_that_can_be_decided_and_those_that_cannot(condition, languages):
    text = (
        'option(WITH_GPU "x" ON)\noption(SWITCHED_OFF "x")\nset(BACKEND cuda CACHE STRING "x")\n'
        "set(BACKENDS cpu cuda)\n"
        "find_package(Thing)\nexecute_process(COMMAND x OUTPUT_VARIABLE asked)\n"
        f"if({condition})\n  enable_language(CUDA)\nelse()\n  enable_language(HIP)\nendif()\n"
    )
    assert texts(read(text).fact().languages) == languages


def test_definitions_of_the_caller_win():
    text = (
        'set(BACKEND cpu CACHE STRING "")\noption(GPU "" OFF)\nif(BACKEND STREQUAL "cuda" AND GPU)\n'
        "enable_language(CUDA)\nendif()\n"
    )
    assert texts(read(text).fact().languages) == []
    assert texts(
        read(text, cmake_files.definitions("-DBACKEND=cuda -D GPU:BOOL=ON -G Ninja")).fact().languages
    ) == ["CUDA"]


def test_values_that_depend_on_open_conditions_are_left_out():
    fact = read(
        "find_package(CUDAToolkit)\nif(CUDAToolkit_VERSION VERSION_LESS 13)\n  list(APPEND ARCHS 60 70)\nendif()\n"
        "list(APPEND ARCHS 80)\nset(CMAKE_CUDA_ARCHITECTURES ${ARCHS})\n"
        "if(CUDAToolkit_FOUND)\n  set(CMAKE_CXX_STANDARD 14)\n  find_package(Thing REQUIRED)\nendif()\n"
    ).fact()
    assert (texts(fact.architectures), fact.standards) == (["${CMAKE_CUDA_ARCHITECTURES}"], ())
    assert fact.package("Thing").required is False


def test_an_unknown_file_may_have_set_anything():
    text = "include({})\nif(WITH_IT)\n  enable_language(CUDA)\nelse()\n  enable_language(HIP)\nendif()\n"
    assert texts(read(text.format("CheckIPOSupported")).fact().languages) == ["HIP"]
    assert texts(read(text.format("/opt/vendor/setup.cmake")).fact().languages) == []


def test_targets_sources_libraries_and_folders():
    reader = read(
        "project(a CXX)\nset(SRCS src/a.cpp)\nfile(GLOB KERNELS CONFIGURE_DEPENDS src/*.cu)\n"
        "list(APPEND SRCS ${KERNELS})\n"
        "add_library(core STATIC ${SRCS})\nadd_executable(tool ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)\n"
        "target_link_libraries(tool PRIVATE core CUDA::cublas_static -lcudart ${TORCH_LIBRARIES} "
        "$<BUILD_INTERFACE:z>)\n"
        "target_include_directories(core PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/inc> "
        "$ENV{CUDA_HOME}/include"
        " ${UNKNOWN_DIR}/include)\nadd_compile_definitions(WITH_CUDA)\n",
        env={"CUDA_HOME": "/opt/cuda"},
        **{"src/a.cpp": "", "src/k.cu": "", "main.cpp": ""},
    )
    assert list(reader.sources) == ["src/a.cpp", "src/k.cu", "main.cpp"]
    assert texts(reader.link_names()) == ["cublas_static", "cudart", "z"]
    assert texts(reader.fact().libraries)[:2] == ["core", "CUDA::cublas_static"]
    assert reader.include_dirs == ["inc", "/opt/cuda/include", "${UNKNOWN_DIR}/include"]
    assert reader.defined == ["-DWITH_CUDA"]


def test_functions_and_macros_and_loops():
    fact = read(
        "function(add_kernel name)\n  target_link_libraries(${name} ${ARGN})\n  set(UP 14 PARENT_SCOPE)\n"
        "endfunction()\n"
        "macro(standard n)\n  set(CMAKE_CUDA_STANDARD ${n})\nendmacro()\n"
        "foreach(lib IN LISTS NONE ITEMS cusparse curand)\n  add_kernel(k ${lib})\nendforeach()\nstandard(17)\n"
        "set(CMAKE_CXX_STANDARD ${UP})\n"
    ).fact()
    assert told(fact.libraries) == [("cusparse", "CMakeLists.txt:2"), ("curand", "CMakeLists.txt:2")]
    assert told(fact.standards) == [("CUDA 17", "CMakeLists.txt:6"), ("CXX 14", "CMakeLists.txt:12")]


def test_downloads():
    fact = read(
        "include(FetchContent)\nFetchContent_Declare(fmt GIT_REPOSITORY https://git.example.invalid/fmt)\n"
        "FetchContent_Declare(unused URL https://git.example.invalid/unused.zip)\nFetchContent_MakeAvailable(fmt)\n"
        "ExternalProject_Add(z URL https://git.example.invalid/z.tar.gz)\n"
    ).fact()
    assert texts(fact.downloads) == [
        "https://git.example.invalid/fmt",
        "https://git.example.invalid/z.tar.gz",
    ]


def test_a_vendored_project_keeps_its_own_standards_and_libraries():
    fact = read(
        "add_subdirectory(third_party/v)\n",
        **{
            "third_party/v/CMakeLists.txt": (
                "set(CMAKE_CXX_STANDARD 11)\nadd_library(v v.c)\ntarget_link_libraries(v m)\n"
            )
        },
    ).fact()
    assert (fact.standards, fact.libraries) == ((), ())


@pytest.mark.parametrize(
    "text",
    [
        "add_subdirectory(.)\ninclude(CMakeLists.txt)\n",
        "function(f)\n  f()\nendfunction()\nf()\n",
        "macro(m)\n  m()\n  m()\nendmacro()\nm()\n",
        (
            'set(A "${A}${A}x")\nforeach(i 1 2 3 4 5 6 7 8)\nforeach(j ${i} 2 3 4 5 6 7 8)\n'
            'set(A "${A}${A}${A}")\nendforeach()\nendforeach()\n'
        ),
        "if(A)\n" * 2000,
        "if(" + "NOT " * 5000 + "A)\nendif()\n",
        "#[[" * 20000 + '"' * 20001,
        "if(",
        "if()\nelse()\n",
        "endif()\nendfunction()\n",
        "set()\nlist()\nstring()\nfile()\nproject()\nfind_package()\n",
        "set(A ${${${A}}})\nif(A STREQUAL)\nendif()\n",
        'string(REGEX MATCH "(" x y)\nif(x MATCHES "(")\nendif()\n',
        '\x00\xff(")',
    ],
)
def test_hostile_files_end(text):
    assert read(text).fact().minimum is None


def test_architectures_that_are_computed_or_uncertain_are_known_to_be_set():
    for text in (
        "list(APPEND CMAKE_CUDA_ARCHITECTURES ${LATEST})",
        "if(EXISTS ${X})\n  set(CMAKE_CUDA_ARCHITECTURES 80)\nendif()",
    ):
        found = read(f"project(demo CUDA)\nlist(POP_BACK OTHERS LATEST)\n{text}\n")
        assert [place.text for place in found.fact().architectures] == ["${CMAKE_CUDA_ARCHITECTURES}"]


CHOICES = """\
project(demo CXX)
option(NO_CUDA "" OFF)
option(WITH_CUDA "" OFF)
set(BACKEND "cpu" CACHE STRING "")
set_property(CACHE BACKEND PROPERTY STRINGS cpu cuda hip)
if(BACKEND STREQUAL "cuda" AND WITH_CUDA AND NOT NO_CUDA)
  enable_language(CUDA)
endif()
"""


def test_stated_cuda_chooses_the_options_for_it():
    tree = Tree(FakeHost(files={"/w/CMakeLists.txt": CHOICES}), "/w")

    def languages(definitions, stated):
        found = cmake_files.read(tree, ".", definitions, stated)
        return [place.text for place in found.fact().languages]

    assert languages({}, True) == ["CXX", "CUDA"]
    assert languages({}, False) == ["CXX"]
    assert languages({"BACKEND": "cpu"}, True) == ["CXX"]
    assert languages({"WITH_CUDA": "OFF"}, True) == ["CXX"]


def test_a_folder_of_the_tree_in_place_of_a_download():
    found = read(
        "cmake_minimum_required(VERSION 3.14)\nproject(a CXX)\ninclude(FetchContent)\n"
        "FetchContent_Declare(half SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/vendor/half)\n"
        "FetchContent_MakeAvailable(half)\n",
        **{"vendor/half/CMakeLists.txt": "cmake_minimum_required(VERSION 3.0)\nproject(half CXX)\n"},
    )
    assert texts(found.fact().minimums) == ["3.14", "3.0"] and not found.fact().downloads
