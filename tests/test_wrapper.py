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


def test_arguments_stay_words_and_the_callers_come_last_and_win(run):
    assert run("ctool", "-a '-b c'", "x y", "") == ["-a", "-b c", "x y", ""]


@pytest.mark.parametrize("folders", [("bin",), ("other",)])
def test_a_wrapper_with_nothing_behind_it_says_so_and_runs_nothing_of_the_current_folder(tmp_path, folders):
    for name in ("bin/ctool", "ctool"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(
            wrapper.script("ctool", "-x") if "/" in name else "#!/bin/sh\necho here\n"
        )
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [tmp_path / "bin" / "ctool"],
        env={"PATH": ":".join(str(tmp_path / folder) for folder in folders)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert (done.returncode, done.stdout) == (127, "")
    assert "PATH has no other ctool behind this one" in done.stderr


@pytest.mark.parametrize("words", [("-S", ".", "-B", "build"), ("..",), ("--fresh", "..")])
def test_cmake_gets_them_when_it_configures(run, words):
    assert run("cmake", "-DX=1", *words) == ["-DX=1", *words]


@pytest.mark.parametrize(
    "words",
    [("--build", "."), ("--install", "b"), ("-E", "echo"), ("--version",), ("-DY=1", "-P", "x.cmake")],
)
def test_cmake_is_left_alone_in_its_other_modes(run, words):
    assert run("cmake", "-DX=1", *words) == list(words)


@pytest.fixture
def configure(tmp_path):
    """Calls a cmake that prints its arguments through the script that configures `stale build` afresh."""
    fresh = wrapper.fresh(f"{tmp_path}/p/stale build", "CMAKE_HOME_DIRECTORY", "/w/pkg")
    for name, text in (
        ("real/cmake", '#!/bin/sh\nprintf "%s\\n" "$@"\n'),
        ("p/.envdoctor/1/bin/cmake", fresh),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    for name in ("stale build", "good", "new"):
        (tmp_path / "p" / name).mkdir()
    cache = tmp_path / "p/stale build/CMakeCache.txt"
    cache.write_text("# made by hand\nCMAKE_HOME_DIRECTORY:INTERNAL=/w/pkg\n")
    (tmp_path / "p/good/CMakeCache.txt").write_text("CMAKE_HOME_DIRECTORY:INTERNAL=/w/pkg\n")

    def call(*words, cwd="p"):
        done = subprocess.run(
            ["cmake", *words],
            env={"PATH": f"{tmp_path}/p/.envdoctor/1/bin:{tmp_path}/real:{os.environ['PATH']}"},
            cwd=tmp_path / cwd,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return done.stdout.splitlines()

    call.cache = cache
    return call


@pytest.mark.parametrize(
    ("words", "cwd"),
    [
        (("-S", ".", "-B", "stale build"), "p"),
        (("-Bstale build", "-S", "."), "p"),
        (("stale build",), "p"),
        (("..", "-DX=1"), "p/stale build"),
    ],
)
def test_the_stale_folder_is_configured_afresh_and_its_cache_kept(configure, tmp_path, words, cwd):
    assert configure(*words, cwd=cwd) == ["--fresh", *words]
    kept = tmp_path / "p/.envdoctor/CMakeCache.before.txt"
    assert kept.read_text() == configure.cache.read_text()


@pytest.mark.parametrize(
    ("words", "cwd"),
    [
        (("-S", ".", "-B", "good"), "p"),
        (("-S", ".", "-B", "new"), "p"),
        (("..",), "p/good"),
        (("--build", "stale build"), "p"),
        (("-S", "stale build", "-B", "new"), "p"),
    ],
)
def test_every_other_folder_and_mode_is_left_alone(configure, words, cwd):
    assert configure(*words, cwd=cwd) == list(words)


@pytest.mark.parametrize("text", ["CMAKE_HOME_DIRECTORY:INTERNAL=/w/pkg-1\n", "X:PATH=/w/pkg\n", ""])
def test_a_folder_that_is_no_longer_stale_keeps_its_cache(configure, text):
    configure.cache.write_text(text)
    assert configure("-B", "stale build") == ["-B", "stale build"]
    configure.cache.unlink()
    assert configure("-B", "stale build") == ["-B", "stale build"]
