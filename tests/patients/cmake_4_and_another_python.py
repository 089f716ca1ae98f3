"""CMake 4 refuses the project's minimum, and behind that its FindPython3 takes the newest Python of the machine."""

RULES = "cmake-too-new python-interpreter-mismatch"
SAYS = r"Compatibility with CMake < 3\.5 has been removed"
NEEDS = "make gcc python3.8 python3"
BUILD = "cmake -S . -B build && cmake --build build"
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.1)
        project(units C)
        find_package(Python3 REQUIRED COMPONENTS Interpreter)
        execute_process(
          COMMAND ${Python3_EXECUTABLE} -c "import units; print(units.HEADER)"
          OUTPUT_FILE ${CMAKE_BINARY_DIR}/units.h
          RESULT_VARIABLE failed)
        if(failed)
          message(FATAL_ERROR "units.h cannot be made")
        endif()
        add_library(units STATIC units.c)
        target_include_directories(units PRIVATE ${CMAKE_BINARY_DIR})
    """,
    "units.c": '#include "units.h"\nint units(void) { return UNITS; }\n',
}


def make(box):
    site = box.venv(version="3.8")
    box.cmake("4.1.2")
    del box.environment["VIRTUAL_ENV"]  # as in an image that sets PATH alone
    (site / "units.py").write_text("HEADER = '#define UNITS 7'\n")
