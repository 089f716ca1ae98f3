"""Debian's packages: what is unpacked, what is read from afar, and what is no package."""

import lzma
import os

import pytest

from envdoctor.host import debs
from tests.toolkit_root import debian_builder

FILES = {
    "usr/bin/tool": (0o755, "#!/bin/sh\n"),
    "usr/share/large": (0o644, "".join(map(str, range(9000)))),
    "usr/lib/libx.so": "libx.so.1",
    "usr/lib/libx.a": (0o644, "x" * 5000),
    "../outside": (0o644, "no"),
}


@pytest.fixture
def deb(tmp_path):
    return debian_builder.deb(tmp_path / "x_1_amd64.deb", FILES)


def reading(path, ranges):
    def read(first, size):
        ranges.append((first, size))
        return path.read_bytes()[first : first + size]

    return read


def test_only_what_is_wanted_is_written(tmp_path, deb):
    places = {"usr/bin/tool": "bin/tool", "usr/lib/libx.so": "lib/libx.so", "usr/lib/libx.a": "lib/libx.a"}
    links = debs.unpack(str(deb), str(tmp_path / "root"), places.get)
    assert links == [("lib/libx.so", "libx.so.1")] and sorted(os.listdir(tmp_path / "root")) == ["bin", "lib"]
    assert os.access(tmp_path / "root/bin/tool", os.X_OK) and not os.access(
        tmp_path / "root/lib/libx.a", os.X_OK
    )
    assert (tmp_path / "root/lib/libx.a").read_text() == "x" * 5000


def test_names_that_lead_out_are_told_from_those_inside(tmp_path):
    seen = []
    path = debian_builder.deb(
        tmp_path / "x_1_amd64.deb", {"a/../../b": (0o644, "x"), "a/./c": (0o644, "x"), "/etc/d": (0o644, "x")}
    )
    debs.unpack(str(path), str(tmp_path / "root"), seen.append)
    assert seen == ["../b", "a/c", "etc/d"]


def test_a_file_that_is_there_stays(tmp_path, deb):
    (tmp_path / "root").mkdir()
    (tmp_path / "root/tool").write_text("first")
    debs.unpack(str(deb), str(tmp_path / "root"), {"usr/bin/tool": "tool"}.get)
    assert (tmp_path / "root/tool").read_text() == "first"


def test_one_file_of_many_blocks(deb):
    ranges = []
    assert debs.one_file(reading(deb, ranges), "usr/lib/libx.a") == b"x" * 5000
    whole = sum(len(debian_builder.xz(debian_builder.tar({name: FILES[name]}))) for name in FILES)
    assert sum(size for _, size in ranges) < whole  # the large one's blocks were passed over


def test_a_file_that_it_has_not(deb):
    with pytest.raises(debs.BrokenDeb, match=r"holds no usr/lib/liby\.a"):
        debs.one_file(reading(deb, []), "usr/lib/liby.a")


@pytest.mark.parametrize("where", [lambda size: size // 2, lambda size: size - 40])
def test_damage(tmp_path, deb, where):
    data = bytearray(deb.read_bytes())
    at = where(len(data))
    data[at : at + 20] = bytes(20)
    deb.write_bytes(data)
    with pytest.raises(debs.BrokenDeb):
        debs.one_file(reading(deb, []), "usr/share/large")
    with pytest.raises(debs.BrokenDeb):
        debs.unpack(str(deb), str(tmp_path / "root"), lambda name: f"x/{name.replace('/', '_')}")


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"!<arch>\n", b"!<arch>\n" + b"x" * 60])
def test_no_package(tmp_path, data):
    path = tmp_path / "x.deb"
    path.write_bytes(data)
    with pytest.raises(debs.BrokenDeb, match=r"no Debian package|holds no data"):
        debs.unpack(str(path), str(tmp_path), str)


def test_the_blocks_of_these_tests_are_what_xz_reads():
    data = "".join(map(str, range(9000))).encode()
    assert lzma.decompress(debian_builder.xz(data)) == data
