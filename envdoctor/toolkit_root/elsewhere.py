"""Who gives a CUDA toolkit that wheels cannot give."""

from typing import Dict, List, Optional, Tuple

from envdoctor.facts import System

ARCHIVE = "https://developer.nvidia.com/cuda-toolkit-archive"
#: (distribution, version) -> CUDA of its package nvidia-cuda-toolkit. Source: Debian's section non-free.
_DISTRIBUTED: Dict[Tuple[str, str], str] = {("debian", "12"): "11.8", ("debian", "13"): "12.4"}


def elsewhere(version: str, system: Optional[System]) -> str:
    """What to do for that version, on that system, in one line."""
    ways: List[str] = []
    release = ".".join(version.split(".")[:2])
    if system and _distributed(system, release):
        root = "" if system.is_root else "sudo "
        ways.append(f"{root}apt-get install nvidia-cuda-toolkit (CUDA {release}, section non-free)")
    if release.split(".")[0] == "12":
        pinned = f" cuda-version={release}" if "." in release else ""
        ways.append(f"conda create -p DIR -c conda-forge cuda-nvcc{pinned or ' cuda-version=12'}")
    ways.append(f"NVIDIA's run file ({ARCHIVE})")
    return f"it can be had from: {'; or '.join(ways)}"


def _distributed(system: System, release: str) -> bool:
    known = _DISTRIBUTED.get((system.distribution, system.distribution_version), "")
    return bool(known) and (release == known or release == known.split(".")[0])
