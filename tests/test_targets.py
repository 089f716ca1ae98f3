"""Architectures for builds that see no GPU."""

from envdoctor import targets
from envdoctor.architectures import Architecture
from envdoctor.facts import Request
from tests.factory import toolkit, torch

TWO = (Architecture(80), Architecture(90, "a"))


def test_stated_ones_without_what_nvcc_refuses():
    request = Request(role="build", architectures=("8.0", "12.0", "native"))
    assert targets.stated(request) == (Architecture(80), Architecture(120))
    assert targets.stated(request, toolkit("11.8")) == (Architecture(80),)


def test_one_for_whoever_takes_one():
    assert targets.single(TWO) == Architecture(80)
    assert targets.single(TWO[1:]) == Architecture(90, "a")


def test_as_torch_and_cmake_read_them():
    assert targets.for_torch(TWO, torch(known_architectures=("8.0", "9.0")), ptx=True) == "8.0+PTX"
    assert targets.for_torch(TWO[1:], torch(known_architectures=("8.0",)), ptx=True) is None
    assert targets.for_torch(TWO, None, ptx=False) == "8.0;9.0a"
    assert targets.for_cmake(TWO) == "80-real;90a"
    assert targets.for_cmake(TWO[:1]) == "80"
