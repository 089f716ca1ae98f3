"""An extension of torch says C++14, its toolkit has no libcudart.so for the linker, and no GPU is here."""

RULES = "cudart-dev-symlink-missing cxx-standard-too-low gpu-not-visible-at-build"
ALSO = "build-isolation-hides-torch"  # if pip is called
SAYS = r"C\+\+17 or later compatible compiler is required to use PyTorch"
NEEDS = "nvcc g++ no-gpu"
BUILD = "python setup.py build_ext --build-lib build/lib"
OPTIONS = "--arch 8.0"
ENVIRONMENT = {
    "PATH": "{box}/opt/cuda/bin:/usr/bin:/bin",
    "CUDA_HOME": "{box}/opt/cuda",
}
PROJECT = {
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="int4",
            version="1.0",
            ext_modules=[
                CUDAExtension(
                    "int4_cuda",
                    ["csrc/bind.cpp", "csrc/unpack.cu"],
                    extra_compile_args={"cxx": ["-std=c++14", "-O2"], "nvcc": ["-std=c++14", "-O2"]},
                )
            ],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "csrc/bind.cpp": """\
        #include <torch/extension.h>

        static PyModuleDef module = {PyModuleDef_HEAD_INIT, "int4_cuda", nullptr, -1, nullptr};
        PyMODINIT_FUNC PyInit_int4_cuda() { return PyModule_Create(&module); }
    """,
    "csrc/unpack.cu": """\
        #include <cstdint>

        __global__ void unpack(const uint8_t* packed, int8_t* values) {
          values[2 * threadIdx.x] = packed[threadIdx.x] & 15;
          values[2 * threadIdx.x + 1] = packed[threadIdx.x] >> 4;
        }
    """,
}


def make(box):
    box.torch(box.venv("setuptools"))
    toolkit = box.toolkit(own=["lib64"])
    (toolkit / "lib64/libcudart.so").unlink()
