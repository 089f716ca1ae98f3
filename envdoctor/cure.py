"""Cure from outside: examine, lay an overlay over what was found, examine again in it, until nothing more helps."""

import re
from dataclasses import replace
from typing import Callable, Iterable, List, Mapping

from envdoctor.catalogue import diagnose
from envdoctor.confirm import confirmed
from envdoctor.doctor import examine
from envdoctor.facts import Request
from envdoctor.finding import Finding
from envdoctor.host import Host
from envdoctor.overlay import folder
from envdoctor.overlay.plan import Layer, Overlay, applied, plan_layer, reversible_steps
from envdoctor.overlay.treatment import Choice, Treatment

#: Cures bring other troubles to light (another toolkit lacks other links), but not for ever.
MOST_LAYERS = 6

#: A host like the first, in another environment.
HostIn = Callable[[Mapping[str, str]], Host]

#: Where an overlay is to lie; asked once, and only if there is something to cure.
PlaceOn = Callable[[Host], str]


def treat(
    host_in: HostIn,
    environment: Mapping[str, str],
    request: Request,
    choice: Choice,
    place_on: PlaceOn,
) -> Treatment:
    """Write the overlay of `request.project` and say what it cured. Raises OSError where it cannot be written.

    A cure counts as one when its finding is gone from the examination in the overlay.
    """
    host = host_in(environment)
    place = ""
    laid: List[Layer] = []
    tried: List[Finding] = []
    inside = environment
    while True:
        facts = examine(host, request)
        diagnosis = diagnose(facts)
        new = [finding for finding in choice.of(diagnosis.findings) if not _among(finding, tried)]
        if not any(map(reversible_steps, new)) or len(laid) == MOST_LAYERS:
            break
        place = place or place_on(host)
        layer = plan_layer(new, folder.layer_folder(place, len(laid) + 1))
        folder.write_layer(host, layer)
        laid.append(layer)
        tried += layer.cures
        inside = applied(layer.variables, inside)
        host = host_in(inside)
    diagnosis = confirmed(host, facts.system, diagnosis)
    made = Overlay(place, tuple(laid))
    if laid:
        folder.write_record(host, made)
        inside = applied(made.variables[-1:], inside)
    cured = tuple(finding for finding in tried if not _outlived_by(finding, diagnosis.findings))
    return Treatment(made, cured, diagnosis.findings, diagnosis.notes, facts, inside)


def _among(finding: Finding, others: Iterable[Finding]) -> bool:
    """Whether the same was found, whatever the evidence for it is now."""
    return any(_identity(finding) == _identity(other) for other in others)


def _outlived_by(finding: Finding, left: Iterable[Finding]) -> bool:
    """Whether it is still found, if with other numbers: too many jobs are too many though there are fewer."""
    return any(_without_numbers(finding) == _without_numbers(other) for other in left)


def _identity(finding: Finding) -> Finding:
    return replace(finding, evidence=(), fix=None, consequence="", severity=None)


def _without_numbers(finding: Finding) -> Finding:
    return replace(_identity(finding), message=re.sub(r"\d+", "0", finding.message))
