"""CMakeLists.txt asks for C++14, and the toolkit's headers want C++17."""

RULES = "cxx-standard-too-low"
SAYS = r"requires at least C\+\+ ?(17|20)"
NEEDS = "nvcc cmake ninja g++ cccl"
BUILD = "cmake -G Ninja -S . -B build && cmake --build build"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin"}
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.18)
        set(CMAKE_CUDA_ARCHITECTURES 80)
        set(CMAKE_CUDA_STANDARD 14)
        set(CMAKE_CUDA_STANDARD_REQUIRED ON)
        project(order LANGUAGES CUDA)
        add_library(order STATIC order.cu)
    """,
    "order.cu": """\
        #include <cuda/std/array>

        __global__ void order(int* x) {
          cuda::std::array<int, 2> pair{x[0], x[1]};
          x[0] = pair[1];
          x[1] = pair[0];
        }
    """,
}
