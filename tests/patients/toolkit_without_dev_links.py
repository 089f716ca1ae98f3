"""A toolkit as its wheels unpack: libcudart.so.N, and no libcudart.so for the linker."""

RULES = "cudart-dev-symlink-missing"
SAYS = r"cannot find -lcudart"
NEEDS = "nvcc make g++"
BUILD = "make"
ENVIRONMENT = {"PATH": "{box}/opt/cuda/bin:/usr/bin:/bin", "CUDA_HOME": "{box}/opt/cuda"}
PROJECT = {
    "Makefile": """\
        build/libsum.so: sum.cu
        \tmkdir -p build
        \tnvcc -arch=sm_80 -Xcompiler -fPIC -c sum.cu -o build/sum.o
        \tg++ -shared build/sum.o -o $@ -L$(CUDA_HOME)/lib64 -lcudart
    """,
    "sum.cu": """\
        __global__ void sum(const float* x, float* y) { atomicAdd(y, x[threadIdx.x]); }
        extern "C" void run_sum(const float* x, float* y, int n) { sum<<<1, n>>>(x, y); }
    """,
}


def make(box):
    toolkit = box.toolkit(own=["lib64"])
    (toolkit / "lib64/libcudart.so").unlink()
