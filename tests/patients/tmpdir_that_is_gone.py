"""TMPDIR names a job's folder that the cluster has removed."""

RULES = "path-not-usable"
SAYS = r"/scratch/job-4711"
NEEDS = "nvcc make g++"
BUILD = "make"
ENVIRONMENT = {"PATH": "/usr/local/cuda/bin:/usr/bin:/bin", "TMPDIR": "{box}/scratch/job-4711"}
PROJECT = {
    "Makefile": """\
        build/abs.o: abs.cu
        \tmkdir -p build
        \tnvcc -arch=sm_80 -c abs.cu -o $@
    """,
    "abs.cu": "__global__ void absolute(int* x) { x[threadIdx.x] = abs(x[threadIdx.x]); }\n",
}
