"""TORCH_CUDA_ARCH_LIST still begins with Kepler, which this nvcc no longer knows."""

RULES = "arch-dropped-by-nvcc"
ALSO = "build-isolation-hides-torch"  # if pip is called
SAYS = r"Unsupported gpu architecture 'compute_35'"
NEEDS = "nvcc g++"
BUILD = "python setup.py build_ext --build-lib build/lib"
ENVIRONMENT = {
    "PATH": "/usr/local/cuda/bin:/usr/bin:/bin",
    "TORCH_CUDA_ARCH_LIST": "3.5;8.0+PTX",
}
PROJECT = {
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="dropout",
            version="1.0",
            ext_modules=[CUDAExtension("dropout_cuda", ["dropout.cu"])],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "dropout.cu": "__global__ void dropout(float* x, const bool* keep) { x[threadIdx.x] *= keep[threadIdx.x]; }\n",
}


def make(box):
    box.torch(box.venv("setuptools"))
