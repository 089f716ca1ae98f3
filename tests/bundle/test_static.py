"""Each check on wheels in a few words: quiet where all is well, first of all."""

import pytest
from packaging.requirements import Requirement

from envdoctor.bundle import record
from envdoctor.bundle.compiled import Compiled, Linked
from envdoctor.bundle.static import copies, cuda_line, floors, gpu_code, libraries, tags, unresolved
from envdoctor.bundle.static.subject import Subject, Wheel
from envdoctor.bundle.static.table import outcomes
from envdoctor.bundle.target import BundleError, Target
from envdoctor.finding import Severity

PLATFORM = "manylinux_2_28_x86_64"
GUARD = "_ZN3c1011OptionalGuardC1Ev"


def file(member, needed=(), undefined=(), defined=(), **changes):
    values = {
        "machine": "x86_64",
        "glibc": "2.17",
        "glibcxx": "3.4.21",
        "cxxabi": "1.3.9",
        "soname": None,
        "rpath": (),
        "gpu": (),
    }
    compiled = Compiled(member=member, needed=tuple(needed), **{**values, **changes})
    return Linked(compiled, frozenset(undefined), frozenset(defined))


def wheel(project, version, *files, tag=f"cp311-cp311-{PLATFORM}", python=">=3.8", requires=()):
    name = f"{project.replace('-', '_')}-{version}-{tag}.whl"
    return Wheel(project, version, name, python, tuple(map(Requirement, requires)), files)


C10 = file("torch/lib/libc10.so", soname="libc10.so", defined=[GUARD])
CUBLAS = file("nvidia/cu13/lib/libcublas.so.13", soname="libcublas.so.13", defined=["cublasCreate_v2"])
TORCH = wheel("torch", "2.13.0+cu130", C10, file("torch/lib/libtorch_cpu.so", ["libc10.so"]))
CPU = wheel("torch", "2.13.0+cpu", C10, file("torch/lib/libtorch_cpu.so", ["libc10.so"]))
NVIDIA = wheel("nvidia-cublas", "13.1", CUBLAS, tag="py3-none-manylinux_2_27_x86_64")
EXTENSION = "mine/_C.cpython-311-x86_64-linux-gnu.so"


def mine(*files):
    return wheel("mine", "1.0", *files)


def subject(*wheels, cuda="13", gpus=("9.0",), python="3.11"):
    return Subject(Target(python, PLATFORM, cuda, gpus if cuda != "cpu" else ()), wheels)


def good():
    needed = ["libc10.so", "libcublas.so.13", "libcuda.so.1", "libc.so.6"]
    extension = file(EXTENSION, needed, [GUARD, "cublasCreate_v2"], gpu=("sm_80", "sm_90a"))
    return subject(TORCH, NVIDIA, mine(extension))


def test_nothing_is_found_where_all_is_well():
    said = dict(outcomes(good()))
    assert [name for name, one in said.items() if one.findings] == []
    assert said["CUDA"].says == "CUDA 13, by torch 2.13.0+cu130"
    assert said["libraries"].says == "2 come with the wheels, libcuda.so.1 with the driver"
    assert said["symbols"].says == "2 that files want of torch and CUDA are defined"
    assert said["GPU code"].says == "for 9.0 in 1 wheel"
    assert said["floors"].says == "glibc 2.17 of 2.28; GLIBCXX 3.4.21 of 3.4.24; CXXABI 1.3.9 of 1.3.11"
    record.check(good(), outcomes(good()))


def test_nothing_that_is_compiled():
    pure = subject(wheel("pure", "1.0", tag="py3-none-any"), cuda=None, gpus=())
    assert all(not one.findings for _, one in outcomes(pure))


CASES = {
    "another Python's": (tags, subject(mine(), python="3.8"), "error", r"mine-1\.0-cp311.* is not for it"),
    "Requires-Python": (
        tags,
        subject(wheel("mine", "1.0", tag="py3-none-any", python=">=3.12")),
        "error",
        r"wants another Python \(>=3\.12\)",
    ),
    "glibc": (floors, subject(mine(file(EXTENSION, glibc="2.34"))), "error", r"_C\..* needs glibc 2\.34"),
    "GLIBCXX": (floors, subject(mine(file(EXTENSION, glibcxx="3.4.30"))), "error", r"needs GLIBCXX 3\.4\.30"),
    "CXXABI": (floors, subject(mine(file(EXTENSION, cxxabi="1.3.13"))), "error", r"needs CXXABI 1\.3\.13"),
    "one of several libraries": (
        floors,
        subject(mine(file("mine/liba.so", glibc="2.34"), file("mine/libb.so"))),
        "warning",
        r"liba\.so needs glibc",
    ),
    "another processor": (
        floors,
        subject(mine(file(EXTENSION, machine="aarch64"))),
        "error",
        r"is for aarch64",
    ),
    "torch for another CUDA": (
        cuda_line,
        subject(TORCH, cuda="12"),
        "error",
        r"is made for CUDA 13, and --cuda 12",
    ),
    "torch without CUDA": (cuda_line, subject(CPU), "error", r"is made for no CUDA, and --cuda 13"),
    "CUDA not wanted": (
        cuda_line,
        subject(TORCH, cuda="cpu"),
        "error",
        r"is made for CUDA 13, and --cuda cpu",
    ),
    "NVIDIA's wheels not wanted": (
        cuda_line,
        subject(wheel("nvidia-cublas-cu12", "12.1"), cuda="cpu"),
        "error",
        r"nvidia-cublas-cu12 12\.1 is made for CUDA 12",
    ),
    "an extension for another CUDA": (
        cuda_line,
        subject(TORCH, NVIDIA, mine(file(EXTENSION, ["libcudart.so.12"]))),
        "error",
        r"mine-1\.0.* is for CUDA 12 alone",
    ),
    "a library of CUDA's": (
        libraries,
        subject(TORCH, mine(file(EXTENSION, ["libcublas.so.13"]))),
        "error",
        r"needs libcublas\.so\.13",
    ),
    "a library of torch's": (
        libraries,
        subject(CPU, mine(file(EXTENSION, ["libc10_cuda.so"])), cuda="cpu"),
        "error",
        r"needs libc10_cuda\.so",
    ),
    "a driver where there is none": (
        libraries,
        subject(CPU, mine(file(EXTENSION, ["libcuda.so.1"])), cuda="cpu"),
        "error",
        r"needs libcuda\.so\.1",
    ),
    "another torch's symbol": (
        unresolved,
        subject(TORCH, mine(file(EXTENSION, ["libc10.so"], ["_ZN3c107WarningD1Ev"]))),
        "error",
        r"wants _ZN3c107WarningD1Ev",
    ),
    "another CUDA's symbol": (
        unresolved,
        subject(TORCH, NVIDIA, mine(file(EXTENSION, ["libcublas.so.13"], ["cublasNew"]))),
        "error",
        r"wants cublasNew",
    ),
    "an older GPU": (
        gpu_code,
        subject(mine(file(EXTENSION, gpu=("sm_80", "sm_90a"))), gpus=("7.5", "9.0")),
        "error",
        r"has no code for GPUs of architecture 7\.5",
    ),
    "in one of two": (
        gpu_code,
        subject(mine(file("a/x.so", gpu=("sm_90",)), file("a/y.so", gpu=("sm_80",)))),
        "warning",
        r"has no code in a/y\.so for GPUs of architecture 9\.0",
    ),
    "GPU code in another form": (
        gpu_code,
        subject(mine(file("a/x.so", gpu=("sm_90",)), file("a/y.so", gpu=None))),
        "warning",
        r"a/y\.so: its GPU code cannot be read",
    ),
    "a copy of torch": (
        copies,
        subject(TORCH, mine(file("mine.libs/libc10-0a1b2c3d.so"))),
        "error",
        r"has a copy of libc10 of its own",
    ),
    "a copy of CUDA's": (
        copies,
        subject(NVIDIA, mine(file("mine.libs/libcublas-0a1b2c3d.so.13.0.1"))),
        "warning",
        r"has a copy of libcublas of its own",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_found(case):
    import re

    check, of, severity, said = CASES[case]
    (finding,) = check.check(of).findings
    assert finding.severity is Severity(severity) and re.search(said, finding.message), finding.message
    assert finding.consequence.endswith(".") and finding.evidence and finding.fix and finding.fix.title


def test_an_error_is_no_bundle_and_a_warning_is_recorded():
    bad = CASES["glibc"][1]
    with pytest.raises(BundleError, match=r"needs glibc 2\.34\. The loader of .* refuses it\. Build it"):
        record.check(bad, outcomes(bad))
    fair = CASES["one of several libraries"][1]
    record.check(fair, outcomes(fair))
    proof = {"installed": "no", "why": "no such Python", **record.document(fair, outcomes(fair))}
    assert proof["needs"]["glibc"] == "2.17"
    assert "warning: mine-1.0" in "\n".join(record.lines(proof))


def test_files_for_other_cudas_stand_aside():
    """As bitsandbytes has them: one is loaded, by the CUDA of torch."""
    files = [file(f"b/libb_cuda{n}0.so", [f"libcublas.so.{n}"], gpu=("sm_90",)) for n in (11, 12, 13)]
    files.append(file("b/libb_xpu.so", ["libsycl.so.8"], glibc="2.34"))
    of = subject(TORCH, NVIDIA, wheel("b", "1.0", file("b/libb_cpu.so"), *files, tag="py3-none-any"))
    assert [each.file.member for each in of.used(of.wheels[-1])] == ["b/libb_cpu.so", "b/libb_cuda130.so"]
    assert all(not check.check(of).findings for check in (libraries, cuda_line, floors, gpu_code))


def test_libraries_that_are_static_or_the_systems_are_not_judged():
    of = subject(TORCH, mine(file(EXTENSION, ["libGL.so.1", "libnuma.so.1"], ["cudaMalloc", "cublasNew"])))
    assert not libraries.check(of).findings and not unresolved.check(of).findings


def test_copies_of_what_no_other_wheel_brings_are_well():
    of = subject(TORCH, mine(file("mine.libs/libcudart-0a1b2c3d.so.13", soname="libcudart-0a1b2c3d.so.13")))
    assert not copies.check(of).findings
