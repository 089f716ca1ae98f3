import pytest

from envdoctor.bundle.target import BundleError, Target
from tests.bundle.conftest import HERE, made
from tests.bundle.wheels import wheel


def test_a_torch_for_the_cuda_that_is_asked_for(tmp_path, index, monkeypatch):
    """The newest is for another one; then nothing is left that is for it."""
    wheel(index, "torch", "2.1+cpu")
    wheel(index, "torch", "2.2", requires=["nvidia-cublas-cu12"])
    wheel(index, "nvidia_cublas_cu12", "12.1")
    monkeypatch.setattr("envdoctor.bundle.prove.interpreter", lambda host, target: None)
    cpu, twelve, thirteen = (Target(HERE, "manylinux_2_24_x86_64", cuda) for cuda in ("cpu", "12", "13"))
    done, _ = made(tmp_path, "torch", targets=[cpu, twelve])
    versions = [{p.project: p.version for p in one.packages} for one in done.contents]
    assert versions == [{"torch": "2.1+cpu"}, {"nvidia-cublas-cu12": "12.1", "torch": "2.2"}]
    assert [one.target.name.rpartition("-")[2] for one in done.contents] == ["cpu", "cu12"]
    with pytest.raises(BundleError, match=r"torch 2\.2 is made for CUDA 12, and --cuda 13 .*whl/cu130"):
        made(tmp_path, "torch", targets=[thirteen], name="two")
    assert not (tmp_path / "two").exists()
