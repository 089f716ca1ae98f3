"""Wheels as people build them: each test here runs pip on a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from envdoctor import __version__

pytestmark = pytest.mark.build

ROOT = Path(__file__).parents[1]
LIBRARY = "envdoctor/lib/libenvdoctor_kernels.so"
NVCC = shutil.which("nvcc") is not None
needs_nvcc = pytest.mark.skipif(not NVCC, reason="no nvcc on the search path")


def copy_project(folder):
    """What git knows or would add, as a clone has it; a source without git as it is."""
    git = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    names = [name for name in git.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    if git.returncode or not names:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".nox", "dist", "build", "__pycache__"))
        return folder
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return folder


def pip_wheel(project, out, *options, env=None, umask=None):
    """Run `pip wheel .`; the file, or None, and everything that was said."""
    environment = {**os.environ, **(env or {})}
    environment = {name: value for name, value in environment.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", ".", "-v", "--no-deps", "-w", str(out), *options],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=None if umask is None else lambda: os.umask(umask),
    )
    wheels = list(out.glob("*.whl")) if out.is_dir() else []
    assert (done.returncode == 0) == bool(wheels), done.stdout
    return (wheels[0] if wheels else None), done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The wheel that `pip wheel .` gives here, and what pip -v said."""
    folder = tmp_path_factory.mktemp("plain")
    wheel, said = pip_wheel(copy_project(folder / "source"), folder / "out", env={"SOURCE_DATE_EPOCH": None})
    assert wheel, said
    return wheel, said


# Where what is said counts, and not how fast the library is: it compiles in a third of the time.
UNOPTIMISED = ("-C", "cmake.build-type=Debug")
# None rather than Debug: symbols for a debugger have the folder's name, and these are compared byte by byte.
ASKED = ("-C", "cmake.build-type=None", *(("-C", "cuda.archs=7.5,8.0+PTX") if NVCC else ()))


@pytest.fixture(scope="session")
def asked(tmp_path_factory):
    """The same for few architectures, where there is nvcc: none of those that have kernels of their own."""
    folder = tmp_path_factory.mktemp("asked")
    wheel, said = pip_wheel(
        copy_project(folder / "source"), folder / "out", *ASKED, env={"SOURCE_DATE_EPOCH": None}
    )
    assert wheel, said
    return wheel, said


@pytest.fixture(scope="session")
def cpu_wheel(tmp_path_factory):
    """A wheel built with CUDA switched off."""
    folder = tmp_path_factory.mktemp("cpu")
    wheel, said = pip_wheel(copy_project(folder / "source"), folder / "out", "-C", "cuda=off")
    assert wheel, said
    return wheel


def pythons():
    """Every interpreter that the caller wants tested."""
    return os.environ.get("ENVDOCTOR_PYTHONS", sys.executable).split(os.pathsep)


def test_one_wheel_for_every_python(built):
    assert re.fullmatch(rf"envdoctor-{re.escape(__version__)}-py3-none-linux_\w+\.whl", built[0].name)


def test_it_holds_the_doctor_and_the_library(built):
    with zipfile.ZipFile(built[0]) as archive:
        names = archive.namelist()
        metadata = archive.read(f"envdoctor-{__version__}.dist-info/METADATA").decode()
    assert LIBRARY in names
    assert "envdoctor/cli/__init__.py" in names
    assert not [name for name in names if "backend" in name or name.endswith(".pyc")]
    assert not [name for name in names if not name.startswith("envdoctor")]
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert [line for line in required if "extra ==" not in line] == ["Requires-Dist: packaging>=23.2"]


def test_pip_v_says_what_is_built_and_why(built):
    compiler, *cache, line = (
        line for line in built[1].splitlines() if line.strip().startswith("-- envdoctor: ")
    )
    assert "C++ compiler" in compiler
    assert all("compilers are run by" in line for line in cache)
    assert ("device code for sm_" in line and "by nvcc" in line) or "CPU library, no device code: " in line


def test_two_builds_are_the_same_bytes(asked, tmp_path):
    """In another folder, under another umask, from files with other permissions, in another time zone."""
    source = copy_project(tmp_path / "some, where" / "else")
    for path in source.rglob("*"):
        path.chmod(0o700 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
    again, said = pip_wheel(
        source,
        tmp_path / "out",
        *ASKED,
        env={"SOURCE_DATE_EPOCH": None, "TZ": "Asia/Kathmandu", "LC_ALL": "C"},
        umask=0o077,
    )
    assert again, said
    assert _contents(again) == _contents(asked[0])
    assert again.read_bytes() == asked[0].read_bytes()


def _contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return [
            (info.filename, info.date_time, oct(info.external_attr >> 16), info.CRC)
            for info in archive.infolist()
        ]


def _objdump(wheel, folder, option):
    if not shutil.which("objdump"):
        pytest.skip("no objdump")
    with zipfile.ZipFile(wheel) as archive:
        path = archive.extract(LIBRARY, str(folder))
    return subprocess.run(["objdump", option, path], stdout=subprocess.PIPE, check=True).stdout.decode()


@pytest.mark.parametrize("kind", ["plain", "cpu"])
def test_the_library_needs_libc_alone_and_an_old_one(kind, built, cpu_wheel, tmp_path):
    wheel = built[0] if kind == "plain" else cpu_wheel
    headers = _objdump(wheel, tmp_path, "-p")
    assert re.findall(r"NEEDED\s+(\S+)", headers) == ["libc.so.6"]
    assert not re.search(r"R(UN)?PATH", headers)
    symbols = _objdump(wheel, tmp_path, "-T")
    versions = [tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([\d.]+)", symbols)]
    assert versions
    assert max(versions) <= (2, 17)
    assert not re.search(r"UND.*(dlopen|dlsym)", symbols)
    exported = re.findall(r"\bg\s+DF\s+\.text\s+\S+\s+\S+\s+(\S+)", symbols)
    assert exported
    assert all(name.startswith("envdoctor_") for name in exported)


def test_the_library_stays_small(built):
    """With all kernels for every architecture that is built by default."""
    with zipfile.ZipFile(built[0]) as archive:
        assert archive.getinfo(LIBRARY).file_size < 12e6


def test_the_library_knows_no_folder_of_the_build(built):
    with zipfile.ZipFile(built[0]) as archive:
        data = archive.read(LIBRARY)
    assert b"/tmp" not in data
    assert str(ROOT).encode() not in data


@needs_nvcc
def test_the_architectures_asked_for_are_the_ones_built(asked, tmp_path):
    wheel, said = asked
    assert "device code for sm_75, sm_80, compute_80 (as asked for)" in said
    version = install_and_ask(sys.executable, wheel, tmp_path / "venv")
    assert version.endswith("device code for sm_75, sm_80, compute_80")


def test_the_tests_of_the_library_pass_on_what_is_in_the_wheel(built, tmp_path):
    """With device code where there is nvcc; where the package is tested as it lies there is none."""
    with zipfile.ZipFile(built[0]) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"),
            *(
                "-c",
                os.devnull,
                "-k",
                "image or fatbin or level or tells",
                str(ROOT / "tests/test_library.py"),
            ),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


@needs_nvcc
def test_an_architecture_that_the_toolkit_lacks_stops(tmp_path):
    wheel, said = pip_wheel(copy_project(tmp_path / "source"), tmp_path / "out", "-C", "cuda.archs=8.0,3.0")
    assert wheel is None
    assert (
        "CUDA was asked for and is not possible: this toolkit cannot compile for 3.0; it knows"
        in " ".join(said.split())
    )


def test_cuda_on_without_a_toolkit_stops_and_says_why(tmp_path):
    wheel, said = pip_wheel(
        copy_project(tmp_path / "source"),
        tmp_path / "out",
        *("-C", "cuda=on", "-C", "doctor=off"),
        env={"CUDA_HOME": "/nowhere", "CUDACXX": None},
    )
    assert wheel is None
    flat = " ".join(said.split())
    assert (
        "CUDA was asked for and is not possible: CUDA_HOME leads to /nowhere/bin/nvcc, which does not exist"
        in flat
    )


def test_the_doctor_stops_what_cannot_succeed(tmp_path):
    wheel, said = pip_wheel(
        copy_project(tmp_path / "source"),
        tmp_path / "out",
        *("-C", "cuda=on"),
        env={"CUDA_HOME": "/nowhere", "CUDACXX": None},
    )
    assert wheel is None
    assert "error  cuda-home-wrong" in said
    assert "envdoctor: device code was asked for, and the doctor found 1 error(s)" in said
    assert "Configuring CMake" not in said


def test_no_toolkit_and_nothing_asked_is_a_cpu_wheel_and_one_line(tmp_path):
    wheel, said = pip_wheel(
        copy_project(tmp_path / "source"),
        tmp_path / "out",
        *UNOPTIMISED,
        env={"CUDA_HOME": "/nowhere", "CUDACXX": None},
    )
    assert wheel, said
    assert said.count("CPU library, no device code: CUDA_HOME leads to /nowhere/bin/nvcc") == 1
    version = install_and_ask(sys.executable, wheel, tmp_path / "venv")
    assert version.endswith("no device code, built without CUDA: nvcc was not where it was said to be")


def test_a_broken_nvcc_is_a_cpu_wheel_with_the_reason(tmp_path):
    nvcc = tmp_path / "toolkit" / "bin" / "nvcc"
    nvcc.parent.mkdir(parents=True)
    nvcc.write_text("#!/bin/sh\necho 'sh: 1: cicc: not found' >&2\nexit 127\n")
    nvcc.chmod(0o755)
    wheel, said = pip_wheel(
        copy_project(tmp_path / "source"),
        tmp_path / "out",
        *UNOPTIMISED,
        env={"CUDA_HOME": str(nvcc.parents[1]), "CUDACXX": None},
    )
    assert wheel, said
    assert "cicc: not found" in said


def test_it_builds_without_isolation(cpu_wheel, tmp_path):
    python = make_venv(sys.executable, tmp_path / "venv")
    pip = [str(python), "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", "scikit-build-core", "packaging"], check=True)
    subprocess.run(
        [
            *pip,
            "install",
            "--quiet",
            "--no-build-isolation",
            *UNOPTIMISED,
            "-C",
            "cuda=off",
            str(copy_project(tmp_path / "source")),
        ],
        check=True,
    )
    assert "kernels" in ask_version(python)


@pytest.mark.parametrize("python", pythons())
def test_it_installs_and_runs_on_every_python(python, built, tmp_path):
    said = install_and_ask(python, built[0], tmp_path / "venv")
    assert said.startswith(f"envdoctor {__version__}")
    assert f"kernels {__version__}" in said
    assert str(tmp_path / "venv") in said


def install_and_ask(python, wheel, venv):
    """What `envdoctor --version` says after an install into a fresh environment."""
    fresh = make_venv(python, venv)
    subprocess.run([str(fresh), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return ask_version(fresh)


def make_venv(python, folder):
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"


def ask_version(python):
    done = subprocess.run(
        [str(python.parent / "envdoctor"), "--version"],
        cwd="/",
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout.strip()
