"""Bundles in their places: environments, prefixes, what is tried, and what fails."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.bundle import machine, selftest
from envdoctor.bundle.install import fitting, install
from envdoctor.bundle.layout import ABOUT, read_about, texts
from envdoctor.bundle.place import Place
from envdoctor.bundle.target import BundleError
from envdoctor.bundle.verify import verify
from envdoctor.cli import main
from envdoctor.host import Completed, LocalHost
from envdoctor.host.install import sha256_of
from envdoctor.progress import Progress
from tests.bundle.conftest import HERE, made, sign
from tests.bundle.wheels import wheel


def put(bundle, path, kind):
    return install(LocalHost(limit=300), str(bundle), Place(str(path), kind), None, Progress())


def test_a_prefix_and_nothing_is_left_of_it(bundle, tmp_path, capsys):
    prefix = tmp_path / "here" / "p q"
    assert main(["bundle", "install", str(bundle), "--prefix", str(prefix)]) == 0
    shell = capsys.readouterr().out + f'"{sys.executable}" -s -c "import apple, stone; print(apple.__file__)"'
    printed = subprocess.check_output(["sh", "-c", shell], text=True, env={"PATH": os.environ["PATH"]})
    assert printed.startswith(str(prefix))
    assert main(["bundle", "uninstall", str(prefix)]) == 0
    assert list(prefix.parent.iterdir()) == []
    assert main(["bundle", "uninstall", str(prefix)]) == 2
    assert capsys.readouterr().err.endswith(f"{prefix}: not there; nothing is removed\n")


def test_what_a_bundle_made_is_replaced_or_stays(bundle, tmp_path, index, target, monkeypatch):
    path, modules = tmp_path / "place", f"lib/python{HERE}/site-packages"
    put(bundle, path, "venv")
    (path / "mine").write_text("")
    wheel(index, "apple", "9.0", files={"apple.py": "raise ImportError('sour')\n"})
    monkeypatch.setattr("envdoctor.bundle.prove.interpreter", lambda host, target: None)
    _, sour = made(tmp_path, "apple", targets=[target], name="sour")
    with pytest.raises(BundleError, match="installed, but apple does not import: ImportError: sour"):
        put(sour, path, "venv")
    assert (path / "mine").exists() and "2.0" in (path / modules / "apple.py").read_text()
    put(bundle, path, "venv")
    assert not (path / "mine").exists() and (path / modules / "apple.py").exists()
    assert not Path(f"{path}.envdoctor-before").exists()


def test_what_is_there_stays_and_what_a_kill_left_goes(bundle, tmp_path):
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "mine").write_text("")
    with pytest.raises(BundleError, match="is there already"):
        install(LocalHost(limit=300), str(bundle), Place(str(venv), "venv"), None, Progress())
    assert (venv / "mine").exists()
    (venv / ".envdoctor-unfinished").write_text("")
    done = install(LocalHost(limit=300), str(bundle), Place(str(venv), "venv"), None, Progress())
    assert not (venv / "mine").exists() and Path(done.python).exists()
    assert not (venv / ".envdoctor-unfinished").exists()


def test_an_installation_that_fails_leaves_nothing(bundle, tmp_path):
    """A file that the checksums know, and that pip cannot read."""
    about, name = json.loads((bundle / ABOUT).read_text()), "stone-0.1-py3-none-any.whl"
    wheel(bundle / "wheels", "stone", "0.1", files={"../../../../outside.py": ""})
    entry = next(p for p in about["targets"][0]["packages"] if p["file"] == name)
    new = sha256_of(str(bundle / "wheels" / name))
    entry.update(sha256=new, size=(bundle / "wheels" / name).stat().st_size)
    (bundle / ABOUT).write_text(json.dumps(about))
    for path, text in texts(read_about(json.dumps(about))).items():
        (bundle / path).write_text(text)
    sign(bundle)
    with pytest.raises(BundleError, match=r"pip.*all that it said: .*venv\.failed\.log$"):
        install(LocalHost(limit=300), str(bundle), Place(str(tmp_path / "venv"), "venv"), None, Progress())
    assert "outside.py" in (tmp_path / "venv.failed.log").read_text()
    assert not (tmp_path / "venv").exists() and not (tmp_path / "outside.py").exists()


def test_nothing_is_installed_into_the_bundle_itself(bundle, tmp_path):
    (tmp_path / "link").symlink_to(bundle)
    for place in (bundle, bundle / "venv", tmp_path / "link" / "venv"):
        with pytest.raises(BundleError, match="is in the bundle itself"):
            install(LocalHost(), str(bundle), Place(str(place), "venv"), None, Progress())
    assert not (bundle / "venv").exists()


class FullDisk(LocalHost):
    """One on which no environment can be made."""

    def execute(self, argv, *others):
        if "venv" in argv:
            return Completed(1, "", "OSError: [Errno 28] No space left on device\n")
        return super().execute(argv, *others)


def test_a_full_disk_has_no_room_for_the_log_either(bundle, tmp_path, monkeypatch):
    def write_whole(path, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("envdoctor.bundle.install.write_whole", write_whole)
    lost = r"OSError: .*No space left on device; the rest is lost: .*venv\.failed\.log: No space .*; make room there"
    with pytest.raises(BundleError, match=lost):
        install(FullDisk(limit=300), str(bundle), Place(str(tmp_path / "venv"), "venv"), None, Progress())
    assert not (tmp_path / "venv").exists()


def test_what_comes_along_need_not_import(tmp_path, index, target):
    """A module that wants a GPU, say; it is told and recorded."""
    wheel(index, "shy", files={"shy.py": "raise RuntimeError('not here')\n", "shy_tools.py": ""})
    wheel(index, "bold", requires=["shy"])
    done, _ = made(tmp_path, "bold", targets=[target])
    assert done.proofs[0]["imported"] == "bold shy_tools"
    assert done.proofs[0]["does not import here"] == {"shy": "RuntimeError: not here"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Completed(3, '["apple", "apple", "the interpreter ended"]\n', ""),
            "apple does not import: the interpreter ended",
        ),
        (Completed(1, "", "No package metadata"), "its modules cannot be listed: .*No package metadata"),
    ],
)
def test_imports_that_end_the_interpreter(bundle, answer, said):
    (one,) = verify(LocalHost(), str(bundle))
    with pytest.raises(BundleError, match=said):
        selftest.test(one, lambda words: answer)


def test_the_target_that_is_named(bundle, target):
    facts = machine.here(LocalHost(), sys.executable)
    contents = verify(LocalHost(), str(bundle))
    assert fitting(contents, {}, facts, target.name)[0] is contents[0]
    with pytest.raises(BundleError, match=f"no target cp27; there are {target.name}"):
        fitting(contents, {}, facts, "cp27")
