"""`envdoctor fleet` from outside."""

import json
import shutil

import pytest

from envdoctor.cli import main
from tests.cli.test_main import EMPTY, assert_one_line, envdoctor
from tests.fleet.machines import H200, HOSTS, driven, recorded, report

GOOD = HOSTS / f"{H200}.json"


@pytest.fixture
def reports(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    for name in ("n1", "n2", "n3"):
        shutil.copy(GOOD, folder / f"{name}.json")
    return folder


def status(*arguments):
    return main(["fleet", *map(str, arguments)])


def test_a_folder_a_stream_and_the_exit_status(reports):
    result = envdoctor("fleet", str(reports))
    assert result.returncode == 0 and b"3 machines; all equal in what is known.\n" in result.stdout
    stream = "".join(path.read_text() for path in reports.iterdir())
    result = envdoctor("fleet", "-", "--format", "json", stdin=stream)
    document = json.loads(result.stdout)
    assert (result.returncode, document["machines"], len(document["groups"])) == (0, 3, 1)


def test_what_fails(reports, capsys):
    assert status(reports, "--fail-on-difference") == 1  # something of them is not known
    (reports / "n4.json").write_bytes(report(driven(recorded(H200), "535.104.05", "12.2")))
    assert status(reports) == 1
    assert status(reports, "--fail-on", "never") == 0
    assert status(reports, "--fail-on", "never", "--fail-on-difference") == 1
    (reports / "n4.json").write_text("{")
    assert status(reports, "--fail-on", "never") == 1
    assert "n4.json: not JSON" in capsys.readouterr().out


def test_what_is_no_fleet_is_one_line(tmp_path):
    assert_one_line(envdoctor("fleet", str(tmp_path)), "no report is there")
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text("")
    assert_one_line(envdoctor("fleet", str(tmp_path)), "a.json: not JSON", "1 more could not be read")
    (tmp_path / "a.json").write_text(EMPTY)
    assert_one_line(envdoctor("fleet", str(tmp_path), "--ignore", "moon"), "--ignore moon", "environment")
    assert_one_line(envdoctor("fleet", str(tmp_path), "--bundle", "none"), "none")


def test_output_and_markdown(reports, tmp_path):
    out = tmp_path / "fleet.md"
    assert status(reports, "--format", "markdown", "-o", out) == 0
    assert out.read_text().startswith("# envdoctor fleet: 3 machines")
