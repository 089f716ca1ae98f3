"""The index, mirror or repository does not have the thing that is asked for.

## What it means

A nightly build was pruned, a repository deleted or renamed, a mirror does not carry the package: `404 Not Found`,
`repository not found`, `Could not find a version that satisfies the requirement torch==1.13.0.dev20220901`. The same
follows where it was never fetched: apt without its lists (`Unable to locate package`), a shallow clone without tags
(`pathspec 'v9' did not match`), a private repository without a login (`could not read Username`).

## How envdoctor knows

From the log only: whether an index has a version cannot be known without asking it, and `check` makes no network
access. A requirement that no wheel folder can give while no index may be asked is `wheelhouse-incomplete` or
`build-requirements-unreachable`.

## What to do

Ask for a version that exists (`pip index versions NAME`), or point pip to the index that has it. Run `apt-get update`
or `git fetch --tags` before you look further.

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
    r"not our ref (?P<ref>\w+)|unadvertised object (?P<object>\w+)",
    r"did not contain (?P<what>[0-9a-f]{40})\. Direct fetching of that commit failed",
    r"(?:curl|wget|ERROR|error):? [^\n]{0,200}(?:returned error: 4(?:03|04|10)|ERROR 404: Not Found)",
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
    r"Unable to find a match: (?P<what>\S+)|No package (?P<package>\S+) available",
)
# git, of what the clone at hand does not have; the server was not asked.
_NOT_FETCHED = (
    r"pathspec '(?P<what>[^'\n]+)' did not match any file",
    r"reference is not a tree: (?P<what>\w+)",
    r"^fatal: invalid reference: (?P<what>\S+)",
    r"^fatal: '(?P<what>[^'\n]+)' is not a commit and a branch '[^'\n]+' cannot be created from it",
)
# git and a server that asks who comes.
_LOGIN = (
    r"could not read (?:Username|Password) for '(?P<what>https?://[^'\n]+)'",
    r"^fatal: Authentication failed for '(?P<what>https?://[^'\n]+)'",
)
_APT = (
    r"E: (?:Unable to locate package (?P<what>\S+)|Version '[^'\n]+' for '(?P<package>[^'\n]+)' was not found)",
    r"E: Package '(?P<what>[^'\n]+)' has no installation candidate",
    r"E: Couldn't find any package by (?:glob|regex) '(?P<what>[^'\n]+)'",
)
#: apt's lists were fetched in this very log.
_APT_UPDATED = r"^(?:Hit|Get):\d+ \S+ \S+ (?:In)?Release"
# Models are no part of a build; a setup.py that finds no wheel of itself (flash-attn, mamba) goes on to compile.
_MODELS = r"^.*(?:huggingface|hf-mirror|modelscope).*$"
_FELL_BACK = r"HTTP Error 404: [^\n]*\s+During handling of the above exception"


def explain(log: BuildLog) -> Iterator[Finding]:
    for item in unfound.of(log, "upstream-artifact-unavailable"):
        there = f" (its newest: {', '.join(item.offered[:-4:-1])})" if item.offered else ""
        yield item.hit.finding(
            f"The index has no {item.requirement}{there}.",
            "pip cannot install it, from any machine that asks this index.",
            Fix(
                f"Ask for a version that exists (pip index versions {item.name}), or name the index that has it"
            ),
            item.confidence,
        )
    log = log.without(_MODELS, _FELL_BACK)
    for patterns, message, consequence, cure, confidence in _SIGNS:
        hit = log.first(*patterns)
        if hit:
            what = _what(hit)
            fix = Fix(
                (_APT_CURE if patterns is _APT and not log.has(_APT_UPDATED) else cure).format(what=what)
            )
            yield hit.finding(message.format(what=what), consequence, fix, confidence)


def _what(hit: Hit) -> str:
    """What was asked for, where the line says it."""
    texts = (text for text in hit.match.groupdict().values() if text)
    return next((" ".join(text.split()) for text in texts), "what is asked for")


_GONE = (
    "The server does not have {what}.",
    "It was removed, renamed or never there: trying again does not help.",
    "Look up what the server has now, and ask for that version, address or branch",
)
_APT_SPELLING = (
    "look for the name (apt-cache search WORD; packages.debian.org, packages.ubuntu.com), which differs between"
    " releases, and for its component (add-apt-repository universe; contrib and non-free on Debian) or NVIDIA's"
    " repository"
)
_APT_CURE = (
    "Run apt-get update first: images come without the lists (in a Dockerfile in the same RUN: apt-get update &&"
    f" apt-get install -y {{what}}). If that was done, {_APT_SPELLING}"
)
# Patterns, what is so, what follows, what to do, and how sure that is.
_SIGNS = (
    (_NOT_THERE, *_GONE, "high"),
    (
        _NOT_FETCHED,
        "This clone has no {what}.",
        "git looks only among what was fetched: a shallow clone, or one without tags, lacks the rest.",
        (
            "Fetch it: git fetch --tags (a shallow clone: git fetch --unshallow --tags), for a commit git fetch origin"
            " COMMIT; git branch -a and git tag -l show how names are spelt, and whether there is one at all"
        ),
        "high",
    ),
    (
        _LOGIN,
        "{what} asks for a login: the repository is private, or there is none of that name.",
        "git asks for a name and a password, and nobody answers.",
        (
            "Check the address in a browser. For a private repository give git a token (gh auth login, GIT_ASKPASS,"
            " git config credential.helper) or use its SSH address"
        ),
        "medium",
    ),
    (
        _APT,
        "apt's lists have no package {what}.",
        "apt looks only into the lists that apt-get update fetched, of the repositories that are switched on.",
        _APT_SPELLING[0].upper() + _APT_SPELLING[1:],
        "medium",
    ),
    (_MAYBE, *_GONE, "medium"),
)
