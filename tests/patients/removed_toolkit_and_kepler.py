"""CUDA_HOME names a toolkit that is gone, and the Makefile still compiles for Kepler."""

RULES = "cuda-home-wrong"
THEN = "arch-dropped-by-nvcc"
SAYS = r"/opt/cuda-10\.2/bin/nvcc: (No such file|not found)"
NEEDS = "nvcc make g++"
BUILD = "make"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin", "CUDA_HOME": "/opt/cuda-10.2"}
PROJECT = {
    "Makefile": """\
        NVCCFLAGS = -O2 -gencode=arch=compute_30,code=sm_30 -gencode=arch=compute_80,code=sm_80

        all: build/libfold.so

        build/fold.o: src/fold.cu
        \tmkdir -p build
        \t$(CUDA_HOME)/bin/nvcc $(NVCCFLAGS) -Xcompiler -fPIC -c $< -o $@

        build/libfold.so: build/fold.o
        \t$(CXX) -shared -o $@ $< -L$(CUDA_HOME)/lib64 -lcudart
    """,
    "src/fold.cu": """\
        __global__ void fold(float* x, int half) { x[threadIdx.x] += x[threadIdx.x + half]; }
        extern "C" int run_fold(float* x, int half) {
          fold<<<1, half>>>(x, half);
          return (int)cudaGetLastError();
        }
    """,
}
