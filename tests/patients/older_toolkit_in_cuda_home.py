"""CUDA_HOME names a toolkit of another major version than torch's; the right one is in its usual place."""

RULES = "toolkit-torch-cuda-mismatch"
ALSO = "build-isolation-hides-torch arch-unsupported-by-nvcc"
SAYS = r"The detected CUDA version \(10\.2\) mismatches"
NEEDS = "nvcc g++"
BUILD = "python setup.py build_ext --build-lib build/lib"
ENVIRONMENT = {
    "PATH": "/usr/local/cuda/bin:/usr/bin:/bin",
    "CUDA_HOME": "{box}/opt/cuda-10.2",
    "TORCH_CUDA_ARCH_LIST": "8.0",
}
PROJECT = {
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="cumsum",
            version="1.0",
            ext_modules=[CUDAExtension("cumsum_cuda", ["cumsum.cu"])],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "cumsum.cu": "__global__ void cumsum(float* x) { x[threadIdx.x] += __shfl_up_sync(~0u, x[threadIdx.x], 1); }\n",
}
NVCC = """\
    #!/bin/sh
    echo 'nvcc: NVIDIA (R) Cuda compiler driver'
    echo 'Copyright (c) 2005-2019 NVIDIA Corporation'
    echo 'Built on Wed_Oct_23_19:24:38_PDT_2019'
    echo 'Cuda compilation tools, release 10.2, V10.2.89'
"""


def make(box):
    box.torch(box.venv("setuptools"))
    box.write("opt/cuda-10.2/bin/nvcc", NVCC, executable=True)
    box.write("opt/cuda-10.2/version.txt", "CUDA Version 10.2.89\n")
    box.write("opt/cuda-10.2/include/cuda.h", "#define CUDA_VERSION 10020\n")
