"""A stated CUDA version that the build would not use."""

from envdoctor.facts import Request
from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.cuda_other_than_stated import check
from tests.factory import cmake, project, toolkit, toolkits

CUDA = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"))
OLD = toolkit("12.4", "/opt/cuda-12.4")


def found(stated, *others, asked=CUDA):
    return list(check(Request(cuda=stated), toolkit(), toolkits(toolkit(), *others), asked))


def test_quiet_when_nothing_is_stated_or_it_is_used_or_nothing_wants_it():
    assert not found(None)
    assert not found("13.0")
    assert not found("13.5")  # toolkit-too-old speaks
    assert not found("12.4", OLD, asked=project())


def test_an_installed_one_is_used():
    (finding,) = found("12.4", OLD)
    assert "12.4" in finding.message and "13.0" in finding.message
    assert SetEnv("CUDA_HOME", "/opt/cuda-12.4") in finding.fix.steps


def test_otherwise_it_is_said_to_be_missing():
    (finding,) = found("11.8")
    assert not finding.fix.steps and "none was found" in finding.fix.title
