"""Packages that are not installed."""

from envdoctor.facts import Request
from envdoctor.finding import SetEnv, Severity
from envdoctor.rules.loading.python_dependency_missing import check
from tests.factory import at, environment, package, packages, project, python, setup

IMPORTS = setup(
    imports=(at("setuptools"), at("torch", line=3), at("torch.utils.cpp_extension", line=4), at("versions"))
)
BUILD = Request(role="build")
RUN = Request(role="runtime")


def found(project_, *items, request=BUILD, interpreter=None, **variables):
    machine = (interpreter or python(), request, environment(**variables), None)
    return list(check(project_, packages(*items), *machine))


def test_quiet_when_it_is_installed_asked_for_or_not_known():
    assert not found(project(setup=IMPORTS), package("torch", "2.13.0"))
    assert not found(project(setup=IMPORTS, build_requires=(at("torch>=2", "pyproject.toml"),)))
    assert not found(project())


def test_quiet_for_requirements_that_a_build_will_install():
    assert not found(project(requirements=(at("einops", "requirements.txt"),)))


def test_quiet_for_other_files_and_markers():
    asks = (
        at("pytest", "requirements-dev.txt"),
        at('tomli; python_version < "3.11"', "pyproject.toml"),
        at("--index-url https://example.org", "requirements.txt"),
    )
    assert not found(project(requirements=asks), request=RUN)


def test_an_import_of_setup_py():
    (finding,) = found(project(setup=IMPORTS))
    assert finding.severity is Severity.ERROR
    assert finding.location.line == 3
    assert finding.fix.steps[0].command == "/venv/bin/python -m pip install torch"


def test_requirements_of_a_program():
    asks = (at("fastgptq==0.7.1", "requirements.txt", 1), at("einops", "requirements.txt", 2))
    (finding,) = found(project(builds=(), requirements=asks), package("fastgptq", "0.7.0"), request=RUN)
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("einops is not installed")


def test_build_requirements_that_nothing_fetches_without_isolation():
    asks = project(build_system=True, build_requires=(at("scikit-build-core>=0.10", "pyproject.toml", 2),))
    assert not found(asks)
    assert not found(asks, package("scikit-build-core", "0.11"), PIP_NO_BUILD_ISOLATION="0")
    (finding,) = found(asks, PIP_NO_BUILD_ISOLATION="0")
    assert "scikit-build-core" in finding.message


def test_into_the_distributions_own_python_nothing_is_installed():
    managed = python(externally_managed="/usr/lib/python3.11/EXTERNALLY-MANAGED")
    (finding,) = found(project(setup=IMPORTS), interpreter=managed)
    assert "venv" in finding.fix.steps[0].command


def test_what_a_stated_package_asks_for_in_turn():
    asks = project(builds=(), requirements=(at("alley[cuda]", "requirements.txt", 1),))
    needs = (
        "pins>=1",
        'cudalib ; extra == "cuda"',
        'docs ; extra == "doc"',
        'winonly ; sys_platform == "win32"',
    )
    alley = package("alley", requires=needs)
    whole = (alley, package("pins", requires=("alley",)), package("cudalib"))
    assert not found(asks, *whole, request=RUN)
    (finding,) = found(asks, *whole[:2], request=RUN)
    assert finding.message.startswith("cudalib is not installed") and finding.location is None
    assert "alley" in finding.evidence[0].source and "cudalib" in finding.evidence[0].text
    assert not found(asks, package("alley", requires=needs, installer="conda"), request=RUN)
    assert not found(project(builds=()), alley, request=RUN)


def test_the_environment_that_virtual_env_names_and_path_does_not_give():
    other = python(prefix="/usr", executable="/usr/bin/python3")
    (finding,) = found(project(setup=IMPORTS), interpreter=other, VIRTUAL_ENV="/work/venv")
    assert finding.fix.steps == (SetEnv("PATH", "/work/venv/bin", "prepend"),)
    (finding,) = found(project(setup=IMPORTS), VIRTUAL_ENV="/venv/")
    assert not isinstance(finding.fix.steps[0], SetEnv)
