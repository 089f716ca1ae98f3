"""An installed package was compiled for CUDA 11, and torch brings a newer one."""

RULES = "wheel-built-for-other-cuda"
SAYS = r"libcudart\.so\.11\.0: cannot open shared object file"
TELLS = r"nvidia-cuda-runtime-cu11|[Rr]ebuild|build for CUDA"
NEEDS = "gcc"
BUILD = "python -c 'import ring'"
PROJECT = {"README": "Start with: python -c 'import ring'\n"}


def make(box):
    site = box.venv()
    box.torch(site, cuda="12.4")
    box.cudart_11("scratch")
    box.package(site, "ring", "-Lscratch", "-lcudart")
    box.prepare("rm", "-r", "scratch")
