"""A bundle beside many machines: opened and verified once, then judged by facts alone."""

from dataclasses import dataclass
from typing import Any, List, Mapping, Tuple

from envdoctor.bundle import verify
from envdoctor.bundle.fits import fit, rank
from envdoctor.bundle.target import Target
from envdoctor.facts import Facts
from envdoctor.fleet.result import Verdict
from envdoctor.host import Host


@dataclass(frozen=True)
class Offer:
    """What a bundle holds, and what that needs."""

    name: str
    targets: Tuple[Target, ...]
    needs: Mapping[str, Mapping[str, Any]]


def offer(host: Host, name: str, path: str) -> Offer:
    """Of a bundle that is whole. Raises BundleError."""
    with verify.opened(host, path) as folder:
        contents = verify.verify(host, folder)
        return Offer(name, tuple(one.target for one in contents), verify.needs(host, folder))


def verdict(offered: Offer, facts: Facts) -> Verdict:
    """On such a machine. Raises BundleError for a damaged record."""
    fitting: List[Tuple[Target, Tuple[str, ...]]] = []
    against: List[str] = []
    for target in offered.targets:
        found = fit(target, offered.needs.get(target.name, {}), facts)
        if found.against:
            against.append(f"{target.name}: {'; '.join(found.against)}")
        else:
            fitting.append((target, found.known))
    fitting.sort(key=lambda pair: rank(pair[0], facts), reverse=True)
    known = fitting[0][1] if fitting else ()
    return Verdict(offered.name, tuple(target.name for target, _ in fitting), tuple(against), known)
