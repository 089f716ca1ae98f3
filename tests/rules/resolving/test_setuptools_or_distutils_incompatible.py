"""Imports that newer setuptools and Pythons have lost."""

from envdoctor.facts import Packages
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


def test_distutils_is_gone_without_setuptools():
    bare = Packages((package("pip", "24.2"), package("wheel", "0.45")))
    isolated_off = environment(PIP_NO_BUILD_ISOLATION="0")
    (finding,) = check(project(setup=DISTUTILS), bare, python("3.12.1"), isolated_off, None)
    assert "distutils" in finding.message
