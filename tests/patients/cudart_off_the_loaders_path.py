"""An installed package needs libcudart, which lies in a toolkit that the loader does not search."""

RULES = "shared-library-not-found"
SAYS = r"libcudart\.so\.11\.0: cannot open shared object file"
NEEDS = "gcc"
BUILD = "python -c 'import ring'"
ENVIRONMENT = {"CUDA_HOME": "{box}/opt/cuda-11.8"}
PROJECT = {"README": "Start with: python -c 'import ring'\n"}


def make(box):
    box.write("opt/cuda-11.8/include/cuda.h", "#define CUDA_VERSION 11080\n")
    box.cudart_11("opt/cuda-11.8/lib64")
    box.package(box.venv(), "ring", "-Lopt/cuda-11.8/lib64", "-lcudart")
