"""Which CUDA torch and NVIDIA's own wheels are made for, by their names and versions. Pure."""

import re
from typing import Iterable, List, Optional, Tuple

from envdoctor import compat

_LOCAL = re.compile(r"\+(?:cu(?P<cuda>\d{1,2})\d|(?P<other>cpu|rocm|xpu))")
_OF_NVIDIA = re.compile(r"nvidia-[\w-]+-cu(?P<major>\d+)")
#: Where releases of torch for one CUDA are, which are not on PyPI. Source: "Get Started" on pytorch.org.
_INDEXES = {"cpu": "cpu", "12": "cu126", "13": "cu130"}


def line(releases: Iterable[Tuple[str, str]]) -> Tuple[Optional[str], str]:
    """What projects and their versions are made for, "13", "cpu", "rocm", and what says so; None where nothing does."""
    of = dict(releases)
    local = _LOCAL.search(of.get("torch", ""))
    if local:
        return local["cuda"] or local["other"], f"torch {of['torch']}"
    for project, version in of.items():
        major = _major(project, version)
        if major:
            return major, f"torch {of['torch']}" if "torch" in of else f"{project} {version}"
    return None, f"torch {of['torch']}" if "torch" in of else ""


def _major(project: str, version: str) -> Optional[str]:
    """By the name of a project of NVIDIA's, or for the newest, which carry none, by the version."""
    match = _OF_NVIDIA.fullmatch(project)
    if match:
        return match["major"]
    release = compat.release(version) if project in ("cuda-toolkit", "nvidia-cuda-runtime") else None
    return str(release[0]) if release else None


def words(one: Optional[str]) -> str:
    """ "CUDA 13", "no CUDA"."""
    return "no CUDA" if one == "cpu" else f"CUDA {one}" if one and one.isdigit() else str(one)


def other(made_for: str, says: str, asked: str) -> Tuple[str, str, str]:
    """What is so, what follows and what to do where the wheels are for another CUDA than was asked for."""
    so = f"{says} is made for {words(made_for)}, and --cuda {asked} asks for {words(asked)}"
    if not says.startswith("torch"):
        return (
            so,
            "It does not work there.",
            f"ask for what is made for {words(asked)}, or leave --cuda {asked} out",
        )
    oldest = compat.OLDEST_DRIVER.get(int(made_for)) if made_for.isdigit() else None
    needs = (
        f"It needs a driver of {'.'.join(map(str, oldest))} or newer"
        if oldest
        else "It uses no GPU of NVIDIA's"
    )
    name = _INDEXES[asked]
    cure = (
        f"name an index that has it (PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/{name}, or a mirror of "
        f"that), or ask for a release that is (torch==VERSION+{name})"
    )
    return so, f"{needs}, and extensions for {words(asked)} do not load with it.", cure


def candidates(listed: str, asked: str) -> List[str]:
    """Of the versions of torch that `pip index versions` prints, those to try for a CUDA, the likeliest first.

    Labelled ones; and of those without a label, which are for CUDA, the last of each minor version.
    """
    found = re.search(r"^Available versions: (.*)$", listed, re.MULTILINE)
    versions = [each.strip() for each in found[1].split(",")] if found else []
    labelled = [each for each in versions if line([("torch", each)])[0] == asked]
    plain = {compat.release(each): each for each in reversed(versions) if "+" not in each}
    return [*labelled, *(() if asked == "cpu" else reversed(list(plain.values())))]
