"""Bundles that were changed, cut off or meant for another machine."""

import json
import re
from pathlib import Path

import pytest

from envdoctor.bundle.install import install
from envdoctor.bundle.layout import ABOUT, CHECKSUMS
from envdoctor.bundle.place import Place
from envdoctor.bundle.target import BundleError
from envdoctor.cli import main
from envdoctor.host import LocalHost
from envdoctor.progress import Progress
from tests.bundle.conftest import HERE, sign

HOSTS = Path(__file__).parents[1] / "hosts"


def one_byte(bundle):
    path = bundle / "wheels" / "apple-2.0-py3-none-any.whl"
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)


def without_stone(bundle):
    (bundle / "wheels" / "stone-0.1-py3-none-any.whl").unlink()
    about = json.loads((bundle / ABOUT).read_text())
    about["targets"][0]["packages"] = [p for p in about["targets"][0]["packages"] if p["project"] != "stone"]
    (bundle / ABOUT).write_text(json.dumps(about))
    sign(bundle)


def climbing(bundle):
    about = (bundle / ABOUT).read_text().replace("apple-2.0-py3-none-any.whl", "../../apple.whl")
    (bundle / ABOUT).write_text(about)
    sign(bundle)


def linked(bundle):
    (bundle / "wheels" / "extra.whl").symlink_to("/etc/hostname")


def other(pattern):
    """One file changed, as somebody would who wants another apple to be taken."""

    def harm(bundle):
        (path,) = bundle.glob(pattern)
        text = path.read_text()
        path.write_text(re.sub(r"[0-9a-f]{64}", "0" * 64, text, count=1))
        assert path.read_text() != text
        sign(bundle)

    return harm


def endless(bundle):
    about = (bundle / ABOUT).read_text()
    (bundle / ABOUT).write_text(re.sub(r'"size": \d+', '"size": 1e999', about))
    sign(bundle)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            one_byte,
            r"wheels/apple-2\.0-py3-none-any\.whl: not what SHA256SUMS says: .*; copy the bundle again, and compare",
        ),
        (
            lambda b: (b / "wheels" / "pear-1.5-py3-none-any.whl").unlink(),
            r"pear-1\.5.*: in SHA256SUMS, and not",
        ),
        (lambda b: (b / "more").write_text(""), r"more: there, and not in SHA256SUMS; copy the bundle again"),
        (lambda b: (b / CHECKSUMS).unlink(), r"SHA256SUMS: not there"),
        (lambda b: (b / CHECKSUMS).write_text("../x"), r"'\.\./x' is not a line of checksums"),
        (lambda b: (b / CHECKSUMS).write_text("0" * 64 + "  ../x\n"), r"is not a line of checksums"),
        (linked, r"extra\.whl: neither a file nor a folder"),
        (without_stone, r"pear-1\.5.* asks for stone.*; which the bundle lacks"),
        (climbing, r"'\.\./\.\./apple\.whl' is not the name of a file"),
        (
            lambda b: ((b / ABOUT).write_text("[]"), sign(b)),
            r"bundle\.json: not what a bundle says of itself",
        ),
        (other("requirements/*.txt"), r"requirements/cp3.*\.txt: does not list what bundle\.json does"),
        (other("pylock.*.toml"), r"pylock\.cp3.*: does not list what bundle\.json does"),
        (other("simple/apple/index.html"), r"simple/apple/index\.html: does not list what bundle\.json does"),
        (endless, r"bundle\.json: not what a bundle says of itself \(OverflowError"),
        (
            lambda b: ((b / ABOUT).write_text('{"schema": 9}'), sign(b)),
            r"schema 9, and this envdoctor reads 1",
        ),
    ],
)
def test_what_was_changed_is_refused(bundle, tmp_path, harm, said):
    harm(bundle)
    with pytest.raises(BundleError, match=said):
        install(LocalHost(), str(bundle), Place(str(tmp_path / "venv"), "venv"), None, Progress())
    assert not (tmp_path / "venv").exists()


def test_on_which_machine_it_runs(bundle, capsys):
    assert main(["bundle", "verify", str(bundle)]) == 0
    assert "on this machine:\n  cp3" in capsys.readouterr().out
    facts = HOSTS / "pyenv-3.8.json"
    same = json.loads(facts.read_text())["python"]["version"].startswith(f"{HERE}.")
    assert main(["bundle", "verify", str(bundle), "--facts", str(facts)]) == int(not same)
    assert same or "does not fit: this is cpython 3.8" in capsys.readouterr().out


def test_on_which_of_many_machines_it_runs(bundle, target, tmp_path, capsys):
    document = json.loads((HOSTS / "ubuntu-24.04-h200.json").read_text())
    for name, version in (("n1", f"{HERE}.1"), ("n2", f"{HERE}.1"), ("old", "3.4.1")):
        document["python"]["version"] = version
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    fleet = ("fleet", "--fail-on", "never", "--bundle", str(bundle), "--format", "json")
    assert main([*fleet, str(tmp_path / "n1.json"), str(tmp_path / "n2.json")]) == 0
    assert main([*fleet, *(str(tmp_path / f"{name}.json") for name in ("n1", "n2", "old"))]) == 1
    fits, other = json.loads(capsys.readouterr().out.split("\n}\n")[1] + "}")["bundles"]
    assert (fits["machines"], fits["targets"]) == (["n1", "n2"], [target.name])
    assert (other["machines"], other["targets"]) == (["old"], [])
    assert other["against"] == [f"{target.name}: this is cpython 3.4"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a facts file"),
        ('{"schema": "envdoctor.facts/9"}', "not a facts file"),
        ('{"schema": "envdoctor.facts/1", "driver": {"gpus": 1}}', "facts.driver"),
    ],
)
def test_facts_that_are_none(bundle, tmp_path, capsys, text, said):
    (tmp_path / "facts.json").write_text(text)
    assert main(["bundle", "verify", str(bundle), "--facts", str(tmp_path / "facts.json")]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
