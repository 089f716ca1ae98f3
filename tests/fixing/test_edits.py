"""Edits of single words, byte for byte, and the diffs that show them."""

import subprocess

import pytest

from envdoctor.finding import Edit
from envdoctor.fixing.edits import diff, edited


def one(data, old, new, line=1):
    return edited(data, [Edit("f", line, old, new)])


@pytest.mark.parametrize(
    ("before", "old", "new", "after"),
    [
        (b"set(CMAKE_CXX_STANDARD 14)\n", "14", "17", b"set(CMAKE_CXX_STANDARD 17)\n"),
        (b"flags = ['-std=c++14']  # 2014\r\n", "14", "17", b"flags = ['-std=c++17']  # 2014\r\n"),
        (b"cmake_minimum_required(VERSION 2.8)", "2.8", "3.5", b"cmake_minimum_required(VERSION 3.5)"),
        (
            b"AT_DISPATCH(x.type(), \xff)\n",
            ".type()",
            ".scalar_type()",
            b"AT_DISPATCH(x.scalar_type(), \xff)\n",
        ),
    ],
)
def test_the_word_alone_changes(before, old, new, after):
    assert one(before, old, new) == (after, ())


@pytest.mark.parametrize(
    ("before", "line", "why"),
    [
        (b"a 14 14\n", 1, "f:1 has more than once '14'"),
        (b"a 140 x14 1.14 14.2 \n", 1, "f:1 does not have '14'"),
        (b"14\n", 2, "f:2 does not have '14'"),
        (b"", 1, "f:1 does not have '14'"),
    ],
)
def test_what_is_not_as_it_was_found_is_left_and_said(before, line, why):
    assert one(before, "14", "17", line) == (before, (why,))


def test_a_carriage_return_ends_no_line():
    assert one(b"a\r14\n14\n", "14", "17", 2) == (b"a\r14\n17\n", ())


@pytest.mark.parametrize("before", [b"x 14\nlast", b"x\r\ny 14\r\n", b"14"])
def test_git_applies_the_diff(tmp_path, before):
    line = next(i for i, text in enumerate(before.split(b"\n"), 1) if b"14" in text)
    after, _ = one(before, "14", "17", line)
    folder = tmp_path / "sub dir"
    folder.mkdir()
    (folder / "f").write_bytes(before)
    (tmp_path / "patch").write_bytes(diff("f", before, after))
    subprocess.run(["git", "apply", "../patch"], cwd=folder, check=True, timeout=20)
    assert (folder / "f").read_bytes() == after
