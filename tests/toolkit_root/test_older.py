"""A root of CUDA 12.4: wheels, and Debian's packages from an archive, a cache or a wheelhouse."""

import json
import os
import subprocess

import pytest

from envdoctor.host import remove
from envdoctor.progress import Progress
from envdoctor.toolkit_root.create import Wanted, create, fetch
from envdoctor.toolkit_root.plan import PlanError
from tests.toolkit_root import builder, debian_builder
from tests.toolkit_root.test_create import Told, left

TOOLKIT = "nvidia-cuda-toolkit_12.4.131~12.4.1-2_amd64.deb"
STATIC = "nvidia-cuda-dev_12.4.127_amd64.libcudart_static.a"


@pytest.fixture
def wheels(tmp_path):
    return debian_builder.wheelhouse(tmp_path / "wheels")


@pytest.fixture
def archive(tmp_path, monkeypatch):
    return debian_builder.archive(tmp_path / "debian", monkeypatch)


def made(tmp_path, wheels, archive, extras=(), told=None, **others):
    wanted = Wanted("12.4", extras, str(tmp_path / "cuda"), debian=archive.as_uri(), **others)
    return create(builder.host(tmp_path, wheels), wanted, told or Progress())


def test_a_root_that_builds_can_use(tmp_path, wheels, archive):
    found = made(tmp_path, wheels, archive)
    root = tmp_path / "cuda"
    assert found.version == "12.4.1" and found.trial.good and found.trial.nvcc == "12.4.131"
    assert (root / "bin/nvcc").read_text() == debian_builder.NVCC and os.access(
        root / "nvvm/bin/cicc", os.X_OK
    )
    assert (root / "bin/ptxas").read_text() == "of the wheel"
    assert (
        "$(TOP)/nvvm/bin" in (root / "bin/nvcc.profile").read_text() and not (root / "host-compiler").exists()
    )
    assert (root / "lib64/libcudart_static.a").read_text() == "static" * 900
    assert os.readlink(root / "lib/libcudart.so") == "libcudart.so.12"
    assert (root / "nvvm/lib64/libnvvm.so").is_file() and not (root / "include/__init__.py").exists()
    assert (root / "share/licenses/nvidia-cuda-toolkit/copyright").is_file()
    assert [
        entry["file"] for entry in json.loads((root / "envdoctor-toolkit.json").read_text())["debian"]
    ] == [
        STATIC,
        TOOLKIT,
    ]
    assert json.loads((root / "version.json").read_text())["cuda_nvcc"]["version"] == "12.4.131"
    assert left(tmp_path) == ["cuda"]


@pytest.mark.parametrize("version", ["12", "12.4", "12.4.1"])
def test_the_same_again_is_no_work(tmp_path, wheels, archive, version):
    made(tmp_path, wheels, archive)
    remove(str(archive))
    wanted = Wanted(version, (), str(tmp_path / "cuda"))
    assert create(builder.host(tmp_path), wanted, Progress()).trial is None


def test_a_host_compiler_that_the_profile_names(tmp_path, wheels, archive):
    found = made(tmp_path, wheels, archive, ("host-compiler",))
    gcc = tmp_path / "cuda/host-compiler"
    assert found.host_compiler == "host-compiler" and "with the g++ in it" in found.trial.detail
    assert (
        "compiler-bindir   = $(TOP)/host-compiler/bin\n" in (tmp_path / "cuda/bin/nvcc.profile").read_text()
    )
    assert os.readlink(gcc / "usr/bin/g++-11") == "x86_64-linux-gnu-g++-11"
    assert (gcc / "usr/lib/gcc/x86_64-linux-gnu/11/libstdc++.so").read_text() == "INPUT ( libstdc++.so.6 )\n"
    assert not (gcc / "usr/bin/x86_64-linux-gnu-lto-dump-11").exists()
    machine = os.uname().machine
    real = gcc / f"usr/bin/{machine}-linux-gnu-g++-11"
    real.write_text('#!/bin/sh\necho "$LD_LIBRARY_PATH $@"\n')
    real.chmod(0o755)
    moved = gcc.rename(tmp_path / "moved here")
    env = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/x"}
    said = subprocess.run(
        [moved / "bin/g++", "-c", "a b"], env=env, stdout=subprocess.PIPE, check=True
    ).stdout
    assert said.decode() == f"{moved}/lib:/x -c a b\n"


def gcc(version):
    return f'#!/bin/sh\necho "gcc version {version} (Debian)" >&2\n'


def test_a_compiler_that_this_cuda_does_not_accept(tmp_path, wheels, archive):
    tools = tmp_path / "tools"
    (tools / "gcc").write_text(gcc("14.2.0"))
    (tools / "gcc").chmod(0o755)
    found = made(tmp_path, wheels, archive)
    assert found.trial.good and found.trial.compiled is None
    assert "accepts gcc 13 at most, and here is 14.2.0; --with host-compiler" in found.trial.detail
    remove(str(tmp_path / "cuda"))
    (tools / "g++-12").symlink_to("/bin/true")
    found = made(tmp_path, wheels, archive)
    assert found.trial.compiled and found.trial.told == str(tools / "g++-12")
    assert f"-ccbin {tools}/g++-12" in (tmp_path / "cuda/bin/asked").read_text()


def test_fetched_and_then_made_without_a_network(tmp_path, wheels, archive):
    house = tmp_path / "house"
    arguments = ("12.4", ("host-compiler",), str(house), Progress(), archive.as_uri())
    fetch(builder.host(tmp_path, wheels), *arguments)
    assert {TOOLKIT, STATIC} <= set(os.listdir(house)) and TOOLKIT in (house / "SHA256SUMS").read_text()
    remove(str(archive))
    wanted = Wanted("12.4", ("host-compiler",), str(tmp_path / "cuda"), wheelhouse=str(house))
    assert create(builder.host(tmp_path), wanted, Progress()).trial.good


def test_a_wheelhouse_that_lacks_one_or_has_a_broken_one(tmp_path, wheels, archive):
    wanted = Wanted("12.4", (), str(tmp_path / "cuda"), wheelhouse=str(wheels))
    with pytest.raises(PlanError, match=f"lacks 2 files of Debian's archive: {TOOLKIT}, {STATIC}"):
        create(builder.host(tmp_path), wanted, Progress())
    (wheels / TOOLKIT).write_text("!<arch>\n")
    with pytest.raises(PlanError, match=f"{TOOLKIT} is broken: its checksum"):
        create(builder.host(tmp_path), wanted, Progress())
    assert left(tmp_path) == []


def test_what_is_kept_is_not_fetched_again(tmp_path, wheels, archive):
    cache = str(tmp_path / "kept")
    made(tmp_path, wheels, archive, cache=cache)
    remove(str(tmp_path / "cuda"))
    remove(str(archive))
    told = Told()
    made(tmp_path, wheels, archive, cache=cache, told=told)
    assert sum("kept from before" in line for line in told.lines) == 4
    remove(str(tmp_path / "cuda"))
    os.truncate(os.path.join(cache, TOOLKIT), 100)
    with pytest.raises(PlanError, match=f"have no {TOOLKIT}; give a mirror with --debian"):
        made(tmp_path, wheels, archive, cache=cache)


def test_the_archive_has_moved_on(tmp_path, wheels, archive):
    new = debian_builder.moves_on(archive)
    told = Told()
    cache = tmp_path / "kept"
    assert made(tmp_path, wheels, archive, told=told, cache=str(cache)).trial.good
    assert any(f"{TOOLKIT} is gone; {new.name} has the checksum of" in line for line in told.lines)
    remove(str(tmp_path / "cuda"))
    wanted = Wanted("12.4", (), str(tmp_path / "cuda"), wheelhouse=str(cache))
    assert create(builder.host(tmp_path), wanted, Progress()).trial.good
    remove(str(tmp_path / "cuda"))
    with (cache / new.name).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(PlanError, match="is broken: its checksum"):
        create(builder.host(tmp_path), wanted, Progress())


def test_the_archive_has_another_file_of_that_name(tmp_path, wheels, archive):
    path = archive / debian_builder.POOL / TOOLKIT
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(PlanError, match=r"its sha256 is .*2 fetched wheels stay in"):
        made(tmp_path, wheels, archive)
    assert left(tmp_path) == ["cuda.part"]


def test_a_part_that_is_not_what_is_known(tmp_path, wheels, archive):
    path = archive / debian_builder.POOL / "nvidia-cuda-dev_12.4.127~12.4.1-2_amd64.deb"
    debian_builder.deb(path, {"usr/lib/libcudart_static.a": (0o644, "other")})
    with pytest.raises(
        PlanError, match=r"libcudart_static.a in it is not the file that is known; .* and 1 files"
    ):
        made(tmp_path, wheels, archive)


def test_a_package_that_is_none(tmp_path, wheels, archive, monkeypatch):
    machine = os.uname().machine
    broken = archive / "pool/main/g++-11_11.3.0-12_amd64.deb"
    broken.write_bytes(b"!<arch>\n")
    item = debian_builder.Deb("bookworm", "main", f"pool/main/{broken.name}", debian_builder._sha256(broken))
    monkeypatch.setattr("envdoctor.toolkit_root.debian.HOST_COMPILERS", {machine: (item,)})
    with pytest.raises(PlanError, match=r"is broken: it holds no data.tar.xz; remove it"):
        made(tmp_path, wheels, archive, ("host-compiler",))


def test_a_cuda_13_with_a_host_compiler(tmp_path, archive):
    wheels = builder.wheelhouse(tmp_path / "wheels13")
    wanted = Wanted("13.0", ("host-compiler",), str(tmp_path / "cuda"), debian=archive.as_uri())
    assert create(builder.host(tmp_path, wheels), wanted, Progress()).host_compiler
    profile = (tmp_path / "cuda/bin/nvcc.profile").read_text()
    assert profile == "TOP = $(_HERE_)/..\n\ncompiler-bindir   = $(TOP)/host-compiler/bin\n"
