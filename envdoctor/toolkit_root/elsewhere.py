"""Who gives a CUDA toolkit that cannot be made here."""

from typing import List

ARCHIVE = "https://developer.nvidia.com/cuda-toolkit-archive"


def elsewhere(version: str) -> str:
    """What to do for that version, in one line."""
    ways: List[str] = []
    release = ".".join(version.split(".")[:2])
    if release.split(".")[0] == "12":
        ways.append(f"conda create -p DIR -c conda-forge cuda-nvcc cuda-version={release}")
    ways.append(f"NVIDIA's run file ({ARCHIVE})")
    return f"it can be had from: {'; or '.join(ways)}"
