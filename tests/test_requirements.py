"""Requirements of an interpreter other than the running one."""

from packaging.requirements import Requirement

from envdoctor.facts import Wheel
from envdoctor.isolation import isolated
from envdoctor.requirements import (
    applies,
    built_for_numpy_1,
    fits,
    installed,
    parse,
    release_of,
    tags,
    unavailable,
)
from tests.factory import environment, package, packages, project, python, system


def wheel(name, version="1.0", tag="py3-none-any", *requires):
    return Wheel(f"/wheels/{name}-{version}-{tag}.whl", name, version, tag, requires)


def test_lines_that_are_no_requirements():
    assert parse("-r other.txt") is None
    assert parse("./local") is None
    assert str(parse("torch>=2.0 # newest")) == "torch>=2.0"


def test_markers_are_evaluated_for_the_examined_interpreter():
    requirement = Requirement('tomli; python_version < "3.11"')
    assert applies(requirement, python("3.8.18"))
    assert not applies(requirement, python("3.13.0"))


def test_installed_compares_normalised_names_and_versions():
    there = packages(package("scikit-build-core", "0.11.6"))
    assert installed(Requirement("scikit_build_core>=0.10"), there)
    assert not installed(Requirement("scikit-build-core>=1.0"), there)
    assert not installed(Requirement("ninja"), there)


def test_tags_follow_interpreter_glibc_and_machine():
    accepted = tags(python("3.11.7"), system(libc_version="2.36"))
    for tag in ("py3-none-any", "cp311-cp311-manylinux_2_28_x86_64", "cp38-abi3-manylinux2014_x86_64"):
        assert fits(wheel("demo", "1.0", tag), accepted), tag
    for tag in (
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux_2_39_x86_64",
        "cp311-cp311-linux_aarch64",
    ):
        assert not fits(wheel("demo", "1.0", tag), accepted), tag


def test_musl_takes_no_manylinux_wheel():
    accepted = tags(python(), system(libc="musl", libc_version="1.2"))
    assert not fits(wheel("torch", "2.6.0", "cp311-cp311-manylinux_2_28_x86_64"), accepted)
    assert fits(wheel("demo", "1.0", "cp311-cp311-musllinux_1_1_x86_64"), accepted)


def test_what_wheels_require_in_turn_is_followed():
    accepted = tags(python(), system())
    wheels = (
        wheel(
            "demo",
            "1.0",
            "py3-none-any",
            "numpy>=1.20",
            'tomli; python_version<"3.11"',
            'rich; extra=="pretty"',
        ),
    )
    (missing,) = unavailable([Requirement("demo")], wheels, packages(), python(), accepted)
    assert (str(missing[0]), missing[1]) == ("numpy>=1.20", "demo 1.0")
    names = [
        r.name for r, _ in unavailable([Requirement("demo[pretty]")], wheels, packages(), python(), accepted)
    ]
    assert names == ["numpy", "rich"]
    assert not unavailable(
        [Requirement("demo")], wheels, packages(package("numpy", "2.0")), python(), accepted
    )


def test_versions_that_are_none_are_no_crash():
    odd = (wheel("demo", "unknown"), wheel("demo", "1.0", "py3-none-any", "numpy"))
    accepted = tags(python(), system())
    (missing,) = unavailable([Requirement("demo")], odd, packages(), python(), accepted)
    assert (str(missing[0]), missing[1]) == ("numpy", "demo 1.0")
    assert (release_of("unknown"), release_of(None)) == (None, None)
    built = project(builds=("setup.py",), build_system=False)
    assert not isolated(built, packages(package("pip", "of my own")), environment(), None)


def test_an_old_pip_does_not_know_new_platform_names():
    def known(pip, tag):
        return fits(
            wheel("demo", "1.0", f"cp311-cp311-{tag}"), tags(python(), system(libc_version="2.36"), pip)
        )

    assert known("20.3", "manylinux_2_28_x86_64") and not known("20.2.4", "manylinux_2_28_x86_64")
    assert known("19.3", "manylinux2014_x86_64") and not known("19.2.3", "manylinux2014_x86_64")
    assert known("9.0", "linux_x86_64") and known("9.0", "manylinux1_x86_64")
    assert known("19.2", "manylinux2014_x86_64.manylinux1_x86_64")


def test_compiled_packages_from_before_numpy_2():
    def before(*requires, tag="cp311-cp311-linux_x86_64"):
        return built_for_numpy_1(package("demo", requires=requires, tags=(tag,)))

    assert before("numpy<2") and before("NumPy>=1.21,<2.0")
    assert not before() and not before("numpy") and not before("numpy<2.2")
    assert not before("numpy<2", tag="py3-none-any")
