"""Differences of two machines."""

from dataclasses import replace

from envdoctor.diff import compare, to_json
from envdoctor.facts import (
    NOT_EXAMINED,
    CompiledModule,
    CompiledModules,
    Configuration,
    Facts,
    Needed,
    Setting,
    Unknown,
)
from envdoctor.report.differences import as_text
from envdoctor.report.style import PLAIN
from tests import factory

WHOLE = {
    "system": factory.system(),
    "folders": None,
    "environment": factory.environment(PATH="/usr/bin"),
    "configuration": None,
    "python": factory.python(),
    "interpreters": None,
    "packages": factory.packages(factory.package("numpy", "1.26.4")),
    "modules": None,
    "tools": factory.tools(factory.program("cmake")),
    "compilers": None,
    "compiler": factory.compiler(),
    "nvccs": None,
    "toolkits": factory.toolkits(factory.toolkit()),
    "toolkit": factory.toolkit(),
    "driver": factory.driver(factory.gpu()),
    "torch": factory.torch(),
    "loader": None,
    "project": factory.project(),
    "resolution": None,
}
A = Facts(
    **{**{name: None for name in Facts.__dataclass_fields__ if name not in ("request", "notes")}, **WHOLE}
)
A = replace(A, request=Facts().request, notes=())


def one(**changes):
    (found,) = compare(A, replace(A, **changes))
    return found


def text(b):
    return as_text(compare(A, b), ("a.json", "b.json"), PLAIN)


def test_the_same_facts_are_the_same():
    assert not compare(A, A)
    assert text(A).endswith("The same.\n")
    assert to_json(())["same"] is True


def test_what_is_not_known_equals_nothing():
    for unknown in (Unknown("truncated"), NOT_EXAMINED):
        for left, right in ((unknown, unknown), (unknown, A.torch), (None, unknown)):
            (found,) = compare(replace(A, torch=left), replace(A, torch=right))
            assert (found.kind, found.component) == ("not comparable", ("torch",))
    same = replace(A, tools=factory.tools(factory.program("cmake", version=None, error="hangs")))
    (found,) = compare(same, same)
    assert (found.kind, found.field) == ("not comparable", "version")
    assert "could not be compared" in as_text((found,), ("a", "b"), PLAIN)


def test_absent_is_known():
    found = one(torch=None)
    assert (found.kind, found.a["version"], found.b) == ("only in A", "2.13.0+cu130", None)


def test_packages_are_matched_by_name_and_not_by_position():
    found = one(packages=factory.packages(factory.package("numpy", "2.0.1")))
    assert (found.component, found.field, found.a, found.b) == (
        ("packages", "package numpy"),
        "version",
        "1.26.4",
        "2.0.1",
    )
    more = one(packages=factory.packages(factory.package("aaa"), factory.package("numpy", "1.26.4")))
    assert (more.kind, more.component) == ("only in B", ("packages", "package aaa"))


def test_toolkits_are_matched_by_root_then_by_version():
    new = factory.toolkits(factory.toolkit("12.4"))
    fields = {d.field for d in compare(A, replace(A, toolkits=new)) if len(d.component) == 2}
    assert "version" in fields
    moved = one(toolkits=factory.toolkits(factory.toolkit("13.0", "/opt/cuda")))
    assert (moved.field, moved.a, moved.b) == ("root", "/usr/local/cuda", "/opt/cuda")


def test_a_component_of_a_toolkit_is_named_with_its_provenance():
    parts = tuple(
        replace(c, version="13.5.1") if c.name == "cicc" else c for c in factory.toolkit().components
    )
    found = one(toolkits=factory.toolkits(factory.toolkit(components=parts)))
    assert found.component == ("toolkits", "toolkit /usr/local/cuda", "component cicc")
    assert (found.a, found.b, found.found_via_a) == ("13.0.88", "13.5.1", "test")


def test_programs_are_matched_by_name_and_path_then_by_name():
    elsewhere = factory.tools(factory.program("cmake", path="/opt/bin/cmake"))
    assert {d.field for d in compare(A, replace(A, tools=elsewhere))} == {"path"}
    two = factory.tools(
        factory.program("cmake", "4.0", "/venv/bin/cmake"), factory.program("cmake", wins=False)
    )
    found = {(d.kind, d.component[-1], d.field) for d in compare(A, replace(A, tools=two))}
    assert found == {
        ("only in B", "program cmake /venv/bin/cmake", ""),
        ("changed", "program cmake /usr/bin/cmake", "wins"),
    }


def test_the_chosen_toolkit_is_compared_once():
    found = one(toolkit=factory.toolkit(root="/opt/cuda"))
    assert (found.component, found.field) == (("toolkit",), "root")


def test_what_follows_from_another_interpreter_is_not_told_again():
    other = {
        d.field
        for d in compare(A, replace(A, python=factory.python("3.12.1", executable="/other/bin/python")))
    }
    assert other == {"executable", "version"}
    assert one(python=factory.python(path=("/extra",))).field == "path"


def test_members_without_a_name_are_compared_whole():
    settings = Configuration((Setting("pip", "index", "x", "f", 1, True),))
    assert not compare(replace(A, configuration=settings), replace(A, configuration=settings))
    needed = CompiledModule("/m.so", None, (Needed("liba.so", None, None),), None, None, (), ())
    assert not compare(
        replace(A, modules=CompiledModules((needed,))), replace(A, modules=CompiledModules((needed,)))
    )


def test_time_and_free_space_do_not_count():
    assert not compare(A, replace(A, system=factory.system(clock=1)))
    assert not compare(A, replace(A, torch=factory.torch(found_via="elsewhere")))


def test_text_names_component_both_values_and_provenance():
    b = replace(A, packages=factory.packages(factory.package("numpy", "2.0.1")), driver=None)
    report = text(b)
    assert "packages, package numpy\n  version\n    A  1.26.4\n    B  2.0.1\n" in report
    assert "driver: only in A (NVML)" in report
    assert report.endswith("2 differences.\n")


def test_lists_show_what_the_other_side_lacks():
    assert "A  nothing more\n    B  amx_int8" in text(
        replace(A, system=factory.system(cpu=replace(factory.system().cpu, isa=("avx2", "amx_int8"))))
    )


def test_programs_that_are_never_asked_for_their_version_are_compared_by_being_there():
    unasked = replace(A, tools=factory.tools(factory.program("make", version=None)))
    assert not compare(unasked, unasked)
    assert compare(A, unasked)


def environment_of(prefix, number, *changes):
    """Two modules and a library of a venv, one module with its needed library."""
    site = f"{prefix}/lib/python3.{number}/site-packages"
    paths = [f"{site}/numpy/_core/_umath.cpython-3{number}-x86_64-linux-gnu.so", f"{site}/numpy.libs/libz.so"]
    needed = (Needed("libz.so", f"{site}/numpy.libs/libz.so", "rpath"),)
    values = (None, None, (), ())
    return CompiledModules(
        tuple(CompiledModule(path, "numpy", needed, *values) for path in (*paths, *changes))
    )


def test_modules_of_two_environments_are_matched_below_site_packages():
    a = replace(A, modules=environment_of("/a", 11))
    assert not compare(a, replace(A, modules=environment_of("/b", 12)))
    (found,) = compare(
        a, replace(A, modules=environment_of("/b", 12, "/b/lib/python3.12/site-packages/m.so"))
    )
    assert (found.kind, found.component) == ("only in B", ("modules", "compiled module m.so"))


def test_what_people_ask_about_comes_first_and_long_lists_last_and_cut():
    many = [factory.package(f"p{number:02}") for number in range(30)]
    b = replace(
        A, packages=factory.packages(factory.package("numpy", "2.0.1"), *many), torch=None, loader=A.torch
    )
    assert [d.component[0] for d in compare(A, b)][:2] == ["torch", "loader"]
    assert compare(A, b)[-1].component[0] == "packages"
    report = text(b)
    assert "packages: and 11 more; --format json has all" in report
    assert "package p18:" in report and "package p19:" not in report
    assert report.endswith("33 differences.\n")
