import posixpath

import pytest

from envdoctor.bundle.stated import checksums, stated
from envdoctor.bundle.target import BundleError


def stated_in(files):
    return checksums(
        "/a/top.txt", files.__getitem__, lambda path, name: posixpath.join(posixpath.dirname(path), name)
    )


def test_none():
    assert stated_in({"/a/top.txt": "# --hash=sha256:00\nrich>=1\n\n-c other.txt\n"}) == {}


def test_with_lines_that_go_on_and_files_that_are_included():
    top = "Some_Thing==1.0 \\\n    --hash=sha256:AA \\\n    --hash=sha256:bb\n-r below/more.txt\nfree\n"
    more = "other[extra]==2; python_version > '3' --hash sha256:cc --hash=md5:dd\n-r ../top.txt\n"
    assert stated_in({"/a/top.txt": top, "/a/below/more.txt": more, "/a/below/../top.txt": ""}) == {
        "some-thing": {"aa", "bb"},
        "other": {"cc"},
    }


def test_of_another_kind():
    with pytest.raises(BundleError, match=r"/a/top\.txt: rich has no sha256"):
        stated_in({"/a/top.txt": "rich==1 --hash=sha512:aa\n"})


def test_requirements_without_options_and_places():
    text = "# a comment\n--index-url https://x\n./folder\nrich>=1 --hash=sha256:aa\napple[ripe]; python_version > '3'\n"
    assert stated("/a", {"/a": text}.__getitem__, str.__add__) == [
        "rich>=1",
        'apple[ripe]; python_version > "3"',
    ]
