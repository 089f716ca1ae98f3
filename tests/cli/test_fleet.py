"""`envdoctor fleet` from outside."""

import json
import shutil

import pytest

from envdoctor.cli import main
from tests.cli.test_main import EMPTY, envdoctor
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


def test_a_folder_a_stream_and_the_exit_status(reports, capsys):
    assert status(reports) == 0
    assert "3 machines; all equal in what is known.\n" in capsys.readouterr().out
    stream = "".join(path.read_text() for path in reports.iterdir())
    result = envdoctor("fleet", "-", "--format", "json", stdin=stream)
    document = json.loads(result.stdout)
    assert (result.returncode, document["machines"], len(document["groups"])) == (0, 3, 1)


def unfolded(text):
    """Whatever the length of the folder's name."""
    return " ".join(text.split())


def test_what_fails(reports, capsys):
    assert status(reports, "--fail-on-difference") == 1  # something of them is not known
    (reports / "n4.json").write_bytes(report(driven(recorded(H200), "535.104.05", "12.2")))
    assert status(reports) == 1
    assert status(reports, "--fail-on", "never") == 0
    assert status(reports, "--fail-on", "never", "--fail-on-difference") == 1
    (reports / "n4.json").write_text("{")
    assert status(reports, "--fail-on", "never") == 1
    assert "n4.json: not JSON" in unfolded(capsys.readouterr().out)


def test_who_is_expected(reports, tmp_path, capsys):
    hosts = tmp_path / "hosts"
    hosts.write_text("# ours\nn1\nn2\n\n n3\n")
    assert status(reports, "--expect", hosts) == 0
    (reports / "n3.json").write_text("")
    hosts.write_text("n1\nn2\nn3\nn4\nn4\n")
    assert status(reports, "--expect", hosts) == 1
    text = unfolded(capsys.readouterr().out)
    assert f" {reports}/n3.json: empty n4: no report, and one is expected " in text
    assert status(reports, "--expect", tmp_path / "none") == 2
    assert "--expect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("texts", "options", "words"),
    [
        ([], [], ["no report is there"]),
        (["{", ""], [], ["0.json: not JSON", "1 more could not be read"]),
        ([EMPTY], ["--ignore", "moon"], ["--ignore moon: no such fact", "environment"]),
        ([EMPTY], ["--bundle", "/none"], ["/none"]),
    ],
)
def test_what_is_no_fleet_is_one_line(tmp_path, capsys, texts, options, words):
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.json").write_text(text)
    assert status(tmp_path, *options) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and all(word in err for word in words)


def test_output_and_markdown(reports, tmp_path):
    out = tmp_path / "fleet.md"
    assert status(reports, "--format", "markdown", "-o", out) == 0
    assert out.read_text().startswith("# envdoctor fleet: 3 machines")
