"""Folders of wheels, and indexes that cannot answer."""

import io
import zipfile

import pytest

from envdoctor.facts import Configuration, Setting
from envdoctor.probes.wheelhouse import probe
from tests import factory
from tests.fakes import FakeHost


def wheel(*requires: str, comment: bytes = b"", method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.comment = comment
        archive.writestr("demo/x.dist-info/METADATA", "Requires-Dist: wrong\n")
        lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
        archive.writestr(
            "demo-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n{lines}\n"
        )
    return stream.getvalue()


def test_nothing_configured_gives_nothing():
    found = probe(FakeHost(), factory.environment(), None, None)
    assert (found.no_index, found.folders, found.indexes) == (None, (), ())


def test_wheels_of_a_folder_are_read_with_their_requirements():
    host = FakeHost(
        files={
            "/wheels/Demo_Pkg-1.0-cp311-cp311-linux_x86_64.whl": wheel(
                "numpy>=1.20", 'tomli; python_version<"3.11"'
            )
        }
    )
    found = probe(host, factory.environment(PIP_FIND_LINKS="/wheels", PIP_NO_INDEX="1"), None, None)
    (entry,) = found.folders[0].wheels
    assert (entry.name, entry.version, entry.tag) == ("demo-pkg", "1.0", "cp311-cp311-linux_x86_64")
    assert entry.requires == ("numpy>=1.20", 'tomli; python_version<"3.11"')
    assert found.no_index == "PIP_NO_INDEX"


@pytest.mark.parametrize("comment", [b"", b"signed"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_wheels_of_every_make_are_read(comment, method):
    path = "/wheels/demo-1.0-py3-none-any.whl"
    host = FakeHost(files={path: wheel("numpy", comment=comment, method=method)})
    found = probe(host, factory.environment(PIP_FIND_LINKS="/wheels"), None, None)
    assert found.folders[0].wheels[0].requires == ("numpy",) and not host.notes


def test_a_wheel_cut_or_changed_anywhere_is_read_or_noted():
    whole = wheel("numpy", method=zipfile.ZIP_DEFLATED)
    for at in range(0, len(whole), 3):
        for data in (whole[:at], whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]):
            host = FakeHost(files={"/wheels/demo-1.0-py3-none-any.whl": data})
            probe(host, factory.environment(PIP_FIND_LINKS="/wheels"), None, None)


def test_a_variable_replaces_what_the_file_says():
    setting = Setting("pip", "global.find-links", "/old", "/etc/pip.conf", 3, True)
    host = FakeHost(folders=["/new"])
    found = probe(host, factory.environment(PIP_FIND_LINKS="/new"), Configuration((setting,)), None)
    assert [(folder.path, folder.source) for folder in found.folders] == [("/new", "PIP_FIND_LINKS")]
    found = probe(host, factory.environment(), Configuration((setting,)), None)
    assert [(folder.path, folder.source, folder.exists) for folder in found.folders] == [
        ("/old", "/etc/pip.conf:3", False)
    ]


def test_a_build_number_is_no_tag():
    host = FakeHost(files={"/wheels/demo-1.0-1-py3-none-any.whl": wheel()})
    found = probe(host, factory.environment(PIP_FIND_LINKS="/wheels"), None, None)
    assert found.folders[0].wheels[0].tag == "py3-none-any"


def test_a_broken_wheel_is_a_note():
    host = FakeHost(files={"/wheels/demo-1.0-py3-none-any.whl": b"PK\x03\x04 cut short"})
    found = probe(host, factory.environment(PIP_FIND_LINKS="/wheels"), None, None)
    assert found.folders[0].wheels[0].requires == ()
    assert "not a readable wheel" in host.notes[0][1]


def test_only_certain_indexes_are_said_not_to_answer():
    urls = {
        "https://pypi.org/simple": None,
        "https://pypi.office.invalid/simple": False,
        "http://127.0.0.1:3141/simple": False,
        "http://localhost:8080/simple": True,
        "file:///mirror/simple": False,
    }
    host = FakeHost(ports=[8080])
    found = probe(host, factory.environment(PIP_EXTRA_INDEX_URL=" ".join(urls)), None, None)
    assert {index.url: index.answers for index in found.indexes} == urls


def test_a_proxy_of_this_machine_that_is_gone_takes_every_index_with_it():
    environment = factory.environment(
        HTTPS_PROXY="http://127.0.0.1:3128", PIP_INDEX_URL="https://pypi.org/simple"
    )
    assert probe(FakeHost(), environment, None, None).indexes[0].answers is False
    assert probe(FakeHost(ports=[3128]), environment, None, None).indexes[0].answers is None


def test_find_links_of_a_requirements_file():
    project = factory.project(requirements=(factory.at("-f wheels", "requirements.txt", 1),))
    found = probe(FakeHost(folders=["/work/wheels"]), factory.environment(), None, project)
    assert found.folders[0].path == "/work/wheels"
    assert found.folders[0].source == "requirements.txt:1"


def test_no_index_of_a_requirements_file():
    project = factory.project(requirements=(factory.at("--no-index", "requirements.txt", 1),))
    assert probe(FakeHost(), factory.environment(), None, project).no_index == "requirements.txt:1"
    assert probe(FakeHost(), factory.environment(), None, factory.project()).no_index is None


def test_a_proxy_at_whose_port_nothing_listens():
    def dead(value, ports=()):
        return probe(
            FakeHost(ports=list(ports)), factory.environment(https_proxy=value), None, None
        ).dead_proxy

    found = dead("http://user:secret@127.0.0.1:3128")
    assert found is not None and found.file == "https_proxy" and "secret" not in found.text
    assert dead("127.0.0.1:3128") is not None
    assert dead("http://127.0.0.1:3128", [3128]) is None
    assert dead("http://proxy.example.org:3128") is None and dead("http://127.0.0.1:port") is None
    assert probe(FakeHost(), factory.environment(), None, None).dead_proxy is None
