"""Device code of one family alone, compiled whole, by shards and through a cache: the same library each time."""

import os
import re
import shutil
import subprocess

import pytest

from envdoctor import elf, fatbin
from tests.test_wheel import copy_project, needs_nvcc

pytestmark = [
    pytest.mark.build,
    needs_nvcc,
    pytest.mark.skipif(not shutil.which("cmake"), reason="no cmake on the search path"),
]
LIBRARY = "cpp/libenvdoctor_kernels.so"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project with one family: a second an architecture."""
    project = copy_project(tmp_path_factory.mktemp("one family") / "source")
    listed = project / "cpp" / "CMakeLists.txt"
    listed.write_text(re.sub(r"add_subdirectory\((?!selftest).*\)\n", "", listed.read_text()))
    return project


def build(project, folder, *options, target="all", env=None):
    """Configure, and build the target if there is one; what was said. Raises CalledProcessError."""
    environment = {**os.environ, **(env or {})}
    said = ""
    settings = ("-DCMAKE_BUILD_TYPE=None", "-DENVDOCTOR_CACHE=OFF", *options)
    commands = ("-S", project, "-B", folder, *settings), ("--build", folder, "--target", target)
    for command in commands if target else commands[:1]:
        done = subprocess.run(
            ["cmake", *map(str, command)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said += done.stdout
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, said)
    return said


@pytest.fixture(scope="module")
def whole(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    build(project, folder, "-DENVDOCTOR_CUDA_ARCHS=9.0,7.5,12.0+PTX")
    return (folder / LIBRARY).read_bytes()


def test_shards_make_the_same_library_without_nvcc(project, whole, tmp_path):
    for name, archs in (("a", "12.0+PTX"), ("b", "7.5,9.0")):
        build(project, tmp_path / name, f"-DENVDOCTOR_CUDA_ARCHS={archs}", target="device_code")
    shards = ("-DENVDOCTOR_CUDA_SHARDS=" + str(tmp_path),)
    said = build(project, tmp_path / "joined", *shards, env={"CUDACXX": "/nowhere/nvcc"})
    assert "device code for sm_75, sm_90, sm_120, compute_120 out of shards, compiled by nvcc V" in said
    library = (tmp_path / "joined" / LIBRARY).read_bytes()
    assert library == whole

    def read(place, size):
        return library[place : place + size]

    assert fatbin.images(read, elf.parse(read)) == {"sm_75": 1, "sm_90": 1, "sm_120": 1, "compute_120": 1}

    source = project / "cpp" / "selftest" / "cuda.cu"
    before = source.read_text()
    try:
        source.write_text(before + "// changed\n")
        with pytest.raises(subprocess.CalledProcessError) as stop:
            build(project, tmp_path / "joined", *shards, target="")
    finally:
        source.write_text(before)
    assert "was made from another cpp/selftest/cuda.cu" in " ".join(stop.value.output.split())


def test_a_cache_runs_all_compilers_but_for_what_no_cache_may_keep(project, whole, tmp_path):
    """A cache that knows nothing: it writes down what it is asked for, and runs it."""
    cache, log = tmp_path / "bin" / "ccache", tmp_path / "log"
    cache.parent.mkdir()
    cache.write_text(f'#!/bin/sh\necho "$*" >>"{log}"\nexec "$@"\n')
    cache.chmod(0o755)
    path = os.pathsep.join((str(cache.parent), os.environ["PATH"]))
    said = build(
        project,
        tmp_path / "build",
        "-DENVDOCTOR_CUDA_ARCHS=9.0,7.5,12.0+PTX",
        "-DENVDOCTOR_CACHE=AUTO",
        env={"PATH": path},
    )
    assert f"compilers are run by {cache}" in said
    assert (tmp_path / "build" / LIBRARY).read_bytes() == whole
    asked = log.read_text().splitlines()
    device = [line for line in asked if line.endswith("cpp/selftest/cuda.cu")]
    assert len(device) == 3 and all(" -c " in line for line in device)
    assert [line for line in asked if line.endswith("dispatch.cpp")]
    assert not [line for line in asked if "_fatbin.c" in line]


def test_a_cache_that_cannot_run_nvcc_is_left_out(project, tmp_path):
    cache = tmp_path / "sccache"
    cache.write_text('#!/bin/sh\ncase $* in *nvcc*) echo "no such: $*" >&2; exit 2;; esac\nexec "$@"\n')
    cache.chmod(0o755)
    options = ("-DENVDOCTOR_CUDA_ARCHS=8.0", f"-DENVDOCTOR_CACHE={cache}")
    said = build(project, tmp_path / "build", *options, target="")
    assert f"nvcc is run without {cache}, which failed (2): no such: " in said
    assert " -c " not in said  # it would make an object file
