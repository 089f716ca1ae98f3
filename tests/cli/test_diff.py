"""`envdoctor diff` from outside."""

import json

from tests.cli.test_main import EMPTY, assert_one_line, envdoctor


def test_exit_status_and_json(tmp_path):
    (tmp_path / "a.json").write_text(EMPTY)
    result = envdoctor("diff", "a.json", "a.json", "--format", "json", cwd=tmp_path)
    document = json.loads(result.stdout)
    assert (result.returncode, document["same"]) == (1, False)
    assert {entry["kind"] for entry in document["differences"]} == {"not comparable"}


def test_broken_files_are_one_line(tmp_path):
    (tmp_path / "a.json").write_text(EMPTY)
    (tmp_path / "b.json").write_text("{")
    assert_one_line(envdoctor("diff", "a.json", "b.json", cwd=tmp_path), "b.json", "not JSON")
    assert_one_line(envdoctor("diff", "a.json", "c.json", cwd=tmp_path), "c.json")
    assert_one_line(envdoctor("diff", "-", "-", cwd=tmp_path), "standard input")
    assert_one_line(envdoctor("diff", "a.json"), "B.json")
