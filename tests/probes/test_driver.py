"""The driver's traces, and the script for NVML against libraries that a C compiler makes here."""

import json
import shutil
import subprocess
import sys
from typing import Any, Dict, Optional

import pytest

from envdoctor.facts import Driver, Gpu
from envdoctor.host import LocalHost
from envdoctor.probes import driver
from envdoctor.probes._nvml import SCRIPT
from tests import factory
from tests.fakes import FakeHost
from tests.probes.elves import cache, elf

GCC = shutil.which("gcc") or shutil.which("cc")
NEEDS_COMPILER = pytest.mark.skipif(GCC is None, reason="no C compiler on this machine")
LIB = "/usr/lib/x86_64-linux-gnu"
PROC = {
    "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release"
    " Build\nGCC version:  gcc version 12.2.0\n"
}
LIBRARIES = {f"{LIB}/lib{name}.so.580.159.04": elf() + bytes(2 << 20) for name in ("cuda", "nvidia-ml")}
LINKS = {f"{LIB}/lib{name}.so.1": f"lib{name}.so.580.159.04" for name in ("cuda", "nvidia-ml")}
CACHE = {"/etc/ld.so.cache": cache(*((link.rpartition("/")[2], link) for link in LINKS))}
H200 = {
    "index": 0,
    "name": "NVIDIA H200",
    "compute_capability": [9, 0],
    "memory": 9,
    "mig": False,
    "mig_devices": 0,
}
GOOD = {"error": None, "driver": "580.159.04", "cuda": "13.0", "gpus": [H200], "asked": "NVML"}


def look(
    files: Dict[str, Any],
    answer: Optional[Dict[str, Any]] = None,
    nvml: str = f"{LIB}/libnvidia-ml.so.1",
    libcuda: str = f"{LIB}/libcuda.so.1",
    **changes: Any,
) -> Optional[Driver]:
    program = f"/own/python -I -c {SCRIPT} {nvml} {libcuda}"
    host = FakeHost({program: json.dumps(answer)} if answer else {}, files, **changes)
    host.own_python = "/own/python"
    found = driver.probe(host, factory.python())
    assert answer is not None or not host.calls, "NVML is asked only where it is"
    return found


def test_no_trace_of_a_driver():
    assert look({"/usr/bin/g++": "", "/dev/null": ""}) is None


def test_a_toolkits_stub_is_no_driver():
    stubs = "/usr/local/cuda/lib64/stubs"
    files = {f"{stubs}/libcuda.so": elf()}
    assert look(files, links={f"{stubs}/libcuda.so.1": "libcuda.so"}, env={"LD_LIBRARY_PATH": stubs}) is None
    copied = {
        "/usr/local/lib/libcuda.so.1": elf(),
        "/etc/ld.so.cache": cache(("libcuda.so.1", "/usr/local/lib/libcuda.so.1")),
    }
    assert look(copied) is None
    found = look({**copied, **PROC})
    assert found is not None and (found.libcuda, found.libcuda_via) == (None, "ld.so.cache: a stub")


def test_a_whole_driver():
    found = look({**PROC, **LIBRARIES, **CACHE, "/dev/nvidia0": "", "/dev/nvidiactl": ""}, GOOD, links=LINKS)
    gpu = Gpu(0, "NVIDIA H200", (9, 0), 9, False, 0)
    version, path = "580.159.04", f"{LIB}/libcuda.so.1"
    assert found == Driver(version, path, version, "ld.so.cache", "13.0", (gpu,), (), None, "NVML")


@pytest.mark.parametrize(
    "text",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.04  Tue Jan  6 01:00:00 UTC 2026\n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.159.04  Release Build  (dvs-builder)\n",
    ],
)
def test_kernel_modules(text):
    found = look({"/proc/driver/nvidia/version": text})
    assert found is not None and (found.kernel_module, found.libcuda) == ("580.159.04", None)
    assert found.error == "libnvidia-ml.so.1 is not found by the loader"


def test_kernel_module_by_sys():
    found = look({"/sys/module/nvidia/version": "535.54.03\n"})
    assert found is not None and (found.kernel_module, found.found_via) == (
        "535.54.03",
        "/sys/module/nvidia/version",
    )


def test_a_mismatch_is_told_in_nvmls_words():
    answer = {**GOOD, "error": "Driver/library version mismatch", "driver": None, "gpus": [], "asked": None}
    found = look({**PROC, **LIBRARIES, **CACHE}, answer, links=LINKS)
    assert found is not None and (found.error, found.gpus) == ("Driver/library version mismatch", ())
    assert found.found_via == "/proc/driver/nvidia/version"


def test_a_child_that_dies():
    host = FakeHost({}, {**PROC, **LIBRARIES, **CACHE}, links=LINKS)
    host.own_python = "/own/python"
    found = driver.probe(host, factory.python())
    assert found is not None and found.error is not None and "gave no answer" in found.error
    assert found.libcuda_version == "580.159.04"


def test_wsl_whose_loader_cache_is_old():
    wsl = "/usr/lib/wsl/lib"
    files = {f"{wsl}/libcuda.so.1": elf(), f"{wsl}/libnvidia-ml.so.1": elf()}
    found = look(files, GOOD, f"{wsl}/libnvidia-ml.so.1", f"{wsl}/libcuda.so.1")
    assert found is not None and (found.libcuda, found.libcuda_via) == (f"{wsl}/libcuda.so.1", wsl)
    assert (found.kernel_module, found.libcuda_version) == ("580.159.04", None)


def test_nodes_that_this_user_cannot_open():
    nodes = {f"/dev/nvidia{name}": "" for name in ("0", "ctl", "-uvm", "-modeset", "-caps")}
    found = look({**PROC, **nodes}, unreadable=["/dev/nvidia0", "/dev/nvidia-modeset"])
    assert found is not None and found.forbidden_nodes == ("/dev/nvidia0",)


def test_mig():
    gpu = {**H200, "mig": True, "mig_devices": 2}
    found = look({**LIBRARIES, **CACHE}, {**GOOD, "gpus": [gpu]}, links=LINKS)
    assert found is not None and (found.gpus[0].mig, found.gpus[0].mig_devices) == (True, 2)


NVML = """
#include <string.h>
typedef void *device;
struct memory { unsigned long long total, free, used; };
int nvmlInit_v2(void) { return INIT; }
const char *nvmlErrorString(int status) {
  return status == 18 ? "Driver/library version mismatch" : "Insufficient Permissions";
}
int nvmlSystemGetDriverVersion(char *text, unsigned size) { strncpy(text, "580.159.04", size); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13000; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, device *found) {
  *found = (char *)0 + 0x700000000000 + index;
  return index == 1 ? 4 : 0;
}
int nvmlDeviceGetName(device d, char *text, unsigned size) { strncpy(text, "NVIDIA H200", size); return 0; }
int nvmlDeviceGetCudaComputeCapability(device d, int *major, int *minor) { *major = 9; *minor = 0; return 0; }
int nvmlDeviceGetMemoryInfo(device d, struct memory *m) { m->total = 150754820096; m->free = m->used = 0; return 0; }
#ifndef OLD
int nvmlDeviceGetMigMode(device d, unsigned *now, unsigned *next) {
  *now = *next = 1;
  return d == (char *)0 + 0x700000000002 ? 0 : 3;
}
int nvmlDeviceGetMaxMigDeviceCount(device d, unsigned *count) { *count = 7; return 0; }
int nvmlDeviceGetMigDeviceHandleByIndex(device d, unsigned index, device *found) { return index < 2 ? 0 : 6; }
#endif
"""
CUDA = """
#include <string.h>
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *text, int size, int device) { strncpy(text, "Orin", size); return 0; }
int cuDeviceTotalMem_v2(unsigned long *size, int device) { *size = 32UL << 30; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 8 : 7; return 0; }
"""


def ask(folder, nvml: Optional[str] = None, cuda: Optional[str] = None) -> Dict[str, Any]:
    """What the script says of libraries compiled with these definitions; None: there is no such library."""
    paths = []
    for name, source, definition in (("nvml", NVML, nvml), ("cuda", CUDA, cuda)):
        path = folder / f"lib{name}.so"
        if definition is not None:
            (folder / "x.c").write_text(source)
            command = [str(GCC), "-shared", "-fPIC", *definition.split(), "x.c", "-o", str(path)]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        paths.append(str(path) if definition is not None else "")
    answer = LocalHost({}).ask_python(sys.executable, SCRIPT, *paths)
    return dict(answer)


@NEEDS_COMPILER
def test_nvml_answers(tmp_path):
    answer = ask(tmp_path, "-DINIT=0")
    plain = {"name": "NVIDIA H200", "compute_capability": [9, 0], "memory": 150754820096}
    assert answer["gpus"] == [
        {"index": 0, **plain, "mig": False, "mig_devices": 0},
        {"index": 2, **plain, "mig": True, "mig_devices": 2},
    ]
    assert (answer["driver"], answer["cuda"], answer["asked"]) == ("580.159.04", "13.0", "NVML")
    assert answer["error"] == "GPU 1: Insufficient Permissions"


@NEEDS_COMPILER
def test_an_nvml_before_mig(tmp_path):
    answer = ask(tmp_path, "-DINIT=0 -DOLD")
    assert [gpu["mig"] for gpu in answer["gpus"]] == [False, False]


@NEEDS_COMPILER
def test_nvml_refuses(tmp_path):
    answer = ask(tmp_path, "-DINIT=18", "-DINIT=0")
    assert (answer["error"], answer["gpus"], answer["asked"]) == ("Driver/library version mismatch", [], None)
    assert answer["cuda"] == "12.4", "CUDA's own library still says which CUDA it serves"


@NEEDS_COMPILER
def test_cuda_alone(tmp_path):
    answer = ask(tmp_path, None, "-DINIT=0")
    gpu = {
        "index": 0,
        "name": "Orin",
        "compute_capability": [8, 7],
        "memory": 32 << 30,
        "mig": False,
        "mig_devices": 0,
    }
    assert (answer["gpus"], answer["asked"], answer["cuda"]) == ([gpu], "libcuda", "12.4")
    assert ask(tmp_path, None, "-DINIT=100")["error"] == "cuInit answers with error 100"


def test_a_library_that_is_none(tmp_path):
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library")
    answer = LocalHost({}).ask_python(sys.executable, SCRIPT, str(tmp_path / "libnvidia-ml.so.1"), "")
    assert answer["gpus"] == [] and "libnvidia-ml.so.1" in answer["error"]
