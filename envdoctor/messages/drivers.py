"""What CUDA's libraries say of the driver in a log, and how much it proves. Pure."""

from typing import Optional, Tuple

from envdoctor.log import BuildLog, Hit


def first(log: BuildLog, *patterns: str) -> Optional[Tuple[Hit, str]]:
    """The first error with these words and "high"; else the first warning with "medium".

    torch warns when it is imported, and goes on: what then ends well, as a build does, has no trouble.
    """
    warned = None
    for hit in log.search(*patterns):
        if "Warning" not in hit.lines[0].matched:
            return hit, "high"
        warned = warned or hit
    if warned is None or log.has(r"^[ \t]*Successfully (?:built|installed) "):
        return None
    return warned, "medium"
