import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from envdoctor.host import tarballs


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    (made / "below").mkdir(parents=True)
    (made / "below" / "data").write_bytes(b"data" * 1000)
    (made / "script").write_text("#!/bin/sh\n")
    (made / "script").chmod(0o755)
    return made


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_there_and_back(tmp_path, folder, suffix):
    path = str(tmp_path / f"made{suffix}")
    tarballs.pack(str(folder), path, "name")
    with tarballs.unpacked(path) as back:
        assert os.path.basename(back) == "name"
        assert sorted(os.listdir(back)) == ["below", "script"]
        assert Path(back, "below", "data").read_bytes() == b"data" * 1000
        assert os.access(f"{back}/script", os.X_OK) and not os.access(f"{back}/below/data", os.X_OK)
    assert not os.path.exists(back)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_the_same_bytes_at_another_time_by_another_user(tmp_path, folder, suffix):
    paths = [str(tmp_path / f"{number}{suffix}") for number in range(2)]
    tarballs.pack(str(folder), paths[0], "name")
    os.utime(folder / "script", (1, 1))
    (folder / "below" / "data").chmod(0o600)
    tarballs.pack(str(folder), paths[1], "name")
    assert Path(paths[0]).read_bytes() == Path(paths[1]).read_bytes()


def tar_of(tmp_path, *members):
    path = str(tmp_path / "hostile.tar")
    with tarfile.open(path, "w") as tar:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, link, 4 if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"data"))
    return path


FILE = tarfile.REGTYPE


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("a/../../out", FILE, "")], "leads out of the folder"),
        ([("/envdoctor-was-here", FILE, "")], "leads out of the folder"),
        ([("a/./x", FILE, "")], "leads out of the folder"),
        ([("a/link", tarfile.SYMTYPE, "/etc/passwd")], "neither a file nor a folder"),
        ([("a/link", tarfile.LNKTYPE, "a/x")], "neither a file nor a folder"),
        ([("a/pipe", tarfile.FIFOTYPE, "")], "neither a file nor a folder"),
        ([("a/x", FILE, ""), ("a/x", FILE, "")], "is in it twice"),
        ([("a/x", FILE, ""), ("a/X", FILE, "")], "upper and in lower case"),
        ([("a/x", FILE, ""), ("b/x", FILE, "")], "holds 2 folders"),
        ([], "holds 0 folders"),
    ],
)
def test_hostile_ones_are_refused(tmp_path, members, said):
    path = tar_of(tmp_path, *members)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(tarballs.BrokenTarball, match=said), tarballs.unpacked(path):
        pass
    assert sorted(os.listdir(tmp_path)) == before and not os.path.exists("/envdoctor-was-here")


def test_one_that_would_fill_a_disk(tmp_path):
    path = str(tmp_path / "bomb.tar.gz")
    with gzip.open(path, "wb") as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        member = tarfile.TarInfo("a/zeros")
        member.size = 400 << 20
        with open("/dev/zero", "rb") as zeros:
            tar.addfile(member, zeros)
    with pytest.raises(tarballs.BrokenTarball, match="fill a disk"), tarballs.unpacked(path):
        pass


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_one_that_was_cut_off(tmp_path, folder, suffix, kept):
    path = tmp_path / f"made{suffix}"
    (folder / "noise").write_bytes(os.urandom(100_000))
    tarballs.pack(str(folder), str(path), "name")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    if suffix == ".tar" and kept == 0.99:
        path.write_bytes(data[:90_000])  # what is cut of the end is padding
    with pytest.raises(tarballs.BrokenTarball, match=r"no whole tar file.*copy it again"), tarballs.unpacked(
        str(path)
    ):
        pass


def test_one_that_was_copied_under_another_name(tmp_path, folder):
    tarballs.pack(str(folder), str(tmp_path / "made.tar.gz"), "name")
    (tmp_path / "made.tar.gz").rename(tmp_path / "made (1)")
    with tarballs.unpacked(str(tmp_path / "made (1)")) as back:
        assert sorted(os.listdir(back)) == ["below", "script"]


@pytest.mark.parametrize(
    ("path", "parts", "foreign"),
    [
        ("/a.tar/b.tar.gz", ("/a.tar/b", ".tar.gz"), ""),
        ("my.target", ("my.target", ""), ""),
        ("v1.0", ("v1.0", ""), ""),
        ("x.tar.bz2", ("x.tar.bz2", ""), ".tar.bz2"),
        ("x.TAR", ("x.TAR", ""), ".TAR"),
        ("x.zst", ("x.zst", ""), ".zst"),
    ],
)
def test_names(path, parts, foreign):
    assert (tarballs.split(path), tarballs.foreign_suffix(path)) == (parts, foreign)


_WITH_LITTLE_ROOM = """
import resource, sys
from envdoctor.host import tarballs
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    with tarballs.unpacked(sys.argv[1]):
        pass
except OSError as error:
    print(error.filename)
"""


def test_where_there_was_no_room(tmp_path, folder):
    """A write that fails does not say of which file."""
    tarballs.pack(str(folder), str(tmp_path / "made.tar"), "name")
    child = [sys.executable, "-c", _WITH_LITTLE_ROOM, str(tmp_path / "made.tar")]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)}
    told = subprocess.run(child, env=env, capture_output=True, text=True)
    assert told.stdout.strip().endswith("/name/below/data"), told
