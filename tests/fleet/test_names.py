"""Names of machines in few words."""

import pytest

from envdoctor.fleet.names import in_order, some


def test_by_number():
    assert in_order(["n10", "n9", "a", "n1b2", "n1b10"]) == ["a", "n1b2", "n1b10", "n9", "n10"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["b", "a", "c"], "a, b, c"),
        (["n1", "n2", "n3"], "n[1-3]"),
        (["n1", "n3", "n4", "n9"], "n[1,3-4,9]"),
        (["n01", "n02", "n3"], "n[01-02,3]"),
        (["n09", "n10", "n11"], "n[09-11]"),
        (["r1n1.lan", "r1n2.lan", "r2n1.lan"], "r1n[1-2].lan, r2n1.lan"),
        (["gpu-1", "login", "gpu-2"], "gpu-[1-2], login"),
        ([f"n{number}" for number in range(0, 20, 2)], "n[0,2,4,6] and 6 more"),
        ([f"n{number}" for number in range(1000)], "n[0-999]"),
        (["a", "b", "c", "d", "e"], "a, b, c, d and 1 more"),
    ],
)
def test_folded(names, text):
    assert some(names, 4) == text
