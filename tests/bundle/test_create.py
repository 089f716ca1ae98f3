"""Bundles that are made: real uv, real pip, no network."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest

from envdoctor.bundle.create import create
from envdoctor.bundle.install import install
from envdoctor.bundle.place import Place
from envdoctor.bundle.static.table import CHECKS
from envdoctor.bundle.target import BundleError, Target
from envdoctor.bundle.verify import verify
from envdoctor.bundle.wanted import Wanted
from envdoctor.cli import main
from envdoctor.host import LocalHost
from envdoctor.host.install import sha256_of
from envdoctor.progress import Progress
from tests.bundle.conftest import HERE, everything, made
from tests.bundle.wheels import wheel

ROOT = Path(__file__).parents[2]


def test_made_installed_and_whole(tmp_path, index, target):
    # The doctor in it runs on any Python, with a `packaging` that does: not with this one.
    wheel(index, "packaging", "99.0", "py39-none-any", files={"packaging/__init__.py": "raise ImportError"})
    done, bundle = made(tmp_path, "apple", targets=[target])
    (one,) = done.contents
    assert {each.project: each.version for each in one.packages} == {
        "apple": "2.0",
        "pear": "1.5",
        "stone": "0.1",
    }
    assert done.proofs[0]["installed"] == "yes" and done.proofs[0]["imported"] == "apple pear stone"
    assert verify(LocalHost(), str(bundle)) == done.contents
    assert not Path(f"{bundle}.part").exists()
    components = json.loads((bundle / "sbom.cdx.json").read_text())["components"]
    assert {each["bom-ref"] for each in components} == {path.name for path in (bundle / "wheels").iterdir()}
    assert all(
        sha256_of(str(bundle / "wheels" / c["bom-ref"])) == c["hashes"][0]["content"] for c in components
    )
    moved = tmp_path / "a b"
    bundle.rename(moved)
    (index / "apple-2.0-py3-none-any.whl").unlink()
    script = subprocess.run(
        ["sh", moved / "install.sh", tmp_path / "venv"],
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "PIP_INDEX_URL": "http://127.0.0.1:9/"},
        capture_output=True,
        text=True,
    )
    assert script.returncode == 0, script.stderr
    ask = "import apple, pear, stone; print(apple.VERSION)"
    python = str(tmp_path / "venv" / "bin" / "python")
    assert subprocess.check_output([python, "-c", ask], text=True) == "2.0\n"


def test_the_same_inputs_give_the_same_bytes(tmp_path, index, target):
    """From other places too: the one of a wheel that is given is not told."""
    pear = index / "pear-1.5-py3-none-any.whl"
    bundles = []
    for name in ("one", "other place"):
        (tmp_path / name).mkdir()
        shutil.copy(str(pear), str(tmp_path / name))
        given = f"pear[ripe] @ file://{quote(str(tmp_path / name / pear.name))}"
        done, bundle = made(tmp_path / name, "apple", given, targets=[target])
        assert done.contents[0].requested == ("apple", "pear[ripe]==1.5")
        bundles.append(everything(bundle))
    assert bundles[0] == bundles[1]


def test_other_ways_to_install(tmp_path, bundle, target):
    clean = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": "/dev/null"}
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]
    simple = ["--index-url", f"file://{bundle}/simple", "apple"]
    subprocess.run([*pip, tmp_path / "by-index", *simple], env=clean, check=True)
    assert (tmp_path / "by-index" / "stone.py").exists()
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--offline", "--no-config"]
    locked = [
        "--target",
        tmp_path / "by-lock",
        "-r",
        bundle / f"pylock.{target.name}.toml",
        "--python",
        sys.executable,
    ]
    subprocess.run([*uv, *locked], env=clean, check=True)
    assert (tmp_path / "by-lock" / "stone.py").exists()


def test_for_another_machine_which_is_not_here(tmp_path, index):
    """What pip alone gets wrong: it reads markers for the Python that runs it."""
    wheel(index, "fig", requires=["stone; python_version < '3.0' or platform_machine == 'aarch64'"])
    done, bundle = made(tmp_path, "fig", targets=[Target("3.9", "manylinux_2_28_aarch64")])
    assert [each.project for each in done.contents[0].packages] == ["fig", "stone"]
    assert done.proofs[0]["installed"] == "no"
    with pytest.raises(
        BundleError, match=r"nothing in the bundle is for .*: cp39-manylinux_2_28_aarch64: this"
    ):
        install(LocalHost(), str(bundle), Place(str(tmp_path / "venv"), "venv"), None, Progress())
    assert not (tmp_path / "venv").exists()


def test_a_pip_that_is_asked_for_is_installed_and_no_other(tmp_path, index, target):
    """It need not be the one that installs, and without it none is there."""
    wheel(index, "pip", "9.0")
    done, bundle = made(tmp_path, "pip<10", "stone", targets=[target])
    assert done.contents[0].pip.version != "9.0" and done.proofs[0]["imported"] == "pip stone"
    (listed,) = bundle.glob("requirements/*.txt")
    assert [line.split()[0] for line in listed.read_text().splitlines()] == ["pip==9.0", "stone==0.1"]


def test_for_a_glibc_that_is_newer_than_here(tmp_path, index):
    done, _ = made(tmp_path, "apple", targets=[Target(HERE, "manylinux_2_90_x86_64")])
    assert done.proofs[0]["installed"] == "no" and "this machine has glibc" in done.proofs[0]["why"]


def test_several_targets_in_one(tmp_path, index, target):
    wheel(index, "apple", "3.0", tag="cp39-cp39-manylinux_2_17_aarch64")
    done, _ = made(tmp_path, "apple", targets=[target, Target("3.9", "manylinux_2_28_aarch64")])
    versions = [next(p.version for p in one.packages if p.project == "apple") for one in done.contents]
    assert versions == ["2.0", "3.0"]


def test_a_project_is_built(tmp_path, index, target):
    project = tmp_path / "a project"
    project.mkdir()
    (project / "backend.py").write_text(
        "import zipfile\n"
        "def build_wheel(folder, settings=None, metadata=None):\n"
        "    name = 'quince-0.3-py3-none-any.whl'\n"
        "    with zipfile.ZipFile(folder + '/' + name, 'w') as archive:\n"
        "        archive.writestr('quince.py', 'VERSION = 3')\n"
        "        info = 'quince-0.3.dist-info/'\n"
        "        archive.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: quince\\nVersion: 0.3\\n'\n"
        "                         'Requires-Dist: stone\\n')\n"
        "        archive.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nTag: py3-none-any\\n')\n"
        "        archive.writestr(info + 'RECORD', 'quince.py,,\\n')\n"
        "    return name\n"
    )
    (project / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    )
    done, _ = made(tmp_path, targets=[target], projects=(str(project),))
    assert done.contents[0].requested == ("quince==0.3",) and done.proofs[0]["imported"] == "quince stone"
    (project / "backend.py").write_text("raise SystemExit('error: no compiler')\n")
    with pytest.raises(BundleError, match="does not build here"):
        made(tmp_path, targets=[target], projects=(str(project),), name="broken")


def sdist(folder, project, version, requires=()):
    """Source that builds with the backend `kiln`, which notes whether `stone` was there."""
    texts = {
        "pyproject.toml": f"[build-system]\nrequires = {[*requires]!r}\nbuild-backend = 'kiln'\n",
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {project}\nVersion: {version}\nRequires-Dist: stone\n",
    }
    with tarfile.open(Path(folder) / f"{project}-{version}.tar.gz", "w:gz") as tar:
        for name, text in texts.items():
            member = tarfile.TarInfo(f"{project}-{version}/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))


KILN = """
import pathlib, stone, zipfile

def build_wheel(folder, settings=None, metadata=None):
    _, project, version = (line.split(": ")[1] for line in pathlib.Path("PKG-INFO").read_text().splitlines()[:3])
    name, info = f"{project}-{version}-TAG.whl", f"{project}-{version}.dist-info/"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as archive:
        archive.writestr(f"{project}.py", f"STONE = {stone.VERSION!r}")
        archive.writestr(info + "METADATA", pathlib.Path("PKG-INFO").read_text())
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: TAG\\n")
        archive.writestr(info + "RECORD", f"{project}.py,,\\n")
    return name
"""


def test_source_is_built_here_or_at_the_target(tmp_path, index, target):
    """`stone` is imported by the build and not among its requirements: such builds want what is installed already."""
    tag = "py3-none-any"
    wheel(index, "kiln", files={"kiln.py": KILN.replace("TAG", tag)})
    sdist(index, "brick", "1.0", ["kiln", "stone"])
    done, _ = made(tmp_path, "brick", targets=[target])
    assert {each.file for each in done.contents[0].packages} == {
        f"brick-1.0-{tag}.whl",
        f"stone-0.1-{tag}.whl",
    }
    done, bundle = made(tmp_path, "brick", targets=[target], sources=["brick"], name="two")
    (source,) = done.contents[0].sources
    assert source.file == "brick-1.0.tar.gz" and {p.project for p in done.contents[0].wheels} == {
        "kiln",
        "stone",
    }
    assert (
        done.proofs[0]["imported"] == "brick kiln stone" and verify(LocalHost(), str(bundle)) == done.contents
    )
    sdist(index, "clay", "1.0", ["kiln"])
    done, _ = made(tmp_path, "clay", targets=[target], name="three")
    assert [each.file for each in done.contents[0].sources] == ["clay-1.0.tar.gz"]


def test_a_bundle_of_a_lock_file_which_a_bundle_has(tmp_path, bundle, index, target):
    lock = str(bundle / f"pylock.{target.name}.toml")
    done = create(LocalHost(limit=600), Wanted((), (), (lock,), (target,), str(tmp_path / "new")), Progress())
    assert [each.file for each in done.contents[0].packages] == [
        "apple-2.0-py3-none-any.whl",
        "pear-1.5-py3-none-any.whl",
        "stone-0.1-py3-none-any.whl",
    ]
    with pytest.raises(BundleError, match="give it alone"):
        create(LocalHost(), Wanted(("pear",), (), (lock,), (target,), str(tmp_path / "more")), Progress())


def test_checksums_that_a_file_of_requirements_states(tmp_path, index, target):
    """Of a release that is built here, its source's."""
    wheel(index, "kiln", files={"kiln.py": KILN.replace("TAG", "py3-none-any")})
    sdist(index, "brick", "1.0", ["kiln"])
    digests = [sha256_of(str(index / name)) for name in ("apple-2.0-py3-none-any.whl", "brick-1.0.tar.gz")]
    for number, (apple, brick) in enumerate([digests, ["0" * 64, digests[1]], [digests[0], "0" * 64]]):
        file, out = tmp_path / f"{number}.txt", tmp_path / f"made-{number}"
        file.write_text(f"apple==2.0 --hash=sha256:{apple}\nbrick==1.0 --hash=sha256:{brick}\n")
        wanted = Wanted((), (), (str(file),), (target,), str(out))
        with (
            pytest.raises(BundleError, match="not among those stated") if number else contextlib.nullcontext()
        ):
            create(LocalHost(limit=600), wanted, Progress())
        assert out.exists() == (number == 0)


def test_what_cannot_be_resolved(tmp_path, index, target):
    with pytest.raises(BundleError, match="medlar"):
        made(tmp_path, "medlar", targets=[target])
    with pytest.raises(
        BundleError, match="--source fig: not among what is needed; that is apple, pear, stone"
    ):
        made(tmp_path, "apple", targets=[target], sources=["fig"])
    with pytest.raises(BundleError, match="nothing that is asked for is for it"):
        made(tmp_path, "apple; python_version < '3.0'", targets=[target])
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.zip", r"written as a folder, or as \.tar, \.tar\.gz, \.tar\.zst, not as \.zip"),
        ("x.tar.XZ", r"not as \.tar\.XZ"),
        ("x.tgz", r"not as \.tgz"),
        (".tar", r"'' is not the name of a folder"),
        ("...tar.gz", r"'\.\.' is not the name of a folder"),
    ],
)
def test_names_of_archives_that_are_not_written(tmp_path, target, name, said):
    with pytest.raises(BundleError, match=said):
        made(tmp_path, "apple", targets=[target], name=name)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_install_is_no_bundle(tmp_path, index, target):
    wheel(index, "rotten", files={"rotten.py": "raise ImportError('no GPU in this module')\n"})
    with pytest.raises(BundleError, match=r"does not import: .*no GPU in this module"):
        made(tmp_path, "rotten", targets=[target])
    assert not (tmp_path / "made").exists()


def test_compiled_files_that_are_too_new(tmp_path, index, target):
    """The tag promises any glibc, and the file, this Python's own, asks for this machine's."""
    import _ctypes

    data = Path(_ctypes.__file__).read_bytes()
    wheel(
        index, "liar", tag="py3-none-manylinux_2_5_x86_64", files={"liar/_c.so": data, "liar/__init__.py": ""}
    )
    with pytest.raises(
        BundleError, match=r"cp\d+-manylinux_2_5_x86_64: liar-.*: liar/_c\.so needs glibc 2\.\d+\. The loader"
    ):
        made(tmp_path, "liar", targets=[Target(HERE, "manylinux_2_5_x86_64")])
    done, _ = made(tmp_path, "liar", targets=[Target(HERE, "manylinux_2_36_x86_64")])
    assert [each["findings"] for each in done.proofs[0]["read from the files"]] == [[]] * len(CHECKS)
    assert done.proofs[0]["needs"]["glibc"].startswith("2.")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--arch", "9.9"], "no GPU of NVIDIA's has the architecture '9.9'"),
        (["--arch", "hopper"], "is not an architecture"),
        (["--cuda", "14"], "invalid choice"),
        (["--cuda", "cpu", "--arch", "9.0"], "--cuda cpu has no use for them"),
        (["--cuda", "13", "--arch", "6.1"], "CUDA 13 has no code for GPUs below 7.5"),
    ],
)
def test_targets_that_contradict_themselves(tmp_path, capsys, options, said):
    try:
        status = main(["bundle", "create", "apple", "-o", str(tmp_path / "out"), *options])
    except SystemExit as ended:
        status = ended.code
    told = capsys.readouterr().err
    assert status == 2 and said in told and told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_index_that_does_not_answer(tmp_path, index, target, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(BundleError, match=r"refused.*PIP_INDEX_URL=https://.*HTTPS_PROXY=.*PIP_FIND_LINKS="):
        made(tmp_path, "medlar", targets=[target])


def said(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "envdoctor", "bundle", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.returncode, done.stdout, done.stderr


def test_as_a_user(tmp_path, index):
    out = tmp_path / "made.tar.gz"
    status, printed, told = said("create", "apple", "-o", out)
    assert (status, printed) == (0, "tar -xf made.tar.gz && made/install.sh DIR\n"), told
    assert "1 of them installed here without a network" in told
    status, printed, _ = said("verify", out)
    assert status == 0 and "made.tar.gz: whole and complete for cp3" in printed
    status, printed, _ = said("show", out)
    assert status == 0 and "apple 2.0" in printed and "stone 0.1" in printed
    assert said("create", "apple", "-o", out) == (
        2,
        "",
        f"envdoctor: {out} is there already; give a new name\n",
    )
    status, printed, told = said("create", "no such thing!", "-o", f"{out}2")
    assert (status, printed, told.count("\n")) == (2, "", 1)
    out.write_bytes(out.read_bytes()[:5000])
    status, _, told = said("install", out, "--venv", tmp_path / "venv")
    assert (
        status == 2
        and "it is no whole tar file" in told
        and "copy it again" in told
        and not (tmp_path / "venv").exists()
    )
