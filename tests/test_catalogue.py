"""Which rules are asked in which role, and how bad their findings may be."""

from envdoctor.catalogue import diagnose
from envdoctor.facts import Facts, Request, Submodule
from envdoctor.finding import Severity
from tests.factory import at, cmake, compiler, environment, program, project, toolkit, tools

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


def test_problems_stand_in_the_order_in_which_a_build_meets_them():
    empty = Submodule("third_party/x", "https://example.org/x.git", "empty", 1)
    uses = (at("third_party/x", "CMakeLists.txt", 4),)
    asked = project(
        builds=("cmake",),
        cmake=cmake("3.30", "CXX", "CUDA", subdirectories=uses),
        submodules=(empty,),
        cuda_sources=("a.cu",),
    )
    sick = Facts(
        request=Request(role="build", role_stated=True),
        project=asked,
        configuration=None,
        environment=environment(),
        tools=tools(program("cmake", "3.16.3")),
        toolkit=toolkit("11.8"),
        toolkits=None,
        torch=None,
        system=None,
        compilers=None,
        compiler=compiler("12.2.0"),
    )
    rules = ["cmake-too-old", "host-compiler-too-new", "submodule-not-checked-out"]
    found = diagnose(sick, only=rules)
    assert [finding.rule for finding in found.findings] == [rules[2], rules[0], rules[1]]
    assert found.only == tuple(rules)
