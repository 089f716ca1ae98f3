"""CUDA_HOME names a toolkit that is gone, and the Makefile takes it from there."""

RULES = "cuda-home-wrong"
SAYS = r"/usr/local/cuda-11\.4/bin/nvcc: (No such file|not found)"
NEEDS = "nvcc make g++"
BUILD = "make"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin", "CUDA_HOME": "/usr/local/cuda-11.4"}
PROJECT = {
    "Makefile": """\
        NVCC = $(CUDA_HOME)/bin/nvcc

        build/relu.o: relu.cu
        \tmkdir -p build
        \t$(NVCC) -arch=sm_80 -I$(CUDA_HOME)/include -c relu.cu -o $@
    """,
    "relu.cu": "__global__ void relu(float* x) { x[threadIdx.x] = fmaxf(x[threadIdx.x], 0); }\n",
}
