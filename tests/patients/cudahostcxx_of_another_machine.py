"""CUDAHOSTCXX names a compiler that is not here, and nvcc cannot start it."""

RULES = "host-compiler-wrong"
SAYS = r"g\+\+-7"
NEEDS = "nvcc cmake make g++"
BUILD = "cmake -S . -B build && cmake --build build"
ENVIRONMENT = {
    "PATH": "/usr/local/cuda/bin:/usr/bin:/bin",
    "CUDAHOSTCXX": "/usr/bin/g++-7",
    "CUDAARCHS": "80",
}
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.18)
        project(negate LANGUAGES CUDA)
        add_library(negate STATIC negate.cu)
    """,
    "negate.cu": "__global__ void negate(float* x) { x[threadIdx.x] = -x[threadIdx.x]; }\n",
}
