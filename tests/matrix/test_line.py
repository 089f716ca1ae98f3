"""A line's steps, run by a real shell: what fails is said, and what is done is not done again."""

import json
from pathlib import Path
from typing import List

import pytest

from envdoctor.host import LocalHost
from envdoctor.matrix.line import Outcome, build
from envdoctor.matrix.steps import Places, Step

WHEEL = "thing-1-py3-none-linux_x86_64.whl"
REPORT = json.dumps([{"name": WHEEL, "compiled": [{"gpu": ["sm_80", "sm_90a", "compute_90"]}, {"gpu": []}]}])


def run(
    folder: Path, steps: List[Step], archs: "tuple[str, ...]" = ("8.0", "9.0+PTX"), key: str = "k"
) -> Outcome:
    places = Places("/project", str(folder / "line"), "/toolkit", "/python", "envdoctor", True)
    host = LocalHost()
    return build(host, "13.0", archs, tuple(steps), places, key, host.env, lambda name: None, lambda: None)


def wheel_steps(folder: Path) -> List[Step]:
    return [
        Step("wheel", f"mkdir -p wheel && printf wheel > wheel/{WHEEL} && echo once >> {folder}/times"),
        Step("check", f"echo '{REPORT}' > wheel.json"),
        Step("test: a", "true"),
    ]


def test_all_of_it(tmp_path: Path):
    outcome = run(tmp_path, wheel_steps(tmp_path))
    assert (outcome.failed, outcome.why, outcome.tests, outcome.size) == (None, "", 1, 5)
    assert outcome.code == ("sm_80", "sm_90a", "compute_90")
    sums = (tmp_path / "line/wheel/SHA256SUMS").read_text()
    assert sums.endswith(f"  {WHEEL}\n")
    assert "$ true\n" in Path(outcome.log).read_text()


def test_what_is_done_is_not_done_again_until_its_inputs_change(tmp_path: Path):
    failing = [*wheel_steps(tmp_path), Step("test: b", "test -e allowed")]
    assert run(tmp_path, failing).failed == "test: b"
    (tmp_path / "line/allowed").touch()
    assert run(tmp_path, failing).tests == 2
    assert run(tmp_path, failing).kept
    assert (tmp_path / "times").read_text() == "once\n"
    assert not run(tmp_path, failing, key="other").kept
    assert (tmp_path / "times").read_text() == "once\nonce\n"


def test_a_wheel_that_is_gone_or_another_is_built_again(tmp_path: Path):
    wheel = tmp_path / "line/wheel" / WHEEL
    for spoil in (wheel.unlink, lambda: wheel.write_text("other")):
        run(tmp_path, wheel_steps(tmp_path))
        spoil()
        outcome = run(tmp_path, wheel_steps(tmp_path))
        assert (outcome.failed, outcome.kept) == (None, False)
        assert wheel.read_text() == "wheel"


@pytest.mark.parametrize(
    ("asked", "lacking"),
    [("8.0", ""), ("9.0", ""), ("9.0a", ""), ("8.0+PTX", "8.0+PTX"), ("9.0+PTX", ""), ("7.5", "7.5")],
)
def test_code_for_an_architecture(tmp_path: Path, asked: str, lacking: str):
    assert run(tmp_path, wheel_steps(tmp_path), archs=(asked,)).why.rpartition(" ")[2] == lacking


def test_a_state_that_a_full_disk_has_cut_is_none(tmp_path: Path):
    run(tmp_path, wheel_steps(tmp_path))
    (tmp_path / "line/state.json").write_text('{"key": "k", "sec')
    assert not run(tmp_path, wheel_steps(tmp_path)).kept


def test_the_rule_that_explains_a_failure_is_named(tmp_path: Path):
    step = Step("wheel", "echo '/usr/bin/ld: cannot find -lcudart' && exit 2")
    outcome = run(tmp_path, [step])
    assert outcome.failed == "wheel"
    assert outcome.why.startswith("cudart-dev-symlink-missing: ")


def test_what_no_rule_explains_is_quoted_with_what_stands_below(tmp_path: Path):
    said = "CMake Error at cmake/x.cmake:87 (message):\\n  this toolkit cannot compile for 7.0\\n"
    outcome = run(tmp_path, [Step("wheel", f"printf '{said}' && exit 1")])
    assert "this toolkit cannot compile for 7.0" in outcome.why


def test_a_wheel_without_the_code_that_was_asked_for_is_no_success(tmp_path: Path):
    outcome = run(tmp_path, wheel_steps(tmp_path), archs=("8.0", "12.0+PTX"))
    assert (outcome.failed, outcome.why) == ("check", "the wheel has no code for 12.0+PTX")
