"""The allow-list of variables."""

from envdoctor.probes.environment import probe
from tests.fakes import FakeHost


def test_only_listed_variables_are_kept():
    found = probe(FakeHost(env={"CUDA_HOME": "/opt/cuda", "AWS_SECRET_ACCESS_KEY": "x", "PIP_KEYRING_TOKEN": "x"}))
    assert [variable.name for variable in found.variables] == ["CUDA_HOME"]


def test_credentials_in_urls_are_taken_out():
    found = probe(FakeHost(env={"PIP_INDEX_URL": "https://me:secret@pypi.example.invalid/simple"}))
    assert found.get("PIP_INDEX_URL") == "https://***@pypi.example.invalid/simple"
