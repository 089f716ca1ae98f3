"""What requirements ask of an interpreter other than the running one: markers, versions, wheel tags. Pure."""

import re
from typing import Dict, FrozenSet, Iterable, Iterator, List, Optional, Tuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envdoctor.facts import Located, Package, Packages, Python, System, Wheel

#: The manylinux names before PEP 600, with the glibc minor that each stands for.
LEGACY_MANYLINUX = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}

#: First pip that takes wheels of these names. Source: pip's news for 19.0, 19.3, 20.3 and 21.2 (musllinux).
_PIP_SINCE = (
    ("manylinux_", Version("20.3")),
    ("manylinux2014", Version("19.3")),
    ("manylinux2010", Version("19.0")),
    ("musllinux_", Version("21.2")),
)

_OLDEST = Version("0.dev0")
#: Who installs what the metadata asks for; conda's promises less.
_PROMISING = (None, "pip", "uv")


def parse(text: str) -> Optional[Requirement]:
    """A requirement line; None for options, paths, URLs without a name and other lines of a requirements file."""
    try:
        return Requirement(text.partition(" #")[0].strip())
    except InvalidRequirement:
        return None


def marker_environment(python: Python, system: Optional[System] = None) -> Dict[str, str]:
    """PEP 508's variables for the examined interpreter."""
    return {
        "python_version": "{}.{}".format(*python.minor),
        "python_full_version": python.version,
        "implementation_name": python.implementation,
        "implementation_version": python.version,
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(
            python.implementation, ""
        ),
        "platform_machine": python.platform.partition("-")[2],
        "platform_system": "Linux",
        "platform_release": system.kernel if system else "",
        "platform_version": "",
        "os_name": "posix",
        "sys_platform": "linux",
        "extra": "",
    }


def applies(requirement: Requirement, python: Python, extras: Iterable[str] = ()) -> bool:
    """Whether its marker holds for the examined interpreter (with any of the extras)."""
    if requirement.marker is None:
        return True
    environment = marker_environment(python)
    return any(requirement.marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


def release_of(version: Optional[str]) -> Optional[Version]:
    """A version to compare with; None for one that is none ("unknown", a date of one's own making)."""
    try:
        return Version(version or "")
    except InvalidVersion:
        return None


def accepts(requirement: Requirement, version: str) -> bool:
    """Whether a version fits; a version that is none fits only a requirement without bounds."""
    release = release_of(version)
    if release is None:
        return not requirement.specifier
    return requirement.specifier.contains(release, prereleases=True)


def installed(requirement: Requirement, packages: Packages) -> bool:
    """Whether an installed distribution satisfies it."""
    version = packages.version(canonicalize_name(requirement.name))
    return version is not None and accepts(requirement, version)


def lacking(stated: Requirement, packages: Packages, python: Python) -> Iterator[Tuple[Located, str]]:
    """What an installed package, and those that it asks for, ask for in vain: where that stands, and its name."""
    waiting, seen = [stated], {str(stated)}
    while waiting:
        asked = waiting.pop()
        package = packages.get(canonicalize_name(asked.name))
        if package is None or package.installer not in _PROMISING or package.kind != "dist-info":
            continue
        for text in package.requires:
            requirement = parse(text)
            if requirement is None or not applies(requirement, python, asked.extras):
                continue
            name = canonicalize_name(requirement.name)
            if packages.get(name) is None:
                yield Located(text, package.location), name
            elif str(requirement) not in seen:
                seen.add(str(requirement))
                waiting.append(requirement)


def built_for_numpy_1(package: Package) -> bool:
    """Whether it is compiled and its metadata leaves out NumPy 2 as a whole: built before there was one."""
    if not package.tags or any(tag.endswith("-any") for tag in package.tags):
        return False
    numpy = next(
        (r for r in map(parse, package.requires) if r and r.name.lower() == "numpy" and not r.marker), None
    )
    return numpy is not None and not any(accepts(numpy, version) for version in ("2.0.0", "2.999"))


def tags(python: Python, system: System, pip: Optional[str] = None) -> FrozenSet[Tag]:
    """The tags of wheels that the examined interpreter takes on that system, by way of a pip of that version."""
    platforms = [name for name in _platforms(system) if _known_to(pip, name)]
    abi = re.sub(r"^cpython-(\d+\w*?)-.*", r"cp\1", python.soabi or "")
    abis = [abi] if abi.startswith("cp") else []
    interpreter = "cp{}{}".format(*python.minor) if python.implementation == "cpython" else None
    found = set(compatible_tags(python.minor, interpreter, platforms))
    if interpreter:
        found.update(cpython_tags(python.minor, abis, platforms))
    return frozenset(found)


def fits(wheel: Wheel, accepted: FrozenSet[Tag]) -> bool:
    """Whether a distribution file can be installed; an sdist always can be tried."""
    return not wheel.tag or not accepted.isdisjoint(parse_tag(wheel.tag))


def unavailable(
    wanted: Iterable[Requirement],
    wheels: Tuple[Wheel, ...],
    packages: Packages,
    python: Python,
    accepted: FrozenSet[Tag],
) -> Tuple[Tuple[Requirement, Optional[str]], ...]:
    """Requirements that neither the installed packages nor the wheels give, each with the wheel that asks for it.

    What the wheels require in turn is followed.
    """
    waiting: List[Tuple[Requirement, Optional[str]]] = [(requirement, None) for requirement in wanted]
    seen: Dict[str, bool] = {}
    missing = []
    while waiting:
        requirement, asker = waiting.pop(0)
        if str(requirement) in seen or not applies(requirement, python):
            continue
        seen[str(requirement)] = True
        if installed(requirement, packages):
            continue
        wheel = next(_candidates(requirement, wheels, accepted), None)
        if wheel is None:
            missing.append((requirement, asker))
            continue
        name = f"{wheel.name} {wheel.version}"
        waiting.extend((r, name) for r in _requirements(wheel, requirement, python))
    return tuple(missing)


def _candidates(
    requirement: Requirement, wheels: Tuple[Wheel, ...], accepted: FrozenSet[Tag]
) -> Iterator[Wheel]:
    """Wheels that pip would take for a requirement, newest first."""
    name = canonicalize_name(requirement.name)
    fitting = [w for w in wheels if w.name == name and accepts(requirement, w.version) and fits(w, accepted)]
    return iter(sorted(fitting, key=lambda wheel: release_of(wheel.version) or _OLDEST, reverse=True))


def _requirements(wheel: Wheel, asked: Requirement, python: Python) -> Iterator[Requirement]:
    for text in wheel.requires:
        requirement = parse(text)
        if requirement is not None and applies(requirement, python, asked.extras):
            requirement.marker = None
            yield requirement


def _known_to(pip: Optional[str], platform: str) -> bool:
    release = release_of(pip)
    since = next((first for start, first in _PIP_SINCE if platform.startswith(start)), None)
    return release is None or since is None or release >= since


def _platforms(system: System) -> Iterator[str]:
    """Platform tags, best first: PEP 600's for glibc, PEP 656's for musl, and plain linux."""
    major, _, minor = (system.libc_version or "").partition(".")
    if system.libc_version and minor.isdigit():
        if system.libc == "glibc":
            yield from glibc_platforms(int(major), int(minor), system.machine)
        elif system.libc == "musl":
            yield from (f"musllinux_{major}_{n}_{system.machine}" for n in range(int(minor), -1, -1))
    yield f"linux_{system.machine}"


def glibc_platforms(major: int, minor: int, machine: str) -> Iterator[str]:
    """Platform tags of wheels that run on a glibc, best first (PEP 600, and the names before it)."""
    for number in range(minor, 4, -1):
        yield f"manylinux_{major}_{number}_{machine}"
        if number in LEGACY_MANYLINUX:
            yield f"{LEGACY_MANYLINUX[number]}_{machine}"
