"""What the readers of configuration files share: settings before it is known which wins, and values without secrets."""

import re
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, Optional

from envdoctor.facts import Setting
from envdoctor.scrub import scrub_credentials

# Proxies are written without a scheme too: user:password@proxy:3128. An SSH remote, git@host:path, has no password.
_PASSWORD = re.compile(r"(?<![^\s=\"'])[^\s/@:]+:[^\s/@]+@")


@dataclass(frozen=True)
class Said:
    """One value that a file or a variable gives to a name; `many`: further values of the name do not replace it."""

    name: str
    value: str
    source: str
    line: Optional[int]
    many: bool = False


def clean(text: str) -> str:
    """Without credentials."""
    return _PASSWORD.sub("***@", scrub_credentials(text))


def settled(tool: str, said: Iterable[Said]) -> Iterator[Setting]:
    """The last source that names a single-valued setting wins; git's and conda's lists keep every value."""
    found = list(said)
    last: Dict[str, Said] = {one.name.lower(): one for one in found}
    for one in found:
        wins = one.many or last[one.name.lower()] is one
        yield Setting(tool, clean(one.name), clean(one.value), one.source, one.line, wins)
