"""nvcc from its wheels: no lib64, and no libcudart.so for the linker."""

RULES = "cudart-dev-symlink-missing"
SAYS = r"cannot find -lcudart"
NEEDS = "make g++ index"
LARGE = True
BUILD = "make"
PROJECT = {
    "Makefile": """\
        NVCC = $(CUDA_HOME)/bin/nvcc

        build/libfill.so: fill.cu
        \tmkdir -p build
        \t$(NVCC) -arch=sm_80 -cudart shared -shared -Xcompiler -fPIC -o $@ $<
    """,
    "fill.cu": """\
        __global__ void fill(float* x, float with) { x[threadIdx.x] = with; }
        extern "C" void run_fill(float* x, float with) { fill<<<1, 128>>>(x, with); }
    """,
}


def make(box):
    site = box.venv()
    parts = ("cuda-nvcc==13.0.88", "cuda-crt==13.0.88", "nvvm==13.0.88", "cuda-runtime==13.0.96")
    box.install(str(site), *(f"nvidia-{part}" for part in parts))
    box.set({"CUDA_HOME": f"{site}/nvidia/cu13"})
