"""The toolkit in CUDA_HOME accepts gcc up to 8; another one accepts the gcc that is here."""

RULES = "host-compiler-too-new"
SAYS = r"unsupported GNU version! gcc versions later than 8 are not supported"
NEEDS = "nvcc make g++"
BUILD = "make"
ENVIRONMENT = {"PATH": "{box}/opt/cuda/bin:/usr/bin:/bin", "CUDA_HOME": "{box}/opt/cuda"}
PROJECT = {
    "Makefile": """\
        build/mean.o: mean.cu
        \tmkdir -p build
        \t$(CUDA_HOME)/bin/nvcc -arch=sm_80 -c mean.cu -o $@
    """,
    "mean.cu": "__global__ void mean(float* x, int n) { x[threadIdx.x] /= n; }\n",
}


def make(box):
    toolkit = box.toolkit(own=["include", "include/crt"])
    header = toolkit / "include/crt/host_config.h"
    text = header.read_text()
    header.unlink()
    for newest in range(9, 30):
        text = text.replace(f"__GNUC__ > {newest}", "__GNUC__ > 8")
        text = text.replace(f"gcc versions later than {newest} ", "gcc versions later than 8 ")
    header.write_text(text)
