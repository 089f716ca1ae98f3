"""Which compiler cache a build runs its compilers by (cmake/choose_cache.cmake)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CMAKE = shutil.which("cmake")

pytestmark = pytest.mark.skipif(not CMAKE, reason="no cmake on the search path")

ASK = """
cmake_minimum_required(VERSION 3.18...4.0)
set(CMAKE_MODULE_PATH "{root}/cmake")
include(choose_cache)
set(ENVDOCTOR_CACHE {asked})
set(CMAKE_C_COMPILER "{bin}/cc")
set(CMAKE_CXX_COMPILER "{bin}/cc")
{settings}
choose_cache(nvcc)
message(NOTICE "${{CMAKE_C_COMPILER_LAUNCHER}}|${{CMAKE_CXX_COMPILER_LAUNCHER}}|${{nvcc}}")
"""


@pytest.fixture
def ask(tmp_path):
    """What C, C++ and nvcc are run by, on a search path that has these programs alone."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def run(asked, *installed, settings="", env=None):
        for name in (*installed, "cc"):
            if not (folder / name).is_symlink():
                (folder / name).touch(0o755)
        script = tmp_path / "script.cmake"
        script.write_text(ASK.format(root=ROOT, asked=asked, bin=folder, settings=settings))
        done = subprocess.run(
            [CMAKE, "-P", str(script)],
            env={"PATH": str(folder), **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        return done.stderr.replace(f"{folder}{os.sep}", "").strip()

    run.folder = folder
    return run


@pytest.mark.parametrize(
    ("asked", "installed", "chosen"),
    [
        ("AUTO", "", "||"),
        ("auto", "sccache", "sccache|sccache|sccache"),
        ("AUTO", "sccache ccache", "ccache|ccache|ccache"),
        ("OFF", "sccache ccache", "||"),
        ("sccache", "sccache ccache", "sccache|sccache|sccache"),
    ],
)
def test_what_is_found_or_asked_for(ask, asked, installed, chosen):
    assert ask(asked, *installed.split()) == chosen


@pytest.mark.parametrize(
    ("asked", "launcher", "chosen"),
    [
        ("AUTO", "distcc", "ccache|distcc|ccache"),
        ("AUTO", "/x/sccache", "ccache|/x/sccache|/x/sccache"),
        ("OFF", "/x/sccache", "||"),
        ("OFF", "distcc", "|distcc|"),
        ("ccache", "distcc", "ccache|ccache|ccache"),
    ],
)
def test_what_the_caller_has_set_stays_where_nothing_is_asked_for(ask, asked, launcher, chosen):
    assert ask(asked, "ccache", settings=f"set(CMAKE_CXX_COMPILER_LAUNCHER {launcher})") == chosen


def test_nvcc_may_have_another_one(ask):
    variables = {"CMAKE_CUDA_COMPILER_LAUNCHER": "/x/sccache"}
    assert ask("AUTO", "ccache", env=variables) == "ccache|ccache|/x/sccache"
    assert ask("AUTO", "ccache", settings="set(CMAKE_CUDA_COMPILER_LAUNCHER a)", env=variables) == (
        "ccache|ccache|a"
    )


def test_a_compiler_that_is_a_link_to_ccache_is_run_by_nothing_else(ask):
    (ask.folder / "cc").symlink_to("ccache")
    assert ask("AUTO", "ccache") == "||ccache"


def test_what_was_asked_for_and_is_not_there_stops(ask):
    said = " ".join(ask("ccache", "sccache").split())
    assert (
        "envdoctor: ccache was asked for and is not on the search path; install it, or build with cache=off."
        in said
    )
