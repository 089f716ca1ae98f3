"""The overlay for an image, as text."""

import pytest

from envdoctor.finding import SetEnv, Shim
from envdoctor.overlay.activation import docker
from envdoctor.overlay.activation.names import CannotExpressError
from envdoctor.overlay.plan import Layer, Overlay


def lines(*changes, shims=()):
    """The instructions, without comments."""
    made = Overlay("/p q/.envdoctor", (Layer("/p q/.envdoctor/1", shims, changes, ()),))
    return [line for line in docker.render(made).splitlines() if not line.startswith("#")]


def test_every_change_is_an_instruction():
    marker = "ENV ENVDOCTOR_OVERLAY='/p q/.envdoctor'"
    assert lines(SetEnv("CUDAARCHS", "80;90")) == ["ENV CUDAARCHS='80;90'", marker]
    assert lines(SetEnv("CC", None)) == ["ENV CC=''", marker]
    assert lines(SetEnv("CPATH", "/x", "prepend"))[0] == "ENV CPATH='/x'\"${CPATH:+:$CPATH}\""
    assert lines(SetEnv("CFLAGS", "-g", "append"))[0] == "ENV CFLAGS=\"${CFLAGS:+$CFLAGS }\"'-g'"


def test_nothing_of_a_value_is_expanded():
    assert docker.quoted('a"$b`') == "'a\"$b`'"
    assert docker.quoted("it's $5 \\ \"") == '"it\'s \\$5 \\\\ \\""'


def test_files_are_copied_to_the_same_place():
    assert lines(shims=(Shim("bin/x", "script", ""),))[0] == 'COPY [".envdoctor", "/p q/.envdoctor"]'


def test_a_line_break_is_refused():
    with pytest.raises(CannotExpressError, match="line break"):
        docker.quoted("a\nb")
