"""The link line asks for cublas as a static archive, and the toolkit has the shared one alone."""

RULES = "static-cublas-missing"
SAYS = r"cannot find -lcublas_static"
NEEDS = "nvcc make gcc g++"
BUILD = "make"
ENVIRONMENT = {"PATH": "{box}/opt/cuda/bin:/usr/bin:/bin", "CUDA_HOME": "{box}/opt/cuda"}
PROJECT = {
    "Makefile": """\
        build/libgemm.so: gemm.cu
        \tmkdir -p build
        \tnvcc -arch=sm_80 -Xcompiler -fPIC -c gemm.cu -o build/gemm.o
        \tg++ -shared build/gemm.o -o $@ -L$(CUDA_HOME)/lib64 -lcublas_static -lcublasLt_static -lculibos -lcudart -ldl
    """,
    "gemm.cu": """\
        extern "C" int cublasCreate_v2(void** handle);
        __global__ void zero(float* c) { c[threadIdx.x] = 0; }
        extern "C" int run_gemm(float* c, void** handle) {
          zero<<<1, 32>>>(c);
          return cublasCreate_v2(handle);
        }
    """,
}


def make(box):
    toolkit = box.toolkit(own=["lib64"])
    for file in (toolkit / "lib64").glob("libcublas*"):
        file.unlink()  # a whole toolkit has the archives, too
    major = box.cuda_release().split(".")[0]
    box.write("cublas.c", "int cublasCreate_v2(void** handle) { return handle == 0; }\n")
    box.write("cublasLt.c", "int cublasLtCreate(void** handle) { return handle == 0; }\n")
    for name in ("cublas", "cublasLt"):
        soname = f"lib{name}.so.{major}"
        library = f"{toolkit}/lib64/{soname}"
        box.prepare("gcc", "-shared", "-fPIC", f"-Wl,-soname,{soname}", f"{name}.c", "-o", library)
        box.link(f"opt/cuda/lib64/lib{name}.so", soname)
