"""A wheel that is meant to be installed does not fit this interpreter or platform.

## What it means

A wheel's name ends in the Python, ABI and platform that it was built for. pip refuses another one by name (`is not a
supported wheel on this platform`), and passes it over in a folder (`from versions: none`).

## How envdoctor knows

A requirement names the file of a wheel whose tags this interpreter does not take; or every distribution of a
requirement in the find-links folders carries such tags, and no index may be asked for another. The part that differs is
named: Python, ABI, glibc or machine.

In a log, pip's `is not a supported wheel on this platform` counts, and uv's and poetry's words of tags; less
surely, a requirement that nothing was found for.

## What to do

Take a wheel for this target: a `py3-none-manylinux_2_17` wheel fits every Python 3 on glibc 2.17 or newer. Or install
into an interpreter that the wheel was built for.

## When to ignore it

When the folder serves several machines, and the requirement has a marker that envdoctor could not read.
"""

import posixpath
import re
from typing import FrozenSet, Iterator, List

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name

from envdoctor import installing
from envdoctor.facts import Located, Packages, Project, Python, System, Wheel, Wheelhouse
from envdoctor.finding import Evidence, Finding, Fix, Location, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import unfound
from envdoctor.requirements import accepts, applies, fits, installed, parse, tags

SEVERITY = Severity.ERROR

# "./wheels/NAME.whl", "NAME @ https://.../NAME.whl#sha256=...": no marker behind it, which may leave the line out.
_FILE = re.compile(r"(?:^|[/@\s])([\w.+!-]+)\.whl(?:#\S*)?$")


def check(
    project: Project,
    packages: Packages,
    python: Python,
    system: System,
    wheelhouse: Wheelhouse,
) -> Iterator[Finding]:
    pip = packages.version("pip")
    accepted = tags(python, system, pip)
    yield from _named_files(project, accepted, python, system)
    if not wheelhouse.no_index:
        return
    wheels = [wheel for folder in wheelhouse.folders for wheel in folder.wheels]
    for line in (*project.requirements, *project.build_requires):
        wanted = parse(line.text)
        if wanted is None or not applies(wanted, python) or installed(wanted, packages):
            continue
        there = [w for w in wheels if w.name == canonicalize_name(wanted.name) and accepts(wanted, w.version)]
        if not there or any(fits(wheel, accepted) for wheel in there):
            continue
        newer = any(fits(wheel, tags(python, system)) for wheel in there)
        if newer and pip:
            yield _old_pip(line, there, pip, python)
            continue
        difference = _difference(there, accepted, system.machine)
        yield Finding(
            message=f"{line.place} asks for {wanted}; the wheels of it here are for another {difference}.",
            consequence="pip passes them over: Could not find a version that satisfies the requirement.",
            evidence=(
                *(Evidence(wheel.file, f"built for {wheel.tag}") for wheel in there[:3]),
                _takes(python, system),
            ),
            fix=Fix(
                f"Put a wheel of {wanted.name} into the folder that is built for this interpreter and platform"
            ),
            location=Location(line.file, line.line),
        )


def _named_files(
    project: Project,
    accepted: FrozenSet[Tag],
    python: Python,
    system: System,
) -> Iterator[Finding]:
    """Requirements that name a wheel's file or address: pip takes that one or none."""
    for line in project.requirements:
        found = _FILE.search(line.text)
        tag = "-".join(found[1].split("-")[-3:]) if found else ""
        if found is None or tag.count("-") != 2 or not accepted.isdisjoint(parse_tag(tag)):
            continue
        wheel = Wheel(f"{found[1]}.whl", found[1].partition("-")[0], "", tag, ())
        yield Finding(
            message=f"{line.place} names {wheel.file}, which is for another "
            f"{_difference([wheel], accepted, system.machine)}.",
            consequence="pip stops: is not a supported wheel on this platform.",
            evidence=(Evidence(line.place, line.text), _takes(python, system)),
            fix=Fix(f"Name a wheel of {wheel.name} that is built for this interpreter and platform"),
            location=Location(line.file, line.line),
        )


def _takes(python: Python, system: System) -> Evidence:
    return Evidence(
        python.executable,
        f"takes cp{python.minor[0]}{python.minor[1]}, {system.libc} {system.libc_version}",
    )


def _old_pip(line: Located, wheels: List[Wheel], pip: str, python: Python) -> Finding:
    return Finding(
        message=f"pip {pip} does not know the platform name of {posixpath.basename(wheels[0].file)}.",
        consequence="It passes the wheel over: Could not find a version that satisfies the requirement.",
        evidence=(
            Evidence(wheels[0].file, f"built for {wheels[0].tag}"),
            Evidence(python.executable, f"pip {pip}; manylinux_X_Y names are known since 20.3"),
        ),
        fix=Fix(
            "Upgrade pip (from a wheel of it in the folder when there is no index)",
            (installing.by_pip(python, "--upgrade pip"),),
        ),
        location=Location(line.file, line.line),
    )


def _difference(wheels: List[Wheel], accepted: FrozenSet[Tag], machine: str) -> str:
    """The first part that differs in every wheel: the machine, the C library, the Python version or its ABI."""
    own = {tag for wheel in wheels for tag in parse_tag(wheel.tag)}
    if not any(tag.platform == "any" or tag.platform.endswith(machine) for tag in own):
        return "machine"
    if not any(tag.platform in {other.platform for other in accepted} for tag in own):
        return "C library version or kind"
    # cp310 is accepted too, but only with abi3: compare interpreter and ABI together.
    pairs = {(tag.interpreter, tag.abi.rstrip("dmu")) for tag in accepted}
    return (
        "Python ABI"
        if any((tag.interpreter, tag.abi.rstrip("dmu")) in pairs for tag in own)
        else "Python version"
    )


# Source: pip (resolvelib/factory.py, package_finder.py), uv's hints, poetry.
_REFUSED = (
    r"(?<![\w.+%!-])(?P<wheel>[\w.+%!-]{1,250}\.whl) is not a supported wheel (?:on|for) this platform",
    r"none of the wheel's tags \([^\n]*\) are compatible(?P<wheel>)",
    r"(?<![\w.+%!-])(?P<wheel>[\w.+%!-]{1,250}\.whl) is not a (?:supported|valid) wheel(?! filename)",
    r"[Tt]he wheel is (?:compatible|only compatible) with (?P<wheel>)[^\n]*",
    r"A path dependency is incompatible with the current platform: (?P<wheel>\S+)",
    r"only has wheels (?:for the following|with the following) (?P<wheel>)",
    r"has no wheels with a matching (?P<wheel>)(?:Python|ABI|platform)",
    r"doesn't have a source distribution or wheel for the current platform(?P<wheel>)",
    r"Unable to find installation candidates for (?P<wheel>\S+)",
)
_TAG = re.compile(r"-((?:cp|py|pp)\d\w*)-(\w+)-([\w.]+)\.whl")


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_REFUSED)
    if hit:
        wheel = posixpath.basename(hit["wheel"])
        tag = _TAG.search(wheel)
        made = f" It is made for {tag[1]} on {tag[3]}." if tag else ""
        yield hit.finding(
            f"{wheel or 'The wheel'} does not fit this interpreter or platform.{made}",
            "pip does not install it, whatever the version.",
            Fix("Take a wheel with a tag that this Python takes: python -m pip debug --verbose lists them"),
        )
    for item in unfound.of(log, "wheel-tag-mismatch"):
        yield item.hit.finding(
            f"No file of {item.requirement} fits this interpreter and platform (or the index does not know the name).",
            "pip sees no version at all.",
            Fix(
                f"First the spelling: python -m pip index versions {item.name} knows no version of a name that the"
                " index does not have. Of a name that it has, compare python -m pip debug --verbose with the index's"
                " files; use a Python for which there are wheels, or the index that has them"
            ),
            item.confidence,
        )
