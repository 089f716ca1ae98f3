"""CXX and CC, copied from another machine, name compilers that are not here."""

RULES = "host-compiler-wrong"
SAYS = r"Could not find compiler set in environment variable"
NEEDS = "cmake make g++"
BUILD = "cmake -S . -B build && cmake --build build"
ENVIRONMENT = {"CC": "/opt/rh/devtoolset-7/root/usr/bin/gcc", "CXX": "/opt/rh/devtoolset-7/root/usr/bin/g++"}
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.10)
        project(lerp C CXX)
        add_library(lerp STATIC lerp.cpp)
    """,
    "lerp.cpp": "double lerp(double a, double b, double t) { return a + t * (b - a); }\n",
}
