import posixpath

import pytest

from envdoctor.bundle.stated import checksums
from envdoctor.bundle.target import BundleError


def stated(files):
    return checksums(
        "/a/top.txt", files.__getitem__, lambda path, name: posixpath.join(posixpath.dirname(path), name)
    )


def test_none():
    assert stated({"/a/top.txt": "# --hash=sha256:00\nrich>=1\n\n-c other.txt\n"}) == {}


def test_with_lines_that_go_on_and_files_that_are_included():
    top = "Some_Thing==1.0 \\\n    --hash=sha256:AA \\\n    --hash=sha256:bb\n-r below/more.txt\nfree\n"
    more = "other[extra]==2; python_version > '3' --hash sha256:cc --hash=md5:dd\n-r ../top.txt\n"
    assert stated({"/a/top.txt": top, "/a/below/more.txt": more, "/a/below/../top.txt": ""}) == {
        "some-thing": {"aa", "bb"},
        "other": {"cc"},
    }


def test_of_another_kind():
    with pytest.raises(BundleError, match=r"/a/top\.txt: rich has no sha256"):
        stated({"/a/top.txt": "rich==1 --hash=sha512:aa\n"})
