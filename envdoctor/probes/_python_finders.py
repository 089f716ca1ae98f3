"""Which Python CMake's finders take: replayed from the text of the installed CMake's own modules."""

import posixpath
import re
from dataclasses import dataclass
from typing import Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

from envdoctor.facts import FindPackage, Project, Tools
from envdoctor.host import Host
from envdoctor.probes import _cuda_finders, _interpreter
from envdoctor.probes.tools import wheel_program

_KNOWN = re.compile(r"_VERSIONS ((?:3\.\d+ ?)+)\)")
_UNVERSIONED = re.compile(r"else ?\(\)\s*set ?\(_\$\{_PYTHON_PREFIX\}_FIND_UNVERSIONED_NAMES (\w+)\)")
_UNVERSIONED_NAMES = ("python3", "python")
ENVIRONMENTS = ("VIRTUAL_ENV", "CONDA_PREFIX")
_POLICY = "CMP0094"
_POLICY_SINCE = (3, 15)
_RANGE = re.compile(r"(\d+(?:\.\d+)*)(?:\.\.\.<?(\d+(?:\.\d+)*))?")
Release = Tuple[int, ...]


class Take(NamedTuple):
    """One finder's choice."""

    path: Optional[str]
    reason: str


@dataclass(frozen=True)
class Modules:
    """What the installed CMake's modules say of how they search."""

    version: Release
    #: Minor versions of Python that it asks for by name, newest first: ("3.13", "3.12", ...).
    known: Tuple[str, ...]
    #: Whether the policy decides; Debian's CMake always goes by location.
    by_policy: bool
    #: Whether `python3` and `python` are tried before names with a version.
    unversioned_first: bool
    #: Whether the search goes on behind a Python that does not fit (CMake 3.25); before, the first one decides.
    goes_on: bool
    #: Variables whose folder comes first: VIRTUAL_ENV, and CONDA_PREFIX since CMake 3.17.
    environments: Tuple[str, ...]
    #: Whether FindPythonInterp asks for `python3` behind `python` (Debian).
    interp_three: bool


class Candidate(NamedTuple):
    """An interpreter in the order of the search, with the place that it was found in."""

    path: str
    version: Release  # empty: it would not start
    place: str


def modules(host: Host, tools: Optional[Tools]) -> Optional[Modules]:
    """Of the cmake first on PATH; None without one, or when its modules are not beside it."""
    cmake = tools.first("cmake") if tools else None
    if cmake is None or cmake.version is None:
        return None
    program = wheel_program(host, cmake) or cmake.real
    shared = posixpath.join(posixpath.dirname(posixpath.dirname(program)), "share")
    for folder in sorted(host.glob(shared, "cmake*"), reverse=True):
        text = host.try_text(f"{folder}/Modules/FindPython/Support.cmake")
        if text:
            interp = host.try_text(f"{folder}/Modules/FindPythonInterp.cmake") or ""
            return _modules(release(cmake.version), text, interp)
    return None


def _modules(version: Release, text: str, interp: str) -> Modules:
    known, first = _KNOWN.search(text), _UNVERSIONED.search(text)
    return Modules(
        version=version,
        known=tuple(known[1].split()) if known else (),
        by_policy=_POLICY in text,
        unversioned_first=bool(first and first[1] == "FIRST"),
        goes_on="VALIDATOR" in text,
        environments=tuple(name for name in ENVIRONMENTS if f"ENV {name}" in text),
        interp_three='_Python_VERSIONS "3")' in interp,
    )


def policy_is_new(project: Optional[Project], cmake: Modules) -> bool:
    """Whether CMP0094 is NEW: the project's minimum, or the upper end of its range, is 3.15 or newer."""
    minimum = project.cmake.minimum if project and project.cmake else None
    found = _RANGE.match(minimum.text) if minimum else None
    if found is None:
        return False
    highest = min(release(found[2]), cmake.version) if found[2] else release(found[1])
    return highest >= _POLICY_SINCE


def find_python(
    found: Sequence[Candidate],
    cmake: Modules,
    package: Optional[FindPackage],
    new: bool,
) -> Take:
    """FindPython3 and FindPython among `candidates`: by location under the new policy, by version under the old one."""
    if new or not cmake.by_policy:
        rule = (
            "CMP0094 NEW: the first by location"
            if cmake.by_policy
            else "Debian's CMake: the first by location"
        )
        considered = found if cmake.goes_on else found[:1]
        chosen = next((one for one in considered if _fits(one.version, package)), None)
    else:
        rule = "CMP0094 OLD: the newest version"
        fitting = [one for one in found if _fits(one.version, package)]
        named = [one for one in fitting if _name(one.version) in cmake.known]
        # Of equal versions max() takes the first, that is by location. Versions that this CMake does not know are
        # found only under their plain names, and environments do not count for those.
        unversioned = [one for one in found if posixpath.basename(one.path) in _UNVERSIONED_NAMES]
        plain = [one for one in unversioned if one.place not in cmake.environments]
        plain = [one for one in (plain if cmake.goes_on else plain[:1]) if one in fitting]
        chosen = max(named, key=lambda one: one.version[:2]) if named else next(iter(plain), None)
    return Take(chosen.path, f"{rule} ({chosen.place})") if chosen else Take(None, f"{rule}; none fits")


def find_python_interp(host: Host, cmake: Modules, package: Optional[FindPackage]) -> Take:
    """FindPythonInterp: names that fit the version asked for, `python`, then the newest; environments do not count."""
    wanted = re.match(r"(\d+)(?:\.(\d+))?", package.version or "") if package else None
    names = [f"python{wanted[1]}.{wanted[2]}"] if wanted and wanted[2] else []
    names += [f"python{wanted[1]}"] if wanted else []
    names += ["python", "python3"] if cmake.interp_three else ["python"]
    for name in (*names, *(f"python{version}" for version in cmake.known)):
        for path, reason in _cuda_finders.program_places(host, name):
            return Take(path, f"{name}, {reason}")
    return Take(None, "no python on PATH")


def release(version: str) -> Release:
    """(3, 11, 4) of "3.11.4"."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def candidates(host: Host, cmake: Modules, hints: Sequence[str] = ()) -> Iterator[Candidate]:
    """Every Python in the order of the search by location; in one folder by CMake's order of names.

    `hints` are variables whose folder comes before all others: Python3_ROOT_DIR for FindPython3.
    """
    names = [f"python{version}" for version in cmake.known]
    unversioned = _UNVERSIONED_NAMES
    ordered = [*unversioned, *names] if cmake.unversioned_first else [*names, *unversioned]
    versions: Dict[str, Release] = {}
    for folder, place in _folders(host, cmake, hints):
        for name in ordered:
            path = posixpath.join(folder, name)
            if name in host.listdir(folder) and host.which(path):
                if path not in versions:
                    versions[path] = release(_interpreter.describe(host, path).version or "")
                yield Candidate(path, versions[path], place)


def _folders(host: Host, cmake: Modules, hints: Sequence[str]) -> Iterator[Tuple[str, str]]:
    for variable in hints:
        if host.env.get(variable):
            yield posixpath.join(host.env[variable], "bin"), variable
            yield host.env[variable], variable
    for variable in cmake.environments:
        if host.env.get(variable):
            yield posixpath.join(host.env[variable], "bin"), variable
    for prefix in host.env.get("CMAKE_PREFIX_PATH", "").split(":"):
        if prefix:
            yield posixpath.join(prefix, "bin"), "CMAKE_PREFIX_PATH"
    for folder in host.search_path():
        yield folder, "PATH"
    for prefix in _cuda_finders.SYSTEM_PREFIXES:
        yield posixpath.join(prefix, "bin"), "a system folder"


def _fits(version: Release, package: Optional[FindPackage]) -> bool:
    """At least the version asked for, of the same major version; Python3 asks for 3 by its name."""
    wanted = _RANGE.match(package.version or "") if package else None
    if not version or wanted is None:
        return version[:1] == (3,)
    upper = release(wanted[2]) if wanted[2] else None
    in_range = upper is None or version[: len(upper)] <= upper
    return version[0] == release(wanted[1])[0] and version >= release(wanted[1]) and in_range


def _name(version: Release) -> str:
    return ".".join(str(part) for part in version[:2])
