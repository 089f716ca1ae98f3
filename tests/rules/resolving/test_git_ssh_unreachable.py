"""Submodules over SSH."""

from envdoctor.facts import Configuration, Setting, Submodule
from envdoctor.finding import Edit, SetEnv
from envdoctor.log import read_text
from envdoctor.rules.resolving.git_ssh_unreachable import check, explain
from tests.factory import environment, project

EMPTY = Submodule("submodules/cutlass", "git@github.com:NVIDIA/cutlass.git", "empty", 3)


def test_quiet_over_https_when_present_or_rewritten():
    https = Submodule("x", "https://github.com/NVIDIA/cutlass.git", "empty", 3)
    present = Submodule("x", EMPTY.url, "present", 3)
    assert not list(check(project(submodules=(https, present)), None, None))
    rewrite = Setting("git", "url.https://github.com/.insteadOf", "git@github.com:", "~/.gitconfig", 2, True)
    assert not list(check(project(submodules=(EMPTY,)), Configuration((rewrite,)), None))


def test_git_is_told_to_read_https():
    (finding,) = check(project(submodules=(EMPTY,)), None, None)
    assert finding.fix is not None
    assert SetEnv("GIT_CONFIG_KEY_0", "url.https://github.com/.insteadOf") in finding.fix.steps
    assert SetEnv("GIT_CONFIG_VALUE_0", "git@github.com:") in finding.fix.steps


def test_what_git_is_told_already_stays():
    (finding,) = check(project(submodules=(EMPTY,)), None, environment(GIT_CONFIG_COUNT="2"))
    assert finding.fix is not None
    assert SetEnv("GIT_CONFIG_COUNT", "3") in finding.fix.steps
    assert SetEnv("GIT_CONFIG_VALUE_2", "git@github.com:") in finding.fix.steps


def test_for_good_the_url_itself_is_changed():
    (finding,) = check(project(submodules=(EMPTY,)), None, None)
    assert finding.fix is not None
    assert finding.fix.lasting == (
        Edit(".gitmodules", 3, EMPTY.url, "https://github.com/NVIDIA/cutlass.git"),
    )


def test_the_long_form_of_the_url():
    (finding,) = check(
        project(submodules=(Submodule("x", "ssh://git@host.example/team/x.git", "absent", 1),)), None, None
    )
    assert finding.fix is not None
    assert SetEnv("GIT_CONFIG_VALUE_0", "ssh://git@host.example/") in finding.fix.steps


def test_two_hosts_and_settings_of_the_environment_are_kept():
    other = Submodule("deps/pen", "ssh://git@host.example/team/pen", "empty", 6)
    https = Submodule("deps/ink", "https://host.example/team/ink", "empty", 9)
    findings = list(check(project(submodules=(EMPTY, other, https)), None, environment(GIT_CONFIG_COUNT="2")))
    assert [finding.fix.steps[:-1] for finding in findings] == 2 * [
        (
            SetEnv("GIT_CONFIG_COUNT", "4"),
            SetEnv("GIT_CONFIG_KEY_2", "url.https://github.com/.insteadOf"),
            SetEnv("GIT_CONFIG_VALUE_2", "git@github.com:"),
            SetEnv("GIT_CONFIG_KEY_3", "url.https://host.example/.insteadOf"),
            SetEnv("GIT_CONFIG_VALUE_3", "ssh://git@host.example/"),
        )
    ]


def test_the_host_is_the_one_that_was_asked():
    refused = "Host key verification failed.\nfatal: Could not read from remote repository.\n"
    for asked in (
        "git clone git@git.example.org:a/b.git\n",
        "Cloning from ssh://git@git.example.org:2222/a/b.git\n",
    ):
        (finding,) = explain(read_text(asked + refused))
        assert "https://git.example.org/" in finding.fix.title
    (finding,) = explain(read_text(refused))
    assert "https://<host>/" in finding.fix.title
