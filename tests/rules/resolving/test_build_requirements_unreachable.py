"""Build requirements that the wheel folder in force cannot give."""

from envdoctor.facts import Index, Wheel, WheelFolder, Wheelhouse
from envdoctor.finding import Run, SetEnv
from envdoctor.rules.resolving.build_requirements_unreachable import check
from tests.factory import at, environment, package, packages, program, project, python, system, tools

BACKEND = at("scikit_build_core.build", "pyproject.toml", 3)
PROJECT = project(
    builds=("pyproject",),
    build_system=True,
    build_backend=BACKEND,
    build_requires=(at("scikit-build-core>=0.10", "pyproject.toml", 2),),
)
TOOLS = tools(program("cmake"), program("ninja"))


def house(*names, no_index="PIP_NO_INDEX"):
    wheels = tuple(Wheel(f"/wheels/{name}.whl", name, "1.0", "py3-none-any", ()) for name in names)
    return Wheelhouse(no_index, (WheelFolder("/wheels", "PIP_FIND_LINKS", True, wheels),), ())


def run(wheelhouse, there=None, have=TOOLS, **variables):
    return list(
        check(
            PROJECT, there or packages(), python(), system(), environment(**variables), wheelhouse, have, None
        )
    )


def test_quiet_with_an_index_or_with_the_wheel_or_without_isolation():
    assert not run(house(no_index=None))
    assert not run(house("scikit-build-core"))
    assert not run(house(), PIP_NO_BUILD_ISOLATION="0")


def test_installed_requirements_are_used_without_isolation():
    (finding,) = run(house("packaging"), packages(package("scikit-build-core", "0.11.6")))
    assert "scikit-build-core>=0.10" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("PIP_NO_BUILD_ISOLATION", "0"),)


def test_otherwise_the_wheels_to_fetch_are_named():
    (finding,) = run(house("packaging"))
    assert finding.fix is not None
    assert finding.fix.steps == (Run("python3.11 -m pip download -d FOLDER 'scikit-build-core>=0.10'"),)


def test_what_the_backend_adds_without_cmake_counts():
    (finding,) = run(house("scikit-build-core"), have=tools(program("ninja")))
    assert "cmake" in finding.message and "ninja" not in finding.message


def test_an_index_that_cannot_answer_gives_no_more_than_none():
    dead = Index("http://127.0.0.1:9/simple", "PIP_INDEX_URL", False)
    extra = Index("http://127.0.0.1:9/simple", "PIP_EXTRA_INDEX_URL", False, extra=True)
    alive = Index("https://pypi.org/simple", "PIP_INDEX_URL", None)
    there = packages(package("scikit-build-core", "0.11.6"))
    (finding,) = run(Wheelhouse(None, (), (dead, extra)), there)
    assert "127.0.0.1" in finding.evidence[0].source
    assert not run(Wheelhouse(None, (), (alive, extra)), there)
    assert not run(Wheelhouse(None, (), (extra,)), there)
