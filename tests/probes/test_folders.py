"""The folders that builds write into."""

from envdoctor.facts import Configuration, Request, Setting
from envdoctor.host import Space
from envdoctor.probes.folders import probe
from tests.fakes import FakeHost

MOUNTS = """overlay / overlay rw 0 0
tmpfs /tmp tmpfs rw,noexec 0 0
/dev/sda1 /my\\040disk ext4 rw 0 0
/dev/sdb1 /my\\040disk xfs rw 0 0
"""


def look(configuration=None, project=None, **more):
    host = FakeHost(files={"/proc/self/mounts": MOUNTS, **more.pop("files", {})}, **more)
    return probe(host, Request(project=project), configuration), host


def test_a_plain_machine():
    found, host = look(
        project="/my disk/demo",
        env={"HOME": "/home/u"},
        folders=["/tmp", "/my disk/demo", "/dev/shm", "/home/u"],
        spaces={"/tmp": Space(5, None, True)},
    )
    assert [(one.role, one.path, one.found_via) for one in found.items] == [
        ("build", "/my disk/demo", "the project"),
        ("tmp", "/tmp", "default"),
        ("shm", "/dev/shm", "default"),
        ("home", "/home/u", "HOME"),
        ("pip-cache", "/home/u/.cache/pip", "default"),
    ]
    build, tmp, cache = found.get("build"), found.get("tmp"), found.get("pip-cache")
    assert (build.filesystem, build.writable, build.noexec, build.is_folder) == ("xfs", True, False, True)
    assert (tmp.filesystem, tmp.noexec, tmp.free_bytes, tmp.free_inodes) == ("tmpfs", True, 5, None)
    assert (cache.exists, cache.is_folder, cache.writable, cache.filesystem) == (
        False,
        False,
        True,
        "overlay",
    )
    assert not host.notes


def test_the_temporary_folder_is_the_first_that_can_be_used():
    env = {"TMPDIR": "/gone", "TEMP": "/locked", "TMP": "scratch"}
    folders = ["/tmp", "/locked", "/work/scratch"]
    found, _ = look(env=env, folders=folders, unreadable=["/locked"])
    assert (found.get("tmp").path, found.get("tmp").found_via) == ("/work/scratch", "TMP")
    found, _ = look(env={"TMPDIR": "/locked"}, folders=["/locked"], unreadable=["/locked", "/work"])
    assert (found.get("tmp").path, found.get("tmp").writable) == ("/locked", False)


def test_a_file_in_the_way_is_no_folder():
    found, _ = look(files={"/home/u": "", "/dev/shm": ""}, env={"HOME": "/home/u"})
    home, cache = found.get("home"), found.get("pip-cache")
    assert (home.exists, home.is_folder, home.writable) == (True, False, False)
    assert (cache.exists, cache.writable) == (False, False)


def test_pips_cache_by_its_setting_and_by_variable():
    setting = Setting("pip", "global.cache-dir", "/data/pip", "/etc/pip.conf", 2, True)
    found, _ = look(Configuration((setting,)), env={"HOME": "/home/u", "XDG_CACHE_HOME": "/c"})
    assert (found.get("pip-cache").path, found.get("pip-cache").found_via) == (
        "/data/pip",
        "cache-dir in /etc/pip.conf",
    )
    found, _ = look(env={"HOME": "/home/u", "XDG_CACHE_HOME": "/c"})
    assert (found.get("pip-cache").path, found.get("pip-cache").found_via) == ("/c/pip", "XDG_CACHE_HOME")


def test_without_a_home():
    found, _ = look()
    assert found.get("home") is None
    assert found.get("pip-cache") is None
    assert found.get("build").found_via == "the working folder"


def test_relative_folders_lie_in_the_working_folder():
    found, _ = look(env={"HOME": "home", "XDG_CACHE_HOME": "cache"})
    assert (found.get("home").path, found.get("pip-cache").path) == ("/work/home", "/work/cache/pip")
