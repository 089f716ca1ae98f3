"""pip's cmake was uninstalled by hand: its script is first on PATH, its package is gone."""

RULES = "cmake-shim-broken"
SAYS = r"No module named '?cmake"
NEEDS = "cmake make gcc"
BUILD = "cmake -S . -B build && cmake --build build"
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.10)
        project(median C)
        add_library(median STATIC median.c)
    """,
    "median.c": "int median(int a, int b, int c) { return a > b ? (b > c ? b : c) : (a > c ? a : c); }\n",
}


def make(box):
    box.venv()
    script = """\
        #!{box}/venv/bin/python
        import sys
        from cmake import cmake
        sys.exit(cmake())
    """
    box.write("venv/bin/cmake", script, executable=True)
