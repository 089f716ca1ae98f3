"""Many machines put together: norm, differences, findings, bundles."""

from dataclasses import replace

from envdoctor.facts import NOT_EXAMINED, Environment, Unknown, Variable
from envdoctor.fleet.result import Verdict
from tests.fleet.machines import H200, SLIM, counted, driven, facts_file, recorded, report, wobbled

USUAL = recorded(H200)
OLD = driven(USUAL, "535.104.05", "12.2")


def kinds(found):
    return {(each.component, each.field, each.a, each.b) for each in found.groups[1].differences}


def test_machines_that_differ_in_nothing_that_counts():
    found = counted({"a": report(USUAL), "b": report(wobbled(USUAL)), "c": facts_file(wobbled(USUAL, 7))})
    (group,) = found.groups
    assert group.machines == ("a", "b", "c") and group.norm and not group.differences
    assert found.machines == 3 and not found.findings and not found.unread


def test_what_most_have_is_the_norm_and_the_rest_is_told_apart():
    found = counted({"a": report(OLD), "b": report(USUAL), "c": report(wobbled(USUAL))})
    norm, other = found.groups
    assert (norm.machines, norm.norm) == (("b", "c"), True)
    assert (other.machines, other.norm) == (("a",), False)
    assert (("driver",), "kernel_module", "580.159.04", "535.104.05") in kinds(found)
    assert {each.component for each in other.differences} == {("driver",)}
    assert not found.same


def test_the_norm_is_found_fact_by_fact():
    """Each machine has a variable of its own; what the odd driver is, is seen all the same."""
    machines = {}
    for number, facts in enumerate((USUAL, USUAL, OLD)):
        variables = (*facts.environment.variables, Variable("CONDA_PREFIX", f"/envs/{number}"))
        machines[f"n{number}"] = report(replace(facts, environment=Environment(variables)))
    found = counted(machines)
    assert len(found.groups) == 3
    told = {group.machines: {each.component[0] for each in group.differences} for group in found.groups}
    assert "driver" in told["n2",] and "driver" not in told["n0",] | told["n1",]
    alone = counted(machines, ignored=("environment",))
    assert [group.machines for group in alone.groups] == [("n0", "n1"), ("n2",)]


def test_findings_are_counted_worst_and_most_frequent_first():
    found = counted(
        {"a": report(OLD), "b": report(OLD), "c": report(USUAL), "d": report(recorded("toolkit-11.8-gcc-12"))}
    )
    assert [(each.severity.value, each.rule, each.machines) for each in found.findings] == [
        ("error", "driver-too-old", ("a", "b")),
        ("warning", "host-compiler-too-new", ("d",)),
    ]
    assert [number for _, number in found.findings[0].messages] == [2]
    assert found.worst().value == "error"


def test_facts_files_are_judged_here_each_by_its_own_free_space():
    items = tuple(
        replace(item, free_bytes=item.free_bytes and 10 << 20) if item.role == "tmp" else item
        for item in USUAL.folders.items
    )
    full = replace(USUAL, folders=replace(USUAL.folders, items=items))
    found = counted({"a": facts_file(USUAL), "b": facts_file(full), "c": facts_file(wobbled(OLD))})
    assert [(each.rule, each.machines) for each in found.findings] == [
        ("disk-or-shm-full", ("b",)),
        ("driver-too-old", ("c",)),
    ]
    assert found.groups[0].machines == ("a", "b")


def test_what_is_not_known_is_equal_to_nothing():
    blind = report(replace(USUAL, driver=Unknown("NVML does not answer")))
    found = counted({"a": blind, "b": blind, "c": report(USUAL), "d": report(USUAL), "e": report(USUAL)})
    assert [(group.machines, group.norm) for group in found.groups] == [
        (("c", "d", "e"), True),
        (("a", "b"), False),
    ]
    assert {each.kind for each in found.groups[1].differences} == {"not comparable"}
    assert (("driver",), "", 2) in {(each.component, each.field, each.machines) for each in found.unknown}
    assert not counted({"a": blind, "b": blind}).same
    assert {each.rule: each.machines for each in found.undetermined}["driver"] == ("a", "b")
    older = counted({"a": facts_file(replace(USUAL, driver=NOT_EXAMINED)), "b": blind})
    assert {each.machines for each in older.unknown if each.component == ("driver",)} == {2}


def test_machines_of_one_verdict_are_told_together():
    def judge(facts):
        has = facts.driver is not None
        return (Verdict("b", ("cu13",) if has else (), () if has else ("no driver",)), Verdict("c", ("cpu",)))

    found = counted(
        {"a": report(USUAL), "b": report(recorded(SLIM)), "c": report(OLD), "d": report(USUAL)}, judge=judge
    )
    assert [(each.verdict.bundle, bool(each.verdict.targets), each.machines) for each in found.bundles] == [
        ("b", True, ("a", "c", "d")),
        ("b", False, ("b",)),
        ("c", True, ("a", "b", "c", "d")),
    ]


def test_nothing_at_all():
    found = counted({"a": b"", "b": b"[]"})
    assert (found.machines, found.groups) == (0, ())
    assert [origin for origin, _ in found.unread] == ["a.json", "b.json"]


def test_where_it_was_run_is_no_property_of_a_machine():
    items = tuple(
        replace(item, path="/tmp/envdoctor-1") if item.role == "build" else item
        for item in USUAL.folders.items
    )
    elsewhere = replace(
        USUAL,
        request=replace(USUAL.request, project="/tmp/envdoctor-1"),
        folders=replace(USUAL.folders, items=items),
    )
    (group,) = counted({"a": report(USUAL), "b": report(elsewhere)}).groups
    assert group.machines == ("a", "b")
