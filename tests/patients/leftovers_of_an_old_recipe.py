"""Variables of an old recipe: a toolkit and a compiler that are gone, Kepler; and pip's isolation hides torch."""

RULES = "cuda-home-wrong host-compiler-wrong build-isolation-hides-torch"
THEN = "arch-dropped-by-nvcc"
SAYS = r"No module named '?torch"
NEEDS = "nvcc g++ index"
BUILD = "python -m pip wheel --no-deps -w dist ."
ENVIRONMENT = {
    "PATH": "/usr/local/cuda/bin:/usr/bin:/bin",
    "CUDA_HOME": "/usr/local/cuda-10.2",
    "CC": "/usr/bin/gcc-7",
    "CXX": "/usr/bin/g++-7",
    "TORCH_CUDA_ARCH_LIST": "3.5;8.0",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "{box}/wheels",
    "PIP_NO_CACHE_DIR": "1",
}
PROJECT = {
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="gather",
            version="1.0",
            ext_modules=[CUDAExtension("gather_cuda", ["bind.cpp", "gather.cu"])],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "bind.cpp": "#include <torch/extension.h>\nint synchronize() { return (int)cudaDeviceSynchronize(); }\n",
    "gather.cu": """\
        __global__ void gather(const float* from, const int* at, float* to) {
          to[threadIdx.x] = from[at[threadIdx.x]];
        }
    """,
}


def make(box):
    box.torch(box.venv("pip", "setuptools", "wheel", "packaging"))
    box.wheels("wheels", "setuptools", "wheel", "packaging")
