"""Machines that we understand: recorded facts, and exactly the rules that speak of each."""

import json
import os
from dataclasses import replace
from typing import List

import pytest

from envdoctor.catalogue import diagnose
from envdoctor.facts import Facts, FindPackage, Project, Request
from envdoctor.facts.codec import facts_from_json
from tests.factory import at, cmake, extension, project, setup

FOLDER = os.path.join(os.path.dirname(__file__), "hosts")
ROLES = {
    "nothing stated": Request(),
    "runtime": Request(role="runtime", role_stated=True),
    "build": Request(role="build", role_stated=True),
    "ci": Request(role="ci", role_stated=True),
}
IMPORTS = (at("setuptools", "setup.py", 1), at("torch", "setup.py", 2))
CUDAS = FindPackage("CUDAToolkit", None, (), True, "CMakeLists.txt", 3)
PROJECTS = {
    "pure Python": project(),
    "C++ module": project(setup=setup(extension("Extension", sources=("a.cpp",)))),
    "torch C++": project(
        setup=setup(extension("CppExtension", sources=("a.cpp",)), imports=IMPORTS),
        includes=(at("torch/extension.h", "a.cpp", 1),),
    ),
    "torch CUDA for 8.0": project(
        setup=setup(extension(), imports=IMPORTS),
        cuda_sources=("a.cu",),
        architectures=(at("80", "setup.py", 7),),
        includes=(at("ATen/cuda/CUDAContext.h", "a.cu", 1),),
    ),
    "CMake C++": project(builds=("cmake",), cmake=cmake("3.18", "CXX")),
    "CMake CUDA for 8.0": project(
        builds=("cmake",),
        cmake=cmake("3.18", "CXX", "CUDA", packages=(CUDAS,)),
        cuda_sources=("a.cu",),
        architectures=(at("80", "CMakeLists.txt", 7),),
    ),
    "Makefile that links with nvcc": project(
        builds=("make",),
        cuda_sources=("a.cu",),
        architectures=(at("80", "Makefile", 2),),
        nvcc_links=(at("nvcc", "Makefile", 2),),
    ),
}


def read(name: str) -> Facts:
    with open(os.path.join(FOLDER, f"{name}.json"), encoding="utf-8") as stream:
        return facts_from_json(json.load(stream))


with open(os.path.join(FOLDER, "expected.json"), encoding="utf-8") as stream:
    EXPECTED = json.load(stream)


def told(facts: Facts) -> List[str]:
    """What is said, each rule once with its worst severity; a host that was looked at leaves nothing open."""
    found = diagnose(facts)
    assert not found.notes
    return sorted({f"{finding.rule}: {finding.severity.value}" for finding in found.findings})


def built(facts: Facts, asked: Project) -> Facts:
    return replace(facts, project=asked, request=Request(role="build", project=asked.root))


def test_every_host_is_expected():
    recorded = {name[: -len(".json")] for name in os.listdir(FOLDER) if name.endswith(".json")}
    assert recorded - {"expected"} == set(EXPECTED)


@pytest.mark.parametrize("host", sorted(EXPECTED))
def test_without_a_project(host):
    facts = read(host)
    said = {role: told(replace(facts, request=request)) for role, request in ROLES.items()}
    assert said == {role: EXPECTED[host].get(role, []) for role in ROLES}


@pytest.mark.parametrize("host", sorted(EXPECTED))
def test_with_projects(host):
    facts = read(host)
    said = {name: told(built(facts, asked)) for name, asked in PROJECTS.items()}
    assert said == {name: EXPECTED[host].get(name, []) for name in PROJECTS}
