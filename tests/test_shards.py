"""Shards: device code compiled elsewhere, and which of it a build takes (cmake/read_shards.cmake)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NVCC = "nvcc V13.0.88, cicc CL-1, ptxas V13.0.88"

pytestmark = pytest.mark.skipif(not shutil.which("cmake"), reason="no cmake on the search path")

FIRST = """
cmake_minimum_required(VERSION 3.18...4.0)
set(CMAKE_MODULE_PATH "{root}/cmake")
"""
WRITE = """
include(compile_fatbin_command)
set(PROJECT_SOURCE_DIR "{tree}")
set(folder "{folder}")
set(targets "{targets}")
set(fatbins kernel.cu.fatbin)
set(ENVDOCTOR_TOOLKIT "{toolkit}")
list(JOIN ENVDOCTOR_NVCC_FLAGS " " flags)
configure_file("{root}/cmake/write_manifest.cmake.in" "{folder}.cmake" @ONLY)
include("{folder}.cmake")
"""
READ = """
include(read_shards)
set(ENVDOCTOR_CUDA_SHARDS "{named}")
set(ENVDOCTOR_CUDA_ARCHS "{archs}")
read_shards("{tree}" fatbins targets toolkit problem)
message("${{fatbins}}|${{targets}}|${{toolkit}}|${{problem}}")
"""


def cmake(place, script, **names):
    path = place / "script.cmake"
    path.write_text((FIRST + script).format(root=ROOT, **names))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NVCC_")}
    command = ["cmake", "-P", str(path)]
    return subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=True).stderr


@pytest.fixture
def tree(tmp_path):
    """A source tree; a space in its name."""
    tree = tmp_path / "a tree"
    (tree / "cmake").mkdir(parents=True)
    shutil.copy(ROOT / "cmake" / "device_sources.cmake", tree / "cmake")
    (tree / "cpp" / "family").mkdir(parents=True)
    (tree / "cpp" / "family" / "kernel.cu").write_text("code")
    (tree / "cpp" / "family" / "kernel.cuh").write_text("more code")
    (tree / "cpp" / "family" / "cpu.cpp").write_text("not compiled by nvcc")
    return tree


@pytest.fixture
def shard(tree):
    """Make one, as a build does when all is compiled."""

    def make(name, targets, toolkit=NVCC):
        folder = tree / "shards" / name
        folder.mkdir(parents=True)
        (folder / "kernel.cu.fatbin").write_text(f"for {targets}")
        cmake(tree, WRITE, tree=tree, folder=folder, targets=targets, toolkit=toolkit)
        return folder

    return make


def read(tree, *named, archs=""):
    said = cmake(tree, READ, tree=tree, named=";".join(map(str, named)), archs=archs)
    fatbins, targets, toolkit, problem = said.rstrip("\n").split("|")
    assert bool(problem) != bool(fatbins)
    assert "\n" not in problem
    return problem or (fatbins.split(";"), targets, toolkit)


def fatbins(*shards):
    return [f"{folder}/kernel.cu.fatbin" for folder in shards]


def test_shards_of_the_same_sources_are_taken(tree, shard):
    newer, older = shard("new", "sm_100 compute_100"), shard("old", "sm_80 sm_90")
    expected = fatbins(newer, older), "sm_80;sm_90;sm_100;compute_100", NVCC
    assert read(tree, newer, older) == expected
    assert read(tree, "shards/new", "shards/old") == expected
    assert read(tree, newer, older, archs="10.0+PTX 9.0,80") == expected


def test_what_an_earlier_build_left_in_a_shard_is_not_taken(tree, shard):
    folder = shard("a", "sm_80")
    (folder / "other.fatbin").touch()
    assert read(tree, folder)[0] == fatbins(folder)


def test_a_folder_of_shards_stands_for_all_of_them(tree, shard):
    one, other = shard("a", "sm_80"), shard("b/device_code", "sm_90")
    assert read(tree, tree / "shards") == (fatbins(one, other), "sm_80;sm_90", NVCC)


def test_what_nvcc_does_not_read_may_change(tree, shard):
    folder = shard("a", "sm_80")
    (tree / "cpp" / "family" / "cpu.cpp").write_text("faster")
    assert read(tree, folder)[1] == "sm_80"


@pytest.mark.parametrize("change", ["edited", "added", "removed"])
def test_other_sources_are_refused(tree, shard, change):
    folder = shard("a", "sm_80")
    header = tree / "cpp" / "family" / "kernel.cuh"
    if change == "removed":
        header.unlink()
    else:
        (header if change == "edited" else header.with_name("other.h")).write_text("changed")
    name = "other.h" if change == "added" else "kernel.cuh"
    assert (
        read(tree, folder)
        == f"{folder} was made from another cpp/family/{name}; compile that shard again, from these sources"
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("-O3", "-O0", "was compiled with other flags"),
        ("format 1", "format 2", "is of another version of this project"),
        ("fatbin ", "fatbin 0", "kernel.cu.fatbin is missing or damaged"),
    ],
)
def test_a_manifest_that_says_otherwise_is_refused(tree, shard, before, after, said):
    folder = shard("a", "sm_80")
    manifest = folder / "manifest.txt"
    manifest.write_text(manifest.read_text().replace(before, after))
    assert said in read(tree, folder)
    assert "compile that shard again" in read(tree, folder)


@pytest.mark.parametrize("change", ["damaged", "missing"])
def test_damaged_code_is_refused(tree, shard, change):
    folder = shard("a", "sm_80")
    fatbin = folder / "kernel.cu.fatbin"
    fatbin.unlink() if change == "missing" else fatbin.write_text("cut off")
    assert read(tree, folder).startswith(f"{fatbin} is missing or damaged; copy or compile")


def test_an_architecture_twice_is_refused(tree, shard):
    one, other = shard("a", "sm_80 sm_120"), shard("b", "sm_90 sm_120 compute_120")
    assert read(tree, one, other) == f"{one} and {other} both have code for 120; leave one of them out"


def test_two_toolkits_are_refused(tree, shard):
    one, other = shard("a", "sm_80"), shard("b", "sm_90", toolkit="nvcc V12.4")
    assert "are not of one toolkit and one environment (`nvcc V13" in read(tree, one, other)


def test_a_lacking_architecture_is_refused(tree, shard):
    folder = shard("a", "sm_80")
    said = "no shard has sm_90, compute_90, which was asked for; compile one for it and name it too"
    assert read(tree, folder, archs="8.0,9.0+PTX") == said


def test_an_architecture_that_nobody_asked_for_is_refused(tree, shard):
    folder = shard("a", "sm_80 sm_90")
    assert read(tree, folder, archs="8.0").startswith("the shards have sm_90, which was not asked for")


def test_no_shard_at_all(tree):
    assert read(tree, tree / "cpp").startswith(f"{tree}/cpp has no manifest.txt")


@pytest.mark.parametrize(
    ("version", "target", "known"),
    [
        ("11.8.89", "sm_90", True),
        ("11.8.89", "sm_90a", False),
        ("12.4.131", "sm_90a", True),
        ("12.8.1", "sm_100f", False),
    ],
)
def test_a_target_that_a_toolkit_does_not_list(tmp_path, version, target, known):
    ask = 'knows_target(known "nvcc V{version} cuda_1, cicc" {target})'
    script = f'include(knows_target)\n{ask}\nmessage("${{{{known}}}}")\n'
    assert cmake(tmp_path, script, version=version, target=target).strip() == str(known).upper()
