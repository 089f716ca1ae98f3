"""What is alike is what `diff` finds no difference in."""

import itertools
import json
from dataclasses import fields, replace

import pytest

from envdoctor import diff
from envdoctor.facts import NOT_EXAMINED, Facts, Unknown
from envdoctor.facts.codec import facts_to_json
from envdoctor.fleet.likeness import about, likeness, steady
from envdoctor.fleet.parts import Parts
from envdoctor.fleet.reading import ABSENT
from tests.fleet.machines import H200, driven, recorded, wobbled

VENV, MIXED = "venv-torch-cu130-nvcc-wheels", "venv-torch-cu130-nvvm-13.5"
USUAL = recorded(H200)
NAMES = [field.name for field in fields(Facts) if field.name != "notes"]
OTHERS = {
    "another machine": recorded("toolkit-12.4-gcc-12"),
    "another driver": driven(USUAL, "535.104.05", "12.2"),
    "an hour later": wobbled(USUAL),
    "packages in another order": replace(
        USUAL, packages=replace(USUAL.packages, items=USUAL.packages.items[::-1])
    ),
    "PATH in another order": replace(
        USUAL, loader=replace(USUAL.loader, search_path=USUAL.loader.search_path[::-1])
    ),
    "seen in another way": replace(USUAL, system=replace(USUAL.system, found_via="elsewhere")),
    "not seen": replace(USUAL, torch=NOT_EXAMINED),
}


def differing(name, a, b):
    """The known differences in one fact, as `fleet` sees it."""
    both = (Facts(**{name: steady(getattr(facts, name))}) for facts in (a, b))
    found = [each for each in diff.compare(*both) if each.component[0] == name]
    return [each for each in found if each.kind != "not comparable"]


def alike(name, a, b):
    return likeness(name, steady(getattr(a, name))) == likeness(name, steady(getattr(b, name)))


@pytest.mark.parametrize("other", OTHERS)
def test_alike_is_not_different(other):
    b = OTHERS[other]
    unlike = {name for name in NAMES if not alike(name, USUAL, b)}
    assert unlike - {"torch"} == {name for name in NAMES if differing(name, USUAL, b)} - {"torch"}
    assert ("torch" in unlike) == (b.torch != USUAL.torch)


@pytest.mark.parametrize("host", [H200, VENV, "toolkit-11.8-gcc-12"])
def test_what_is_not_known_is_seen_without_comparing(host):
    facts = replace(recorded(host), torch=NOT_EXAMINED, driver=Unknown("no NVML"))
    parts = Parts()
    for name, fact in facts_to_json(facts).items():
        if name not in ("schema", "notes"):
            number, _ = parts.take(name, json.dumps(fact))
            compared = {(each.component, each.field) for each in parts._compared(number, number)}
            assert parts.unknown(number) == compared
    number, _ = parts.take("loader", ABSENT)
    assert parts.unknown(number) == {(("loader",), "")}


def test_two_environments_with_the_same_packages():
    a, b = recorded(VENV), recorded(MIXED)
    for name in NAMES:
        assert alike(name, a, b) == (not differing(name, a, b)), name
    assert alike("modules", a, replace(b, modules=a.modules))


def test_sizes_of_memory_that_was_sold_as_equal():
    sold = 64 << 30
    assert {about(sold - (missing << 20)) for missing in (0, 300, 700)} == {sold}
    assert about(sold) != about(60 << 30)
    assert [about(number) for number in (0, 1, 31)] == [0, 1, 31]
    assert all(abs(about(n) - n) <= n / 32 for n in itertools.accumulate(range(1, 2000)))
