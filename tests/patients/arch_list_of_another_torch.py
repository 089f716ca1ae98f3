"""TORCH_CUDA_ARCH_LIST says `80`, which torch does not know: it wants `8.0`."""

RULES = "arch-unknown-to-torch"
ALSO = "build-isolation-hides-torch"  # if pip is called
SAYS = r"Unknown CUDA arch \(80\)"
NEEDS = "nvcc g++"
BUILD = "python setup.py build_ext --build-lib build/lib"
ENVIRONMENT = {
    "PATH": "/usr/local/cuda/bin:/usr/bin:/bin",
    "TORCH_CUDA_ARCH_LIST": "80",
}
PROJECT = {
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="rotary",
            version="1.0",
            ext_modules=[CUDAExtension("rotary_cuda", ["rotary.cu"])],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "rotary.cu": "__global__ void rotary(float* x) { x[threadIdx.x] = cosf(x[threadIdx.x]); }\n",
}


def make(box):
    box.torch(box.venv("setuptools"))
