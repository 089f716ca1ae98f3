"""A bundle's targets beside recorded machines."""

from envdoctor.bundle.offer import Offer, verdict
from envdoctor.bundle.target import Target
from tests.bundle.test_fits import H200, recorded


def test_of_several_targets_the_best_comes_first():
    python = "{}.{}".format(*H200.python.minor)
    lines = ("cpu", "12", "13", None)
    targets = tuple(Target(python, "manylinux_2_28_x86_64", line) for line in lines)
    older = Target("3.8", "manylinux_2_28_x86_64")
    offered = Offer("b", (older, *targets), {})
    found = verdict(offered, H200)
    assert found.targets == tuple(targets[lines.index(line)].name for line in ("13", "12", None, "cpu"))
    assert found.against == (f"{older.name}: this is cpython {python}",)
    assert found.known == ("driver 580.159.04 serves CUDA 13",)
    bare = verdict(offered, recorded("debian-12-cuda-13"))
    assert not bare.targets and len(bare.against) == 5
