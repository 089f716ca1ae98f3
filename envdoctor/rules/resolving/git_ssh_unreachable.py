"""A submodule is not checked out, and its URL goes over SSH.

## What it means

`git@github.com:owner/name` needs an SSH key that the server knows and a network that lets port 22 through. In a
container or a company network neither is there: `Permission denied (publickey)`, `Connection closed by remote
host`, `Could not resolve hostname`. The same repository is usually readable over HTTPS without any key.

## How envdoctor knows

The entry in .gitmodules has an SSH URL, its folder is empty or absent, and git has no `url.<base>.insteadOf` that
rewrites it. Whether SSH would work cannot be known without a network, so this is a warning.

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
