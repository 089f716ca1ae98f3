"""Wrappers, run by a real shell in front of a real program."""

import os
import subprocess

import pytest

from envdoctor import wrapper


@pytest.fixture
def run(tmp_path):
    """Puts a wrapper of a program in front of one that prints its arguments, each in a line of its own."""

    def call(name, arguments, *words):
        for folder, text in (
            ("real", '#!/bin/sh\nprintf "%s\\n" "$@"\n'),
            ("bin", wrapper.script(name, arguments)),
        ):
            path = tmp_path / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        (tmp_path / "again").symlink_to("bin")
        path = f"{tmp_path}/bin:{tmp_path}/again:{tmp_path}/real:{os.environ['PATH']}"
        done = subprocess.run(
            [name, *words], env={"PATH": path}, capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout.splitlines()

    return call


def test_arguments_come_last_and_stay_words(run):
    assert run("ctool", "-a '-b c'", "x y", "") == ["x y", "", "-a", "-b c"]


@pytest.mark.parametrize("words", [("-S", ".", "-B", "build"), ("..",), ("--fresh", "..")])
def test_cmake_gets_them_when_it_configures(run, words):
    assert run("cmake", "-DX=1", *words) == [*words, "-DX=1"]


@pytest.mark.parametrize(
    "words",
    [("--build", "."), ("--install", "b"), ("-E", "echo"), ("--version",), ("-DY=1", "-P", "x.cmake")],
)
def test_cmake_is_left_alone_in_its_other_modes(run, words):
    assert run("cmake", "-DX=1", *words) == list(words)
