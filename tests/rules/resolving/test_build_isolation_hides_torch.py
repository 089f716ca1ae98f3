"""setup.py imports torch, and pip isolates the build."""

from envdoctor.facts import Request
from envdoctor.finding import Run, Safety, SetEnv, Severity
from envdoctor.rules.resolving import build_isolation_hides_torch as rule
from tests.factory import at, environment, package, packages, project, python, setup


def check(*facts, command=""):
    return rule.check(Request(command=command), *facts)


IMPORTS = setup(imports=(at("torch", "setup.py", 3), at("setuptools", "setup.py", 4)))
TORCH = packages(package("torch", "2.13.0"))
ISOLATED = project(
    setup=IMPORTS, build_system=True, build_requires=(at("setuptools>=61", "pyproject.toml", 2),)
)


def test_quiet_without_the_import_or_with_torch_among_the_requirements():
    assert not list(check(project(setup=setup(), build_system=True), TORCH, python(), environment(), None))
    pinned = project(
        setup=IMPORTS, build_system=True, build_requires=(at("torch==2.9.1", "pyproject.toml", 2),)
    )
    assert not list(check(pinned, TORCH, python(), environment(), None))


def test_a_second_torch_is_a_warning_where_the_installed_one_would_do():
    named = project(setup=IMPORTS, build_system=True, build_requires=(at("torch>=2", "pyproject.toml", 2),))
    (finding,) = check(named, TORCH, python(), environment(), None)
    assert finding.severity is Severity.WARNING and "torch 2.13.0 is installed" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("PIP_NO_BUILD_ISOLATION", "0"),)
    assert not list(check(named, packages(), python(), environment(), None))
    more = project(
        setup=IMPORTS,
        build_system=True,
        build_requires=(*named.build_requires, at("ninja", "pyproject.toml", 2)),
    )
    assert not list(check(more, TORCH, python(), environment(), None))


def test_quiet_when_nothing_isolates():
    assert not list(check(ISOLATED, TORCH, python(), environment(PIP_NO_BUILD_ISOLATION="0"), None))
    assert not list(
        check(project(setup=IMPORTS), TORCH, python(), environment(), None)
    )  # pip 25.0 with setuptools and wheel


def test_one_is_not_off_because_pips_variable_is_inverted():
    assert list(check(ISOLATED, TORCH, python(), environment(PIP_NO_BUILD_ISOLATION="1"), None))


def test_the_import_is_named_and_isolation_switched_off():
    (finding,) = check(ISOLATED, TORCH, python(), environment(), None)
    assert finding.location is not None and (finding.location.file, finding.location.line) == ("setup.py", 3)
    assert finding.fix is not None and finding.fix.steps == (SetEnv("PIP_NO_BUILD_ISOLATION", "0"),)


def test_requirements_that_are_not_installed_are_named():
    lacking = project(setup=IMPORTS, build_system=True, build_requires=(at("ninja", "pyproject.toml", 2),))
    (finding,) = check(lacking, TORCH, python(), environment(), None)
    assert finding.fix is not None and finding.fix.steps[0] == Run(
        "/venv/bin/python -m pip install ninja", Safety.UNSAFE
    )


def test_a_setup_script_alone_is_isolated_by_new_pips_and_without_wheel():
    alone = project(setup=IMPORTS)
    new = packages(package("pip", "25.3"), package("torch", "2.13.0"))
    assert list(check(alone, new, python(), environment(), None))
    bare = type(new)((package("pip", "23.2.1"), package("torch", "2.13.0")))
    assert list(check(alone, bare, python(), environment(), None))
    assert not list(check(alone, type(new)((package("pip", "22.0"),)), python(), environment(), None))


def test_a_backend_of_the_projects_own_counts_too():
    own = project(build_system=True, backend_imports=(at("torch", "_build/backend.py", 1),))
    (finding,) = check(own, TORCH, python(), environment(), None)
    assert finding.location is not None and finding.location.file == "_build/backend.py"


NUMPY = (package("numpy", "1.26.4"),)


def test_another_package_that_is_installed_and_hidden():
    imports = setup(imports=(at("setuptools", "setup.py", 1), at("numpy", "setup.py", 2)))

    def told(*wanted, there=NUMPY):
        lines = tuple(at(name, "pyproject.toml", 2) for name in wanted)
        isolated = project(setup=imports, build_system=True, build_requires=lines)
        return list(check(isolated, packages(*there), python(), environment(), None))

    (finding,) = told("setuptools", "wheel")
    assert finding.location.line == 2 and "No module named 'numpy'" in finding.consequence
    assert finding.fix.steps == (SetEnv("PIP_NO_BUILD_ISOLATION", "0"),)
    assert not told("setuptools", "oldest-supported-numpy", "numpy>=1")
    assert not told("scipy", there=(package("numpy"), package("scipy", requires=("numpy>=1.26",))))
    assert not told("setuptools", there=())


def test_develop_of_newer_setuptools_calls_pip_again():
    alone = project(builds=("setup.py",), setup=IMPORTS)
    old = packages(package("torch", "2.13.0"), package("setuptools", "79.0.1"))
    new = packages(package("torch", "2.13.0"), package("setuptools", "80.9.0"))
    develop = "pip install -v --no-build-isolation -e ."
    for command in (develop, "python setup.py develop"):
        (finding,) = check(alone, new, python(), environment(), None, command=command)
        assert finding.severity is Severity.WARNING and "setuptools 80.9.0" in finding.message
        assert finding.fix is not None and finding.fix.steps == (SetEnv("PIP_NO_BUILD_ISOLATION", "0"),)
    assert not list(check(alone, old, python(), environment(), None, command=develop))
    for command in ("", "pip install .", "pip install . && echo -e x"):
        assert not list(check(alone, new, python(), environment(), None, command=command))
    off = environment(PIP_NO_BUILD_ISOLATION="0")
    assert not list(check(alone, new, python(), off, None, command=develop))
