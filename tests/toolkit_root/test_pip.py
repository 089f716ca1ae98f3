"""What pip's output comes down to: real lines of pip 23.0 to 26.3."""

import pytest

from envdoctor.toolkit_root.pip import complaint, find_python
from envdoctor.toolkit_root.plan import PlanError
from tests.toolkit_root import builder

NONE = "ERROR: Could not find a version that satisfies the requirement {} (from versions: none)"
RETRY = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) "
    "after connection broken by "
)
OLD = RETRY + (
    "'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new "
    "connection: [Errno -3] Temporary failure in name resolution')': /simple/cuda-toolkit/"
)
NEW = RETRY + (
    "'NameResolutionError(\"HTTPSConnection(host='pypi.org', port=443): Failed to resolve 'pypi.org' ([Errno -3] "
    "Temporary failure in name resolution)\")': /simple/cuda-toolkit/"
)


@pytest.mark.parametrize("line", [OLD, NEW])
def test_no_network(line):
    said = complaint([line, NONE.format("cuda-toolkit==13.0.*")], "cuda-toolkit==13.0.*", 1)
    assert said.startswith("the package index cannot be reached: ")
    assert "Temporary failure in name resolution" in said and "--wheelhouse" in said
    assert "object at" not in said


def test_a_cuda_that_does_not_exist():
    versions = "11.8.0, 12.9.2.0, 13.0.0, 13.4.0rc1, 13.5.0"
    line = NONE.format("cuda-toolkit==14.9.*").replace("none", versions)
    said = complaint([line, "ERROR: No matching distribution found"], "cuda-toolkit==14.9.*", 1)
    assert said == "there are no wheels of CUDA 14.9; the package index has 13.0.0, 13.5.0"


@pytest.mark.parametrize("versions", ["none", "11.8.0, 12.9.2.0"])
def test_an_index_without_toolkits_of_wheels(versions):
    line = NONE.format("cuda-toolkit>=13").replace("none", versions)
    assert "has no cuda-toolkit 13 or newer" in complaint([line], "cuda-toolkit>=13", 1)


def test_a_component_that_an_index_lacks():
    line = NONE.format("nvidia-nvvm==13.0.88.*").replace("none", "0.0.1, 13.5.37")
    said = complaint([line], "nvidia-nvvm==13.0.88.*", 1)
    assert said.startswith("the package index has no wheel of nvidia-nvvm==13.0.88.* for this machine")
    assert said.endswith("it offers 0.0.1, 13.5.37")


def test_other_errors_are_quoted_and_silence_is_not_hidden():
    hashes = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated"
    assert "DO NOT MATCH THE HASHES" in complaint(["WARNING: x", hashes, "    x: y"], "a==1.*", 1)
    assert "/usr/bin/python3: No module named pip" in complaint(
        ["/usr/bin/python3: No module named pip"], "a==1.*", 1
    )
    assert "exit status -9" in complaint([], "a==1.*", -9)


def test_no_python_with_pip(tmp_path):
    with pytest.raises(PlanError, match="no Python with pip"):
        find_python(builder.host(tmp_path))


def test_the_interpreter_that_runs_envdoctor_comes_first(tmp_path):
    host = builder.host(tmp_path, tmp_path)
    assert find_python(host) == host.own_python
