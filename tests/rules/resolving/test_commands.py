"""Commands of fixes name files by words that a shell reads as one, whatever is in them."""

import shlex

import pytest
from packaging.requirements import Requirement

from envdoctor.facts import BuildFolder, Folder, Folders, Interpreters, PathPython
from envdoctor.finding import Run
from envdoctor.isolation import names
from envdoctor.rules.resolving import (
    cmake_variable_exported,
    path_not_usable,
    python_externally_managed,
    python_version_unsupported,
    stale_build_directory,
)
from tests.factory import at, cmake, environment, project, python

ODD = "/work/it's $(touch x); a b"
PYTHON = python(executable=ODD, externally_managed="/marker")
BUILD = Folder("build", ODD, True, True, False, False, 9 << 30, 1000, "ext4", "default")
FITTING = PathPython("python3.12", ODD, ODD, "3.12.1", "system", "/usr", True)


@pytest.mark.parametrize(
    ("findings", "word"),
    [
        (
            stale_build_directory.check(
                project(
                    build_folders=(
                        BuildFolder(ODD, (at("CMAKE_COMMAND=/gone"),), (at("CMAKE_COMMAND=/gone"),)),
                    )
                ),
                python(),
                environment(),
                None,
            ),
            ODD,
        ),
        (path_not_usable.check(Folders((BUILD,)), environment(), project()), ODD),
        (python_externally_managed.check(project(), PYTHON, environment(), None), ODD),
        (
            python_version_unsupported.check(
                project(requires_python=at(">=3.12")), python(), Interpreters((FITTING,), ())
            ),
            ODD,
        ),
        (
            cmake_variable_exported.check(project(cmake=cmake()), environment(Python3_EXECUTABLE=ODD)),
            f"-DPython3_EXECUTABLE={ODD}",
        ),
    ],
)
def test_paths(findings, word):
    (finding,) = findings
    (step,) = finding.fix.steps
    assert isinstance(step, Run)
    assert word in shlex.split(step.command)


def test_requirements():
    wanted = ("numpy", "demo[a]>=1", 'x; python_version < "3.8"', "y @ https://host/it's;id")
    requirements = tuple(map(Requirement, wanted))
    assert shlex.split(names(requirements)) == [str(requirement) for requirement in requirements]
