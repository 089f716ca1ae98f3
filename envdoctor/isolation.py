"""Whether pip (or uv) will build a project in an environment of its own, and what such an environment lacks. Pure."""

import shlex
from typing import Optional, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envdoctor.facts import Configuration, Environment, Located, Packages, Project
from envdoctor.finding import SetEnv
from envdoctor.requirements import parse, release_of

# From this pip on every build is isolated; from 23.1 on also a setup.py alone when setuptools or wheel is not there
# (pip's news for 23.1 and 25.3).
ALWAYS = Version("25.3")
WITHOUT_SETUPTOOLS = Version("23.1")
OFF = ("0", "false", "no", "off", "n", "f")
#: Switches isolation off for every pip: the option is inverted.
SWITCH_OFF = SetEnv("PIP_NO_BUILD_ISOLATION", "0")


def isolated(
    project: Project,
    packages: Packages,
    environment: Environment,
    configuration: Optional[Configuration],
) -> bool:
    """Whether `pip wheel .` or `pip install .` builds this project in an isolated environment."""
    if not any(build in ("pyproject", "setup.py") for build in project.builds) or switched_off(
        environment, configuration
    ):
        return False
    if project.build_system:
        return True
    pip = release_of(packages.version("pip")) or Version("0")
    bare = packages.get("setuptools") is None or packages.get("wheel") is None
    return pip >= ALWAYS or (bare and pip >= WITHOUT_SETUPTOOLS)


def switched_off(environment: Environment, configuration: Optional[Configuration]) -> bool:
    """Whether isolation is off: pip's option is inverted, so a false value of the variable switches it off."""
    value = environment.get("PIP_NO_BUILD_ISOLATION")
    if value is not None:
        return value.lower() in OFF
    settings = configuration.settings if configuration else ()
    return any(
        s.tool == "pip"
        and s.wins
        and s.name.rpartition(".")[2] == "no-build-isolation"
        and s.value.lower() in OFF
        for s in settings
    )


def requires(project: Project, name: str) -> Optional[Located]:
    """The build requirement on a distribution, None without one."""
    wanted = canonicalize_name(name)
    for line in project.build_requires:
        requirement = parse(line.text)
        if requirement and canonicalize_name(requirement.name) == wanted:
            return line
    return None


def build_requirements(project: Project) -> Tuple[Requirement, ...]:
    """What an isolated build asks for; setuptools and wheel when the project does not say."""
    found = tuple(r for r in (parse(line.text) for line in project.build_requires) if r)
    return found if project.build_system else (Requirement("setuptools"), Requirement("wheel"))


def names(requirements: Tuple[Requirement, ...]) -> str:
    """For a command line: quoted where the shell would read it otherwise."""
    return " ".join(shlex.quote(str(requirement)) for requirement in requirements)
