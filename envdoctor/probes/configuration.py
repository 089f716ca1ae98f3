"""What changes where packages and sources come from: pip, conda, git and proxies."""

from typing import Iterator, Optional

from envdoctor.facts import Configuration, Environment, Python, Setting
from envdoctor.host import Host
from envdoctor.probes import _conda_configuration, _git_configuration, _pip_configuration
from envdoctor.probes._setting import clean

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def probe(host: Host, environment: Optional[Environment], python: Optional[Python]) -> Configuration:
    """Each tool's settings in its own order, weakest first."""
    known = environment or Environment(())
    return Configuration(
        (
            *_pip_configuration.settings(host, known, python),
            *_conda_configuration.settings(host, python),
            *_git_configuration.settings(host, known),
            *_proxies(known),
        )
    )


def _proxies(environment: Environment) -> Iterator[Setting]:
    """The lower-case name wins where both are set (curl, git, Python); an empty one switches the proxy off."""
    for lower in _PROXIES:
        for name in (lower.upper(), lower):
            value = environment.get(name)
            if value is not None:
                wins = bool(value) and (name == lower or environment.get(lower) is None)
                yield Setting("proxy", name, clean(value), "environment", None, wins)
