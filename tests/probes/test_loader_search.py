"""The replay of the loader's search: its order on machines of dictionaries, and against this machine's own loader."""

import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from envdoctor import elf as reader
from envdoctor.host import LocalHost
from envdoctor.probes._loader import Found, Object, Search
from tests import factory
from tests.fakes import FakeHost
from tests.probes.elves import cache, elf

GCC = shutil.which("gcc") or shutil.which("cc")
NAME, LIB = "libcudart.so.12", "/usr/lib/x86_64-linux-gnu"
PYTHON = factory.python().real


def search(*places, python=b"", files=None, env=None, cached=(), **changes):
    """On a machine with the library in these folders."""
    known = {PYTHON: python or elf(interp="/lib64/ld-linux-x86-64.so.2"), **(files or {})}
    known.update({f"{folder}/{NAME}": elf() for folder in places if f"{folder}/{NAME}" not in known})
    if cached:
        known["/etc/ld.so.cache"] = cache(*((NAME, f"{folder}/{NAME}") for folder in cached))
    return Search(FakeHost({}, known, env or {}, **changes), factory.python())


def module(path="/site/pkg/_C.so", **changes):
    data = elf(**changes)
    return Object(path, reader.parse(lambda offset, size: data[offset : offset + size]))


def test_nothing_is_there():
    assert search().find(NAME) is None
    assert (
        search(env={"LD_LIBRARY_PATH": "/nowhere"}, cached=["/gone"], files={"/x": ""}).find("libz.so.1")
        is None
    )


def test_order_without_run_paths():
    places, env = ("/a", "/b", "/c", LIB), {"LD_LIBRARY_PATH": "/nowhere:/a:/b"}
    assert search(*places, env=env, cached=["/c"]).find(NAME) == Found(f"/a/{NAME}", "LD_LIBRARY_PATH")
    assert search(*places, cached=["/c"]).find(NAME) == Found(f"/c/{NAME}", "ld.so.cache")
    assert search(*places).find(NAME) == Found(f"{LIB}/{NAME}", "default")


def test_an_old_run_path_comes_before_the_variable_and_a_new_one_after():
    env = {"LD_LIBRARY_PATH": "/a"}
    both = search("/a", "/site/nvidia/lib", env=env)
    assert both.find(NAME, (module(rpath="$ORIGIN/../nvidia/lib"),)) == Found(
        f"/site/nvidia/lib/{NAME}", "rpath"
    )
    assert both.find(NAME, (module(runpath="${ORIGIN}/../nvidia/lib"),)) == Found(
        f"/a/{NAME}", "LD_LIBRARY_PATH"
    )
    alone = search("/site/nvidia/lib", cached=["/site/nvidia/lib"])
    assert alone.find(NAME, (module(runpath="$ORIGIN/../nvidia/lib"),)) == Found(
        f"/site/nvidia/lib/{NAME}", "rpath"
    )


def test_old_run_paths_of_those_that_loaded_it_count_unless_it_has_a_new_one():
    here = search("/old")
    above = module(rpath="/old")
    assert here.find(NAME, (module(), above)) == Found(f"/old/{NAME}", "rpath")
    assert here.find(NAME, (module(runpath="/nowhere"), above)) is None
    assert here.find(NAME, (module(), module(rpath="/old", runpath="/nowhere"))) is None
    assert here.find(NAME, (module(), module(runpath="/old"))) is None


def test_the_interpreters_own_old_run_path():
    conda = elf(interp="/lib64/ld-linux-x86-64.so.2", rpath="$ORIGIN/../lib")
    here = search("/usr/lib", "/a", python=conda, env={"LD_LIBRARY_PATH": "/a"})
    assert here.find(NAME) == Found(f"/usr/lib/{NAME}", "rpath")
    assert here.find(NAME, (module(runpath="/nowhere"),)) == Found(f"/a/{NAME}", "LD_LIBRARY_PATH")


def test_a_shared_interpreter():
    program = elf(
        interp="/lib64/ld-linux-x86-64.so.2", needed=["libpython3.11.so.1.0"], rpath="$ORIGIN/../lib"
    )
    library = {"/usr/lib/libpython3.11.so.1.0": elf(rpath="/opt/lib")}
    assert search("/opt/lib", python=program, files=library).find(NAME) == Found(f"/opt/lib/{NAME}", "rpath")


def test_a_run_path_through_a_linked_folder():
    links = {"/site/pkg": "/elsewhere/deep/pkg"}
    here = search("/elsewhere/deep/lib", "/site/lib", links=links, folders=["/elsewhere/deep/pkg"])
    found = here.find(NAME, (module(rpath="$ORIGIN/../lib"),))
    assert found == Found(f"/elsewhere/deep/lib/{NAME}", "rpath")


def test_entries_of_the_variable():
    env = {"LD_LIBRARY_PATH": "lib;/b/../c:"}
    here = search("/work", env=env)
    assert here.library_path == ("/work/lib", "/c", "/work"), "an empty entry is the working folder"
    assert here.find(NAME) == Found(f"/work/{NAME}", "LD_LIBRARY_PATH")
    assert search(env={"LD_LIBRARY_PATH": ""}).library_path == ()


def test_a_library_for_another_machine_is_passed_over_and_a_damaged_one_is_not():
    env = {"LD_LIBRARY_PATH": "/arm:/b"}
    here = search("/arm", "/b", env=env, files={f"/arm/{NAME}": elf(machine=183)})
    assert here.find(NAME) == Found(f"/b/{NAME}", "LD_LIBRARY_PATH")
    here = search("/arm", "/b", env=env, files={f"/arm/{NAME}": b"\x7fELF\x02\x01\x01" + bytes(9)})
    assert here.find(NAME) == Found(f"/arm/{NAME}", "LD_LIBRARY_PATH")
    assert [source for source, _ in here.host.notes] == [f"/arm/{NAME}"]


def test_a_folder_or_a_dangling_link_of_that_name_is_no_library():
    env = {"LD_LIBRARY_PATH": "/a:/b:/c"}
    here = search("/c", env=env, folders=[f"/a/{NAME}"], links={f"/b/{NAME}": "gone"})
    assert here.find(NAME) == Found(f"/c/{NAME}", "LD_LIBRARY_PATH")


def test_musl():
    program = elf(interp="/lib/ld-musl-x86_64.so.1")
    here = search("/a", "/r", LIB, python=program, env={"LD_LIBRARY_PATH": "/a"}, cached=[LIB])
    assert here.find(NAME, (module(rpath="/r"),)) == Found(f"/a/{NAME}", "LD_LIBRARY_PATH")
    assert search("/r", python=program).find(NAME, (module(), module(runpath="/r"))) == Found(
        f"/r/{NAME}", "rpath"
    )
    assert search(LIB, python=program, cached=[LIB]).find(NAME) is None
    path = {"/etc/ld-musl-x86_64.path": "/opt/lib\n/lib\n"}
    assert search("/opt/lib", python=program, files=path).find(NAME) == Found(f"/opt/lib/{NAME}", "default")


def test_a_truncated_cache_is_noted():
    whole = cache((NAME, f"{LIB}/{NAME}"))
    here = search(LIB, files={"/etc/ld.so.cache": whole[: len(whole) // 2]})
    assert here.find(NAME) == Found(f"{LIB}/{NAME}", "default")
    assert [source for source, _ in here.host.notes] == ["/etc/ld.so.cache"]


def test_what_is_loaded_first_serves_all():
    files = {
        "/t/libtorch.so": elf(needed=["libc10.so", NAME], rpath="$ORIGIN:$ORIGIN/own"),
        "/t/libc10.so": elf(needed=["libtorch.so", NAME]),
        f"/t/own/{NAME}": elf(),
    }
    loaded = search(LIB, files=files, env={"LD_LIBRARY_PATH": "/nowhere"}).loaded_with(
        ["/t/libtorch.so", "/t/gone.so"]
    )
    assert {name: found.path for name, found in loaded.items()} == {
        "libtorch.so": "/t/libtorch.so",
        "libc10.so": "/t/libc10.so",
        NAME: f"/t/own/{NAME}",
    }


def this_machines_loader():
    """The loader that gcc's programs name, where it can list (glibc)."""
    known = [
        path for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1") if Path(path).exists()
    ]
    if GCC is None or not known:
        pytest.skip("no C compiler or no glibc on this machine")
    return known[0]


def make(folder, name, *flags, needs=()):
    """A library lib<name>.so with its soname, linked to others wherever these will lie."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"lib{name}.so"
    command = [
        str(GCC),
        "-shared",
        "-o",
        str(path),
        f"-Wl,-soname,lib{name}.so",
        "-Wl,--no-as-needed",
        "-x",
        "c",
        "/dev/null",
    ]
    subprocess.run([*command, *flags, "-x", "none", *map(str, needs)], check=True, capture_output=True)
    return path


def test_agrees_with_the_real_loader(tmp_path):
    """Two objects deep, each with no, an old or a new run path, with and without LD_LIBRARY_PATH."""
    loader = this_machines_loader()
    for place in ("first", "second", "variable"):
        leaf = make(tmp_path / place, "leaf")
    styles = {"none": [], "old": ["-Wl,--disable-new-dtags"], "new": ["-Wl,--enable-new-dtags"]}
    compared = 0
    for upper, lower in itertools.product(styles, styles):
        folder = tmp_path / f"{upper}-{lower}"
        own = [*styles[lower], "-Wl,-rpath,$ORIGIN/../second"] if lower != "none" else []
        middle = make(folder, "middle", *own, needs=[leaf])
        own = [*styles[upper], f"-Wl,-rpath,$ORIGIN:{tmp_path}/first"] if upper != "none" else []
        top = make(folder, "top", *own, needs=[middle])
        for value in ("", f"{tmp_path}/variable:{folder}", f"{folder}"):
            env = {"LD_LIBRARY_PATH": value} if value else {}
            command = [loader, "--list", str(top)]
            listed = subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout
            paths = dict(re.findall(r"^\s*(lib(?:leaf|middle)\.so) => (/\S+)", listed, re.MULTILINE))
            real = {name: os.path.normpath(path) for name, path in paths.items()}
            found = Search(LocalHost(env), None).loaded_with([str(top)])
            mine = {name: one.path for name, one in found.items() if name in ("libleaf.so", "libmiddle.so")}
            assert mine == real or not listed, (upper, lower, value)
            compared += bool(listed)
    assert compared > 15
