"""What is replaced, taken away again, or left by a kill."""

import shutil
from pathlib import Path

import pytest

from envdoctor.bundle import place
from envdoctor.bundle.place import RECORD, Place, begin, give_up, uninstall
from envdoctor.bundle.target import BundleError
from envdoctor.bundle.verify import verify
from envdoctor.host import LocalHost


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
