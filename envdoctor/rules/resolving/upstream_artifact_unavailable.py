"""The index, mirror or repository does not have the thing that is asked for.

## What it means

A nightly build was pruned, a repository deleted or renamed, a mirror does not carry the package: `404 Not Found`,
`repository not found`, `Could not find a version that satisfies the requirement torch==1.13.0.dev20220901`.

## How envdoctor knows

From the log only: whether an index has a version cannot be known without asking it, and `check` makes no network
access. A requirement that no wheel folder can give while no index may be asked is `wheelhouse-incomplete` or
`build-requirements-unreachable`.

## What to do

Ask for a version that exists (`pip index versions NAME`), or point pip to the index that has it.

## When to ignore it

When the index was only unreachable for a moment: that is `network-failure`.
"""

from typing import Iterator

from envdoctor.finding import Finding, Fix
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import unfound

# Source: pip, git, curl, wget, apt, dnf, conda, docker and uv.
_NOT_THERE = (
    r"there is no version of (?P<what>\S+) and you require",
    r"only the following versions of (?P<what>\S+) are available:[^,]* and you require",
    r"HTTP error (?:403|404|410) while getting (?P<what>\S+)",
    r"40[34] Client Error: (?:Forbidden|Not Found) for url: (?P<what>(?!https://huggingface)\S+)",
    r"remote: Repository not found|fatal: repository '(?P<what>[^'\n]+)' (?:not found|does not exist)",
    r"Remote branch (?P<what>\S+) not found in upstream",
    r"couldn't find remote ref (?P<what>\S+)|[Cc]ould not find remote branch",
    r"pathspec '(?P<what>[^'\n]+)' did not match any file",
    r"reference is not a tree: (?P<what>\w+)|not our ref (?P<ref>\w+)|unadvertised object (?P<object>\w+)",
    r"did not contain (?P<what>[0-9a-f]{40})\. Direct fetching of that commit failed",
    r"(?:curl|wget|ERROR|error):? [^\n]*(?:returned error: 4(?:03|04|10)|ERROR 404: Not Found)",
    r"ERROR 40[34]: (?:Not Found|Forbidden)",
    r"requested URL returned error: 4(?:03|04|10)\b",
    r"Failed to fetch (?P<what>\S+) [^\n]*40[34] [^\n]*(?:Not Found|Forbidden)",
    r"does not have a Release file",
    r"manifest for (?P<what>\S+) not found|manifest unknown|pull access denied for (?P<image>[^\s,]+)",
    r"docker\.io/(?P<what>\S+): not found",
    r"failed to resolve source metadata for (?P<what>\S+): [^\n]*not found",
    r"PackagesNotFoundError: |UnavailableInvalidChannel|HTTP 404 NOT FOUND for",
    r"nothing provides requested (?P<what>\S+)",
    r"does not exist \(perhaps a typo or a missing channel\)",
    r"(?<![\w.-])(?P<what>[\w.-]{1,99}) was not found in the package registry",
    r"HTTP status client error \(40[34] [^\n]*for url \(?(?P<what>[^\s)]+)",
)
_MAYBE = (
    r"Failed to checkout tag: '(?P<what>[^'\n]+)'",
    r"there (?:is|are) no versions? of (?P<what>[\w.+=<>~-]+)",
    r"only the following versions of (?P<what>[\w.+-]+) are available",
    r"HTTPError: HTTP Error (?:403|404|410): ",
    r"E: (?:Unable to locate package (?P<what>\S+)|Version '[^'\n]+' for '(?P<package>[^'\n]+)' was not found)",
    r"E: Package '(?P<what>[^'\n]+)' has no installation candidate",
    r"Unable to find a match: (?P<what>\S+)|No package (?P<package>\S+) available",
    r"could not read Username for 'https://github\.com'",
)
# Models are no part of a build; a setup.py that finds no wheel of itself (flash-attn, mamba) goes on to compile.
_MODELS = r"^.*(?:huggingface|hf-mirror|modelscope).*$"
_FELL_BACK = r"HTTP Error 404: [^\n]*\s+During handling of the above exception"


def explain(log: BuildLog) -> Iterator[Finding]:
    for item in unfound.of(log, "upstream-artifact-unavailable"):
        there = f" (its newest: {', '.join(item.offered[-3:])})" if item.offered else ""
        yield item.hit.finding(
            f"The index has no {item.requirement}{there}.",
            "pip cannot install it, from any machine that asks this index.",
            Fix(
                f"Ask for a version that exists (pip index versions {item.name}), or name the index that has it"
            ),
            item.confidence,
        )
    log = log.without(_MODELS, _FELL_BACK)
    hit, maybe = log.first(*_NOT_THERE), log.first(*_MAYBE)
    if hit:
        yield _finding(hit, "high")
    elif maybe:
        yield _finding(maybe, "medium")


def _finding(hit: Hit, confidence: str) -> Finding:
    what = next(
        (" ".join(text.split()) for text in hit.match.groupdict().values() if text), "what is asked for"
    )
    return hit.finding(
        f"The server does not have {what}.",
        "It was removed, renamed or never there: trying again does not help.",
        Fix("Look up what the server has now, and ask for that version, address or branch"),
        confidence,
    )
