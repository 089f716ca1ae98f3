"""Activation in real shells: what a child sees, twice, and back."""

import random
import subprocess
import sys

import pytest

from envdoctor.finding import SetEnv
from envdoctor.overlay.activation.forms import FORMS
from envdoctor.overlay.activation.names import left
from envdoctor.overlay.plan import MARKER, Layer, Overlay, applied
from tests.overlay.activation.shells import SHELLS, Session, here, without_state

NASTY = "a b\n'\"!$`\\*?[]{}~^#%&;|<>()=-/.,é€𝄞"
WORDS = ["-e /etc", "\n", "x\n", *"-n $HOME `id` $(id) !! a!b '' \\! \\ ' ~ %s (1 \\E ^a".split()]
NAMES = "CUDA_HOME LIBRARY_PATH PATH NVCC_APPEND_FLAGS PYTHONPATH CXX http_proxy X_1".split()


@pytest.fixture(params=SHELLS)
def session(request, tmp_path):
    """Starts a session in a shell."""
    return lambda environment: Session(here(request.param), str(tmp_path), environment)


def overlay(*changes, folder="/p/.envdoctor"):
    """An overlay that makes these changes."""
    return Overlay(folder, (Layer(f"{folder}/1", (), changes, ()),))


def activate(session, made):
    """The session with the overlay active."""
    return session.read(FORMS[session.shell.form].render(made))


def assert_there_and_back(session, made):
    """Once, twice, and back by `deactivate`; a child sees what the doctor said it would."""
    session = activate(session.look(), made).look()
    session = activate(session, made).look().run("envdoctor_deactivate").look()
    before, once, twice, after = session.seen()
    assert without_state(once) == applied(made.variables, before)
    assert twice == once
    assert after == before
    assert left(once) == before


def test_set_prepend_append_and_unset(session):
    made = overlay(
        SetEnv("CUDA_HOME", "/opt/cuda"),
        SetEnv("CC", None),
        SetEnv("PATH", "/p/.envdoctor/1/bin", "prepend"),
        SetEnv("PATH", "/opt/cuda/bin", "prepend"),
        SetEnv("LIBRARY_PATH", "/p/lib", "append"),
        SetEnv("NVCC_APPEND_FLAGS", "-std=c++17 -O2", "append"),
        SetEnv("EMPTY", "/x", "prepend"),
    )
    before = {"CC": "gcc", "LIBRARY_PATH": "/a", "NVCC_APPEND_FLAGS": "-g", "EMPTY": ""}
    assert_there_and_back(session({"PATH": "/usr/bin:/bin", **before}), made)


@pytest.mark.parametrize("seed", range(12))
def test_any_value(session, seed):
    drawn = random.Random(seed)

    def value():
        if drawn.random() < 0.3:
            return drawn.choice(WORDS)
        return "".join(drawn.choice(NASTY) for _ in range(drawn.randrange(1, 9)))

    def change():
        mode = drawn.choice(("set", "set", "prepend", "append"))
        return SetEnv(drawn.choice(NAMES), None if drawn.random() < 0.15 else value(), mode)

    here_before = [name for name in NAMES if drawn.random() < 0.6]
    before = {name: drawn.choice((value(), "", f"{value()}:{value()}")) for name in here_before}
    before.setdefault("PATH", "/usr/bin")  # dash has one of its own, and never unexports it again
    made = overlay(*(change() for _ in range(drawn.randrange(1, 9))))
    assert_there_and_back(session(before), made)


def test_an_item_that_stands_at_its_place_is_not_repeated(session):
    made = overlay(SetEnv("CPATH", "/a*b", "prepend"), SetEnv("CPATH", "/z[", "append"))
    assert_there_and_back(session({"CPATH": "/a*b:/z["}), made)
    assert applied(made.variables, {"CPATH": "/a*b:/z["})["CPATH"] == "/a*b:/z["


def test_what_was_not_exported_is_that_again(session):
    """A child does not see it, so the doctor did not; the shell has it back in the end."""
    run = session({"PATH": "/usr/bin:/bin"})
    if run.shell.form == "csh":
        pytest.skip("a C shell's own variables are others than the environment's")
    assign = "set -g CPATH /own" if run.shell.form == "fish" else "CPATH=/own"
    run = activate(run.run(assign).look(), overlay(SetEnv("CPATH", "/x", "prepend"))).look()
    run = run.run("envdoctor_deactivate").look().run("export CPATH").look()
    if run.shell.form == "fish":
        run.lines[-2] = "set -gx CPATH $CPATH"
    before, inside, after, shown = run.seen()
    assert inside["CPATH"] == "/x"
    assert after == before
    assert shown == {**before, "CPATH": "/own"}


def test_another_overlay_takes_the_place_of_the_first(session):
    first = overlay(SetEnv("CC", "one"), SetEnv("CPATH", "/one", "prepend"))
    second = overlay(SetEnv("CXX", "two"), SetEnv("CPATH", "/two", "prepend"), folder="/q/.envdoctor")
    run = activate(session({"CPATH": "/a"}).look(), first).look()
    before, _, inside, after = activate(run, second).look().run("envdoctor_deactivate").look().seen()
    assert without_state(inside) == {**before, "CXX": "two", "CPATH": "/two:/a", MARKER: "/q/.envdoctor"}
    assert after == before


def test_only_leaving(session):
    run = activate(session({"CPATH": "/a"}).look(), overlay(SetEnv("CPATH", "/one", "prepend")))
    before, after = run.read(FORMS[run.shell.form].leaving()).look().seen()
    assert after == before


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """A virtual environment with its activation scripts, and nothing installed in it."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    return folder


def enter(run, venv):
    """The session in a virtual environment."""
    script = {"fish": "activate.fish", "csh": "activate.csh"}.get(run.shell.form, "activate")
    prompt = "set prompt = ''; " if run.shell.form == "csh" else ""
    return run.run(f"{prompt}{run.shell.source} {venv}/bin/{script}")


IN_VENV = {"PATH": "/usr/bin:/bin", "VIRTUAL_ENV_DISABLE_PROMPT": "1"}


def test_the_deactivate_of_a_virtual_environment_is_kept(session, venv):
    made = overlay(SetEnv("PATH", "/x", "prepend"))
    run = activate(activate(enter(session(IN_VENV).look(), venv).look(), made), made).look()
    # A plain sh cannot copy a function: there `deactivate` stays the virtual environment's.
    first = "envdoctor_deactivate" if run.shell.form == "sh" else "deactivate"
    bare, inside, cured, back, after = run.run(first).look().run("deactivate").look().seen()
    assert cured["PATH"] == f"/x:{inside['PATH']}"
    assert back == inside
    assert after == bare


def test_a_virtual_environment_that_is_entered_later_is_left_alone(session, venv):
    run = enter(activate(session(IN_VENV).look(), overlay(SetEnv("CPATH", "/x"))), venv)
    bare, inside, after = run.run("envdoctor_deactivate").look().run("deactivate").look().seen()
    assert inside["VIRTUAL_ENV"] == str(venv)
    assert "CPATH" not in inside
    assert after == bare
