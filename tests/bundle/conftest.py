import shutil
import sys
from pathlib import Path

import pytest

from envdoctor.bundle.create import create
from envdoctor.bundle.layout import CHECKSUMS
from envdoctor.bundle.target import Target
from envdoctor.bundle.wanted import Wanted
from envdoctor.host import LocalHost
from envdoctor.host.install import sha256_of
from envdoctor.progress import Progress
from tests.bundle.wheels import add_tools, wheel

HERE = "{}.{}".format(*sys.version_info)


def fruits(folder):
    """A folder of wheels."""
    folder.mkdir()
    add_tools(folder)
    wheel(folder, "apple", "1.0")
    wheel(folder, "apple", "2.0", requires=["pear[ripe]>=1", "plum; python_version < '3.0'"])
    wheel(folder, "pear", "1.5", requires=["stone; extra == 'ripe'"], extras=["ripe"])
    wheel(folder, "stone", "0.1")
    return folder


def tell_of(folder, monkeypatch):
    """It is all that pip and uv are told of; nothing is asked of a network."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def made(tmp_path, *requirements, targets, projects=(), sources=(), name="made"):
    wanted = Wanted(requirements, projects, (), tuple(targets), str(tmp_path / name), tuple(sources))
    return create(LocalHost(limit=600), wanted, Progress()), tmp_path / name


@pytest.fixture
def index(tmp_path, monkeypatch):
    folder = fruits(tmp_path / "index")
    tell_of(folder, monkeypatch)
    return folder


@pytest.fixture(scope="session")
def target():
    """This Python, on any machine with a glibc of the last ten years."""
    return Target(HERE, "manylinux_2_24_x86_64")


@pytest.fixture(scope="session")
def original(tmp_path_factory, target):
    folder = tmp_path_factory.mktemp("original")
    with pytest.MonkeyPatch.context() as patch:
        tell_of(fruits(folder / "index"), patch)
        return made(folder, "apple", targets=[target])[1]


@pytest.fixture
def bundle(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "bundle"))


def everything(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sign(bundle):
    """As somebody would who changes a bundle and knows of the checksums."""
    names = sorted(name for name in everything(bundle) if name != CHECKSUMS)
    lines = [f"{sha256_of(str(bundle / name))}  {name}\n" for name in names]
    (bundle / CHECKSUMS).write_text("".join(lines))
