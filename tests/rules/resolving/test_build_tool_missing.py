"""Tools that the build calls by name."""

import pytest

from envdoctor.facts import Compilers
from envdoctor.finding import Run, Safety, SetEnv
from envdoctor.rules.resolving.build_tool_missing import check
from tests.factory import at, cmake, compiler, environment, extension, program, project, setup, system, tools

ALL = tools(program("cmake"), program("make"), program("ninja"))
COMPILERS = Compilers((compiler(),))
CMAKE = project(builds=("cmake",), cmake=cmake())


def test_quiet_when_everything_is_there():
    for built in (CMAKE, project(builds=("make",)), project(setup=setup(extension()))):
        assert not list(check(built, ALL, environment(), system(), COMPILERS))


def test_quiet_for_a_backend_that_fetches_cmake():
    backed = project(
        builds=("pyproject", "cmake"), cmake=cmake(), build_backend=at("scikit_build_core.build")
    )
    assert not list(check(backed, tools(), environment(), system(), COMPILERS))


@pytest.mark.parametrize(
    ("built", "have", "variables", "missing"),
    [
        (CMAKE, tools(program("make")), {}, "cmake"),
        (CMAKE, tools(program("cmake")), {}, "make"),
        (CMAKE, tools(program("cmake"), program("make")), {"CMAKE_GENERATOR": "Ninja"}, "ninja"),
        (project(builds=("make",)), tools(), {}, "make"),
        (project(build_requires=(at("setuptools-rust"),)), ALL, {}, "rustc"),
    ],
)
def test_the_missing_one_is_named(built, have, variables, missing):
    (finding,) = check(built, have, environment(**variables), system(), COMPILERS)
    assert f"The build calls {missing}," in finding.message


def test_a_copy_that_is_not_on_path_is_used():
    hidden = program("ninja", path="/venv/lib/python3.11/site-packages/ninja/data/bin/ninja", wins=False)
    have = tools(program("cmake"), program("make"), hidden)
    (finding,) = check(CMAKE, have, environment(CMAKE_GENERATOR="Ninja"), system(), COMPILERS)
    assert finding.fix is not None
    assert finding.fix.steps == (
        SetEnv("PATH", "/venv/lib/python3.11/site-packages/ninja/data/bin", "append"),
    )


def test_a_missing_compiler_has_this_systems_command():
    (finding,) = check(project(setup=setup(extension())), ALL, environment(), system(), Compilers(()))
    assert finding.fix is not None and finding.fix.steps == (
        Run("sudo apt-get install -y g++", Safety.UNSAFE, "g++"),
    )
    unknown = system(package_manager=None)
    (finding,) = check(project(setup=setup(extension())), ALL, environment(), unknown, None)
    assert finding.fix is not None and not finding.fix.steps


def test_cmake_needs_a_compiler_for_cxx():
    cxx = project(builds=("cmake",), cmake=cmake("3.18", "CXX"))
    gcc = compiler(name="gcc", path="/usr/bin/gcc")
    assert list(check(cxx, ALL, environment(), system(), Compilers((gcc,))))
    (finding,) = check(cxx, ALL, environment(), system(), Compilers(()))
    assert "a C++ compiler" in finding.message
    assert not list(check(cxx, ALL, environment(CXX="icpx"), system(), Compilers(())))
    assert not list(
        check(project(builds=("cmake",), cmake=cmake("3.18", "C")), ALL, environment(), system(), None)
    )


def test_a_generator_that_lacks_its_tool_is_left_to_cmake_where_there_is_make():
    def told(*programs):
        variables = environment(CMAKE_GENERATOR="Ninja")
        return list(check(CMAKE, tools(*map(program, programs)), variables, system(), COMPILERS))

    (finding,) = told("cmake", "make")
    assert finding.fix.steps == (SetEnv("CMAKE_GENERATOR", None),)
    (finding,) = told("cmake")
    assert SetEnv("CMAKE_GENERATOR", None) not in finding.fix.steps


@pytest.mark.parametrize(
    ("variable", "value", "left"),
    [
        ("CMAKE_CXX_COMPILER_LAUNCHER", "sccache", None),
        ("CC", "ccache gcc -m64", "gcc -m64"),
        ("LDFLAGS", "-fuse-ld=lld", None),
        ("LDFLAGS", "-L/x -fuse-ld=mold -Wl,-O1", "-L/x -Wl,-O1"),
    ],
)
def test_a_cache_or_linker_that_a_variable_names(variable, value, left):
    def told(*more):
        have = tools(*ALL.programs, *map(program, more))
        return list(check(CMAKE, have, environment(**{variable: value}), system(), COMPILERS))

    (finding,) = told()
    assert finding.fix.steps == (SetEnv(variable, left),)
    assert not told("ccache", "sccache", "ld.lld", "mold")
