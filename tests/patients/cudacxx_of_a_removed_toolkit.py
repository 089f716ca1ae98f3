"""CUDACXX names the nvcc of a toolkit that is gone; another one is on PATH."""

RULES = "cudacxx-wrong"
SAYS = r"Could not find compiler set in environment variable CUDACXX"
NEEDS = "nvcc cmake make g++"
BUILD = "cmake -S . -B build && cmake --build build"
ENVIRONMENT = {
    "PATH": "/usr/local/cuda/bin:/usr/bin:/bin",
    "CUDACXX": "/usr/local/cuda-11.4/bin/nvcc",
    "CUDAARCHS": "80",
}
PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.18)
        project(axpy LANGUAGES CUDA)
        add_library(axpy STATIC axpy.cu)
    """,
    "axpy.cu": "__global__ void axpy(float a, const float* x, float* y) { y[threadIdx.x] += a * x[threadIdx.x]; }\n",
}
