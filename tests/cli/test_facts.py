"""`envdoctor facts` on this machine, and the way back."""

import json

from tests.cli.test_main import envdoctor


def test_facts_can_be_judged_again(tmp_path):
    made = envdoctor("facts", "-o", "f.json", cwd=tmp_path)
    assert (made.returncode, made.stdout, made.stderr) == (0, b"", b"")
    document = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert document["schema"] == "envdoctor.facts/1"
    report = json.loads(envdoctor("check", "--facts", "f.json", "--format", "json", cwd=tmp_path).stdout)
    assert report["facts"] == document


def test_facts_as_text_name_what_was_not_examined():
    text = envdoctor("facts", "--format", "text").stdout.decode()
    assert text.startswith("Machine\n")
    assert "Environment variables\n" in text


def test_homes_are_taken_out_in_both_formats(tmp_path):
    env = {"HOME": str(tmp_path), "CUDA_HOME": f"{tmp_path}/cuda", "CFLAGS": f"-I{tmp_path}/include"}
    for form in ("json", "text"):
        shown = envdoctor("facts", "--format", form, env=env, cwd="/").stdout.decode()
        assert str(tmp_path) not in shown
        assert "~/cuda" in shown and "-I~/include" in shown
