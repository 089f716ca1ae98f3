"""What is asked of `bundle create`. Pure."""

from dataclasses import dataclass
from typing import Tuple

from envdoctor.bundle.target import Target


@dataclass(frozen=True)
class Wanted:
    """What is asked for; paths are absolute."""

    requirements: Tuple[str, ...]
    projects: Tuple[str, ...]
    files: Tuple[str, ...]
    targets: Tuple[Target, ...]
    out: str
    #: Projects that are built at the target, by their normal names.
    sources: Tuple[str, ...] = ()

    @property
    def part(self) -> str:
        """The folder of what is unfinished; fetched wheels stay in it after a failure."""
        return f"{self.out}.part"
