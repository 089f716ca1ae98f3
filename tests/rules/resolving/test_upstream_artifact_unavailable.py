"""What a server, a clone or a package list does not have, each with its own cure."""

import pytest

from envdoctor.log import read_text
from envdoctor.rules.resolving.upstream_artifact_unavailable import explain


def cure(text):
    (finding,) = explain(read_text(text))
    return finding.message, finding.fix.title


@pytest.mark.parametrize(
    "line",
    [
        "error: pathspec 'v9' did not match any file(s) known to git",
        "fatal: invalid reference: v9",
        "fatal: 'v9' is not a commit and a branch 'x' cannot be created from it",
    ],
)
def test_what_a_clone_lacks_is_fetched(line):
    message, fix = cure(line)
    assert "v9" in message and "git fetch --tags" in fix


@pytest.mark.parametrize(
    "line",
    [
        "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
        "fatal: could not read Password for 'https://me@github.com': No such device or address",
        "fatal: Authentication failed for 'https://github.com/a/b.git/'",
    ],
)
def test_who_is_asked_for_a_login_is_not_told_that_nothing_is_there(line):
    message, fix = cure(line)
    assert "login" in message and "token" in fix


def test_apt_is_asked_for_its_lists_first_unless_the_log_shows_them():
    line = "E: Unable to locate package ninja-build\n"
    assert cure(line)[1].startswith("Run apt-get update first")
    updated = f"Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]\n{line}"
    assert "apt-get update" not in cure(updated)[1]


def test_the_newest_version_comes_first():
    message, _ = cure(
        "ERROR: Could not find a version that satisfies the requirement a==9 (from versions: 1, 2)"
    )
    assert "(its newest: 2, 1)" in message
