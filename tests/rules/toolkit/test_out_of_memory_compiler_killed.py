"""Jobs and memory."""

import pytest

from envdoctor.facts import Cpu, Memory
from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.out_of_memory_compiler_killed import check
from tests.factory import at, cmake, environment, extension, program, project, setup, system, tools

MIB = 1 << 20
GIB = 1 << 30
CMAKE = project(builds=("cmake",), cmake=cmake())
TORCH = project(setup=setup(extension(sources=tuple(f"k{i}.cu" for i in range(40)))))
NINJA = tools(program("ninja"))


def machine(limit=None, available=20 * GIB, cores=2, swap=0):
    memory = Memory(24 * GIB, available, swap, limit, "/proc/meminfo")
    return system(cpu=Cpu("test", cores, None, (), "/proc/cpuinfo"), memory=memory)


def run(project, system, tools=NINJA, **variables):
    return list(check(system, environment(**variables), project, tools))


@pytest.mark.parametrize(
    "project", [CMAKE, TORCH, project(), project(builds=("make",), cuda_sources=("k.cu",))]
)
def test_quiet_on_a_machine_with_room(project):
    assert not run(project, machine(), CMAKE_GENERATOR="Ninja")


def test_quiet_for_one_job():
    small = machine(limit=300 * MIB)
    assert not run(CMAKE, small)
    assert not run(project(builds=("make",)), small)
    assert not run(CMAKE, small, CMAKE_GENERATOR="Ninja", CMAKE_BUILD_PARALLEL_LEVEL="1")
    assert not run(TORCH, small, MAX_JOBS="1")
    assert not run(TORCH, small, tools=tools())


def test_quiet_when_there_are_few_sources_and_when_there_is_swap():
    few = project(setup=setup(extension(sources=("a.cpp", "b.cu"))))
    assert not run(few, machine(limit=4 * GIB, cores=64))
    assert not run(TORCH, machine(available=4 * GIB, swap=4 * GIB, cores=2))


def test_a_small_container_gets_fewer_jobs():
    (finding,) = run(CMAKE, machine(limit=500 * MIB), CMAKE_GENERATOR="Ninja")
    assert "3 compilers" in finding.message and "500 MiB" in finding.message
    assert finding.fix is not None
    assert finding.fix.steps == (SetEnv("MAX_JOBS", "1"), SetEnv("CMAKE_BUILD_PARALLEL_LEVEL", "1"))


def test_many_cores_and_torchs_headers():
    (finding,) = run(TORCH, machine(available=16 * GIB, cores=64))
    assert "40 compilers" in finding.message
    assert finding.fix is not None and SetEnv("MAX_JOBS", "10") in finding.fix.steps
    assert not run(TORCH, machine(available=16 * GIB, cores=64), MAX_JOBS="10")


def test_cutlass_takes_more_and_make_may_be_parallel():
    heavy = project(setup=TORCH.setup, includes=(at("cutlass/gemm/device/gemm.h", "k.cu"),))
    (finding,) = run(heavy, machine(available=10 * GIB))
    assert finding.fix is not None and SetEnv("MAX_JOBS", "2") in finding.fix.steps
    make = project(builds=("make",), cuda_sources=("k.cu",))
    assert run(make, machine(limit=2 * GIB), MAKEFLAGS="-j16")


@pytest.mark.parametrize(
    ("flags", "fewer"),
    [("-j16", "-j5"), ("-k j8 -s", "-k j5 -s"), ("-j 12", "-j 5"), ("--jobs=9", "--jobs=5")],
)
def test_make_is_told_in_its_own_variable(flags, fewer):
    make = project(builds=("make",), cuda_sources=("k.cu",))
    (finding,) = run(make, machine(limit=2 * GIB), MAKEFLAGS=flags)
    assert SetEnv("MAKEFLAGS", fewer) in finding.fix.steps
    assert not run(make, machine(limit=2 * GIB), MAKEFLAGS=fewer)
