"""glibc 2.41 and the math headers of older toolkits."""

from dataclasses import replace

import pytest

from envdoctor.facts import Located
from envdoctor.finding import SetEnv, Shim
from envdoctor.rules.toolkit.glibc_too_new_for_cuda import check
from tests.factory import compiler, environment, project, system, toolkit

CUDA = project(builds=("make",), cuda_sources=("k.cu",))
NEW = system(libc_version="2.41", distribution_version="13")
OLD = toolkit("12.4", root="/opt/cuda-12.4")


def run(system=NEW, toolkit=OLD, compiler=compiler(), project=CUDA, **variables):  # noqa: B008
    return list(check(system, toolkit, environment(**variables), compiler, project))


@pytest.mark.parametrize(
    ("system", "toolkit"),
    [
        (system(), OLD),
        (system(libc="musl", libc_version="2.99"), OLD),
        (system(libc_version=None), OLD),
        (NEW, toolkit()),
        (NEW, toolkit("12.4", glibc_2_41_ready=None)),
        (NEW, toolkit("12.4", nvcc=None)),
    ],
)
def test_quiet_when_they_fit(system, toolkit):
    assert not run(system, toolkit)


def test_quiet_with_condas_sysroot_or_without_cuda():
    assert not run(compiler=compiler(owner="conda"))
    assert not run(project=project())


def test_the_new_functions_are_hidden_and_then_it_is_quiet():
    (finding,) = run(system=system(libc_version="2.42"))
    assert "2.42" in finding.message and finding.fix is not None
    shim, variable = finding.fix.steps
    assert isinstance(shim, Shim) and "#include_next <bits/libc-header-start.h>" in shim.content
    assert variable == SetEnv("CPATH", "{overlay}/include/glibc-2.41", "prepend")
    assert not run(CPATH="/x:/work/demo/.envdoctor/include/glibc-2.41")
    assert run(CPATH="/usr/local/include")


def test_headers_in_front_count_in_place_of_the_systems():
    def ahead(release):
        return replace(CUDA, glibc_headers=Located(release, "/opt/debian13/usr/include/features.h", 410))

    assert not run(project=ahead("2.36"))
    (finding,) = run(system=system(), project=ahead("2.41"))
    assert "/opt/debian13/usr/include: glibc 2.41" in finding.message
    assert SetEnv("NVCC_PREPEND_FLAGS", '-I"{overlay}/include/glibc-2.41"', "prepend") in finding.fix.steps
