"""Architectures that nvcc refuses."""

import pytest

from envdoctor.log import read_text
from envdoctor.messages.refused import refused

REFUSED = "nvcc fatal   : Unsupported gpu architecture 'compute_{}'\n"


def test_quiet_for_a_build_that_names_architectures():
    assert not list(refused(read_text("nvcc -gencode arch=compute_90a,code=sm_90a -c a.cu\n")))


@pytest.mark.parametrize(
    ("number", "release", "direction"),
    [("120", "12.4", "new"), ("35", "12.4", "dropped"), ("120", "", "new"), ("37", "", "dropped")],
)
def test_the_direction_is_told_by_the_toolkit(number, release, direction):
    said = f"Cuda compilation tools, release {release}, V{release}.1\n" if release else ""
    _, architecture, found = next(refused(read_text(said + REFUSED.format(number))))
    assert (architecture.number, found) == (int(number), direction)
