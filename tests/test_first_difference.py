"""ci/first_difference.py, which ci/reproduce.sh asks."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "ci"))

from first_difference import difference


def zipped(*names, data=b"text", mode=0o644, year=2020):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name, (year, 2, 2, 0, 0, 0))
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return stream.getvalue()


def tarred(data, owner=0):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        info = tarfile.TarInfo("bundle/a.whl")
        info.size, info.uid = len(data), owner
        tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def test_the_same_bytes():
    assert difference("a.whl", zipped("a", "b"), zipped("a", "b")) is None


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (zipped("a", "b"), zipped("a", "c"), "x: b: only in the first one"),
        (zipped("a", "b"), zipped("b", "a"), "another order"),
        (zipped("a"), zipped("a", year=2021), "SOURCE_DATE_EPOCH"),
        (zipped("a"), zipped("a", mode=0o600), "x: a: mode 0o644 and 0o600; the umask"),
        (zipped("a", data=b"in /tmp/one"), zipped("a", data=b"in /tmp/two"), "byte 8 of 11 and 11"),
        (zipped("a", data=b"in /tmp/one"), zipped("a", data=b"in /tmp/two"), "a folder of the build"),
        (zipped("RECORD", "z"), zipped("RECORD", "z", data=b"other"), "x: z: byte 0"),
        (tarred(b"1", owner=0), tarred(b"1", owner=7), "who built it"),
        (tarred(zipped("a")), tarred(zipped("a", data=b"more")), "x: bundle/a.whl: a: byte 0"),
    ],
)
def test_the_first_difference_and_what_it_comes_from(one, other, said):
    assert said in difference("x", one, other)
