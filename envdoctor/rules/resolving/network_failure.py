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
