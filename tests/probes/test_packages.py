"""Installed distributions of every kind."""

from envdoctor.facts import Packages, Unknown
from envdoctor.probes.packages import probe
from tests.factory import python
from tests.fakes import FakeHost

SITE = "/venv/lib/python3.11/site-packages"
METADATA = """Metadata-Version: 2.1
Name: {name}
Version: {version}
License: words
        that go on
        Name: not-this
Requires-Dist: numpy>=1.20
Requires-Dist: pytest ; extra == 'test'
Requires-Python: >=3.8

Requires-Dist: not-a-header
"""


def dist(name, version="1.0", folder=SITE, **files):
    """Files of a dist-info folder; `direct_url` is short for direct_url.json."""
    path = f"{folder}/{name}-{version}.dist-info"
    found = {f"{path}/METADATA": METADATA.format(name=name, version=version)}
    return {**found, **{f"{path}/{part}{'.json' * part.islower()}": text for part, text in files.items()}}


def look(files, path=(SITE,), **more):
    host = FakeHost(files=files, **more)
    found = probe(host, python(path=path))
    assert isinstance(found, Packages)
    return found.items, host


def test_a_wheel_with_all_that_it_says():
    wheel = "Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\nTag: cp311-cp311-manylinux_2_17_x86_64\n"
    files = dist("Torch_Int", "0.1+cu118", WHEEL=wheel, INSTALLER="pip\n", RECORD="", direct_url="{}")
    (found,), host = look(files)
    assert (found.name, found.version, found.kind, found.installer) == (
        "torch-int",
        "0.1+cu118",
        "dist-info",
        "pip",
    )
    assert found.requires == ("numpy>=1.20", "pytest ; extra == 'test'")
    assert found.requires_python == ">=3.8"
    assert found.tags == ("cp311-cp311-linux_x86_64", "cp311-cp311-manylinux_2_17_x86_64")
    assert not host.notes


def test_an_editable_install():
    (found,), _ = look(
        dist("demo", direct_url='{"url": "file:///work/demo", "dir_info": {"editable": true}}')
    )
    assert found.kind == "editable"


def test_egg_info_as_a_file_and_as_a_folder_with_requires():
    requires = (
        "six\n\n[:python_version < '3']\nenum34\n\n[test]\npytest\n\n[test:sys_platform == 'linux']\ntox\n"
    )
    files = {
        f"{SITE}/pycups-2.0.1.egg-info": "Metadata-Version: 1.1\nName: pycups\nVersion: 2.0.1\n",
        f"{SITE}/demo.egg-info/PKG-INFO": "Name: demo\r\nVersion: 1.5\r\n\r\nVersion: 9\r\n",
        f"{SITE}/demo.egg-info/requires.txt": requires,
    }
    found, _ = look(files)
    assert [(one.name, one.version, one.kind) for one in found] == [
        ("demo", "1.5", "egg-info"),
        ("pycups", "2.0.1", "egg-info"),
    ]
    assert found[0].requires == (
        "six",
        "enum34 ; python_version < '3'",
        'pytest ; extra == "test"',
        "tox ; (sys_platform == 'linux') and extra == \"test\"",
    )


def test_eggs_of_setup_py_install_count_when_they_are_on_the_path_and_come_in_its_order():
    folder, archive = f"{SITE}/torch_int-0.0.0-py3.8-linux-x86_64.egg", f"{SITE}/plain-2.1-py3.8.egg"
    files = {
        f"{folder}/EGG-INFO/PKG-INFO": "Name: torch-int\nVersion: 0.0.0\n",
        f"{folder}/EGG-INFO/requires.txt": "torch\n",
        archive: b"PK\x03\x04",
        f"{SITE}/left-1.0-py3.8.egg/EGG-INFO/PKG-INFO": "Name: left\nVersion: 1.0\n",
        **dist("torch_int", "0.1"),
    }
    found, _ = look(files, path=(folder, archive, SITE))
    assert [(one.name, one.version, one.kind) for one in found] == [
        ("torch-int", "0.0.0", "egg"),
        ("plain", "2.1", "egg"),
        ("torch-int", "0.1", "dist-info"),
    ]
    assert found[0].requires == ("torch",)


def test_setup_py_develop_is_an_egg_link():
    files = {
        f"{SITE}/demo.egg-link": "/work/demo\n.",
        "/work/demo/demo.egg-info/PKG-INFO": "Name: demo\nVersion: 3\n",
    }
    (found,), _ = look(files, path=(SITE, "/work/demo"))
    assert (found.kind, found.location) == ("egg-link", "/work/demo/demo.egg-info")


def test_pythonpath_counts_and_a_folder_under_two_names_counts_once():
    files = {**dist("torch", "2.1", folder="/apps/torch"), **dist("torch", "2.3"), **dist("numpy")}
    path = ("/apps/torch", SITE, SITE.replace("lib", "lib64"))
    found, _ = look(files, path, links={"/venv/lib64": "lib"})
    assert [(one.name, one.version) for one in found] == [
        ("torch", "2.1"),
        ("numpy", "1.0"),
        ("torch", "2.3"),
    ]


def test_long_headers_are_read_to_their_end():
    text = f"Name: demo\nLicense: {'x' * 20000}\nVersion: 7\n\nbody"
    (found,), _ = look({f"{SITE}/demo-7.dist-info/METADATA": text})
    assert found.version == "7"


def test_what_is_broken_is_noted_and_leftovers_of_pip_are_not():
    files = {
        f"{SITE}/gone-1.0.dist-info/RECORD": "",
        f"{SITE}/dir-1.0.dist-info/METADATA/x": "",
        f"{SITE}/half-2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: half\n",
        f"{SITE}/nothing.dist-info/METADATA": "",
        f"{SITE}/~umpy-1.0.dist-info/RECORD": "",
        f"{SITE}/locked-1.0.dist-info/METADATA": "Name: locked",
        **dist("good"),
    }
    found, host = look(files, unreadable=[f"{SITE}/locked-1.0.dist-info/METADATA"])
    assert [(one.name, one.version) for one in found] == [("good", "1.0"), ("half", "2.0")]
    noted = {source.split("/")[5].split("-")[0] for source, _ in host.notes}
    assert noted == {"gone", "dir", "half", "nothing.dist", "locked"}


def test_without_an_interpreter_nothing_is_known():
    assert isinstance(probe(FakeHost(), None), Unknown)
