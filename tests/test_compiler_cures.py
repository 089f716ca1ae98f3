"""Cures of host compilers; scripts that stand in front of one are run as a build would run them."""

import os
import subprocess

import pytest

from envdoctor import compiler_cures
from envdoctor.facts import Compilers
from envdoctor.finding import SetEnv, Shim
from tests.factory import compiler, environment, system

PRINTS = '#!/bin/sh\necho "${0##*/}" "$ROLE"\nfor word in "$@"; do echo "<$word>"; done\n'
#: As ccache does under a compiler's name: it runs the first compiler of that name on PATH that is not itself.
MASQUERADE = """#!/bin/sh
IFS=:
for folder in $PATH; do
  [ -x "$folder/${0##*/}" ] && ! [ "$folder" -ef "${0%/*}" ] && ROLE=cached exec "$folder/${0##*/}" "$@"
done
"""


BOTH = (compiler(aliases=("c++", "g++-12")), compiler(name="clang++", path="/usr/bin/clang++", kind="clang"))


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def build(tmp_path):
    """Lays the cure over compilers on PATH and calls one of them."""

    def call(*words, compilers=BOTH[:1], standard=17, order="overlay/bin real", **variables):
        steps = compiler_cures.raised_standard(Compilers(compilers), environment(**variables), standard)
        for step in steps:
            if isinstance(step, Shim):
                executable(tmp_path / "overlay" / step.path, step.content)
        for name in ("g++", "c++", "g++-12", "clang++", "gcc"):
            executable(tmp_path / "real" / name, PRINTS)
        path = ":".join([*(f"{tmp_path}/{folder}" for folder in order.split()), os.defpath])
        answer = subprocess.run(
            words, env={"PATH": path}, capture_output=True, text=True, check=True, timeout=20, cwd=tmp_path
        )
        name, *arguments = answer.stdout.splitlines()
        return name.strip(), [argument[1:-1] for argument in arguments]

    return call


def test_order_and_quoting_stay_and_older_standards_are_raised(build):
    words = ["-O2", "a b.cpp", "", "-std=c++14", '-DX="y z"', "-std=c99", "*"]
    assert build("g++", *words) == (
        "g++",
        ["-O2", "a b.cpp", "", "-std=c++17", '-DX="y z"', "-std=c99", "*"],
    )
    assert build("g++", "--std=gnu++0x", "-std=c++20") == ("g++", ["-std=gnu++17", "-std=c++20"])
    assert build("g++", "-std=c++17", "-std=c++2a", standard=20) == ("g++", ["-std=c++20", "-std=c++2a"])
    assert build("g++") == ("g++", [])


def test_every_name_of_every_compiler_on_path(build):
    for name in ("g++", "c++", "g++-12", "clang++"):
        assert build(name, "-std=c++11", compilers=BOTH) == (name, ["-std=c++17"])
    assert build("gcc", "-std=c++11", compilers=BOTH) == ("gcc", ["-std=c++11"])


def test_a_standard_in_a_response_file_is_overruled_behind_it(build, tmp_path):
    (tmp_path / "old.rsp").write_text('-I"a b" -std=gnu++14\n-c x.cpp')
    (tmp_path / "new.rsp").write_text("-std=c++20 -DX=-std=c++14x")
    assert build("g++", "@old.rsp", "-O2") == ("g++", ["@old.rsp", "-std=gnu++17", "-O2"])
    later = ["@old.rsp", "-std=gnu++17", "-std=c++20"]
    assert build("g++", "@old.rsp", "-std=c++20") == ("g++", later)
    (tmp_path / "strict.rsp").write_text("'-std=c++11'\n")
    assert build("g++", "@strict.rsp") == ("g++", ["@strict.rsp", "-std=c++17"])
    assert build("g++", "@new.rsp", "@missing.rsp") == ("g++", ["@new.rsp", "@missing.rsp"])


@pytest.mark.parametrize("order", ["overlay/bin cache real", "cache overlay/bin real"])
def test_a_compiler_cache_under_the_compilers_name_is_kept_and_not_led_in_circles(build, tmp_path, order):
    executable(tmp_path / "cache" / "g++", MASQUERADE)
    assert build("g++", "-std=c++14", order=order) == ("g++ cached", ["-std=c++17"])


def test_a_compiler_that_a_variable_names_by_its_path_gets_a_script_of_its_own(build, tmp_path):
    executable(tmp_path / "opt" / "g++", PRINTS)
    path = f"{tmp_path}/opt/g++"
    known = (compiler(path=path, found_via="CXX"),)
    steps = compiler_cures.raised_standard(Compilers(known), environment(CXX=f"ccache {path} -m64"), 17)
    assert SetEnv("CXX", "ccache {overlay}/compilers/CXX/g++ -m64") in steps
    build("g++", CXX=f"ccache {path} -m64", compilers=(*BOTH, *known))
    answer = subprocess.run(
        [tmp_path / "overlay/compilers/CXX/g++", "-std=c++14"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines() == ["g++ ", "<-std=c++17>"]


def test_compilers_within_bounds():
    found = Compilers(
        (
            compiler("14.1.0", name="g++-14"),
            compiler("13.2.0", name="gcc-13"),
            compiler("12.2.0", name="g++-12", cxx=False),
            compiler("11.3.0", name="g++-11"),
            compiler("9.4.0", name="g++-9"),
        )
    )
    best = compiler_cures.accepted_compiler(found, "gcc", 13)
    assert best is not None and best.name == "g++-11"
    assert compiler_cures.accepted_compiler(found, "gcc", 8) is None
    assert compiler_cures.accepted_compiler(found, "gcc", 13, oldest=12) is None


def test_the_c_compiler_beside_a_cxx_compiler():
    steps = compiler_cures.use_compiler(compiler(path="/opt/x86_64-conda-linux-gnu-c++"), everywhere=True)
    assert SetEnv("CC", "/opt/x86_64-conda-linux-gnu-cc") in steps
    steps = compiler_cures.use_compiler(compiler(path="/usr/bin/clang++-16"), everywhere=True)
    assert SetEnv("CC", "/usr/bin/clang-16") in steps


def test_package_names_only_where_they_are_known():
    command = compiler_cures.install_gcc(system(), 13)
    assert command is not None and command.command.endswith("apt-get install -y g++-12")
    assert compiler_cures.install_gcc(system(), 10) is None
    assert compiler_cures.install_gcc(system(distribution_version="99"), 13) is None
    assert compiler_cures.install_gcc(system(package_manager="dnf"), 13) is None
    assert compiler_cures.install_gcc(None, 13) is None
