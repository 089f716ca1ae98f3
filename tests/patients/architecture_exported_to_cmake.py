"""CMAKE_CUDA_ARCHITECTURES is exported, where CMake does not look for it."""

RULES = "cmake-variable-exported"
SAYS = r"compile for 8\.0 or newer"
NEEDS = "nvcc cmake make g++"
BUILD = "cmake -S . -B build && cmake --build build"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin", "CMAKE_CUDA_ARCHITECTURES": "80"}
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.18)
        project(stage LANGUAGES CUDA)
        add_library(stage STATIC stage.cu)
    """,
    "stage.cu": """\
        #if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
        #error compile for 8.0 or newer
        #endif
        __global__ void stage(int* x) { x[threadIdx.x] = __reduce_add_sync(~0u, x[threadIdx.x]); }
    """,
}
