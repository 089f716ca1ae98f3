"""Headers that lie in the tree, off the include path."""

from envdoctor.facts import Header
from envdoctor.finding import SetEnv
from envdoctor.rules.linking.include_path_missing import check
from tests.factory import at, package, packages, project

CUTLASS = "third_party/cutlass/include"
UTIL = "third_party/cutlass/tools/util/include"


def header(name, *roots):
    return Header(name, at(name, "csrc/linear.cu", 4), roots)


def found(*headers, installed=None):
    return list(check(project(unresolved_headers=headers), installed))


def test_quiet_when_everything_resolves_or_nothing_is_known():
    assert not found()
    assert not found(header("cutlass/cutlass.h"), header("infiniband/verbs.h"))


def test_both_roots_of_a_library_are_added():
    (finding,) = found(header("cutlass/cutlass.h", CUTLASS), header("cutlass/util/host_tensor.h", UTIL))
    assert finding.fix.steps == (SetEnv("CPATH", f"/work/demo/{CUTLASS}:/work/demo/{UTIL}", "prepend"),)
    assert len(finding.evidence) == 2


def test_two_copies_are_not_mixed():
    old = "extern/old/include"
    (finding,) = found(header("cutlass/half.h", old, CUTLASS), header("cutlass/new.h", CUTLASS))
    assert finding.fix.steps == (SetEnv("CPATH", f"/work/demo/{CUTLASS}", "prepend"),)


def test_an_installed_header_package_serves():
    (finding,) = found(header("cutlass/cutlass.h"), installed=packages(package("nvidia-cutlass", "4.2.0")))
    site = "/venv/lib/python3.11/site-packages"
    assert finding.fix.steps == (SetEnv("CPATH", f"{site}/cutlass_library/source/include", "prepend"),)
