"""The first nvcc is a script in ~/bin, so torch takes the home folder for CUDA_HOME."""

RULES = "nvcc-wrapper-elsewhere"
ALSO = "build-isolation-hides-torch"  # if pip is called
SAYS = r"cuda_runtime\.h: No such file or directory|cannot find -lcudart"
NEEDS = "nvcc g++"
BUILD = "python setup.py build_ext --build-lib build/lib"
ENVIRONMENT = {
    "PATH": "{box}/home/bin:/usr/bin:/bin",
    "TORCH_CUDA_ARCH_LIST": "8.0",
}
PROJECT = {
    "setup.py": """\
        from setuptools import setup
        from torch.utils.cpp_extension import BuildExtension, CUDAExtension

        setup(
            name="window",
            version="1.0",
            ext_modules=[CUDAExtension("window_cuda", ["window.cu", "launch.cpp"])],
            cmdclass={"build_ext": BuildExtension},
        )
    """,
    "launch.cpp": '#include <cuda_runtime.h>\nextern "C" int wait() { return (int)cudaDeviceSynchronize(); }\n',
    "window.cu": "__global__ void window(float* x) { x[threadIdx.x] *= sinpif(x[threadIdx.x]); }\n",
}


def make(box):
    box.torch(box.venv("setuptools"))
    script = """\
        #!/bin/sh
        exec /usr/local/cuda/bin/nvcc "$@"
    """
    box.write("home/bin/nvcc", script, executable=True)
