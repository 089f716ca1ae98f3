"""Bundles in their places: prefixes, what is replaced, what is tried, and what is taken away again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.bundle import machine, place, selftest
from envdoctor.bundle.install import fitting, install
from envdoctor.bundle.place import RECORD, Place, begin, give_up, uninstall
from envdoctor.bundle.target import BundleError, Target
from envdoctor.bundle.verify import verify
from envdoctor.cli import main
from envdoctor.host import Completed, LocalHost
from envdoctor.progress import Progress
from tests.bundle.conftest import HERE, made
from tests.bundle.wheels import wheel

HOSTS = Path(__file__).parents[1] / "hosts"


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


@pytest.mark.parametrize("unfinished", [True, False])
def test_a_kill_while_something_is_replaced(tmp_path, unfinished):
    """What stood aside is back before anything else is done."""
    path, before = tmp_path / "place", tmp_path / "place.envdoctor-before"
    before.mkdir()
    (before / RECORD).write_text("{}")
    if unfinished:
        path.mkdir()
        (path / ".envdoctor-unfinished").write_text("")
        (path / "half").write_text("")
    into = Place(str(path), "prefix")
    begin(LocalHost(), into)
    assert (before / RECORD).exists() and [each.name for each in path.iterdir()] == [".envdoctor-unfinished"]
    give_up(LocalHost(), into)
    assert [each.name for each in path.iterdir()] == [RECORD] and not before.exists()


class Killed(BaseException):
    pass


def killed_at(step, monkeypatch, run):
    """Whether it came to so many steps: the next one does not happen, nor does anything after it."""
    done = []

    def counted(name):
        real = getattr(place, name)

        def call(*arguments):
            if len(done) == step:
                raise Killed
            done.append(name)
            return real(*arguments)

        return call

    with monkeypatch.context() as patched:
        for name in ("move", "remove", "make_folder", "write_whole"):
            patched.setattr(place, name, counted(name))
        try:
            run()
        except Killed:
            return True
    return False


def replaced(host, into, one):
    place.begin(host, into)
    (Path(into.path) / "new").write_text("")
    (Path(into.path) / "more").mkdir()
    place.finish(host, into, one)
    place.settle(into)


@pytest.fixture
def whole(tmp_path, bundle):
    """One that a bundle made, in a folder of its own."""
    path = tmp_path / "places" / "one"
    (path / "old").mkdir(parents=True)
    (path / RECORD).write_text("{}")
    return Place(str(path), "prefix")


def test_a_kill_at_any_step_of_a_replacement(whole, bundle, tmp_path, monkeypatch):
    (one,), host, path, step = verify(LocalHost(), str(bundle)), LocalHost(), Path(whole.path), 0
    shutil.copytree(whole.path, tmp_path / "kept")
    while killed_at(step, monkeypatch, lambda: replaced(host, whole, one)):
        begin(host, whole)
        give_up(host, whole)
        names = {each.name for each in path.iterdir()}
        assert names in ({RECORD, "old"}, {RECORD, "new", "more"}), step
        assert [each.name for each in path.parent.iterdir()] == ["one"], step
        shutil.rmtree(whole.path)
        shutil.copytree(tmp_path / "kept", whole.path)
        step += 1
    assert step > 8 and {each.name for each in path.iterdir()} == {RECORD, "new", "more"}


def test_a_kill_at_any_step_of_its_removal(whole, tmp_path, monkeypatch):
    host, path, step = LocalHost(), Path(whole.path), 0
    shutil.copytree(whole.path, tmp_path / "kept")
    while killed_at(step, monkeypatch, lambda: uninstall(host, whole.path)):
        if path.exists():
            uninstall(host, whole.path)
        assert list(path.parent.iterdir()) == [], step
        shutil.copytree(tmp_path / "kept", whole.path)
        step += 1
    assert step > 5 and list(path.parent.iterdir()) == []


def test_one_at_a_time(whole):
    with place.held(whole.path), pytest.raises(BundleError, match="another envdoctor is at work there; wait"):
        uninstall(LocalHost(), whole.path)
    assert Path(whole.path).is_dir()


def test_what_lies_beside_it_stays(tmp_path, whole):
    beside = [Path(f"{whole.path}{suffix}") for suffix in (".before", ".removed", ".log")]
    for each in beside:
        each.mkdir()
    uninstall(LocalHost(), whole.path)
    assert sorted(Path(whole.path).parent.iterdir()) == sorted(beside)


def test_what_no_bundle_made_is_not_removed(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(BundleError, match="no bundle made it; nothing is removed"):
        uninstall(LocalHost(), str(tmp_path / "mine"))
    assert (tmp_path / "mine").exists()


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


def test_on_which_machine_it_runs(bundle, capsys):
    assert main(["bundle", "verify", str(bundle)]) == 0
    assert "on this machine:\n  cp3" in capsys.readouterr().out
    facts = HOSTS / "pyenv-3.8.json"
    same = json.loads(facts.read_text())["python"]["version"].startswith(f"{HERE}.")
    assert main(["bundle", "verify", str(bundle), "--facts", str(facts)]) == int(not same)
    assert same or "does not fit: this is cpython 3.8" in capsys.readouterr().out


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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--arch", "9.9"], "no GPU of NVIDIA's has the architecture '9.9'"),
        (["--arch", "hopper"], "is not an architecture"),
        (["--cuda", "14"], "invalid choice"),
        (["--cuda", "cpu", "--arch", "9.0"], "--cuda cpu has no use for them"),
        (["--cuda", "13", "--arch", "6.1"], "CUDA 13 has no code for GPUs below 7.5"),
    ],
)
def test_targets_that_contradict_themselves(tmp_path, capsys, options, said):
    try:
        status = main(["bundle", "create", "apple", "-o", str(tmp_path / "out"), *options])
    except SystemExit as ended:
        status = ended.code
    told = capsys.readouterr().err
    assert status == 2 and said in told and told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_torch_for_the_cuda_that_is_asked_for(tmp_path, index, monkeypatch):
    """The newest is for another one; then nothing is left that is for it."""
    wheel(index, "torch", "2.1+cpu")
    wheel(index, "torch", "2.2", requires=["nvidia-cublas-cu12"])
    wheel(index, "nvidia_cublas_cu12", "12.1")
    monkeypatch.setattr("envdoctor.bundle.prove.interpreter", lambda host, target: None)
    cpu, twelve, thirteen = (Target(HERE, "manylinux_2_24_x86_64", cuda) for cuda in ("cpu", "12", "13"))
    done, _ = made(tmp_path, "torch", targets=[cpu, twelve])
    versions = [{p.project: p.version for p in one.packages} for one in done.contents]
    assert versions == [{"torch": "2.1+cpu"}, {"nvidia-cublas-cu12": "12.1", "torch": "2.2"}]
    assert [one.target.name.rpartition("-")[2] for one in done.contents] == ["cpu", "cu12"]
    with pytest.raises(BundleError, match=r"torch 2\.2 is made for CUDA 12, and --cuda 13 .*whl/cu130"):
        made(tmp_path, "torch", targets=[thirteen], name="two")
    assert not (tmp_path / "two").exists()


def test_an_index_that_does_not_answer(tmp_path, index, target, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(BundleError, match=r"refused.*PIP_INDEX_URL=https://.*HTTPS_PROXY=.*PIP_FIND_LINKS="):
        made(tmp_path, "medlar", targets=[target])
