"""Whether a wheel has a copy of its own of a library that another wheel of the bundle brings."""

import re
from typing import Dict, Iterator

from envdoctor import compat
from envdoctor.bundle.static.subject import Outcome, Subject, stem
from envdoctor.finding import Evidence, Finding, Fix, Severity
from envdoctor.libraries import is_of_torch

#: As auditwheel and delvewheel name what they graft: PROJECT.libs/libcudart-9335f6a2.so.13.0.96.
_GRAFTED = re.compile(r"[^/]+\.libs/(?P<stem>lib[\w+.-]+?)-[0-9a-f]{8,}\.so[\d.]*")


def check(subject: Subject) -> Outcome:
    """By the names of files."""
    owners: Dict[str, str] = {
        stem(name): wheel.file
        for wheel in subject.wheels
        for each in wheel.compiled
        if not _GRAFTED.fullmatch(each.file.member)
        for name in each.file.names
    }
    findings = tuple(_copies(subject, owners))
    return Outcome(_says(len(owners), len(findings)), findings)


def _says(libraries: int, copies: int) -> str:
    if not libraries:
        return ""
    return f"{copies} of libraries that another wheel brings" if copies else "none"


def _copies(subject: Subject, owners: Dict[str, str]) -> Iterator[Finding]:
    for wheel in subject.wheels:
        for each in wheel.compiled:
            match = _GRAFTED.fullmatch(each.file.member)
            name = match["stem"][3:] if match else ""
            torch = is_of_torch(name)
            if name in owners and (torch or compat.is_cuda_library(name)):
                yield Finding(
                    f"{wheel.file} has a copy of lib{name} of its own, and {owners[name]} brings it",
                    "Both are loaded: torch registers its operators twice and stops."
                    if torch
                    else "Both are loaded, each with a state of its own, and take the memory twice.",
                    (Evidence(each.file.member, f"beside lib{name} of {owners[name]}"),),
                    Fix(
                        f"build it again, with auditwheel repair --exclude 'lib{name}*', or take a release that was"
                    ),
                    severity=Severity.ERROR if torch else Severity.WARNING,
                )
