"""Hundreds of broken inputs: each ends in notes or one line, never in a traceback, never in a hang.

The inputs are made from good ones: cut at every part, bytes changed, values of another type, folders in place of
files, links in a circle, programs that hang, flood or print garbage.
"""

import inspect
import json
import os
import random
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from envdoctor.catalogue import diagnose
from envdoctor.cli import main
from envdoctor.doctor import probes
from envdoctor.facts import Facts, Project, Request
from envdoctor.facts.codec import facts_to_json
from envdoctor.host import LocalHost
from tests import factory

ROOT = Path(__file__).parent.parent
CUTS = 24  # places at which each good file is cut
FLIPS = 12  # copies of it with bytes changed

PROJECT_FILES = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=61", "torch"]
build-backend = "setuptools.build_meta"
[project]
name = "demo"
requires-python = ">=3.8"
dependencies = ["numpy>=1.20; python_version<'3.12'"]
""",
    "setup.py": """\
import os
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
flags = ['-std=c++14'] + (['-gencode', 'arch=compute_80,code=sm_80'] if os.environ.get('CUDA') else [])
setup(
    name='demo',
    ext_modules=[CUDAExtension('demo._C', ['a.cu'], libraries=['cublas_static'], extra_compile_args={'nvcc': flags})],
    cmdclass={'build_ext': BuildExtension},
)
""",
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.12...3.28)
project(demo LANGUAGES CXX CUDA)
set(CMAKE_CUDA_ARCHITECTURES 80;90)
find_package(Python3 REQUIRED COMPONENTS Interpreter Development)
add_subdirectory(sub)
include("${X}/y.cmake")
add_library(demo a.cu)
target_link_libraries(demo PRIVATE cudart [=[ bracket ]=])
""",
    "Makefile": """\
NVCC ?= nvcc
GENCODE := -gencode arch=compute_70,code=sm_70 \\
  -gencode arch=compute_80,code=[sm_80,compute_80]
a.o: a.cu
\t$(NVCC) $(GENCODE) -std=c++14 -c $< -lcublas_static -o $@
""",
    ".gitmodules": '[submodule "ext/lib"]\n\tpath = ext/lib\n\turl = git@git.example.invalid:team/lib.git\n',
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "requirements.txt": "--find-links wheels\n-r more.txt\ntorch>=2.0 # newest\nnumpy==1.26.4 --hash=sha256:0000\n",
    "a.cu": """\
#include <cuda_runtime.h>
#include "missing.h"
#ifdef __HIP__
#include <hip.h>
#endif
__global__ void k() { __dp4a(1, 2, 3); }
""",
    "build/CMakeCache.txt": """\
CMAKE_HOME_DIRECTORY:INTERNAL=/gone
CMAKE_COMMAND:INTERNAL=/gone/cmake
Python3_EXECUTABLE:FILEPATH=/gone/python
""",
}
INSTALLED_FILES = {
    "torch/version.py": """\
from typing import Optional
__version__ = '2.9.1+cu130'
cuda: Optional[str] = '13.0'
hip: Optional[str] = None
""",
    "torch/utils/cpp_extension.py": """\
def _get_cuda_arch_flags():
    supported_arches = ['8.0', '9.0', '9.0a']
""",
    "torch-2.9.1+cu130.dist-info/METADATA": """\
Metadata-Version: 2.1
Name: torch
Version: 2.9.1+cu130
Requires-Dist: numpy; extra == 'x'

Text
""",
    "torch-2.9.1+cu130.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n",
    "demo-1.0.dist-info/direct_url.json": '{"url": "file:///work/demo", "dir_info": {"editable": true}}',
    "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    "easy-install.pth": "/work/demo\n./old-0.0.0-py3.11.egg\nimport sys\n",
}


def broken(good: bytes) -> Iterator[bytes]:
    """The good bytes cut short at many places, and with some bytes replaced; the same every time."""
    chance = random.Random(len(good))
    for number in range(CUTS):
        yield good[: len(good) * number // CUTS]
    for _ in range(FLIPS):
        damaged = bytearray(good)
        for _ in range(4):
            damaged[chance.randrange(len(damaged))] = chance.choice(b"\x00\xff\"'([{\n\\$\x80")
        yield bytes(damaged)


def project_cases() -> List[Tuple[str, bytes]]:
    return [(name, data) for name, text in PROJECT_FILES.items() for data in broken(text.encode())]


def installed_cases() -> List[Tuple[str, bytes]]:
    return [(name, data) for name, text in INSTALLED_FILES.items() for data in broken(text.encode())]


def write(root: Path, files: Dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def ask(name: str, host: LocalHost, **known: Any) -> Any:
    """One probe with the facts that it asks for; those not given are absent."""
    probe = probes()[name]
    wanted = [parameter for parameter in inspect.signature(probe).parameters if parameter != "host"]
    return probe(host, **{parameter: known.get(parameter) for parameter in wanted})


def test_there_are_more_than_five_hundred():
    facts = facts_to_json(Facts())
    assert len(project_cases()) + len(installed_cases()) + len(list(broken(json.dumps(facts).encode()))) > 500


def test_projects(tmp_path):
    write(tmp_path, PROJECT_FILES)
    request = Request(role="build", project=str(tmp_path))
    environment = factory.environment()
    for name, data in project_cases():
        path = tmp_path / name
        path.write_bytes(data)
        started = time.monotonic()
        found = ask("project", LocalHost(cwd=str(tmp_path)), request=request, environment=environment)
        assert isinstance(found, Project), (name, data)
        facts = Facts(
            request=request,
            project=found,
            toolkit=factory.toolkit(),
            torch=factory.torch(),
            environment=environment,
        )
        failed = [note for note in diagnose(facts).notes if "please report" in note.text]
        assert not failed, (name, data, failed)
        assert time.monotonic() - started < 5, (name, data)
        path.write_text(PROJECT_FILES[name])


def test_installed_packages(tmp_path):
    write(tmp_path, INSTALLED_FILES)
    python = factory.python(purelib=str(tmp_path), site_packages=(str(tmp_path),), path=(str(tmp_path),))
    for name, data in installed_cases():
        path = tmp_path / name
        path.write_bytes(data)
        host = LocalHost(cwd=str(tmp_path))
        packages = ask("packages", host, python=python)
        torch = ask("torch", host, python=python, packages=packages, request=Request())
        facts = Facts(python=python, packages=packages, torch=torch, environment=factory.environment())
        failed = [note for note in diagnose(facts).notes if "please report" in note.text]
        assert not failed, (name, data, failed)
        path.write_text(INSTALLED_FILES[name])


def test_facts_files(tmp_path, capsys):
    good = facts_to_json(
        Facts(toolkit=factory.toolkit(), driver=factory.driver(factory.gpu()), project=factory.project())
    )
    cases = list(broken(json.dumps(good).encode()))
    cases += [json.dumps(value).encode() for value in (None, 1, "x", [], {}, {"schema": "envdoctor.facts/2"})]
    for key, value in good.items():
        for wrong in (17, "x", [1], {"x": 1}, {"unknown": 3}):
            cases += [json.dumps({**good, key: wrong}).encode()] if wrong != value else []
    cases += [b"[" * 100_000, b'{"schema": "envdoctor.facts/1", "notes": [{"source": 1e999}]}']
    path = tmp_path / "facts.json"
    for data in cases:
        path.write_bytes(data)
        status = main(["check", "--facts", str(path)])
        _, err = capsys.readouterr()
        assert status in (0, 1, 2), data
        assert "internal error" not in err and "Traceback" not in err, (data, err)
        assert (status == 2) == bool(err) and len(err.splitlines()) <= 1, (data, err)


@pytest.mark.parametrize("name", sorted(PROJECT_FILES))
@pytest.mark.parametrize("kind", ["folder", "loop", "dangling", "unreadable", "fifo"])
def test_strange_things_in_the_place_of_project_files(tmp_path, name, kind):
    write(tmp_path, PROJECT_FILES)
    strange(tmp_path / name, kind)
    request = Request(role="build", project=str(tmp_path))
    assert isinstance(ask("project", LocalHost(cwd=str(tmp_path)), request=request), Project)


def strange(path: Path, kind: str) -> None:
    """Something at `path` that is not the file which belongs there."""
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "dangling":
        path.symlink_to("gone")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_text("x")
        path.chmod(0)


PROGRAMS = (
    "cmake",
    "ninja",
    "make",
    "gcc",
    "g++",
    "cc",
    "c++",
    "ld",
    "nvcc",
    "git",
    "ccache",
    "nvidia-smi",
    "pip",
    "ldconfig",
)
BEHAVIOURS = {
    "hangs": "#!/bin/sh\nexec sleep 600\n",
    "hangs_behind_a_pipe": "#!/bin/sh\nsleep 600 &\necho 1.2.3\n",
    "floods": "#!/bin/sh\nexec yes version 1.2.3\n",
    "prints_garbage": "#!/bin/sh\nexec head -c 100000 /dev/urandom\n",
    "prints_nothing": "#!/bin/sh\n",
    "fails": "#!/bin/sh\necho broken >&2\nexit 3\n",
    "kills_itself": "#!/bin/sh\nkill -9 $$\n",
    "is_no_program": "\x7fELF not really",
    "has_no_interpreter": "#!/gone/python\n",
}


@pytest.mark.parametrize("behaviour", sorted(BEHAVIOURS))
def test_programs_that_misbehave(tmp_path, behaviour):
    for name in PROGRAMS:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(BEHAVIOURS[behaviour])
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    write(tmp_path / "project", PROJECT_FILES)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}/bin:/usr/bin:/bin",
        "CUDA_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = check(tmp_path / "project", environment)
    report = json.loads(done.stdout)
    assert done.returncode in (0, 1) and report["schema"] == "envdoctor.report/1"
    assert not re.search("please report", done.stdout)


def check(project: Path, environment: Dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-m",
        "envdoctor",
        "check",
        str(project),
        "--format",
        "json",
        "--python",
        sys.executable,
    ]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=environment, check=False, cwd=project
    )
