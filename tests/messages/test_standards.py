"""C++ standards that a log speaks of."""

import pytest

from envdoctor.log import read_text
from envdoctor.messages.standards import lowest_asked, number


def test_quiet_where_none_is_named():
    assert lowest_asked(read_text("c++ -O2 -c a.cpp\n")) is None


@pytest.mark.parametrize(
    ("name", "found"), [("17", 17), ("1z", 17), ("98", 0), ("03", 0), ("0x", 11), ("xy", 0)]
)
def test_drafts_are_the_standards_that_they_became(name, found):
    assert number(name) == found


def test_the_lowest_counts():
    assert (
        lowest_asked(read_text("c++ -std=c++20 -c a.cpp\nnvcc -std=c++14 -c b.cu\ncl /std:c++17 c.cpp\n"))
        == 14
    )
