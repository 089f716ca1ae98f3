"""`envdoctor toolkit` from outside: one line when it refuses, lines for a shell when it is done."""

import importlib.util
import os
import subprocess

import pytest

from envdoctor.cli.toolkit import _use
from envdoctor.toolkit_root.create import Made
from envdoctor.toolkit_root.elsewhere import elsewhere
from envdoctor.toolkit_root.trial import Trial
from tests.cli.test_main import assert_one_line, envdoctor
from tests.toolkit_root import builder

needs_pip = pytest.mark.skipif(not importlib.util.find_spec("pip"), reason="no pip in this interpreter")


def create(*arguments, **env):
    return envdoctor("toolkit", "create", *arguments, env=env)


@pytest.fixture
def wheels(tmp_path):
    return builder.wheelhouse(tmp_path / "wheels")


@pytest.mark.parametrize("version", ["12.6", "11.7", "10.2"])
def test_a_cuda_that_nobody_gives(tmp_path, version):
    result = create(version, "--prefix", str(tmp_path / "cuda"))
    assert_one_line(result, f"CUDA {version} cannot be made", "11.8.0, 12.4.1, 13.0 and newer", "run file")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("13.x", "--prefix", "cuda"), "not a CUDA version"),
        (("13.0", "--prefix", ""), "--prefix: it is empty"),
        (("13.0",), "--prefix"),
        (("13.0", "--prefix", "cuda", "--wheelhouse", "nowhere"), "nowhere: no such folder"),
        (("13.0", "--prefix", "cuda", "--wheelhouse", "a", "--cache", "b"), "give one of the two"),
        (
            ("12.4", "--prefix", "cuda", "--debian", "deb.debian.org"),
            "--debian deb.debian.org: it is no address",
        ),
    ],
)
def test_refusals(tmp_path, arguments, words):
    result = envdoctor("toolkit", "create", *arguments, cwd=str(tmp_path))
    assert_one_line(result, words)
    assert os.listdir(tmp_path) == []


def test_a_root_from_a_wheelhouse(tmp_path, wheels):
    root = str(tmp_path / "my cuda")
    result = create("13.0", "--prefix", root, "--wheelhouse", str(wheels), "--with", "cublas")
    assert result.returncode == 0, result.stderr
    said = result.stderr.decode()
    assert (
        f"CUDA 13.0.2: 6 wheels from {wheels}\n" in said and f"CUDA 13.0.2 is at {root}: nvcc 13.0.88" in said
    )
    assert "\r" not in said and "\x1b" not in said
    shell = subprocess.run(
        ["sh", "-ec", result.stdout.decode() + "nvcc --version; echo $CUDACXX"],
        env={"PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
    )
    assert shell.stdout.decode().splitlines() == [
        "Cuda compilation tools, release 13.0, V13.0.88",
        f"{root}/bin/nvcc",
    ]
    again = create("13.0", "--prefix", root, "--wheelhouse", str(wheels))
    assert again.returncode == 0 and again.stdout == result.stdout
    assert again.stderr.decode() == f"envdoctor: {root} is CUDA 13.0.2 already; nothing to do\n"


def test_a_compiler_that_compiles_nothing_ends_with_2(tmp_path, wheels):
    script = builder.NVCC.replace(
        'echo "$@" >> "$(dirname "$0")/asked"', "echo 'x.h(1): error: y' >&2; exit 1"
    )
    builder.wheel(wheels, "nvidia-cuda-nvcc", "13.0.88", {"bin/nvcc": script})
    (tmp_path / "g++").symlink_to("/bin/true")
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    result = create("13.0", "--prefix", str(tmp_path / "cuda"), "--wheelhouse", str(wheels), **env)
    assert result.returncode == 2
    assert b"but nvcc does not compile here: exit status 1: x.h(1): error: y" in result.stderr


@needs_pip
def test_pips_own_settings_hold_and_each_wheel_has_a_line(tmp_path, wheels):
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": "/dev/null"}
    house = str(tmp_path / "a house")
    result = envdoctor("toolkit", "fetch", "newest", "--to", house, env=settings)
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == f"envdoctor toolkit create 13.0.2 --wheelhouse '{house}' --prefix DIR\n"
    lines = [line for line in result.stderr.decode().splitlines() if line.startswith("[")]
    assert len(lines) == 5 and "MB" in lines[0] and "Saved" not in result.stderr.decode()


@needs_pip
def test_an_index_that_has_nothing(tmp_path):
    settings = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    assert_one_line(create("13.0", "--prefix", str(tmp_path / "cuda"), **settings), "has no cuda-toolkit")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("told", "host_compiler", "lines"),
    [
        (None, None, []),
        (
            "/usr/bin/g++-11",
            None,
            ["CUDAHOSTCXX=/usr/bin/g++-11", "NVCC_PREPEND_FLAGS='-ccbin /usr/bin/g++-11'"],
        ),
        (
            None,
            "host-compiler",
            ['CC="$CUDA_HOME/host-compiler/bin/gcc"', 'CXX="$CUDA_HOME/host-compiler/bin/g++"'],
        ),
    ],
)
def test_settings_for_a_shell(told, host_compiler, lines):
    made = Made("11.8.0", Trial("11.8.89", True, "", told), host_compiler)
    assert list(_use("/a", made))[3:] == lines


def test_who_gives_what_cannot_be_made():
    assert "conda" not in elsewhere("11.7")
    assert "cuda-version=12.6" in elsewhere("12.6.1")
