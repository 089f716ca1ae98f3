"""Systems that cannot have CUDA."""

import pytest

from envdoctor.rules.resolving.platform_unsupported import check
from tests.factory import cmake, project, system, torch

CUDA = project(builds=("cmake",), cmake=cmake("3.18", "CXX", "CUDA"))


def test_quiet_on_glibc_or_without_cuda():
    assert not list(check(CUDA, system(), torch()))
    assert not list(check(project(), system(libc="musl"), None))


@pytest.mark.parametrize(
    ("changes", "found", "words"),
    [
        ({"libc": "musl", "distribution_name": "Alpine Linux v3.20"}, None, "Alpine Linux v3.20 uses musl"),
        ({"machine": "riscv64"}, None, "does not exist for riscv64"),
        ({}, torch("2.6.0+rocm6.2", None, hip="6.2"), "is a ROCm build"),
    ],
)
def test_what_stands_in_the_way_is_named(changes, found, words):
    (finding,) = check(CUDA, system(**changes), found)
    assert words in finding.message
