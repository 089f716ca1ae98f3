"""A submodule is not checked out, and its URL goes over SSH.

## What it means

`git@github.com:owner/name` needs an SSH key that the server knows and a network that lets port 22 through. In a
container or a company network neither is there: `Permission denied (publickey)`, `Connection closed by remote
host`, `Could not resolve hostname`. The same repository is usually readable over HTTPS without any key.

## How envdoctor knows

The entry in .gitmodules has an SSH URL, its folder is empty or absent, and git has no `url.<base>.insteadOf` that
rewrites it. Whether SSH would work cannot be known without a network, so this is a warning; in a log, ssh's own
words decide.

## What to do

Let git rewrite the URL for one command: GIT_CONFIG_COUNT, GIT_CONFIG_KEY_0, GIT_CONFIG_VALUE_0. (`insteadOf` in the
clone's own configuration has no effect on the clone of a submodule.)

## When to ignore it

When a key for that server is set up here.
"""

import shlex
from typing import Iterator, Optional

from envdoctor import git_urls
from envdoctor.facts import Configuration, Environment, Project
from envdoctor.finding import Edit, Evidence, Finding, Fix, Location, Run, Safety, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING
ROLES = ("build", "ci")
STAGE = 0


def check(
    project: Project,
    configuration: Optional[Configuration],
    environment: Optional[Environment],
) -> Iterator[Finding]:
    # All of them in each fix: git's variables are numbered, and a second list would replace the first.
    steps = git_urls.rewriting(project.submodules, configuration, environment)
    for submodule in project.submodules:
        pair = git_urls.over_https(submodule.url)
        if pair is None or not git_urls.unreadable(submodule, configuration):
            continue
        base, https = pair
        path = shlex.quote(submodule.path)
        yield Finding(
            message=f"The submodule {submodule.path} is not checked out, and its URL goes over SSH: {submodule.url}.",
            consequence="git submodule update needs an SSH key that the server accepts, and fails without one.",
            evidence=(Evidence(f".gitmodules:{submodule.line}", f"url = {submodule.url}"),),
            fix=Fix(
                f"Let git read {https} in place of {base}",
                (*steps, Run(f"git submodule update --init --recursive -- {path}", Safety.SAFE)),
                (Edit(".gitmodules", submodule.line, submodule.url, submodule.url.replace(base, https, 1)),),
            ),
            location=Location(".gitmodules", submodule.line),
        )


# Source: OpenSSH and git.
_REFUSED = (
    r"(?P<host>\b[\w.-]{1,60}@[\w.-]{1,100}): Permission denied \([\w,-]*(?:publickey|password|keyboard)[\w,-]*\)",
    r"Permission denied \([\w,-]*publickey[\w,-]*\)",
    r"Host key verification failed",
    r"REMOTE HOST IDENTIFICATION HAS CHANGED",
    r"No \w+ host key is known for",
    r"cannot (?:run|spawn) \S*ssh: No such file",
)
_UNREACHED = (
    r"ssh: connect to host (?P<host>\S+) port \d+: ",
    r"kex_exchange_identification: |ssh_exchange_identification: ",
    r"Connection (?:closed|reset|timed out) by \S+ port 22\b",
)
# What git was given, where ssh does not say whom it asked.
_ASKED = (r"\bgit@(?P<host>[\w.-]{1,100}):", r"\bssh://(?:[\w.-]{1,60}@)?(?P<host>[\w.-]{1,100})")
_GIT = (
    r"Could not read from remote repository",
    r"git@|git\+ssh|ssh://|\bgit (?:clone|submodule|fetch|pull|ls-remote)",
    r"Cloning into|submodule",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit, confidence = log.first(*_REFUSED), "high"
    if hit is None:
        hit, confidence = log.first(*_UNREACHED), "medium"
    if hit and log.has(*_GIT):
        asked = log.first(*_ASKED)
        host = hit["host"].rpartition("@")[2] or (asked["host"] if asked else "<host>")
        yield hit.finding(
            "git goes to the server over SSH, and is refused: no key or host key that both sides accept."
            if confidence == "high"
            else "git goes to the server over SSH, and does not reach it.",
            "The repository or submodule is not cloned.",
            Fix(
                f"Read it over HTTPS: git config --global url.https://{host}/.insteadOf git@{host}: (and ssh://git@{host}/);"
                f" or set up a key (`ssh -T git@{host}` tests it; ssh-keyscan {host} >> ~/.ssh/known_hosts)"
            ),
            confidence,
        )
