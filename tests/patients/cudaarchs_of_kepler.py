"""CUDAARCHS, set long ago, asks CMake for Kepler."""

RULES = "arch-dropped-by-nvcc"
SAYS = r"Unsupported gpu architecture 'compute_35'"
NEEDS = "nvcc cmake ninja g++"
BUILD = "cmake -G Ninja -S . -B build && cmake --build build"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin", "CUDAARCHS": "35;80"}
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.20)
        project(clip LANGUAGES CUDA)
        add_library(clip STATIC clip.cu)
    """,
    "clip.cu": "__global__ void clip(float* x, float to) { x[threadIdx.x] = fminf(x[threadIdx.x], to); }\n",
}
