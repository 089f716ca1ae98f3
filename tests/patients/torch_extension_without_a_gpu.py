"""torch is to find the architectures of the GPUs here, and there is none."""

RULES = "gpu-not-visible-at-build"
ALSO = "build-isolation-hides-torch"  # if pip is called
SAYS = r"IndexError: list index out of range"
NEEDS = "nvcc g++ no-gpu"
BUILD = "python setup.py build_ext --build-lib build/lib"
OPTIONS = "--arch 8.0"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin"}
PROJECT = {
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="softplus",
            version="1.0",
            ext_modules=[CUDAExtension("softplus_cuda", ["softplus.cu"])],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "softplus.cu": "__global__ void softplus(float* x) { x[threadIdx.x] = log1pf(expf(x[threadIdx.x])); }\n",
}


def make(box):
    box.torch(box.venv("setuptools"))
