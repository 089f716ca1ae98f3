import pytest
from packaging.tags import Tag

from envdoctor.bundle.target import BundleError, Target

OLD = Target("3.8", "manylinux_2_31_x86_64")


@pytest.mark.parametrize(
    ("python", "platform"),
    [
        ("2.7", "manylinux_2_31_x86_64"),
        ("3", "manylinux_2_31_x86_64"),
        ("3.8", "linux_x86_64"),
        ("3.8", "manylinux2014_x86_64"),
        ("3.8", "manylinux_2_31_sparc"),
    ],
)
def test_what_is_no_target(python, platform):
    with pytest.raises(BundleError, match="write it as"):
        Target(python, platform)


def test_its_parts():
    assert (OLD.name, OLD.minor, OLD.glibc, OLD.machine) == (
        "cp38-manylinux_2_31_x86_64",
        (3, 8),
        (2, 31),
        "x86_64",
    )
    assert Target("3.11.7", "manylinux_2_28_aarch64").machine == "aarch64"


def test_its_wheels_best_first():
    tags = OLD.tags()
    for older in ("cp38-cp38-manylinux2014_x86_64", "cp37-abi3-manylinux_2_5_x86_64", "py3-none-any"):
        assert Tag(*older.split("-")) in tags
    for newer in (
        "cp38-cp38-manylinux_2_32_x86_64",
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp39-abi3-linux_x86_64",
    ):
        assert Tag(*newer.split("-")) not in tags
    assert tags[0] == Tag("cp38", "cp38", "manylinux_2_31_x86_64") and len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("", True),
        ("python_version < '3.9'", True),
        ("python_full_version >= '3.9'", False),
        ("sys_platform == 'linux' and platform_machine == 'x86_64'", True),
        ("sys_platform == 'win32'", False),
        ("implementation_name == 'cpython'", True),
        ("extra == 'ripe'", False),
    ],
)
def test_markers_read_for_it(marker, holds):
    assert OLD.holds(marker) is holds


def test_extras_that_are_asked_for():
    assert OLD.holds("extra == 'ripe' and python_version < '3.9'", "ripe")
