"""The allow-list of variables."""

from envdoctor.probes.environment import probe
from tests.fakes import FakeHost


def test_only_listed_variables_are_kept():
    found = probe(
        FakeHost(env={"CUDA_HOME": "/opt/cuda", "AWS_SECRET_ACCESS_KEY": "x", "PIP_KEYRING_TOKEN": "x"})
    )
    assert [variable.name for variable in found.variables] == ["CUDA_HOME"]


def test_credentials_in_urls_are_taken_out():
    found = probe(FakeHost(env={"PIP_INDEX_URL": "https://me:secret@pypi.example.invalid/simple"}))
    assert found.get("PIP_INDEX_URL") == "https://***@pypi.example.invalid/simple"


def test_compilers_are_looked_for_behind_launchers_and_before_flags():
    def found(value):
        host = FakeHost(
            env={"CXX": value, "PATH": "/usr/bin"},
            files={"/usr/bin/g++": "", "/opt/my tools/icpx": ""},
            executables=["/usr/bin/g++", "/opt/my tools/icpx"],
        )
        return probe(host).variables[0].exists

    assert found("g++") and found("ccache /usr/bin/g++ -m64") and found("/opt/my tools/icpx")
    assert found("/usr/bin/nope") is False
    assert found("ccache nope") is False
    assert found("") is None


def test_tokens_that_git_sends_are_taken_out():
    git = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "http.https://github.com/.extraheader",
        "GIT_CONFIG_VALUE_0": "AUTHORIZATION: basic c2VjcmV0",
        "GIT_CONFIG_KEY_1": "url.https://github.com/.insteadOf",
        "GIT_CONFIG_VALUE_1": "git@github.com:",
    }
    found = probe(FakeHost(env=git))
    assert found.get("GIT_CONFIG_VALUE_0") == "***"
    assert found.get("GIT_CONFIG_VALUE_1") == "git@github.com:"
