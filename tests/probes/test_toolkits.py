"""CUDA toolkits in every layout, component by component."""

import struct

import pytest

from envdoctor.facts import NvccPath, Nvccs
from envdoctor.host import Completed
from envdoctor.probes.toolkits import probe
from tests.factory import python
from tests.fakes import FakeHost

ROOT = "/usr/local/cuda-12.4"
SITE = "/venv/lib/python3.11/site-packages"
HOST_CONFIG = """
#if defined(__GNUC__)
#if __GNUC__ > 13
#error -- unsupported GNU version! gcc versions later than 13 are not supported!
#endif /* __GNUC__ > 13 */
#if (__clang_major__ >= 17) || (__clang_major__ < 3)
#error -- unsupported HOS clang version! The version must be must be less than 17 and greater than 3.2 .
#endif
#if (__clang_major__ >= 18) || (__clang_major__ < 3) || ((__clang_major__ == 3) &&  (__clang_minor__ < 3))
#error -- unsupported clang version! clang version must be less than 18 and greater than 3.2 .
#endif
"""
MATH = """extern __DEVICE_FUNCTIONS_DECL__ __device_builtin__ double                 sinpi(double x){0};
extern __DEVICE_FUNCTIONS_DECL__ __device_builtin__ float                  sinpif(float x){0};
extern __DEVICE_FUNCTIONS_DECL__ __device_builtin__ double                 cospi(double x){0};
extern __DEVICE_FUNCTIONS_DECL__ __device_builtin__ float                  cospif(float x){0};
__func__(double cospi(double a));
"""
ELF = b"\x7fELF"


def answer(version):
    release = ".".join(version.split(".")[:2])
    return (
        f"Copyright (c) 2005-2024 NVIDIA Corporation\nCuda compilation tools, release {release}, V{version}\n"
    )


def cicc(version):
    """A program whose .rodata holds its version, behind more than one reading's worth of other constants."""
    text = b"\0" * (1 << 20) + answer(version).encode()
    names = b"\0.rodata\0.shstrtab\0"
    start = 64
    table = start + len(text) + len(names)
    header = (
        ELF
        + bytes([2, 1, 1])
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, table, 0, 64, 56, 0, 64, 3, 2)
    )
    sections = [(0, 0, 0, 0), (1, 1, start, len(text)), (9, 3, start + len(text), len(names))]
    packed = [
        struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, offset, size, 0, 0, 1, 0)
        for name, kind, offset, size in sections
    ]
    return header + text + names + b"".join(packed)


CCCL_VERSIONS = (
    "cuda/std/__cccl/version.h",
    "cuda/std/detail/libcxx/include/__cccl/version.h",  # of CUDA 12.4 and 12.5
    "cuda/version.h",
)


def toolkit_files(root=ROOT, lib="lib64", version="12.4.131"):
    major, minor, _ = version.split(".")
    return {
        f"{root}/bin/nvcc": ELF,
        f"{root}/bin/nvcc.profile": "TOP = $(_HERE_)/..\n",
        f"{root}/bin/ptxas": ELF,
        f"{root}/nvvm/bin/cicc": cicc(version),
        f"{root}/include/crt/host_config.h": HOST_CONFIG,
        f"{root}/include/crt/math_functions.h": MATH.format(""),
        f"{root}/include/cuda.h": f"#define CUDA_VERSION {major}0{minor}0\n",
        f"{root}/include/cuda_runtime.h": "",
        f"{root}/include/cuda_runtime_api.h": f"#define CUDART_VERSION  {major}0{minor}0\n",
        f"{root}/include/{CCCL_VERSIONS[1]}": "#define CCCL_VERSION 2003001\n",
        f"{root}/{lib}/libcudart.so.{major}.{minor}.127": ELF,
        f"{root}/{lib}/libcudart_static.a": "!<arch>\n",
        f"{root}/{lib}/stubs/libcuda.so": ELF,
    }


def answers(root=ROOT, version="12.4.131"):
    return {
        f"{root}/bin/nvcc --version": answer(version),
        f"{root}/bin/nvcc --list-gpu-arch": "compute_80\ncompute_50\ncompute_90\n",
        f"{root}/bin/ptxas --version": answer(version),
    }


def host(programs, files, links=None, **env):
    programs_of = [path for path in files if "/bin/" in path]
    return FakeHost(programs, files, {"PATH": "/usr/bin", **env}, links, programs_of)


def items(machine, nvccs=None, interpreter=None):
    return probe(machine, nvccs, interpreter).items


def test_a_bare_machine_has_none():
    assert items(host({}, {"/usr/include/stdio.h": "", "/usr/bin/gcc": ELF})) == ()


@pytest.mark.parametrize("place", CCCL_VERSIONS)
def test_the_places_of_cccls_version(place):
    files = {f"{ROOT}/bin/nvcc": ELF, f"{ROOT}/include/{place}": "#define CCCL_VERSION 2004000\n"}
    (found,) = items(host({}, files, CUDA_HOME=ROOT))
    assert [part.version for part in found.components if part.name == "cccl"] == ["2.4.0"]


def test_a_whole_runfile_toolkit_is_one_however_often_it_is_named():
    links = {
        "/usr/local/cuda": ROOT,
        f"{ROOT}/lib64/libcudart.so.12": "libcudart.so.12.4.127",
        f"{ROOT}/lib64/libcudart.so": "libcudart.so.12",
    }
    files = {**toolkit_files(), f"{ROOT}/version.json": '{"cuda_crt": {"version": "12.4.131"}}'}
    nvccs = Nvccs((NvccPath("/usr/local/cuda/bin/nvcc", "binary", f"{ROOT}/bin/nvcc", ROOT, True, None),))
    (found,) = items(host(answers(), files, links, CUDA_HOME="/usr/local/cuda"), nvccs)
    assert found.origins == ("CUDA_HOME", "nvcc on PATH", "/usr/local/cuda", ROOT)
    assert (found.root, found.version, found.build, found.layout) == (ROOT, "12.4", "12.4.131", "runfile")
    assert {part.name: part.version for part in found.components} == {
        "nvcc": "12.4.131",
        "ptxas": "12.4.131",
        "cicc": "12.4.131",
        "crt": "12.4.131",
        "cuda.h": "12.4",
        "cudart": "12.4",
        "cccl": "2.3.1",
    }
    assert found.architectures == ("50", "80", "90")
    assert (found.newest_gcc, found.newest_clang, found.glibc_2_41_ready) == (13, 17, False)
    assert (found.lib64, found.profile, found.error) == (True, True, None)
    cudart = found.library("cudart")
    assert cudart is not None
    assert (cudart.shared, cudart.soname, cudart.version) == (
        f"{ROOT}/lib64/libcudart.so.12",
        "libcudart.so.12",
        "12.4.127",
    )
    assert cudart.dev_link == f"{ROOT}/lib64/libcudart.so"
    assert cudart.static == f"{ROOT}/lib64/libcudart_static.a"
    cuda = found.library("cuda")
    assert cuda is not None
    assert (cuda.stub, cuda.dev_link, cuda.header) == (
        f"{ROOT}/lib64/stubs/libcuda.so",
        None,
        f"{ROOT}/include/cuda.h",
    )
    assert found.library("cublas") is None


def test_headers_made_for_glibc_2_41():
    files = {**toolkit_files(), f"{ROOT}/include/crt/math_functions.h": MATH.format(" noexcept(true)")}
    assert [found.glibc_2_41_ready for found in items(host(answers(), files))] == [True]


def test_a_variable_that_names_no_toolkit_makes_none():
    files = {**toolkit_files(), "/opt/empty/bin/readme": ""}
    for value in ("/opt/empty", "/opt/nothing", f"{ROOT}:/opt/empty", f"{ROOT}/bin/nvcc"):
        (found,) = items(host(answers(), files, CUDA_HOME=value))
        assert "CUDA_HOME" not in found.origins


def test_parts_of_several_releases_keep_their_own_versions():
    root = f"{SITE}/nvidia/cu13"
    files = {
        **toolkit_files(root, "lib", "13.0.88"),
        f"{root}/nvvm/bin/cicc": cicc("13.5.37"),
        f"{SITE}/nvidia_cuda_crt-13.5.37.dist-info/METADATA": "",
        f"{SITE}/nvidia_cuda_runtime-13.0.96.dist-info/METADATA": "",
        f"{SITE}/nvidia_cuda_runtime_cu12-12.4.127.dist-info/METADATA": "",
        f"{root}/lib/libcudart.so.13": ELF,
    }
    del files[f"{root}/lib/libcudart.so.13.0.127"]
    (found,) = items(host(answers(root, "13.0.88"), files), None, python(site_packages=(SITE,)))
    assert (found.layout, found.origins, found.lib64) == ("wheel", ("wheels",), False)
    parts = {part.name: (part.version, part.found_via) for part in found.components}
    assert parts["nvcc"] == ("13.0.88", "nvcc --version")
    assert parts["cicc"] == ("13.5.37", "text in cicc")
    assert parts["crt"] == ("13.5.37", "wheel metadata")
    cudart = found.library("cudart")
    assert cudart is not None
    assert (cudart.soname, cudart.version, cudart.dev_link) == ("libcudart.so.13", "13.0.96", None)


def test_wheels_by_component_hold_no_nvcc():
    files = {
        f"{SITE}/nvidia/cuda_runtime/include/cuda_runtime_api.h": "#define CUDART_VERSION  12040\n",
        f"{SITE}/nvidia/cuda_runtime/lib/libcudart.so.12": ELF,
        f"{SITE}/nvidia/cublas/lib/libcublas.so.12": ELF,
        f"{SITE}/nvidia/cuda_nvcc/bin/ptxas": ELF,
        f"{SITE}/nvidia_cublas_cu12-12.4.5.8.dist-info/METADATA": "",
    }
    (found,) = items(host({}, files), None, python(site_packages=(SITE,)))
    assert (found.root, found.layout, found.nvcc, found.version) == (
        f"{SITE}/nvidia",
        "wheel-split",
        None,
        "12.4",
    )
    cublas = found.library("cublas")
    assert cublas is not None
    assert cublas.version == "12.4.5.8"


def test_debians_split_layout():
    debian = "/usr/lib/nvidia-cuda-toolkit"
    files = {
        "/usr/bin/nvcc": f'#!/bin/sh\nexec {debian}/bin/nvcc "$@"\n',
        "/usr/bin/ptxas": ELF,
        f"{debian}/bin/nvcc": ELF,
        f"{debian}/bin/cicc": cicc("11.8.89"),
        f"{debian}/libdevice/libdevice.10.bc": "",
        "/etc/nvcc.profile": "NVVMIR_LIBRARY_DIR = /usr/lib/nvidia-cuda-toolkit/libdevice\n",
        "/usr/include/cuda_runtime_api.h": "#define CUDART_VERSION  11080\n",
        "/usr/include/crt/host_config.h": "#if __GNUC__ > 11\n",
        "/usr/lib/x86_64-linux-gnu/libcudart.so.11.8.89": ELF,
        "/usr/lib64/ld-linux-x86-64.so.2": ELF,
    }
    links = {
        f"{debian}/bin/nvcc.profile": "/etc/nvcc.profile",
        "/usr/lib/x86_64-linux-gnu/libcudart.so.11.0": "libcudart.so.11.8.89",
        "/usr/lib/x86_64-linux-gnu/libcudart.so": "libcudart.so.11.0",
    }
    programs = {
        "/usr/bin/nvcc --dryrun -lib x.o": Completed(0, "", f"#$ _HERE_={debian}/bin\n"),
        f"{debian}/bin/nvcc --version": answer("11.8.89"),
        "/usr/bin/ptxas --version": answer("11.8.89"),
    }
    for named in ("/usr", debian):
        (found,) = items(host(programs, files, links, CUDA_HOME=named))
        assert found.origins == ("CUDA_HOME", "Debian's nvidia-cuda-toolkit")
        assert (found.root, found.layout, found.build, found.nvcc) == (
            "/usr",
            "debian",
            "11.8.89",
            f"{debian}/bin/nvcc",
        )
        assert {part.name for part in found.components} == {
            "nvcc",
            "ptxas",
            "cicc",
            "crt",
            "cudart",
            "libdevice",
        }
        cudart = found.library("cudart")
        assert cudart is not None
        assert (cudart.soname, cudart.version) == ("libcudart.so.11.0", "11.8.89")
        assert (found.newest_gcc, found.lib64, found.profile) == (11, True, True)


def test_condas_layout_with_its_metadata():
    prefix = "/opt/conda/envs/x"
    target = f"{prefix}/targets/x86_64-linux"
    files = {
        f"{prefix}/bin/nvcc": ELF,
        f"{prefix}/bin/nvcc.profile": "TOP = $(_HERE_)/..\n",
        f"{prefix}/conda-meta/cuda-crt-dev_linux-64-12.4.131-ha770c72_0.json": "{}",
        f"{target}/include/cuda_runtime_api.h": "#define CUDART_VERSION  12040\n",
        f"{target}/include/crt/host_config.h": HOST_CONFIG,
        f"{target}/lib/stubs/libcuda.so": ELF,
        f"{prefix}/lib/libcudart.so.12.4.127": ELF,
    }
    (found,) = items(host(answers(prefix), files, CONDA_PREFIX=prefix))
    assert (found.layout, found.origins, found.build) == ("conda", ("conda",), "12.4.131")
    assert found.include_dirs == (f"{target}/include",)
    assert found.library_dirs == (f"{prefix}/lib", f"{target}/lib")
    crt = found.component("crt")
    assert crt is not None
    assert (crt.version, crt.found_via) == ("12.4.131", "conda-meta")


def test_the_hpc_sdk_keeps_its_maths_libraries_apart():
    release = "/opt/nvidia/hpc_sdk/Linux_x86_64/24.5"
    root = f"{release}/cuda/12.4"
    files = {
        **toolkit_files(root),
        f"{release}/compilers/bin/nvc++": ELF,
        f"{release}/math_libs/12.4/lib64/libcublas.so.12": ELF,
        f"{release}/math_libs/12.4/include/cublas_v2.h": "",
    }
    (found,) = items(host(answers(root), files))
    assert (found.root, found.layout, found.origins) == (root, "hpc-sdk", ("HPC SDK",))
    cublas = found.library("cublas")
    assert cublas is not None
    assert cublas.shared == f"{release}/math_libs/12.4/lib64/libcublas.so.12"
    assert cublas.header == f"{release}/math_libs/12.4/include/cublas_v2.h"


def test_an_nvcc_that_does_not_run_says_why():
    broken = {f"{ROOT}/bin/nvcc --version": Completed(None, "", "", "cannot be run: Exec format error")}
    (found,) = items(host(broken, toolkit_files()))
    assert found.error == "cannot be run: Exec format error"
    assert (found.architectures, found.version) == ((), "12.4")  # by the headers


def test_a_wrapper_that_leads_nowhere_makes_no_toolkit_of_its_prefix():
    nvccs = Nvccs(
        (NvccPath("/usr/bin/nvcc", "wrapper", "/usr/bin/nvcc", None, True, "exit status 127: not found"),)
    )
    machine = host({}, {"/usr/bin/nvcc": "#!/bin/sh\nexec /usr/lib/nvidia-cuda-toolkit/bin/nvcc\n"})
    assert items(machine, nvccs) == ()


def test_damaged_files_are_notes_and_never_a_crash():
    files = {
        **toolkit_files(),
        f"{ROOT}/nvvm/bin/cicc": cicc("12.4.131")[:100],
        f"{ROOT}/version.json": "{",
        f"{ROOT}/include/cuda_runtime_api.h": "\xff\xfe",
        f"{ROOT}/include/crt/host_config.h/x": "",
    }
    del files[f"{ROOT}/include/crt/host_config.h"]
    machine = host({}, files, {f"{ROOT}/lib64/libcudart.so": "libcudart.so"})
    (found,) = items(machine)
    cicc_part = found.component("cicc")
    assert cicc_part is not None
    assert cicc_part.version is None
    assert found.newest_gcc is None
    cudart = found.library("cudart")
    assert cudart is not None
    assert cudart.dev_link is None
    assert {source for source, _ in machine.notes} >= {f"{ROOT}/version.json", f"{ROOT}/nvvm/bin/cicc"}


def test_libraries_that_library_path_brings():
    machine = host(
        {},
        {"/opt/x/libcudart.so": ELF, "/opt/x/libfoo.a": "", "/opt/x/notes.txt": ""},
        LIBRARY_PATH="/opt/x::/none",
    )
    assert probe(machine, None, None).linkable == ("/opt/x/libcudart.so", "/opt/x/libfoo.a")


PROFILE = """\
TOP              = $(_HERE_)/..
LIBRARIES =+ $(_SPACE_) "-L$(TOP)/lib$(_TARGET_SIZE_)/stubs" "-L$(TOP)/$(_TARGET_DIR_)/lib$(_TARGET_SIZE_)"
"""


def link_dir(*paths, profile=PROFILE):
    files = {f"{ROOT}/{path}": "" for path in ("bin/nvcc", "include/cuda_runtime.h", *paths)}
    programs = {f"{ROOT}/bin/nvcc --version": answer("13.0.88")}
    env = {"CUDA_HOME": ROOT}
    host = FakeHost(programs, {**files, f"{ROOT}/bin/nvcc.profile": profile}, env=env)
    return probe(host, None, None).items[0].missing_link_dir


def test_the_folder_that_nvcc_links_from():
    assert link_dir("lib/libcudadevrt.a") == f"{ROOT}/lib64"
    assert link_dir("lib64/libcudadevrt.a") is None
    assert link_dir("targets/x86_64-linux/lib/libcudadevrt.a") is None
    assert link_dir("lib/x.a", profile=PROFILE.replace("$(_TARGET_SIZE_)", "")) is None
    assert link_dir("lib/x.a", profile="TOP = $(_HERE_)/..\n") is None
    assert link_dir("lib/x.a", profile="LIBRARIES = -L$(ELSEWHERE)/lib\n") is None
