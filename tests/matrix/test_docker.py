"""Dockerfiles are what the table makes them, and say of every CUDA line what it is."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envdoctor.cli import main
from envdoctor.matrix.docker import dockerfiles
from envdoctor.matrix.lines import targets
from envdoctor.matrix.table import TableError, read
from tests.matrix.test_table import OURS, SMALL

ROOT = OURS.parents[1]
TABLE = read(OURS.read_text())
FILES = dockerfiles(TABLE, "ci/matrix.toml")
OURS_PINNED = OURS.read_text().replace("cuda:13.0.1-base-ubuntu24.04", f"cuda@sha256:{'a' * 64}")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)


def test_what_is_checked_in_is_what_the_table_makes():
    assert main(["docker", "--check"]) == 0
    assert {path.name for path in Path("docker").glob("cuda-*")} == {
        f"cuda-{line.version}" for line in TABLE.cuda
    }


def test_what_is_not_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["docker", "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / name) for name in FILES]
    (tmp_path / "offline/Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "cuda-13.0/Dockerfile").unlink()
    assert main(["docker", "-o", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in said] == [
        str(tmp_path / "cuda-13.0/Dockerfile"),
        str(tmp_path / "offline/Dockerfile"),
    ]


def test_every_line_has_one_and_builds_for_what_its_compiler_knows():
    for line in TABLE.cuda:
        text = FILES[f"cuda-{line.version}/Dockerfile"]
        assert f"ARG ARCHS={','.join(targets(TABLE, line))}\n" in text
        assert f"ARG BASE={line.image or 'docker.io/library/debian:12-slim'}\n" in text
        assert ("toolkit create" in text) == (not line.image)


@pytest.mark.parametrize("name", FILES)
def test_what_runs_is_small_and_nobody(name: str):
    runs = FILES[name].rpartition("\nFROM ")[2]
    assert "USER 10001:10001\n" in runs
    assert 'ENTRYPOINT ["envdoctor"]\n' in runs
    assert "COPY --from=" in runs
    assert not re.search(r"g\+\+|devel|toolkit create|\bpip\b|COPY \.", runs)


@pytest.mark.parametrize("name", FILES)
def test_no_layer_has_a_password(name: str):
    uses_an_index = [command for command in re.split(r"\n(?=[A-Z])", FILES[name]) if "pip install" in command]
    assert all("--mount=type=secret,id=pip,target=/etc/pip.conf" in command for command in uses_an_index)
    assert bool(uses_an_index) == (name != "offline/Dockerfile")


def test_an_image_is_pinned_in_the_table():
    text = dockerfiles(read(OURS_PINNED), "ci/matrix.toml")["cuda-13.0/Dockerfile"]
    assert f"\nARG RUNTIME=docker.io/nvidia/cuda@sha256:{'a' * 64}\n" in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("debian:12-slim", "debian", "'docker.io/library/debian' is no image such as"),
        ("debian:12-slim", "debian@sha256:1234", "is no image such as"),
        ("debian:12-slim", "debian:12 && id", "is no image such as"),
        ('entrypoint = ["envdoctor"]', "entrypoint = []", "entrypoint is empty"),
        ('pip = "25.3"', "", "[docker]: pip is missing"),
    ],
)
def test_a_wrong_image_is_an_error(old: str, new: str, said: str):
    with pytest.raises(TableError) as error:
        read(OURS.read_text().replace(old, new))
    assert said in str(error.value)


def test_a_setting_is_one_word_of_the_shell():
    wheel = replace(TABLE.wheel, settings=("flags=-O3 -g", "cuda.archs={archs}"))
    text = dockerfiles(replace(TABLE, wheel=wheel), "x")["cuda-13.0/Dockerfile"]
    assert """ '--config-settings=flags=-O3 -g' --config-settings=cuda.archs="${ARCHS}" .\n""" in text


def test_a_table_without_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "small.toml").write_text(SMALL)
    assert main(["docker", "--table", str(tmp_path / "small.toml"), "-o", str(tmp_path / "docker")]) == 2
    assert "has no [docker]" in capsys.readouterr().err
    assert main(["docker", "--table", str(tmp_path / "none.toml")]) == 2
    assert "name a table with --table" in capsys.readouterr().err
    assert not (tmp_path / "docker").exists()


def test_without_jinja2_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main(["docker", "--check"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["docker", "--check"]) == 2
    assert "pip install 'envdoctor[matrix]'" in capsys.readouterr().err


def test_a_toolkit_that_is_made_has_what_the_line_names():
    line = replace(TABLE.line("11.8"), image="", runtime_image="")
    text = dockerfiles(replace(TABLE, cuda=(line,)), "x")["cuda-11.8/Dockerfile"]
    assert 'toolkit create "${CUDA}" --with host-compiler --prefix /usr/local/cuda ' in text
