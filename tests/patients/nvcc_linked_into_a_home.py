"""A link in ~/bin leads to nvcc, which then does not find its own headers."""

RULES = "nvcc-symlinked"
SAYS = r"cuda_runtime\.h: No such file or directory"
NEEDS = "nvcc make g++"
BUILD = "make"
ENVIRONMENT = {"PATH": "{box}/home/bin:/usr/bin:/bin"}
PROJECT = {
    "Makefile": """\
        build/add.o: add.cu
        \tmkdir -p build
        \tnvcc -arch=sm_80 -c add.cu -o $@
    """,
    "add.cu": "__global__ void add(const int* x, int* y) { y[threadIdx.x] += x[threadIdx.x]; }\n",
}


def make(box):
    box.link("home/bin/nvcc", "/usr/local/cuda/bin/nvcc")
