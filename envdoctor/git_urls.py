"""Git URLs that go over SSH, and how git can be told to read them over HTTPS. Pure."""

import re
from typing import Iterable, List, Optional, Tuple

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


def unreadable(submodule: Submodule, configuration: Optional[Configuration]) -> bool:
    """Whether its files are still to be fetched, over SSH."""
    return (
        submodule.state != "present"
        and over_https(submodule.url) is not None
        and not rewritten(submodule, configuration)
    )


def rewriting(
    submodules: Iterable[Submodule],
    configuration: Optional[Configuration],
    environment: Optional[Environment],
) -> Tuple[Step, ...]:
    """Variables that make git read all of these over HTTPS, behind the settings that such variables hold already."""
    wanted = [over_https(one.url) for one in submodules if unreadable(one, configuration)]
    pairs = sorted({pair for pair in wanted if pair})
    count = (environment.get("GIT_CONFIG_COUNT") if environment else None) or "0"
    first = int(count) if count.isdigit() else 0
    steps: List[Step] = [SetEnv("GIT_CONFIG_COUNT", str(first + len(pairs)))] if pairs else []
    for number, (base, https) in enumerate(pairs, first):
        steps.append(SetEnv(f"GIT_CONFIG_KEY_{number}", f"url.{https}.insteadOf"))
        steps.append(SetEnv(f"GIT_CONFIG_VALUE_{number}", base))
    return tuple(steps)
