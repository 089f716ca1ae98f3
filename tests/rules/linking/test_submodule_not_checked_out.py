"""Submodules without their files."""

from envdoctor.facts import Header, Submodule
from envdoctor.finding import Run, SetEnv, Severity
from envdoctor.rules.linking.submodule_not_checked_out import check
from tests.factory import at, cmake, extension, project, setup

URL = "https://example.org/fmtlite.git"


def submodule(state="empty", path="third_party/fmtlite"):
    return Submodule(path, URL, state, 1)


def found(**changes):
    return list(check(project(**changes), None, None))


def test_quiet_when_it_is_there_or_lfs_is_to_blame():
    assert not found(submodules=(submodule("present"),))
    assert not found(submodules=(submodule(),), lfs_pointers=("third_party/fmtlite/model.bin",))


def test_one_that_the_build_does_not_name_is_a_hint():
    (finding,) = found(submodules=(submodule(path="docs/theme"),))
    assert finding.severity is Severity.INFO


def test_one_that_cmake_adds_stops_the_build():
    files = cmake(subdirectories=(at("third_party/fmtlite", "CMakeLists.txt", 3),))
    (finding,) = found(submodules=(submodule(),), cmake=files)
    assert finding.severity is Severity.ERROR
    assert isinstance(finding.fix.steps[0], Run)
    assert finding.fix.steps[0].command == "git submodule update --init --recursive -- third_party/fmtlite"


def test_include_folders_and_headers_show_the_need():
    named = setup(extension(include_dirs=("./third_party/fmtlite/include",)))
    (finding,) = found(submodules=(submodule("absent"),), setup=named)
    assert finding.severity is Severity.ERROR
    header = Header("cutlass/gemm.h", at("cutlass/gemm.h", "a.cu", 4), ())
    (finding,) = found(submodules=(submodule(path="submodules/cutlass"),), unresolved_headers=(header,))
    assert finding.severity is Severity.ERROR


def test_include_folders_of_a_makefile_show_the_need():
    (finding,) = found(submodules=(submodule(),), make_include_dirs=("third_party/fmtlite/include",))
    assert finding.severity is Severity.ERROR


def test_a_folder_of_a_similar_name_is_another_one():
    files = cmake(subdirectories=(at("third_party/fmtlite2", "CMakeLists.txt", 3),))
    (finding,) = found(submodules=(submodule(),), cmake=files)
    assert finding.severity is Severity.INFO


def test_an_ssh_url_is_read_over_https():
    over_ssh = Submodule("third_party/fmtlite", "git@example.org:libs/fmtlite.git", "empty", 1)
    (finding,) = found(submodules=(over_ssh,))
    assert SetEnv("GIT_CONFIG_VALUE_0", "git@example.org:") in finding.fix.steps
    assert finding.fix.steps[-1].command.startswith("git submodule update --init")
