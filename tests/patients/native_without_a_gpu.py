"""CMake is to compile for the GPU of this machine, which has none."""

RULES = "gpu-not-visible-at-build"
SAYS = r"no GPU was detected|No CUDA GPUs? (was|were) (found|detected)"
NEEDS = "nvcc cmake make g++ no-gpu"
BUILD = "cmake -S . -B build && cmake --build build"
OPTIONS = "--arch 8.0"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin"}
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.24)
        if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
          set(CMAKE_CUDA_ARCHITECTURES native)
        endif()
        project(gelu LANGUAGES CUDA)
        add_library(gelu STATIC gelu.cu)
    """,
    "gelu.cu": "__global__ void gelu(float* x) { x[threadIdx.x] *= normcdff(x[threadIdx.x]); }\n",
}
