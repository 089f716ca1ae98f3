"""The sick environments of tests/patients, without making them: ci/patients.py does that."""

import re
import sys
from pathlib import Path

import pytest

from envdoctor.catalogue import rules

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "ci"))

from ward import prints, table  # noqa: E402
from ward.patient import patients  # noqa: E402

PATIENTS = patients()


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.name)
def test_a_patient_says_what_is_expected(patient):
    known = {rule.name for rule in rules()}
    assert patient.title and patient.build
    assert patient.rules and known.issuperset({*patient.rules, *patient.also, *patient.then})
    assert re.compile(patient.says).pattern and re.compile(patient.tells)


def test_there_are_many_kinds():
    assert len({rule for patient in PATIENTS for rule in patient.rules}) >= 15
    assert sum(len(patient.rules + patient.then) > 1 for patient in PATIENTS) >= 3


def test_the_readme_lists_every_patient_and_only_successes():
    rows = table.rows_in((ROOT / "README.md").read_text())
    by_name = {table.name_of(row): row for row in rows}
    for patient in PATIENTS:
        row = by_name[patient.name]
        assert patient.title in row
        assert all(f"`{rule}`" in row for rule in patient.rules + patient.then)
        assert row.endswith(f"| fails | names it | {'tells' if patient.tells else 'builds'} | untouched |")
    assert not [row for row in rows if "| missing: " in row]


def test_a_row_replaces_the_one_of_its_name():
    document = f"before\n{table.BEGIN}\n{table.END}\nafter\n"
    old = [table.Row(name, "old", (), ("fails",)) for name in ("a", "b", "gone")]
    first = table.with_rows(document, old, ["a", "b", "gone"])
    second = table.with_rows(first, [table.Row("b", "new", ("x",), ("fails",))], ["a", "b"])
    assert table.rows_in(second) == ["| a | old |  | fails |", "| b | new | `x` | fails |"]
    assert second.startswith("before\n") and second.endswith(f"{table.END}\nafter\n")


def test_prints_see_contents_modes_and_links(tmp_path):
    (tmp_path / "kept").write_text("1")
    (tmp_path / "build").mkdir()
    (tmp_path / "link").symlink_to("kept")
    before = prints.of_folder(str(tmp_path), ["build"])
    (tmp_path / "build" / "out").write_text("2")
    assert not prints.differences(before, prints.of_folder(str(tmp_path), ["build"]))
    (tmp_path / "kept").chmod(0o700)
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("build")
    (tmp_path / "new").write_text("")
    after = prints.of_folder(str(tmp_path), ["build"])
    assert prints.differences(before, after) == ["changed: kept", "changed: link", "new: new"]
    assert list(prints.matching(str(tmp_path), ["build", "*out"])) == ["build"]
