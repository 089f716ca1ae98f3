"""LD_LIBRARY_PATH holds the toolkit's stub of libcuda, which programs then take for the driver."""

RULES = "stub-libcuda-loaded"
SAYS = r"CUDA driver is a stub library"
NEEDS = "gcc make"
BUILD = "make check"
ENVIRONMENT = {"LD_LIBRARY_PATH": "{box}/opt/cuda/lib64/stubs"}
PROJECT = {
    "Makefile": """\
        check: build/probe
        \tbuild/probe

        build/probe: probe.c
        \tmkdir -p build
        \t$(CC) probe.c -o $@ -ldl
    """,
    "probe.c": """\
        #include <dlfcn.h>
        #include <stdio.h>

        int main(void) {
          void* driver = dlopen("libcuda.so.1", RTLD_NOW);
          int (*init)(unsigned) = driver ? (int (*)(unsigned))dlsym(driver, "cuInit") : 0;
          if (init && init(0) == 34) return fprintf(stderr, "CUDA driver is a stub library\\n"), 1;
          return puts(init ? "with the driver" : "without a driver"), 0;
        }
    """,
}


def make(box):
    box.stub("opt/cuda/lib64/stubs")
    box.link("opt/cuda/lib64/stubs/libcuda.so.1", "libcuda.so")
