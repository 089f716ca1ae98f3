"""A container with little memory, in which Ninja starts one compiler too many."""

RULES = "out-of-memory-compiler-killed"
SAYS = r"Killed signal terminated program|died due to signal 9|[Kk]illed"
NEEDS = "cmake ninja g++ memory-cgroup"
BUILD = "cmake -S . -B build && cmake --build build"
ENVIRONMENT = {"CMAKE_GENERATOR": "Ninja"}
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.16)
        project(tables CXX)
        set(CMAKE_CXX_STANDARD 17)
        add_library(tables STATIC a.cpp b.cpp c.cpp)
    """,
}
FUNCTION = """\
struct Key{n} { int value; bool operator<(const Key{n}& other) const { return value < other.value; } };
int count{n}(int n) {
  std::map<Key{n}, std::vector<std::string>> found;
  for (int i = 0; i < n; i++) found[{i}].push_back("x");
  return found.size();
}
"""


def make(box):
    head = "#include <map>\n#include <string>\n#include <vector>\n"
    for name in "abc":
        functions = (FUNCTION.replace("{n}", f"_{name}{number}") for number in range(24))
        box.write(f"project/{name}.cpp", head + "".join(functions))
    box.limit_memory(350)
