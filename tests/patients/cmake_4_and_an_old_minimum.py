"""CMake 4, and a project that asks for compatibility with CMake 2.8."""

RULES = "cmake-too-new"
SAYS = r"Compatibility with CMake < 3\.5 has been removed"
NEEDS = "gcc make"
BUILD = "cmake -S . -B build && cmake --build build"
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 2.8)
        project(tally C)
        add_library(tally SHARED tally.c)
    """,
    "tally.c": "int tally(int n) { return n * (n + 1) / 2; }\n",
}


def make(box):
    box.cmake("4.1.2")
