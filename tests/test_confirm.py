"""Package names are offered as the package manager itself knows them."""

import pytest

from envdoctor.catalogue import Diagnosis
from envdoctor.confirm import confirmed
from envdoctor.finding import Finding, Fix, Run, Safety, SetEnv
from envdoctor.host import Completed
from tests import factory
from tests.fakes import FakeHost

LISTS = {"/var/lib/apt/lists/deb_dists_bookworm_main_binary-amd64_Packages": ""}
KNOWN = "g++-11:\n  Installed: (none)\n  Candidate: 11.3.0-12\n  Version table:\n"
VIRTUAL = "g++-11:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"


def fix_after(
    answer,
    files=LISTS,
    manager="apt-get",
    ask="apt-cache policy g++-11",
    line="apt-get install -y g++-11",
):
    host = FakeHost(programs={ask: answer}, files=files)
    step = Run(line, Safety.UNSAFE, "g++-11")
    finding = Finding("m", "c", (), Fix("Install it", (SetEnv("A", "b"), step)), rule="r")
    diagnosis = confirmed(host, factory.system(package_manager=manager), Diagnosis((finding,), ()))
    return diagnosis.findings[0].fix


def test_a_known_package_is_offered_as_it_was():
    assert fix_after(KNOWN).steps[1].command == "apt-get install -y g++-11"


def test_an_unknown_one_is_not_offered_and_the_title_says_so():
    for answer in (Completed(0, "", "N: Unable to locate package g++-11\n"), VIRTUAL):
        fix = fix_after(answer)
        assert fix.steps == (SetEnv("A", "b"),)
        assert fix.title == "Install it (apt-get has no package g++-11 here)"


def test_an_image_without_lists_gets_them_first():
    assert fix_after(KNOWN, files={}).steps[1].command == "apt-get update && apt-get install -y g++-11"
    sudo = fix_after(KNOWN, files={}, line="sudo apt-get install -y g++-11")
    assert sudo.steps[1].command == "sudo apt-get update && sudo apt-get install -y g++-11"


OTHERS = [
    (
        "dnf",
        "dnf -q -C list g++-11",
        "g++-11.x86_64  11.2  baseos\n",
        "Error: No matching Packages to list\n",
    ),
    ("apk", "apk search -e g++-11", "g++-11-3.4-r0\n", ""),
    ("pacman", "pacman -Si g++-11", "Name            : g++-11\n", "error: package 'g++-11' was not found\n"),
    (
        "zypper",
        "zypper --no-refresh -q search -x g++-11",
        "  | g++-11 | GNU compiler | package\n",
        "No matching items found.\n",
    ),
]


@pytest.mark.parametrize(("manager", "ask", "yes", "no"), OTHERS)
def test_other_managers_are_understood(manager, ask, yes, no):
    assert len(fix_after(yes, manager=manager, ask=ask).steps) == 2
    gone = fix_after(Completed(1, "", no), manager=manager, ask=ask)
    assert len(gone.steps) == 1 and gone.title.endswith(f"({manager} has no package g++-11 here)")


@pytest.mark.parametrize(("manager", "ask", "yes", "no"), OTHERS)
@pytest.mark.parametrize(
    "answer", [Completed(None, "", "", "timed out"), Completed(1, "", "error: no cache, no database\n")]
)
def test_a_manager_that_tells_nothing_is_not_taken_at_its_word(manager, ask, yes, no, answer):
    unknown = fix_after(answer, manager=manager, ask=ask)
    assert len(unknown.steps) == 1 and unknown.title.endswith(f"({manager} could not be asked for g++-11)")


def test_nothing_is_asked_where_nothing_is_installed():
    host = FakeHost()
    finding = Finding("m", "c", (), Fix("Set it", (SetEnv("A", "b"),)), rule="r")
    assert confirmed(host, factory.system(), Diagnosis((finding,), ())).findings == (finding,)
    assert not host.calls
