"""pip builds in an environment of its own, in which the torch that setup.py imports is not installed."""

RULES = "build-isolation-hides-torch"
SAYS = r"No module named '?torch"
NEEDS = "nvcc g++ index"
BUILD = "python -m pip wheel --no-deps -w dist ."
ENVIRONMENT = {
    "PATH": "/usr/local/cuda/bin:/usr/bin:/bin",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "{box}/wheels",
    "PIP_NO_CACHE_DIR": "1",
    "TORCH_CUDA_ARCH_LIST": "8.0",
}
PROJECT = {
    "pyproject.toml": """\
        [build-system]
        requires = ["setuptools", "wheel"]
        build-backend = "setuptools.build_meta"
    """,
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="topk",
            version="1.0",
            ext_modules=[CUDAExtension("topk_cuda", ["topk.cu"])],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "topk.cu": "__global__ void topk(float* x) { x[threadIdx.x] = fmaxf(x[threadIdx.x], x[threadIdx.x + 32]); }\n",
}


def make(box):
    box.torch(box.venv("pip", "setuptools", "wheel", "packaging"))
    box.wheels("wheels", "setuptools", "wheel", "packaging")
