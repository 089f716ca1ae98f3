"""Headers of system libraries."""

import pytest

from envdoctor.facts import Header
from envdoctor.finding import Run, Safety
from envdoctor.rules.linking.system_dev_package_missing import check
from tests.factory import at, project, system


def header(name, *roots):
    return Header(name, at(name, "csrc/rdma.cpp", 7), roots)


def found(*headers, manager="apt-get"):
    return list(check(project(unresolved_headers=headers), system(package_manager=manager)))


def test_quiet_for_headers_of_the_tree_and_unknown_ones():
    assert not found()
    assert not found(
        header("cutlass/cutlass.h"), header("boost/any.hpp", "third_party/boost"), header("numa.hpp")
    )


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "sudo apt-get install -y libibverbs-dev"),
        ("dnf", "sudo dnf install -y rdma-core-devel"),
        ("apk", "sudo apk add rdma-core-dev"),
    ],
)
def test_the_package_has_the_systems_name(manager, command):
    (finding,) = found(header("infiniband/verbs.h"), header("infiniband/mlx5dv.h"), manager=manager)
    assert finding.fix.steps == (Run(command, Safety.UNSAFE, command.split()[-1]),)
    assert finding.location.line == 7


def test_an_unknown_system_gets_no_command():
    (finding,) = found(header("numa.h"), manager="pacman")
    assert not finding.fix.steps


def test_what_cmake_looks_for():
    looking = project(packages_without_header=(at("curl/curl.h", "CMakeLists.txt", 3),))
    (finding,) = check(looking, system())
    assert "libcurl4-openssl-dev" in finding.message and finding.location is not None
    assert not list(check(project(), system()))
