"""Every copy of a library, header or program, whose it is, and which one each tool of a build would take."""

import re
from typing import Callable, Dict, Tuple

from envdoctor import compat
from envdoctor.facts import Facts
from envdoctor.find import headers, libraries, programs
from envdoctor.find.model import Found
from envdoctor.host import Host

_HEADER = re.compile(r".*\.(?:h|hh|hpp|hxx|cuh|inl|inc|ipp|tcc)")
_LIBRARY = re.compile(r"-l.+|lib[^/]+\.(?:so|a)(?:\..*)?|.*\.so(?:\..*)?|.*\.a")
SEARCHES: Dict[str, Callable[[str, Facts, Host], Found]] = {
    "library": libraries.search,
    "header": headers.search,
    "program": programs.search,
}


def search(name: str, facts: Facts, host: Host) -> Tuple[Found, ...]:
    """One answer for each kind of thing that the name may be and that is there; else all that were looked for."""
    answers = tuple(SEARCHES[kind](name, facts, host) for kind in kinds(name))
    return tuple(answer for answer in answers if answer.copies) or answers


def kinds(name: str) -> Tuple[str, ...]:
    """What a name may be: "library", "header", "program"."""
    if _LIBRARY.fullmatch(name):
        return ("library",)
    if _HEADER.fullmatch(name):
        return ("header",)
    if name in ("cuda", "culibos") or name.replace("_static", "") in compat.CUDA_LIBRARIES:
        return ("library",)
    if "/" in name:
        return ("program",) if re.search(r"^/(?:.*/)?s?bin/", name) else ("header",)
    return ("program", "library")
