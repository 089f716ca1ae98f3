"""An extension links -lcuda; no driver is here, and g++ does not look where the stub is."""

RULES = "libcuda-dev-link-missing"
ALSO = "build-isolation-hides-torch"  # if pip is called
SAYS = r"cannot find -lcuda"
NEEDS = "nvcc g++ no-gpu"
BUILD = "python setup.py build_ext --build-lib build/lib"
ENVIRONMENT = {
    "PATH": "{box}/opt/cuda/bin:/usr/bin:/bin",
    "CUDA_HOME": "{box}/opt/cuda",
    "TORCH_CUDA_ARCH_LIST": "8.0",
}
PROJECT = {
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="tma",
            version="1.0",
            ext_modules=[CUDAExtension("tma_cuda", ["tma.cpp"], libraries=["cuda"])],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "tma.cpp": "#include <cuda.h>\nint start() { return cuInit(0); }\n",
}


def make(box):
    box.torch(box.venv("setuptools"))
    box.toolkit(own=["lib64"])
    box.stub("opt/cuda/lib64/stubs")
