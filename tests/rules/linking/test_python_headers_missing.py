"""A Python without Python.h."""

import pytest

from envdoctor.facts import FindPackage
from envdoctor.finding import Run, Safety
from envdoctor.rules.linking.python_headers_missing import check
from tests.factory import cmake, extension, project, python, setup, system

EXTENSION = project(setup=setup(extension("Extension")))


def cmake_wants(name, *components):
    return project(cmake=cmake(packages=(FindPackage(name, None, components, True, "CMakeLists.txt", 5),)))


def test_quiet_with_headers_or_without_a_module():
    assert not list(check(EXTENSION, python(), system()))
    assert not list(check(project(), python(headers=False), system()))
    assert not list(check(cmake_wants("Python3", "Interpreter"), python(headers=False), system()))


@pytest.mark.parametrize(
    "wants",
    [EXTENSION, cmake_wants("Python3", "Interpreter", "Development.Module"), cmake_wants("pybind11")],
)
def test_the_distributions_package_is_named(wants):
    (finding,) = check(wants, python("3.12.3", headers=False), system())
    assert finding.fix.steps == (
        Run("sudo apt-get install -y python3.12-dev", Safety.UNSAFE, "python3.12-dev"),
    )


def test_another_python_gets_no_package():
    (finding,) = check(EXTENSION, python(headers=False, base_prefix="/opt/python"), system())
    assert not finding.fix.steps
    (finding,) = check(EXTENSION, python(headers=False), None)
    assert not finding.fix.steps
