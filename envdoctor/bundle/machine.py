"""The machine that a bundle is to run on, as far as bundles ask for it."""

from typing import Union

from envdoctor.bundle.target import BundleError
from envdoctor.facts import Driver, Facts, Python, Request, Unknown
from envdoctor.host import Host
from envdoctor.probes import driver, python, system


def here(host: Host, interpreter: str) -> Facts:
    """Its Python, C library, libstdc++, driver and GPUs. Raises BundleError where that is no interpreter."""
    found = python.probe(host, Request(python=interpreter))
    if not isinstance(found, Python):
        why = found.reason if isinstance(found, Unknown) else interpreter
        raise BundleError(f"no interpreter to install for: {why}")
    return Facts(python=found, system=system.probe(host, found), driver=_driver(host, found))


def _driver(host: Host, found: Python) -> Union[Driver, Unknown, None]:
    """One that cannot be asked may be there."""
    try:
        return driver.probe(host, found)
    except (OSError, ValueError) as error:
        return Unknown(str(error))
