"""Imports that newer setuptools and Pythons have lost."""

from envdoctor.facts import Configuration, Packages, Setting
from envdoctor.finding import SetEnv, Severity, Shim
from envdoctor.rules.resolving.setuptools_or_distutils_incompatible import check
from tests.factory import at, environment, package, packages, project, python, setup

RESOURCES = setup(imports=(at("pkg_resources", "setup.py", 2),))
DISTUTILS = setup(imports=(at("distutils.core", "setup.py", 2),))


def test_quiet_with_setuptools_that_still_has_it():
    assert not list(check(project(setup=RESOURCES), packages(), python(), environment(), None))
    assert not list(check(project(setup=DISTUTILS), packages(), python("3.13.0"), environment(), None))
    assert not list(check(project(setup=DISTUTILS), Packages(()), python("3.11.7"), environment(), None))


def test_installed_setuptools_82_has_no_pkg_resources():
    there = packages(package("setuptools", "82.0.1"))
    (finding,) = check(project(setup=RESOURCES), there, python(), environment(), None)
    assert "setuptools 82" in finding.message


def test_an_isolated_build_takes_the_newest_that_is_allowed():
    open_ended = project(setup=RESOURCES, build_system=True, build_requires=(at("setuptools>=61"),))
    assert list(check(open_ended, packages(), python(), environment(), None))
    bounded = project(setup=RESOURCES, build_system=True, build_requires=(at("setuptools<81"),))
    assert not list(check(bounded, packages(), python(), environment(), None))
    assert not list(check(open_ended, packages(), python("3.8.18"), environment(), None))


OPEN = project(setup=RESOURCES, build_system=True, build_requires=(at("setuptools>=61"),))
OLD = packages(package("setuptools", "68.0"))
NEW = packages(package("setuptools", "84.0"))


def test_the_installed_setuptools_is_used_where_it_has_it():
    (finding,) = check(OPEN, OLD, python(), environment(), None)
    assert finding.fix is not None and finding.fix.steps == (SetEnv("PIP_NO_BUILD_ISOLATION", "0"),)


def test_else_pip_takes_an_older_one_and_the_machines_constraints_stay():
    pins = Setting("pip", "global.constraint", "/etc/pins.txt mine.txt", "environment", None, True)
    theirs = Configuration((pins,))
    (finding,) = check(OPEN, NEW, python(), environment(), theirs)
    assert finding.fix is not None
    assert (
        Shim(
            "pip/envdoctor-setuptools.txt",
            "text",
            "setuptools<82\n-c /etc/pins.txt\n-c /work/demo/mine.txt\n",
        )
        in finding.fix.steps
    )
    assert SetEnv("PIP_BUILD_CONSTRAINT", "{overlay}/pip/envdoctor-setuptools.txt") in finding.fix.steps
    cured = environment(PIP_BUILD_CONSTRAINT="/p/.envdoctor/1/pip/envdoctor-setuptools.txt")
    assert not list(check(OPEN, NEW, python(), cured, None))


def test_distutils_is_gone_without_setuptools():
    bare = Packages((package("pip", "24.2"), package("wheel", "0.45")))
    isolated_off = environment(PIP_NO_BUILD_ISOLATION="0")
    (finding,) = check(project(setup=DISTUTILS), bare, python("3.12.1"), isolated_off, None)
    assert "distutils" in finding.message and finding.severity is None
    # pip would fetch setuptools, python setup.py does not.
    (finding,) = check(project(setup=DISTUTILS), bare, python("3.12.1"), environment(), None)
    assert finding.severity is Severity.WARNING
    declared = project(setup=DISTUTILS, build_system=True)
    assert not list(check(declared, bare, python("3.12.1"), environment(), None))
