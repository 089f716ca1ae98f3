"""The C++ standards that a log speaks of. Pure."""

from typing import Optional

from envdoctor.log import BuildLog

#: A standard that some release of a compiler knows: others are slips of the pen.
KNOWN = r"(?:c|gnu)\+\+(?:98|03|0x|11|1y|14|1z|17|2a|20|2b|23|2c|26)\b"
_DRAFTS = {"0x": 11, "1y": 14, "1z": 17, "2a": 20, "2b": 23, "2c": 26, "98": 0, "03": 0}


def number(name: str) -> int:
    """17 for "17" and "1z"; 0 for what is older than C++11."""
    return _DRAFTS.get(name, int(name) if name.isdigit() else 0)


def lowest_asked(log: BuildLog) -> Optional[int]:
    """The lowest of them; None where no command line names one."""
    asked = log.search(r"[-/]std[=:](?:c|gnu)\+\+(?P<standard>\d\w)")
    return min((number(hit["standard"]) for hit in asked), default=None)
