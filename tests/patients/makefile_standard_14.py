"""A Makefile hands nvcc a file of options with -std=c++14 in it, and the toolkit's headers want C++17."""

RULES = "cxx-standard-too-low"
SAYS = r"requires at least C\+\+ ?(17|20)"
NEEDS = "nvcc make g++ cccl"
BUILD = "make"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin"}
PROJECT = {
    "Makefile": """\
        build/swap.o: swap.cu
        \tmkdir -p build
        \tnvcc -arch=sm_80 -std=c++14 --options-file flags.txt -c $< -o $@
    """,
    "flags.txt": "-O2 --expt-relaxed-constexpr\n",
    "swap.cu": """\
        #include <cuda/std/utility>

        __global__ void swap(int* x) { cuda::std::swap(x[0], x[1]); }
    """,
}
