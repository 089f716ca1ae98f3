"""Fixes put together into layers."""

from envdoctor.finding import Finding, Fix, Run, SetEnv, Shim
from envdoctor.overlay.plan import MARKER, Overlay, applied, plan_layer

FOLDER = "/p/.envdoctor/1"


def found(*steps, rule="r"):
    return Finding("m", "c", (), Fix("title", steps), rule=rule)


def layer(*findings):
    return plan_layer(findings, FOLDER)


def test_the_overlays_folder_is_filled_in_everywhere():
    made = layer(
        found(
            Shim("lib/a", "text", "INPUT ( {overlay}/b )"), SetEnv("LIBRARY_PATH", "{overlay}/lib", "prepend")
        )
    )
    assert made.shims == (Shim("lib/a", "text", f"INPUT ( {FOLDER}/b )"),)
    assert made.variables == (SetEnv("LIBRARY_PATH", f"{FOLDER}/lib", "prepend"),)


def test_of_a_fix_with_commands_the_reversible_part_is_taken():
    assert layer(found(Run("pip install x"), SetEnv("A", "b"))).variables == (SetEnv("A", "b"),)


def test_two_fixes_that_want_the_same_share_it():
    both = layer(
        found(SetEnv("A", "b"), Shim("x", "text", "y")), found(SetEnv("A", "b"), Shim("x", "text", "y"))
    )
    assert both.variables == (SetEnv("A", "b"),) and len(both.shims) == 1 and len(both.cures) == 2


def test_a_fix_that_wants_something_else_waits_as_a_whole():
    first = found(SetEnv("CXX", "/a"), rule="first")
    for other in (
        found(SetEnv("X", "y"), SetEnv("CXX", "/b")),
        found(SetEnv("CXX", "/b", "prepend")),
        found(SetEnv("CXX", None)),
    ):
        made = layer(first, other)
        assert made.variables == (SetEnv("CXX", "/a"),) and made.cures == (first,)
    shim = found(Shim("bin/cmake", "link", "/a"))
    assert layer(shim, found(Shim("bin/cmake", "link", "/b"))).cures == (shim,)


def test_everything_waits_for_the_choice_of_the_toolkit():
    links = found(Shim("lib/libcublas.so", "text", "/cuda-12/libcublas.so.12"), rule="links")
    choice = found(SetEnv("CUDA_HOME", "/cuda-13"), SetEnv("PATH", "/cuda-13/bin", "prepend"), rule="choice")
    assert layer(links, choice).cures == (choice,)
    of_the_overlay = found(SetEnv("CUDA_HOME", "{overlay}/cuda"), rule="shim")
    assert layer(links, of_the_overlay).cures == (links, of_the_overlay)


def test_lists_grow_from_several_fixes():
    made = layer(found(SetEnv("CPATH", "/a", "prepend")), found(SetEnv("CPATH", "/b", "append")))
    assert applied(made.variables, {"CPATH": "/mine"}) == {"CPATH": "/a:/mine:/b"}


def test_shims_stay_in_front_of_other_folders():
    made = layer(
        found(SetEnv("PATH", "{overlay}/bin", "prepend")), found(SetEnv("PATH", "/conda/bin", "prepend"))
    )
    assert applied(made.variables, {"PATH": "/bin"})["PATH"] == f"{FOLDER}/bin:/conda/bin:/bin"


def test_flags_are_joined_by_spaces_and_nothing_stands_twice():
    flag = SetEnv("NVCC_APPEND_FLAGS", "-std=c++17", "append")
    once = applied([flag], {"NVCC_APPEND_FLAGS": "-O2"})
    assert once == {"NVCC_APPEND_FLAGS": "-O2 -std=c++17"} == applied([flag], once)
    path = SetEnv("PATH", "/a", "prepend")
    assert applied([path, path], {"PATH": "/ab:/b"}) == {"PATH": "/a:/ab:/b"}


def test_unset_and_empty_variables():
    assert applied([SetEnv("A", None), SetEnv("B", "x", "append")], {"A": "1", "B": ""}) == {"B": "x"}


def test_an_overlay_tells_that_it_is_there():
    made = Overlay("/p/.envdoctor", (layer(found(SetEnv("A", "b"))),))
    assert made.variables == (SetEnv("A", "b"), SetEnv(MARKER, "/p/.envdoctor"))
    assert Overlay("/p/.envdoctor").variables == ()
