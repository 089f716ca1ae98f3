"""Compiled modules in zipped eggs."""

from envdoctor.facts import Request
from envdoctor.finding import SetEnv, Shim
from envdoctor.rules.loading.zipped_egg_not_importable import check
from tests.factory import at, environment, extension, package, packages, project, setup

TORCH = setup(extension(), imports=(at("torch.utils.cpp_extension", "setup.py", 2),))
PROJECT = project(builds=("setup.py",), setup=TORCH)
NEW = packages(package("setuptools", "84.0"))


def found(project=PROJECT, packages=NEW, command="python setup.py -q install --user", **variables):
    return list(check(Request(command=command), project, packages, environment(**variables)))


def test_quiet_where_no_egg_is_zipped_or_nobody_makes_one():
    assert not found(packages=packages(package("setuptools", "59.8.0")))
    assert not found(project=project(builds=("setup.py",), setup=setup()))
    for command in (
        "",
        "python setup.py build_ext",
        "pip install .",
        "python setup.py build && pip install x",
    ):
        assert not found(command=command)
    assert not found(DIST_EXTRA_CONFIG="/p/.envdoctor/1/python/distutils.cfg")


def test_eggs_are_left_unzipped():
    (finding,) = found()
    assert finding.fix is not None
    assert finding.fix.steps == (
        Shim("python/distutils.cfg", "text", "[easy_install]\nzip_ok = 0\n"),
        SetEnv("DIST_EXTRA_CONFIG", "{overlay}/python/distutils.cfg"),
    )
