"""The build folder came along when the project was copied, and remembers where it was made."""

RULES = "stale-build-directory"
SAYS = r"is different than the directory"
NEEDS = "cmake make gcc"
BUILD = "cmake -S . -B _build && cmake --build _build"
CHANGES = "project/_build"
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.10)
        project(gcd C)
        add_library(gcd STATIC gcd.c)
    """,
    "gcd.c": "int gcd(int a, int b) { return b ? gcd(b, a % b) : a; }\n",
}


def make(box):
    box.prepare("cp", "-r", "project", "first")
    box.prepare("cmake", "-S", "first", "-B", "first/_build")
    box.prepare("mv", "first/_build", "project/_build")
    box.prepare("rm", "-r", "first")
