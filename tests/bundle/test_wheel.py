"""Wheels that say what they are, and wheels that do not; machine code is this Python's own and this project's."""

import _ctypes
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from envdoctor.bundle.target import BundleError
from envdoctor.bundle.wheel import check_wheel
from envdoctor.cli import main
from envdoctor.host import LocalHost
from tests.bundle.wheels import wheel

_CTYPES = Path(_ctypes.__file__).read_bytes()
MODULE = {"m/__init__.py": "", "m/_c.cpython-311-x86_64-linux-gnu.so": _CTYPES}


def wrong(path, tmp_path):
    return list(check_wheel(LocalHost(), str(path), str(tmp_path / "work")).wrong)


@pytest.fixture
def any_library(tmp_path):
    """Machine code that needs nothing, and looks for libraries where a test says."""

    def make(*flags):
        source, made = tmp_path / "x.c", tmp_path / "x.so"
        source.write_text("int x(void) { return 1; }\n")
        subprocess.run(["gcc", "-shared", "-nostdlib", "-o", made, source, *flags], check=True)
        return made.read_bytes()

    return make


def test_nothing_is_wrong(tmp_path, any_library):
    assert wrong(wheel(tmp_path, "pure"), tmp_path) == []
    library = any_library("-Wl,-rpath,$ORIGIN/libs:/usr/local/cuda-12.8/lib64")
    path = wheel(tmp_path, "m", tag="py3-none-manylinux_2_5_x86_64", files={"m/x.so": library})
    found = check_wheel(LocalHost(), str(path), str(tmp_path / "work"))
    assert found.wrong == () and not (tmp_path / "work" / "compiled").exists()
    (only,) = found.compiled
    assert (only.machine, only.glibc, only.gpu) == ("x86_64", None, ())
    assert only.rpath == ("$ORIGIN/libs", "/usr/local/cuda-12.8/lib64")


@pytest.mark.parametrize(
    ("tag", "files", "said"),
    [
        ("py3-none-any", MODULE, r"says any platform, and m/_c.* is for x86_64"),
        (
            "py3-none-manylinux_2_5_x86_64",
            MODULE,
            r"m/_c.*: needs glibc 2\.\d+, and its name says manylinux_2_5_",
        ),
        (
            "py3-none-manylinux1_x86_64",
            MODULE,
            r"m/_c.*: needs glibc 2\.\d+, and its name says manylinux1_x86_64",
        ),
        ("py3-none-linux_aarch64", MODULE, r"m/_c.*: is for x86_64, and its name says aarch64"),
        ("py3-none-linux_x86_64", {"m.py": ""}, r"nothing in it is compiled: the extension was left out"),
        ("cp311-cp311-linux_x86_64", {"m.py": ""}, r"nothing in it is compiled"),
    ],
)
def test_names_that_promise_something_else(tmp_path, tag, files, said):
    (text, *_) = wrong(wheel(tmp_path, "m", tag=tag, files=files), tmp_path)
    assert re.search(said, text), text


def test_run_paths_of_the_machine_that_built_it(tmp_path, any_library):
    library = any_library("-Wl,-rpath,/home/me/build")
    path = wheel(tmp_path, "m", tag="py3-none-linux_x86_64", files={"m/x.so": library})
    assert wrong(path, tmp_path) == [
        "m/x.so: looks for libraries in /home/me/build, a folder of the machine that built it"
    ]


def test_record_and_files(tmp_path):
    path = wheel(tmp_path, "m")
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name) for name in archive.namelist()}
    texts["m.py"] += b"# changed"
    texts["more.py"] = b""
    record = "m-1.0.dist-info/RECORD"
    texts[record] += b"gone.py,sha256=x,1\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    assert sorted(wrong(path, tmp_path)) == [
        "gone.py: in RECORD, and not in the wheel",
        "m.py: not what RECORD says",
        "more.py: in the wheel, and not in RECORD",
    ]


def test_no_wheel(tmp_path, capsys):
    path = tmp_path / "m-1.0-py3-none-any.whl"
    path.write_bytes(b"PK")
    with pytest.raises(BundleError, match="it is no whole wheel"):
        check_wheel(LocalHost(), str(path), str(tmp_path))
    assert main(["wheel", "check", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_others_are_judged(tmp_path, capsys):
    good, bad = wheel(tmp_path, "good"), wheel(tmp_path, "m", files=MODULE)
    broken = tmp_path / "x-1.0-py3-none-any.whl"
    broken.write_bytes(b"PK")
    assert main(["wheel", "check", str(broken), str(good), str(tmp_path / "none.whl"), str(bad)]) == 2
    told = capsys.readouterr()
    assert (
        "good-1.0-py3-none-any.whl: as it says" in told.out
        and "m-1.0-py3-none-any.whl: something" in told.out
    )
    assert [line.partition(": ")[2].partition(":")[0] for line in told.err.splitlines()] == [
        "x-1.0-py3-none-any.whl",
        str(tmp_path / "none.whl"),
    ]


def test_as_a_user(tmp_path, capsys, any_library):
    good, bad = wheel(tmp_path, "good"), wheel(tmp_path, "m", files=MODULE)
    assert main(["wheel", "check", str(good)]) == 0
    assert capsys.readouterr().out == "good-1.0-py3-none-any.whl: as it says\n"
    assert main(["wheel", "check", str(good), str(bad)]) == 1
    assert "  wrong  its name says any platform" in capsys.readouterr().out
    assert main(["wheel", "check", "--json", str(bad)]) == 1
    assert '"machine": "x86_64"' in capsys.readouterr().out
