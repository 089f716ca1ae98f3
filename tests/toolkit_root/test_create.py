"""A root from tiny wheels: what is in it, and what is left when something goes wrong."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from envdoctor.host import install, locked, remove
from envdoctor.progress import Progress
from envdoctor.toolkit_root.assemble import MANIFEST
from envdoctor.toolkit_root.create import Wanted, create, fetch
from envdoctor.toolkit_root.plan import PlanError
from tests.toolkit_root import builder

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NVVM = "nvidia_nvvm-13.0.88-py3-none-any.whl"


class Told(Progress):
    def __init__(self):
        self.lines = []

    def note(self, text):
        self.lines.append(text)

    def finish(self, result):
        self.lines.append(result)


@pytest.fixture
def wheels(tmp_path):
    return builder.wheelhouse(tmp_path / "wheels")


def wanted(tmp_path, version="13.0", extras=(), **others):
    return Wanted(version, extras, str(tmp_path / "cuda"), **others)


def from_wheelhouse(tmp_path, wheels, **others):
    return create(builder.host(tmp_path), wanted(tmp_path, wheelhouse=str(wheels), **others), Progress())


def left(tmp_path):
    """What stands at the prefix and beside it."""
    return sorted(name for name in os.listdir(tmp_path) if name.startswith("cuda"))


def test_a_root_that_builds_can_use(tmp_path, wheels):
    made = from_wheelhouse(tmp_path, wheels, extras=("cublas",))
    root = tmp_path / "cuda"
    assert made.version == "13.0.2" and made.trial.good and made.trial.nvcc == "13.0.88"
    assert os.readlink(root / "lib64") == "lib"
    assert os.readlink(root / "lib64" / "libcudart.so") == "libcudart.so.13"
    assert (root / "nvvm" / "lib64" / "libnvvm.so").exists()
    assert (root / "lib64" / "stubs" / "libcuda.so").exists() or os.uname().machine not in (
        "x86_64",
        "aarch64",
    )
    assert os.access(root / "bin" / "nvcc", os.X_OK) and not os.access(root / "bin" / "nvcc.profile", os.X_OK)
    assert (root / "include" / "cublas_v2.h").exists()
    assert json.loads((root / "version.json").read_text())["cuda_nvcc"]["version"] == "13.0.88"
    assert left(tmp_path) == ["cuda"]


def test_a_moved_root_holds_no_word_of_where_it_was_made(tmp_path, wheels):
    from_wheelhouse(tmp_path, wheels)
    for folder, _, names in os.walk(tmp_path / "cuda"):
        for name in names:
            path = os.path.join(folder, name)
            assert not os.path.islink(path) or not os.readlink(path).startswith("/")
            if name != "asked":  # what the compiler of these tests wrote down
                assert str(tmp_path).encode() not in Path(path).read_bytes()


def test_the_same_wheels_make_the_same_record(tmp_path, wheels):
    from_wheelhouse(tmp_path, wheels)
    record = (tmp_path / "cuda" / "envdoctor-toolkit.json").read_text()
    remove(str(tmp_path / "cuda"))
    from_wheelhouse(tmp_path, wheels)
    assert (tmp_path / "cuda" / "envdoctor-toolkit.json").read_text() == record
    entry = next(item for item in json.loads(record)["wheels"] if item["project"] == "nvidia-nvvm")
    assert entry["file"] == NVVM and entry["sha256"] == install.sha256_of(str(wheels / NVVM))


def test_libraries_that_were_not_asked_for_stay_out(tmp_path, wheels):
    from_wheelhouse(tmp_path, wheels)
    assert not list((tmp_path / "cuda" / "lib").glob("libcublas*"))


def test_an_empty_folder_may_be_there(tmp_path, wheels):
    (tmp_path / "cuda").mkdir()
    assert from_wheelhouse(tmp_path, wheels).trial


def test_the_same_again_is_no_work(tmp_path, wheels):
    from_wheelhouse(tmp_path, wheels, extras=("cublas",))
    before = os.stat(tmp_path / "cuda").st_mtime_ns
    remove(str(wheels))
    for version in ("13.0", "13.0.2", "13", "newest"):
        assert create(builder.host(tmp_path), wanted(tmp_path, version), Progress()).trial is None
    assert os.stat(tmp_path / "cuda").st_mtime_ns == before


def test_a_toolkit_with_everything_has_each_part(tmp_path, wheels):
    from_wheelhouse(tmp_path, wheels)
    manifest = tmp_path / "cuda" / MANIFEST
    manifest.write_text(manifest.read_text().replace('"with": []', '"with": ["all"]'))
    assert from_wheelhouse(tmp_path, wheels, extras=("cublas", "cufft")).trial is None


@pytest.mark.parametrize(
    ("version", "extras", "words"),
    [("13.1", (), "holds CUDA 13.0.2"), ("13.0", ("cublas",), "holds CUDA 13.0.2 without cublas")],
)
def test_another_toolkit_in_its_place_is_not_touched(tmp_path, wheels, version, extras, words):
    from_wheelhouse(tmp_path, wheels)
    with pytest.raises(PlanError, match=words):
        from_wheelhouse(tmp_path, wheels, version=version, extras=extras)
    assert left(tmp_path) == ["cuda"]


def test_something_else_in_its_place_is_not_touched(tmp_path, wheels):
    (tmp_path / "cuda").mkdir()
    (tmp_path / "cuda" / "mine").write_text("x")
    with pytest.raises(PlanError, match="is no toolkit that envdoctor made"):
        from_wheelhouse(tmp_path, wheels)
    assert os.listdir(tmp_path / "cuda") == ["mine"]


def test_gaps_of_a_wheelhouse_are_named_all_at_once(tmp_path, wheels):
    (wheels / NVVM).unlink()
    (wheels / "nvidia_cuda_crt-13.0.88-py3-none-any.whl").rename(
        wheels / "nvidia_cuda_crt-13.5.37-py3-none-any.whl"
    )
    with pytest.raises(
        PlanError, match=r"lacks 2 wheels .*: nvidia-nvvm==13\.0\.88\.\*, nvidia-cuda-crt=="
    ) as caught:
        from_wheelhouse(tmp_path, wheels)
    assert "\n" not in str(caught.value)
    assert left(tmp_path) == []


def test_a_wheelhouse_for_another_machine(tmp_path, wheels):
    (wheels / NVVM).rename(wheels / "nvidia_nvvm-13.0.88-py3-none-win_amd64.whl")
    with pytest.raises(PlanError, match="lacks a wheel for this machine: nvidia-nvvm"):
        from_wheelhouse(tmp_path, wheels)


def test_a_wheelhouse_without_the_meta_package(tmp_path, wheels):
    with pytest.raises(PlanError, match=r"has no wheel cuda-toolkit==13\.1\.\*.*; it has 13\.0\.2"):
        from_wheelhouse(tmp_path, wheels, version="13.1")
    (wheels / "cuda_toolkit-13.0.2-py3-none-any.whl").unlink()
    with pytest.raises(PlanError, match="fill it with `envdoctor toolkit fetch`"):
        from_wheelhouse(tmp_path, wheels)


def damage_checksum(wheels):
    (wheels / "SHA256SUMS").write_text(f"{'0' * 64}  {NVVM}\n")


def damage_end(wheels):
    os.truncate(wheels / NVVM, os.path.getsize(wheels / NVVM) - 30)


def damage_member(wheels):
    builder.wheel(wheels, "nvidia-nvvm", "13.0.88", {"nvvm/bin/cicc": "other"})
    whole = (wheels / NVVM).read_bytes()
    (wheels / NVVM).write_bytes(whole.replace(b"other", b"wrong"))


def damage_record(wheels):
    builder.wheel(
        wheels, "nvidia-nvvm", "13.0.88", {"nvvm/bin/cicc": "x", "//nvidia_nvvm-13.0.88.dist-info/RECORD": ""}
    )
    with zipfile.ZipFile(wheels / NVVM, "w") as archive:
        archive.writestr("nvidia/cu13/nvvm/bin/cicc", "x")
        archive.writestr("nvidia_nvvm-13.0.88.dist-info/RECORD", "nvidia/cu13/nvvm/bin/cicc,sha256=abc,1\n")


@pytest.mark.parametrize("damage", [damage_checksum, damage_end, damage_member, damage_record])
def test_a_broken_wheel_leaves_nothing(tmp_path, wheels, damage):
    damage(wheels)
    with pytest.raises(PlanError, match=f"{NVVM} is broken"):
        from_wheelhouse(tmp_path, wheels)
    assert left(tmp_path) == []


def test_a_failure_after_fetching_leaves_the_wheels_alone(tmp_path, wheels):
    builder.wheel(wheels, "nvidia-cuda-nvcc", "13.0.88", {"bin/nvcc": "#!/bin/sh\nexit 3\n"})
    with pytest.raises(PlanError, match=r"does not run here.*; 5 fetched wheels stay in"):
        create(builder.host(tmp_path, wheels), wanted(tmp_path), Progress())
    assert left(tmp_path) == ["cuda.part"] and os.listdir(tmp_path / "cuda.part") == ["wheels"]


def test_what_a_killed_run_had_not_finished_is_cleared(tmp_path, wheels):
    (tmp_path / "house" / ".fetching-abc").mkdir(parents=True)
    fetch(builder.host(tmp_path, wheels), "13.0", (), str(tmp_path / "house"), Progress())
    assert not [name for name in os.listdir(tmp_path / "house") if name.startswith(".")]


def test_a_mount_point_cannot_be_replaced(tmp_path, wheels, monkeypatch):
    monkeypatch.setattr("envdoctor.host.install.is_mount", lambda path: path == str(tmp_path / "cuda"))
    (tmp_path / "cuda").mkdir()
    with pytest.raises(PlanError, match="is a mount point and cannot be replaced; give a folder in it"):
        from_wheelhouse(tmp_path, wheels)


def test_a_compiler_that_does_not_run_leaves_nothing(tmp_path, wheels):
    builder.wheel(
        wheels, "nvidia-cuda-nvcc", "13.0.88", {"bin/nvcc": "#!/bin/sh\necho 'error: no' >&2\nexit 3\n"}
    )
    with pytest.raises(PlanError, match="does not run here: exit status 3: error: no"):
        from_wheelhouse(tmp_path, wheels)
    assert left(tmp_path) == []


def test_a_compiler_that_compiles_nothing_is_said(tmp_path, wheels):
    script = builder.NVCC.replace(
        'echo "$@" >> "$(dirname "$0")/asked"', "echo 'x.h(1): error: y' >&2; exit 1"
    )
    builder.wheel(wheels, "nvidia-cuda-nvcc", "13.0.88", {"bin/nvcc": script})
    trial = from_wheelhouse(tmp_path, wheels).trial
    assert not trial.good and "x.h(1): error: y" in trial.detail


def test_no_host_compiler_is_said(tmp_path, wheels):
    host = builder.host(tmp_path)
    (tmp_path / "tools" / "g++").unlink()
    made = create(host, wanted(tmp_path, wheelhouse=str(wheels)), Progress())
    assert made.trial.good and made.trial.compiled is None and "no g++" in made.trial.detail


def test_what_the_compiler_is_asked(tmp_path, wheels):
    from_wheelhouse(tmp_path, wheels, extras=("cublas",))
    asked = (tmp_path / "cuda" / "bin" / "asked").read_text().splitlines()
    assert "-arch=sm_80 -c" in asked[0]
    assert [line.split()[1] for line in asked[1:]] == ["static", "shared"]
    assert all("-lcublas" in line and "-lcuda" in line for line in asked[1:])


def test_fetched_and_then_made_without_an_index(tmp_path, wheels):
    told = Told()
    assert (
        fetch(builder.host(tmp_path, wheels), "13.0", ("cublas",), str(tmp_path / "house"), told).version
        == "13.0.2"
    )
    assert "SHA256SUMS" in os.listdir(tmp_path / "house") and ".lock" not in os.listdir(tmp_path / "house")
    remove(str(wheels))
    assert from_wheelhouse(tmp_path, tmp_path / "house", extras=("cublas",)).trial.good


def test_wheels_are_gone_with_the_root_made_and_kept_in_a_cache(tmp_path, wheels):
    host = builder.host(tmp_path, wheels)
    create(host, wanted(tmp_path), Progress())
    assert left(tmp_path) == ["cuda"]
    remove(str(tmp_path / "cuda"))
    create(host, wanted(tmp_path, cache=str(tmp_path / "kept")), Progress())
    (tmp_path / "log").unlink()
    remove(str(tmp_path / "cuda"))
    told = Told()
    create(host, wanted(tmp_path, cache=str(tmp_path / "kept")), told)
    assert (tmp_path / "log").read_text().split() == ["cuda-toolkit"]
    assert sum("kept from before" in line for line in told.lines) == 5


def test_a_kept_wheel_that_changed_is_fetched_again(tmp_path, wheels):
    host = builder.host(tmp_path, wheels)
    fetch(host, "13.0", (), str(tmp_path / "house"), Progress())
    os.truncate(tmp_path / "house" / NVVM, 100)
    (tmp_path / "log").unlink()
    fetch(host, "13.0", (), str(tmp_path / "house"), Progress())
    assert (tmp_path / "log").read_text().split() == ["cuda-toolkit", "nvidia-nvvm"]
    assert (tmp_path / "house" / NVVM).read_bytes() == (wheels / NVVM).read_bytes()


def test_an_index_that_lacks_one_keeps_the_others_and_says_so(tmp_path, wheels):
    (wheels / "nvidia_cuda_cccl-13.0.85-py3-none-any.whl").unlink()
    with pytest.raises(
        PlanError, match=r"nvidia-cuda-cccl==13\.0\.85.*; 4 fetched wheels stay in .*cuda\.part"
    ):
        create(builder.host(tmp_path, wheels), wanted(tmp_path), Progress())
    assert left(tmp_path) == ["cuda.part"]


def test_an_old_pip_is_named(tmp_path, wheels):
    (wheels / "nvidia_cuda_cccl-13.0.85-py3-none-any.whl").unlink()
    host = builder.host(
        tmp_path, wheels, pip="pip 20.0.2 from /usr/lib/python3/dist-packages/pip (python 3.8)"
    )
    with pytest.raises(PlanError, match=r"pip 20\.0 is too old .* -m pip install --upgrade pip"):
        create(host, wanted(tmp_path), Progress())


def test_a_wish_that_nobody_has_leaves_nothing(tmp_path, wheels):
    with pytest.raises(PlanError, match="has no wheels of npp"):
        create(builder.host(tmp_path, wheels), wanted(tmp_path, extras=("npp",)), Progress())
    assert left(tmp_path) == []


def test_two_at_once(tmp_path, wheels):
    (tmp_path / "cuda.part").mkdir()
    with locked(str(tmp_path / "cuda.part" / ".lock")):
        with pytest.raises(PlanError, match="another envdoctor is at work"):
            from_wheelhouse(tmp_path, wheels)
        assert os.listdir(tmp_path / "cuda.part") == [".lock"]


def test_two_at_once_with_one_cache(tmp_path, wheels):
    (tmp_path / "kept").mkdir()
    place = wanted(tmp_path, cache=str(tmp_path / "kept"))
    with locked(str(tmp_path / "kept" / ".lock")), pytest.raises(PlanError, match=r"at work in .*kept;"):
        create(builder.host(tmp_path, wheels), place, Progress())
    assert left(tmp_path) == []


def test_a_place_that_cannot_be_written(tmp_path, wheels):
    (tmp_path / "file").write_text("")
    place = Wanted("13.0", (), str(tmp_path / "file" / "cuda"), wheelhouse=str(wheels))
    with pytest.raises(PlanError, match=r"file/cuda\.part: Not a directory"):
        create(builder.host(tmp_path), place, Progress())


def test_a_full_disk(tmp_path, wheels, monkeypatch):
    def full(path, chunks, executable=False):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("envdoctor.host.archives.write_chunks", full)
    with pytest.raises(PlanError, match=r"cuda\.part: No space left on device"):
        from_wheelhouse(tmp_path, wheels)
    assert left(tmp_path) == []


def test_killed_in_the_middle_and_run_again(tmp_path, wheels):
    host = builder.host(tmp_path, wheels)
    (tmp_path / "hang").write_text("nvidia-cuda-crt")
    script = (
        "import sys; from pathlib import Path; from tests.toolkit_root import builder, test_create as t;"
        "path = Path(sys.argv[1]); t.create(builder.host(path, path / 'wheels'), t.wanted(path), t.Progress())"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (tmp_path / "hang.reached").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert left(tmp_path) == ["cuda.part"]
    (tmp_path / "hang").unlink()
    fetched = (tmp_path / "log").read_text().split()
    (tmp_path / "log").unlink()
    assert create(host, wanted(tmp_path), Progress()).trial.good
    again = (tmp_path / "log").read_text().split()
    assert fetched[-1] == "nvidia-cuda-crt" and set(fetched[1:-1]) and not set(fetched[1:-1]) & set(again)
    assert left(tmp_path) == ["cuda"]
