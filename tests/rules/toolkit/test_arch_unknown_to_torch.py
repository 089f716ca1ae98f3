"""Entries of TORCH_CUDA_ARCH_LIST that torch refuses."""

import pytest

from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.arch_unknown_to_torch import check
from tests.factory import at, environment, extension, project, setup, torch

EXTENSION = project(setup=setup(extension()))


def run(value, project=EXTENSION, **changes):
    return list(check(environment(TORCH_CUDA_ARCH_LIST=value), project, torch(**changes)))


@pytest.mark.parametrize("value", ["8.0", "8.0;9.0a+PTX", "7.5 8.6+PTX", "Ampere;Hopper", "native", ""])
def test_quiet_for_what_torch_reads(value):
    assert not run(value)


def test_quiet_where_torch_does_not_read_it():
    assert not run("80", project=project())
    assert not run("80", project=project(setup=setup(extension()), architectures=(at("80"),)))
    assert not run("80", known_architectures=())


@pytest.mark.parametrize(
    ("value", "better"),
    [
        ("80", "8.0"),
        ("8.0,9.0", "8.0;9.0"),
        ("sm_86;8.0", "8.0;8.6"),
        ("8.0;", "8.0"),
        ("8.0;15.0", "8.0;12.0+PTX"),
    ],
)
def test_the_spelling_is_mended(value, better):
    (finding,) = run(value)
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", better),)
    assert not run(better)


def test_nothing_is_made_up_for_what_cannot_be_read():
    (finding,) = run("newest")
    assert '"newest"' in finding.message
    assert finding.fix is not None and not finding.fix.steps
