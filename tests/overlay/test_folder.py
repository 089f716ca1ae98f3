"""The overlay's folder on a real file system."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from envdoctor.facts import Request
from envdoctor.finding import Finding, Fix, SetEnv, Shim
from envdoctor.host import LocalHost
from envdoctor.overlay import folder
from envdoctor.overlay.plan import Overlay, plan_layer
from envdoctor.overlay.treatment import Choice

SHIMS = (
    Shim("bin/cmake", "wrapper", "-DX=1"),
    Shim("lib/libx.so", "text", "INPUT ( /x )\n"),
    Shim("lib/libculibos.a", "archive", ""),
    Shim("cuda/include", "link", "/usr/include"),
)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def write(project, *shims, number=1):
    host = LocalHost(cwd=str(project))
    place = str(project / ".envdoctor")
    finding = Finding("m", "c", (), Fix("t", (*shims, SetEnv("A", "b"))), rule="r")
    layer = plan_layer([finding], folder.layer_folder(place, number))
    folder.write_layer(host, layer)
    folder.write_record(host, Overlay(place, (layer,)))
    return project / ".envdoctor"


def state(place):
    return {
        str(path.relative_to(place)): (path.lstat().st_mode, path.lstat().st_mtime_ns, path.lstat().st_ino)
        for path in sorted(place.rglob("*"))
    }


def test_files_are_what_they_stand_for(project):
    place = write(project, *SHIMS)
    assert os.access(place / "1/bin/cmake", os.X_OK)
    assert (place / "1/lib/libculibos.a").read_bytes() == b"!<arch>\n"
    assert os.readlink(place / "1/cuda/include") == "/usr/include"
    assert (place / ".gitignore").read_text() == "*\n"


def test_the_second_time_nothing_is_touched(project):
    before = state(write(project, *SHIMS))
    assert state(write(project, *SHIMS)) == before


def test_what_is_no_longer_wanted_goes_and_what_is_not_ours_stays(project):
    place = write(project, *SHIMS)
    write(project, number=2)
    (place / "lib").mkdir()
    (place / "lib/mine.so").write_text("by hand")
    write(project, SHIMS[1])
    assert sorted(path.name for path in (place / "1").rglob("*")) == ["lib", "libx.so"]
    assert not (place / "2").exists()
    assert (place / "lib/mine.so").exists()


def test_a_command_has_its_place_until_it_ends(project):
    host, root = LocalHost(), f"{project}/.envdoctor"
    with ExitStack() as first:
        assert folder.for_command(host, str(project), first) == f"{root}/run"
        with ExitStack() as second:
            assert folder.for_command(host, str(project), second) == f"{root}/run-2"
    with ExitStack() as third:
        assert folder.for_command(host, str(project), third) == f"{root}/run"
    assert not list(Path(root).glob("*/*"))


def test_where_no_lock_helps_a_command_keeps_the_place_it_runs_in(project):
    host = LocalHost({"ENVDOCTOR_OVERLAY": f"{project}/.envdoctor/run"})
    with ExitStack() as until:
        assert folder.for_command(host, str(project), until) == f"{project}/.envdoctor/run-2"


def test_shells_have_a_place_for_each_request(project):
    def place(*only, **stated):
        return folder.for_shells(LocalHost(), Request(project=str(project), **stated), Choice(only or None))

    assert place() == place(command="make") == f"{project}/.envdoctor/env"
    places = {place(), place("a"), place("b"), place(cuda="12.4"), place(architectures=("8.0",))}
    assert len(places) == 5 and place("a") == place("a")


def test_a_place_that_is_a_link_is_not_followed(project, tmp_path):
    (project / ".envdoctor").mkdir()
    (project / ".envdoctor/run").symlink_to(tmp_path / "outside")
    with ExitStack() as until:
        assert folder.for_command(LocalHost(), str(project), until) == f"{project}/.envdoctor/run"
    (project / ".envdoctor/run/lock").symlink_to(tmp_path / "outside")
    with ExitStack() as until, pytest.raises(OSError, match="lock"):
        folder.for_command(LocalHost(), str(project), until)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("where", ["1", "1/lib", "1/lib/libx.so", ".gitignore"])
def test_a_link_out_of_the_folder_is_replaced_and_never_followed(project, tmp_path, where):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/libx.so").write_text("precious")
    place = project / ".envdoctor"
    (place / where).parent.mkdir(parents=True)
    target = tmp_path / "outside" / {"1/lib/libx.so": "libx.so", ".gitignore": "made"}.get(where, "")
    (place / where).symlink_to(target)
    write(project, SHIMS[1])
    assert (tmp_path / "outside/libx.so").read_text() == "precious"
    assert (place / "1/lib/libx.so").read_text() == "INPUT ( /x )\n"
    assert not (tmp_path / "outside/made").exists() and (place / ".gitignore").read_text() == "*\n"


def test_it_lies_in_the_project_or_in_the_cache_where_that_cannot_be(project, tmp_path):
    host = LocalHost({"HOME": "/home/me", "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert folder.folder_of(host, str(project)) == f"{project}/.envdoctor"
    (project / ".envdoctor").symlink_to("/etc")
    outside = folder.folder_of(host, str(project))
    assert outside.startswith(f"{tmp_path}/cache/envdoctor/overlays/")
    for name in ("a b", "a:b", "it's", 'a"b', "a$b", "a;b"):
        (tmp_path / name).mkdir()
        other = folder.folder_of(host, str(tmp_path / name))
        assert other.startswith(f"{tmp_path}/cache/envdoctor/overlays/") and other != outside
    (tmp_path / "π").mkdir()
    assert folder.folder_of(host, str(tmp_path / "π")) == f"{tmp_path}/π/.envdoctor"
    home = LocalHost({"HOME": str(tmp_path / "me")})
    assert folder.folder_of(home, "/proc/x").startswith(f"{tmp_path}/me/.cache/envdoctor/overlays/")


def test_without_a_cache_it_lies_in_a_folder_of_this_users_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    host = LocalHost({"HOME": str(tmp_path / "a:b")})  # root may write everywhere
    found = folder.folder_of(host, "/proc/x")
    place = tmp_path / f"envdoctor-{os.geteuid()}"
    assert found.startswith(f"{place}/overlays/") and place.stat().st_mode & 0o777 == 0o700
    place.chmod(0o777)
    with pytest.raises(PermissionError):
        folder.folder_of(host, "/proc/x")
