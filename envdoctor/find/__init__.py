"""Every copy of a library, header or program, whose it is, and which one each tool of a build would take."""

import posixpath
import re
from dataclasses import replace
from typing import Callable, Dict, Optional, Tuple

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
    return tuple(answer for answer in answers if answer.copies) or tuple(
        _with_other_case(answer, host) for answer in answers
    )


def _with_other_case(answer: Found, host: Host) -> Found:
    """A name that was not found, with the hint that it is there in other letters."""
    path = next(filter(None, (_other_case(folder, answer, host) for folder in answer.looked)), None)
    hint = f"Names are case-sensitive, and {path} is there." if path else ""
    return replace(answer, hints=(*answer.hints, hint)) if hint else answer


def _other_case(folder: str, answer: Found, host: Host) -> Optional[str]:
    """A file of that folder whose name differs in upper and lower case alone."""
    inner, base = posixpath.split(answer.name) if answer.what == "header" else ("", answer.name)
    library = answer.what == "library"
    wanted = _plain(base, library).lower()
    place = posixpath.join(folder, inner)
    names = (name for name in host.listdir(place) if _plain(name, library).lower() == wanted)
    return next((posixpath.join(place, name) for name in names), None)


def _plain(name: str, library: bool) -> str:
    """ "cublas" of "libcublas.so.13", "-lcublas" or "cublas"."""
    return re.sub(r"^(?:-l|lib)|\.(?:so|a)(?:\..*)?$", "", posixpath.basename(name)) if library else name


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
