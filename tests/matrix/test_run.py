"""What is run for which line, and what is said of it."""

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from envdoctor.cli import main
from envdoctor.host import LocalHost
from envdoctor.matrix import texts
from envdoctor.matrix.inputs import digest, keyed
from envdoctor.matrix.line import Outcome
from envdoctor.matrix.run import Wanted, lines_of, plan
from envdoctor.matrix.table import TableError, read
from tests.fakes import MACHINE, FakeHost
from tests.matrix.test_table import OURS

TABLE = read(OURS.read_text())


def commands(**changes: object) -> "dict[str, str]":
    wanted = Wanted("/my project", TABLE, (TABLE.line("13.0"),), "/work", "/toolkits", {}, "/usr/bin/python3")
    (found,) = plan(FakeHost(), replace(wanted, **changes)).values()  # type: ignore[arg-type]
    return {step.name: step.command for step in found[1]}


def test_a_toolkit_is_made_unless_there_is_one():
    assert "toolkit create 13.0 --prefix /toolkits/13.0" in commands()["toolkit"]
    there = commands(present={"13.0": "/usr/local/cuda"})["toolkit"]
    assert "create" not in there
    assert "CUDA_HOME=/usr/local/cuda" in there


def test_a_line_may_need_a_compiler_that_the_machine_lacks():
    assert "create 11.8 --with host-compiler --prefix" in commands(lines=(TABLE.line("11.8"),))["toolkit"]


def test_the_wheel_is_built_for_what_the_line_knows_and_names_are_quoted():
    wheel = commands()["wheel"]
    assert "--config-settings=cuda.archs=7.5,8.0,9.0,10.0,12.0+PTX" in wheel
    assert shlex.quote("/my project") in commands()["sources"]
    assert "--config-settings=cuda.archs=8.0 " in commands(archs=("8.0",))["wheel"]


def test_every_command_is_one_that_a_shell_reads():
    for command in commands().values():
        assert subprocess.run(["sh", "-n", "-c", command], capture_output=True).returncode == 0


def test_lines_of_this_platform():
    aarch64 = FakeHost(machine=replace(MACHINE, architecture="aarch64"))
    assert [line.version for line in lines_of(aarch64, TABLE, ())] == ["13.0", "13.5"]
    with pytest.raises(TableError, match=r"CUDA 11\.8 is for linux-x86_64, and this is linux-aarch64"):
        lines_of(aarch64, TABLE, ("11.8",))


def test_the_checksum_of_what_a_build_reads(tmp_path: Path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "a").write_text("1")
    (tmp_path / ".gitignore").write_text("*.o\n")

    def found() -> str:
        return digest(LocalHost(), str(tmp_path), str(tmp_path / "out"))

    before = found()
    (tmp_path / "b.o").write_text("ignored")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/log.txt").write_text("made")
    assert found() == before
    (tmp_path / "a").write_text("2")
    assert found() != before


def test_what_is_built_with_is_part_of_it():
    before = keyed("sources", ["pip wheel ."], {"CC": "gcc", "TERM": "xterm"})
    assert keyed("sources", ["pip wheel ."], {"CC": "gcc"}) == before
    assert keyed("sources", ["pip wheel ."], {"CC": "clang"}) != before
    assert keyed("sources", ["pip wheel . -C x"], {"CC": "gcc"}) != before


def test_no_line_for_this_platform():
    with pytest.raises(TableError, match="no CUDA line of it is for linux-riscv64"):
        lines_of(FakeHost(machine=replace(MACHINE, architecture="riscv64")), TABLE, ())


def test_sources_are_copied_without_what_is_made(tmp_path: Path):
    project = tmp_path / "my project"
    (project / "build").mkdir(parents=True)
    (project / "setup.py").write_text("")
    wanted = Wanted(str(project), TABLE, (TABLE.line("13.0"),), str(project / "out"), "/t", {}, "python3")
    places, steps = plan(FakeHost(), wanted)["13.0"]
    Path(places.folder).mkdir(parents=True)
    copy = next(step.command for step in steps if step.name == "sources")
    subprocess.run(["sh", "-c", copy], check=True)
    assert sorted(path.name for path in Path(places.source).iterdir()) == ["setup.py"]


def test_the_report_names_what_failed():
    good = Outcome(
        "12.4", ("8.0",), {"wheel": 61.2, "test: a": 1.0}, wheel="/w/a.whl", size=1_830_000, code=("sm_80",)
    )
    bad = Outcome("13.0", ("8.0",), {}, "wheel", "toolkit-too-old: ...", "/log")
    rows = texts.outcome_rows([good, bad], 1)
    assert rows[1] == ("12.4", "a.whl", "61 s", "1.83 MB", "sm_80", "1 of 1", "")
    assert rows[2][-1] == "wheel failed: toolkit-too-old: ..."
    assert texts.in_markdown(rows).count("\n") == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--table", "no.toml"], "no.toml: No such file or directory; go to the project's folder"),
        (["run", "--cuda", "1.0"], "CUDA 1.0 is not in the table; it has 11.8"),
        (["run", "--toolkit", "13.0=/nowhere"], "there is no bin/nvcc; write VERSION=DIR"),
        (["run", "--arch", "fast"], "'fast' is no architecture"),
        (["run", "nowhere"], "nowhere: no such folder"),
        (["try", "no.whl"], "no.whl: no such file"),
        (["try", "no.whl", "--python", "2.7"], "no [[served]] with Python 2.7"),
    ],
)
def test_bad_input_is_one_line(
    arguments: "list[str]", said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(OURS.parents[1])
    assert main(["matrix", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("part", [["list"], ["list", "--format", "json"], ["run", "--print"]])
def test_a_line_that_knows_no_architecture_is_one_line(
    part: "list[str]", tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    table = tmp_path / "matrix.toml"
    table.write_text(
        OURS.read_text().replace('archs = ["7.5", "8.0", "9.0", "10.0", "12.0"]', 'archs = ["12.0"]')
    )
    assert main(["matrix", *part, "--table", str(table)]) == 2
    error = capsys.readouterr().err
    assert "CUDA 11.8 knows none of 12.0" in error
    assert error.count("\n") == 1
