"""Which rules are asked in which role, and how bad their findings may be."""

from envdoctor.catalogue import diagnose
from envdoctor.facts import Facts, Request
from envdoctor.finding import Severity
from tests.factory import compiler, environment, project, toolkit

RULE = "host-compiler-too-new"


def found(request, **facts):
    facts = {"project": None, "compilers": None, "toolkits": None, "torch": None, "system": None, **facts}
    sick = Facts(
        request=request,
        toolkit=toolkit("11.8"),
        compiler=compiler("12.2.0"),
        environment=environment(),
        **facts,
    )
    return [finding.severity for finding in diagnose(sick, only=[RULE]).findings]


def test_what_breaks_builds_is_an_error_where_something_is_built():
    assert found(Request(role="build", role_stated=True)) == [Severity.ERROR]
    assert found(Request(role="ci", role_stated=True)) == [Severity.ERROR]


def test_and_no_matter_where_it_is_known_that_nothing_is():
    assert found(Request(role="runtime", role_stated=True)) == []
    assert found(Request(), project=project(builds=())) == []


def test_and_a_warning_where_nobody_knows():
    assert found(Request()) == [Severity.WARNING]


def test_what_could_not_be_read_of_a_project_is_no_pass():
    unread = project(unread=("setup.py: Permission denied",))
    told = diagnose(Facts(project=unread), only=())
    assert (told.status, [(note.source, note.text) for note in told.notes]) == (
        "undetermined",
        [("project", "setup.py: Permission denied")],
    )
    assert diagnose(Facts(project=project()), only=()).status == "clean"
