"""A Makefile compiles for Kepler, which this nvcc no longer knows."""

RULES = "arch-dropped-by-nvcc"
SAYS = r"Unsupported gpu architecture 'compute_35'"
NEEDS = "nvcc make g++"
BUILD = "make"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin"}
PROJECT = {
    "Makefile": """\
        GENCODE = -gencode arch=compute_35,code=sm_35 -gencode arch=compute_80,code=sm_80

        build/scale.o: scale.cu
        \tmkdir -p build
        \tnvcc -O2 $(GENCODE) -c $< -o $@
    """,
    "scale.cu": "__global__ void scale(float* x, float by) { x[threadIdx.x] *= by; }\n",
}
