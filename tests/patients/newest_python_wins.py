"""FindPython3 of an old project takes the newest Python of the machine, not the one of the environment."""

RULES = "python-interpreter-mismatch"
SAYS = r"No module named '?wordlist"
NEEDS = "make gcc python3.8 python3"
BUILD = "cmake -S . -B build && cmake --build build"
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.12)
        project(words C)
        find_package(Python3 REQUIRED COMPONENTS Interpreter)
        execute_process(
          COMMAND ${Python3_EXECUTABLE} -m wordlist
          OUTPUT_FILE ${CMAKE_BINARY_DIR}/words.h
          RESULT_VARIABLE failed)
        if(failed)
          message(FATAL_ERROR "words.h cannot be made")
        endif()
        add_library(words STATIC words.c)
        target_include_directories(words PRIVATE ${CMAKE_BINARY_DIR})
    """,
    "words.c": '#include "words.h"\nint words(void) { return WORDS; }\n',
}


def make(box):
    box.cmake("4.1.2")  # Debian's own takes the first on PATH
    site = box.venv(version="3.8")
    del box.environment["VIRTUAL_ENV"]  # as in an image that sets PATH alone
    (site / "wordlist.py").write_text("print('#define WORDS 3')\n")
