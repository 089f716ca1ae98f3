"""torch from recorded version.py texts, headers and symbols."""

import json

import pytest

from envdoctor.facts import Component, Request, Unknown
from envdoctor.host import Completed
from envdoctor.probes import torch
from tests import factory
from tests.fakes import FakeHost
from tests.probes.elves import elf

SITE = factory.python().purelib
TORCH = f"{SITE}/torch"
NEW = (
    "from typing import Optional\n\n__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']\n"
    "__version__ = '2.13.0+cu130'\ndebug = False\ncuda: Optional[str] = '13.0'\n"
    "git_version = 'cf30153c4c131c8164ee7798e5022d810682e2cb'\nhip: Optional[str] = None\n"
)
OLD = "__version__ = '1.8.1+cu111'\ndebug = False\ncuda = '11.1'\ngit_version = '56b43f4'\nhip = None\n"
VENDOR = (
    "__version__ = '1.10.0a0+0aef44c'\ndebug = False\ncuda: Optional[str] = '11.4'\n"
    "git_version = '0aef44c'\nhip: Optional[str] = None\n"
)
ROCM = (
    "__version__ = '2.4.0+rocm6.1'\ndebug = False\ncuda: Optional[str] = None\n"
    "hip: Optional[str] = '6.1.40091-a8dbc0c19'\n"
)
ARCHES = """
    supported_arches = ['3.5', '3.7', '5.0', '8.0', '9.0', '9.0a',
                        '10.0', '12.1a']
    valid_arch_strings = supported_arches + [s + "+PTX" for s in supported_arches]
"""
CXX17 = "#pragma once\n\n#if !defined(_MSC_VER) && __cplusplus < 201703L\n#error C++17 or later\n#endif\n"
ERROR = "_ZN3c105ErrorC1ENS_14SourceLocation"


def look(version=NEW, files=None, packages=None, request=None, programs=None, **changes):
    known = {f"{TORCH}/version.py": version, f"{TORCH}/__init__.py": ""} if version is not None else {}
    host = FakeHost(programs or {}, {**known, **(files or {})}, **changes)
    found = torch.probe(host, factory.python(), packages or factory.packages(), request or Request())
    look.notes = host.notes
    return found


def test_no_torch():
    assert look(None) is None
    assert look(None, {f"{TORCH}/__pycache__/version.pyc": ""}) is None, "a folder that pip left behind"


def test_no_interpreter():
    assert isinstance(torch.probe(FakeHost(), None, None, Request()), Unknown)


@pytest.mark.parametrize(
    ("text", "version", "cuda", "hip", "vendor"),
    [
        (NEW, "2.13.0+cu130", "13.0", None, False),
        (OLD, "1.8.1+cu111", "11.1", None, False),
        (VENDOR, "1.10.0a0+0aef44c", "11.4", None, True),
        (ROCM, "2.4.0+rocm6.1", None, "6.1.40091-a8dbc0c19", False),
        (NEW.replace("2.13.0+cu130", "2.1.0a0+b5021ba"), "2.1.0a0+b5021ba", "13.0", None, True),
        (
            NEW.replace("2.13.0+cu130", "2.5.0a0+872d972e41.nv24.08"),
            "2.5.0a0+872d972e41.nv24.08",
            "13.0",
            None,
            True,
        ),
        (NEW.replace("2.13.0+cu130", "2.5.0a0+git1234abc"), "2.5.0a0+git1234abc", "13.0", None, False),
        (NEW.replace("2.13.0+cu130", "2.5.1.post303"), "2.5.1.post303", "13.0", None, False),
        (
            NEW.replace("2.13.0+cu130", "2.15.0.dev20260901+cu130"),
            "2.15.0.dev20260901+cu130",
            "13.0",
            None,
            False,
        ),
    ],
)
def test_versions(text, version, cuda, hip, vendor):
    found = look(text)
    assert (found.version, found.cuda, found.hip, found.vendor) == (version, cuda, hip, vendor)
    assert found.found_via == f"{TORCH}/version.py"


def test_a_build_without_cuda():
    assert look(NEW.replace("'13.0'", "None").replace("+cu130", "+cpu")).cuda is None


@pytest.mark.parametrize("text", ["", "__version__ = '2.1", NEW.partition("cuda:")[0], "\0" * 100])
def test_a_damaged_version_file(text):
    found = look(text)
    assert isinstance(found, Unknown) and "version.py" in found.reason


def test_an_unreadable_version_file():
    found = look(unreadable=[f"{TORCH}/version.py"])
    assert found == Unknown(f"{TORCH}/version.py: Permission denied")


def test_a_folder_in_place_of_the_version_file():
    found = look(None, {f"{TORCH}/__init__.py": "", f"{TORCH}/version.py/x": ""})
    assert found == Unknown(f"{TORCH}/version.py: Is a directory")


def test_metadata_without_the_package():
    found = look(None, packages=factory.packages(factory.package("torch", "2.13.0")))
    assert isinstance(found, Unknown) and "torch-2.13.0.dist-info" in found.reason


def test_an_editable_install():
    package = factory.package("torch", "2.6.0a0+gitabc", kind="editable")
    url = json.dumps({"url": "file:///src/pytorch", "dir_info": {"editable": True}})
    source = {"/src/pytorch/torch/version.py": NEW, "/src/pytorch/torch/__init__.py": ""}
    files = {f"{package.location}/direct_url.json": url, **source}
    assert look(None, files, factory.packages(package)).path == "/src/pytorch/torch"


NEW_STRING = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"


@pytest.mark.parametrize(
    ("defined", "abi"),
    [
        ([f"{ERROR}{NEW_STRING}", "_ZN3c106detail14torchCheckFailEPKcS2_jRK" + NEW_STRING], True),  # 2.13
        ([f"{ERROR}Ss", "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs"], False),  # 1.8
        ([f"{ERROR}ERKSs"], False),  # 1.4
        ([f"{ERROR}Ss", f"{ERROR}{NEW_STRING}"], None),
        (["_ZN3c1010TensorImplD2Ev"], None),
    ],
)
def test_the_string_abi_is_read_from_libc10(defined, abi):
    assert look(files={f"{TORCH}/lib/libc10.so": elf(defines=defined)}).cxx11_abi is abi


def test_the_string_abi_of_conda_forge():
    assert look(files={"/venv/lib/libc10.so": elf(defines=[f"{ERROR}{NEW_STRING}"])}).cxx11_abi is True
    assert look().cxx11_abi is None


def test_a_truncated_libc10():
    assert look(files={f"{TORCH}/lib/libc10.so": elf()[:80]}).cxx11_abi is None
    assert [source for source, _ in look.notes] == [f"{TORCH}/lib/libc10.so"]


def test_architectures_of_the_extension_builder():
    known = look(files={f"{TORCH}/utils/cpp_extension.py": ARCHES}).known_architectures
    assert known == ("3.5", "3.7", "5.0", "8.0", "9.0", "9.0a", "10.0", "12.1a")
    assert look().known_architectures == ()


def test_the_cxx_standard():
    header = f"{TORCH}/include/torch/csrc/api/include/torch/all.h"
    assert look(files={header: CXX17}).cxx_standard == 17
    assert look(files={header: CXX17.replace("201703L", "202002L").replace("17", "20")}).cxx_standard == 20
    assert look(OLD, files={header: CXX17.replace("201703L", "201402L")}).cxx_standard == 14
    assert look(OLD).cxx_standard == 14, "without headers by release"
    assert look(NEW.replace("2.13.0+cu130", "2.14.1")).cxx_standard == 20
    assert look(NEW.replace("2.13.0+cu130", "2.0.1")).cxx_standard == 14


def wheel(name, version, *files, requires=()):
    """An installed wheel of NVIDIA's and its record."""
    package = factory.package(name, version, tags=("py3-none-manylinux_2_27_x86_64",), requires=requires)
    return package, {f"{package.location}/RECORD": "".join(f"{file},sha256=x,1\n" for file in files)}


def test_libraries_that_torch_brings_and_requires():
    cublas, record = wheel(
        "nvidia-cublas", "13.1.1.3", "nvidia/cu13/lib/libcublas.so.13", "nvidia/cu13/include/cublas.h"
    )
    other, more = wheel("nvidia-npp", "13.0.1", "nvidia/cu13/lib/libnppc.so.13")
    toolkit = factory.package(
        "cuda-toolkit", "13.0.3", requires=("nvidia-cublas==13.1.1.3.*; extra == 'cublas'",)
    )
    own = factory.package(
        "torch", "2.13.0", requires=("filelock", 'cuda-toolkit[cublas]==13.0.3; platform_system == "Linux"')
    )
    names = ("libcudart-45da57e3.so.11.0", "libc10_cuda.so", "libnvfuser_codegen.so", "libgomp.so.1")
    files = {**record, **more, **{f"{TORCH}/lib/{name}": "" for name in names}}
    assert look(files=files, packages=factory.packages(own, toolkit, cublas, other)).libraries == (
        Component("cublas", f"{SITE}/nvidia/cu13/lib/libcublas.so.13", "13.1.1.3", "wheel nvidia-cublas"),
        Component("cudart", f"{TORCH}/lib/libcudart-45da57e3.so.11.0", "11.0", "torch/lib"),
    )


def test_it_is_imported_only_when_asked_and_in_a_child():
    command = f"/venv/bin/python -c {torch._DEEP}"
    good = {command: 'a warning of torch\n{"architectures": ["sm_80", "sm_90"], "error": null}\n'}
    assert look(programs=good).architectures == ()
    found = look(programs=good, request=Request(deep=True))
    assert (found.architectures, found.import_error) == (("sm_80", "sm_90"), None)
    bad = {command: '{"architectures": [], "error": "ImportError: libcudart.so.13: cannot open"}\n'}
    assert (
        look(programs=bad, request=Request(deep=True)).import_error
        == "ImportError: libcudart.so.13: cannot open"
    )
    dead = {command: Completed(-11, "", "Segmentation fault\n")}
    assert "Segmentation fault" in look(programs=dead, request=Request(deep=True)).import_error
