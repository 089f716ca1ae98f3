"""setup.py asks the GPU for its capability by itself, and there is none to ask."""

RULES = "gpu-not-visible-at-build"
ALSO = "build-isolation-hides-torch"  # if pip is called
SAYS = r"RuntimeError: No CUDA GPUs are available"
NEEDS = "nvcc g++ no-gpu"
BUILD = "python setup.py build_ext --build-lib build/lib"
OPTIONS = "--arch 8.0"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin"}
PROJECT = {
    "setup.py": """\
        import torch
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        major, minor = torch.cuda.get_device_capability()
        if major < 8:
            raise SystemExit("tiles need compute capability 8.0")

        setup(
            name="tiles",
            version="1.0",
            ext_modules=[
                CUDAExtension(
                    "tiles_cuda",
                    ["tiles.cu"],
                    extra_compile_args={"nvcc": [f"-DSM={major}{minor}"]},
                )
            ],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "tiles.cu": "__global__ void tiles(int* x) { x[threadIdx.x] = SM; }\n",
}


def make(box):
    box.torch(box.venv("setuptools"))
