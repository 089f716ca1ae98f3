"""Git URLs that go over SSH, and how git can be told to read them over HTTPS. Pure."""

import re
from typing import Optional, Tuple

from envdoctor.facts import Configuration, Environment, Submodule
from envdoctor.finding import SetEnv, Step

_SSH = re.compile(r"(?:ssh://)?[\w.-]+@(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>.+)")


def over_https(url: str) -> Optional[Tuple[str, str]]:
    """(the beginning of an SSH URL, what to read in its place); None for other URLs."""
    match = _SSH.fullmatch(url)
    return (url[: match.start("path")], f"https://{match['host']}/") if match else None


def rewritten(submodule: Submodule, configuration: Optional[Configuration]) -> bool:
    """Whether git's configuration already reads another URL in place of the submodule's."""
    settings = configuration.settings if configuration else ()
    return any(
        s.tool == "git"
        and s.wins
        and s.name.lower().endswith(".insteadof")
        and submodule.url.startswith(s.value)
        for s in settings
    )


def rewriting(url: str, environment: Optional[Environment]) -> Tuple[Step, ...]:
    """Variables that make git read an SSH URL over HTTPS, beside those that are there; () for other URLs."""
    pair = over_https(url)
    if pair is None:
        return ()
    base, https = pair
    stated = (environment.get("GIT_CONFIG_COUNT") or "") if environment else ""
    number = int(stated) if stated.isdigit() else 0
    return (
        SetEnv("GIT_CONFIG_COUNT", str(number + 1)),
        SetEnv(f"GIT_CONFIG_KEY_{number}", f"url.{https}.insteadOf"),
        SetEnv(f"GIT_CONFIG_VALUE_{number}", base),
    )
