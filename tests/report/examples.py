"""Diagnoses for tests of reports: nothing, a usual one, and one with everything that makes printing hard."""

from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts, Note, Request
from envdoctor.finding import Edit, Evidence, Finding, Fix, Location, Run, Safety, SetEnv, Severity, Shim
from tests import factory

HOME = "/home/alice"


def healthy() -> Facts:
    """Facts of a build machine in which nothing is wrong."""
    return Facts(
        request=Request(role="build", project="/work/demo"),
        system=factory.system(),
        environment=factory.environment(PATH="/usr/bin", HOME=HOME),
        python=factory.python(),
        packages=factory.packages(),
        toolkits=factory.toolkits(factory.toolkit()),
        toolkit=factory.toolkit(),
        driver=factory.driver(factory.gpu()),
        torch=factory.torch(),
        project=factory.project(),
    )


CLEAN = Diagnosis((), ())
UNDETERMINED = Diagnosis(
    (), (Note("/etc/secret", "Permission denied"), Note("torch", "could not be determined: truncated"))
)

CUDA_HOME = Finding(
    message="CUDA_HOME is /opt/cuda-11.6, which is not a CUDA toolkit: there is no bin/nvcc in it.",
    consequence="Builds that take nvcc from $CUDA_HOME/bin stop at their first call of it.",
    evidence=(Evidence("CUDA_HOME", "/opt/cuda-11.6"),),
    fix=Fix("Set CUDA_HOME to the toolkit CUDA 13.0", (SetEnv("CUDA_HOME", "/usr/local/cuda"),)),
    severity=Severity.ERROR,
    rule="cuda-home-wrong",
)


def header(name: str, line: int) -> Finding:
    """One of several findings that share everything but the header's name."""
    return Finding(
        message=f"{name} is found nowhere.",
        consequence="The compiler stops at the include.",
        evidence=(Evidence(f"csrc/a.cu:{line}", f"#include <{name}>"),),
        fix=Fix("Install the headers", (Run("pip install nvidia-cutlass", Safety.UNSAFE),)),
        location=Location("csrc/a.cu", line),
        severity=Severity.WARNING,
        rule="cuda-headers-missing",
    )


HARD = Finding(
    message="100 % of <b>|markup|</b> & `ticks`,\nover two lines: \x1b[31mred\x1b[0m.",
    consequence="A ::error::, a comma, and ünïcödé.",
    evidence=(
        Evidence("/home/alice/very/long/" + "path/" * 40 + "file", "a\r\nb"),
        Evidence("log", "line\n" * 30),
    ),
    fix=Fix(
        "Put </script> in its place",
        (
            Shim("lib/libcublas_static.a", "text", "INPUT ( -lcublas )\n"),
            Shim("lib64/libcudart.so", "link", "/home/alice/cuda/lib/libcudart.so.13"),
            SetEnv("LIBRARY_PATH", "{overlay}/lib", "prepend"),
            SetEnv("NVCC_APPEND_FLAGS", '-std=c++17 -DX="a b"', "append"),
            SetEnv("LD_PRELOAD", None),
            Edit("setup.py", 3, "flags = ['-std=c++14']", "flags = ['-std=c++17']"),
        ),
    ),
    location=Location("dir with space/ünï,c:d%.cu", 7),
    severity=Severity.INFO,
    rule="cxx-standard-too-low",
)

USUAL = Diagnosis((CUDA_HOME, header("cutlass/a.h", 3), header("cutlass/b.h", 4)), ())
EVERYTHING = Diagnosis((CUDA_HOME, *(header(f"x{i}.h", i) for i in range(1, 13)), HARD), UNDETERMINED.notes)
