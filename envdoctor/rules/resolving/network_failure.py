"""There is no connection, or a broken one.

## What it means

pip, git or CMake's FetchContent could not resolve a name, could not connect, or lost the connection half way:
`Temporary failure in name resolution`, `Connection timed out`, `Failed to connect to ... port 443`,
`IncompleteRead`.

## How envdoctor knows

From the log only. `check` makes no network access, so it cannot foresee it; what is certain without a network (a
missing folder, a dead port of this machine, a name that never resolves) is the rule `pip-index-unreachable`.

## What to do

Try again; behind a proxy, set https_proxy (and git's http.proxy); on a machine that has no network by design,
install from a folder of wheels with `--no-index --find-links`.

## When to ignore it

When a retry in the same log succeeded.
"""

from typing import Iterator

from envdoctor.finding import Finding, Fix
from envdoctor.log import BuildLog
from envdoctor.messages import connections

# What CMake says where the reason is cut off.
_CUT_OFF = (
    r"Failed to clone repository: '",
    r"error: downloading '[^'\n]+' failed",
    r"Each download failed!",
    r"response\.py\", line \d+, in _error_catcher",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    broken = connections.broken(log)
    told = (
        connections.tls(log) or connections.proxy(log) or log.has(r"returned error: 4\d\d|status_code: 22\b")
    )
    hit = broken or (None if told else log.first(*_CUT_OFF))
    if hit:
        retried = "Retrying" in hit.lines[0].matched
        yield hit.finding(
            "The connection to a server failed or broke off.",
            "What was to be downloaded is missing, and every error after it follows from that.",
            Fix(
                "Try again; behind a proxy set https_proxy (git: http.proxy); without a network by design, install from"
                " a folder of wheels with --no-index --find-links"
            ),
            "medium"
            if retried or not broken or not log.has(r"(?:pip|git|curl|wget|uv|conda|cmake|apt)")
            else "high",
        )
