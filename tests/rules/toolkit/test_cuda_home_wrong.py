"""CUDA_HOME that names no toolkit."""

from envdoctor.finding import SetEnv
from envdoctor.rules.toolkit.cuda_home_wrong import check
from tests.factory import environment, toolkit, toolkits

GOOD = toolkit(origins=("CUDA_HOME", "/usr/local/cuda"))


def test_quiet_when_it_names_a_toolkit_or_is_unset():
    assert not list(check(environment(CUDA_HOME="/usr/local/cuda"), toolkits(GOOD)))
    assert not list(check(environment(), toolkits(GOOD)))
    assert not list(check(environment(CUDA_HOME=""), toolkits(GOOD)))


def test_a_missing_folder_is_named_and_replaced():
    (finding,) = check(environment(CUDA_HOME="/opt/cuda-11.6"), toolkits(toolkit()))
    assert "/opt/cuda-11.6" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("CUDA_HOME", "/usr/local/cuda"),)


def test_a_list_of_folders_is_said_to_be_one():
    (finding,) = check(environment(CUDA_PATH="/usr/local/cuda:/opt/cuda"), toolkits())
    assert "list of folders" in finding.message
    assert finding.fix is not None and not finding.fix.steps
