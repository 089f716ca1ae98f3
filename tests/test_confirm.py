"""Package names are offered as the package manager itself knows them."""

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
    for answer in ("", VIRTUAL):
        fix = fix_after(answer)
        assert fix.steps == (SetEnv("A", "b"),)
        assert fix.title == "Install it (apt-get has no package g++-11 here)"


def test_an_image_without_lists_gets_them_first():
    assert fix_after(KNOWN, files={}).steps[1].command == "apt-get update && apt-get install -y g++-11"
    sudo = fix_after(KNOWN, files={}, line="sudo apt-get install -y g++-11")
    assert sudo.steps[1].command == "sudo apt-get update && sudo apt-get install -y g++-11"


def test_a_manager_that_does_not_answer_decides_nothing():
    hung = Completed(None, "", "", "timed out")
    assert fix_after(hung, manager="dnf", ask="dnf -q -C list g++-11").steps[1].package == "g++-11"


def test_other_managers_are_understood():
    assert (
        len(fix_after("g++-11.x86_64  11.2  baseos\n", manager="dnf", ask="dnf -q -C list g++-11").steps) == 2
    )
    assert len(fix_after("g++-11-3.4-r0\n", manager="apk", ask="apk search -e g++-11").steps) == 2
    assert len(fix_after("g++-11-doc-3.4\n", manager="apk", ask="apk search -e g++-11").steps) == 1
    assert len(fix_after("", manager="zypper", ask="zypper --no-refresh -q search -x g++-11").steps) == 1


def test_nothing_is_asked_where_nothing_is_installed():
    host = FakeHost()
    finding = Finding("m", "c", (), Fix("Set it", (SetEnv("A", "b"),)), rule="r")
    assert confirmed(host, factory.system(), Diagnosis((finding,), ())).findings == (finding,)
    assert not host.calls
