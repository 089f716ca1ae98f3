"""Lines to paste do what the steps say: run by a real shell."""

import os
import subprocess

import pytest

from envdoctor.finding import Fix, SetEnv, Shim
from envdoctor.report.shell import environment_lines, hide_home


def ran(tmp_path, *steps, then, env=None, indented=True):
    lead = "    " if indented else ""
    lines = [f"{lead}{line}" for line in environment_lines(Fix("x", steps), indented=indented)]
    script = "\n".join(["set -eu", *lines, then])
    variables = {"PATH": "/usr/bin:/bin", **(env or {})}
    result = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=variables, capture_output=True, text=True, check=True
    )
    return result.stdout


def test_variables_are_set_unset_and_joined(tmp_path):
    steps = (
        SetEnv("A", 'x $y `z` "q" \\'),
        SetEnv("B", None),
        SetEnv("CFLAGS", '-DA="" -DB=\'"x"\'', "append"),
        SetEnv("LIBRARY_PATH", "/new", "prepend"),
        SetEnv("NVCC_APPEND_FLAGS", "-std=c++17", "append"),
    )
    shown = 'printf "%s|" "$A" "${B-unset}" "$LIBRARY_PATH" "$NVCC_APPEND_FLAGS" "$CFLAGS"'
    same = 'x $y `z` "q" \\|unset|'
    flags = '-DA="" -DB=\'"x"\'|'
    assert ran(tmp_path, *steps, then=shown) == f"{same}/new|-std=c++17|{flags}"
    old = {"B": "1", "LIBRARY_PATH": "/old", "NVCC_APPEND_FLAGS": "-O2"}
    assert ran(tmp_path, *steps, then=shown, env=old) == f"{same}/new:/old|-O2 -std=c++17|{flags}"


@pytest.mark.parametrize("indented", [True, False])
def test_files_of_the_overlay_come_into_being(tmp_path, indented):
    steps = (
        Shim("lib/libx.a", "text", "INPUT ( -lx $y )\n"),
        Shim("bin/cc", "script", '#!/bin/sh\n\necho "{overlay}" "$1" `echo b` \\\\ "!"\n'),
        Shim("lib/plain", "text", "a $b `c` \\\\ 'd'\n\n  \"e\"!\n"),
        Shim("lib/liby.so", "link", "/usr/lib/liby.so.1"),
        SetEnv("PATH", "{overlay}/bin", "prepend"),
    )
    assert (
        ran(tmp_path, *steps, then="cc hello", indented=indented) == f"{tmp_path}/.envdoctor hello b \\ !\n"
    )
    assert (tmp_path / ".envdoctor/lib/plain").read_text() == "a $b `c` \\\\ 'd'\n\n  \"e\"!\n"
    assert (tmp_path / ".envdoctor/lib/libx.a").read_text() == "INPUT ( -lx $y )\n"
    assert os.readlink(tmp_path / ".envdoctor/lib/liby.so") == "/usr/lib/liby.so.1"


@pytest.mark.parametrize("indented", [True, False])
def test_a_wrapper_is_a_script_that_runs_the_next_program_of_its_name(tmp_path, indented):
    steps = (Shim("bin/echo", "wrapper", "'and more'"), SetEnv("PATH", "{overlay}/bin", "prepend"))
    assert ran(tmp_path, *steps, then="env echo hello", indented=indented) == "and more hello\n"


def test_what_bash_expands_in_double_quotes_is_left_alone():
    (line,) = environment_lines(Fix("x", (SetEnv("A", "#!/bin/sh"),)))
    assert line == "export A='#!/bin/sh'"
    (_, line) = environment_lines(Fix("x", (SetEnv("A", "{overlay}/a!b:/home/alice/c"),)), "/home/alice")
    assert line == """export A="$overlay"'/a!b:'"$HOME"/c"""


def test_home_becomes_a_variable_that_still_works():
    fix = Fix("x", (SetEnv("A", "/home/alice/cuda"),))
    assert environment_lines(fix, "/home/alice") == ['export A="$HOME/cuda"']
    assert hide_home('export A="/home/alice/cuda"', "/home/alice") == 'export A="$HOME/cuda"'
    assert hide_home("export A=/home/alicex/y", "/home/alice") == "export A=/home/USER/y"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("'/home/alice/my env/bin/python' -m pip", "\"$HOME\"'/my env/bin/python' -m pip"),
        ("x '-I/home/alice/a b'", "x '-I'\"$HOME\"'/a b'"),
        ("x \"don't\" /home/alice/a 'b'", "x \"don't\" $HOME/a 'b'"),
    ],
)
def test_home_in_quotes(command, shown):
    assert hide_home(command, "/home/alice") == shown
