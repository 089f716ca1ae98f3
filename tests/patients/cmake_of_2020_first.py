"""An old CMake comes first on PATH and hides the one that is new enough."""

RULES = "cmake-too-old"
SAYS = r"CMake 3\.20 or higher is required"
NEEDS = "cmake make gcc"
BUILD = "cmake -S . -B build && cmake --build build"
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.20)
        project(parity C)
        add_library(parity STATIC parity.c)
    """,
    "parity.c": "int parity(unsigned n) { return __builtin_parity(n); }\n",
}


def make(box):
    box.cmake("3.16.3.post1")
