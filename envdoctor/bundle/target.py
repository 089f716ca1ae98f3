"""The machine that a bundle is for: its Python and platform, the wheels that it takes, how markers read there. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Tuple

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags

from envdoctor import compat
from envdoctor.architectures import parse
from envdoctor.requirements import glibc_platforms

_PLATFORM = re.compile(r"manylinux_(?P<glibc>2_\d{1,3})_(?P<machine>x86_64|aarch64)")
_PYTHON = re.compile(r"3\.(?P<minor>\d{1,2})(?P<micro>\.\d{1,2})?")
#: CUDA's major versions, or none at all.
CUDA_LINES = ("12", "13", "cpu")
_GPUS = frozenset({*compat.ARCHITECTURE_SINCE, *compat.CMAKE_ALL})


class BundleError(ValueError):
    """What is wrong with a bundle, or why there is none, in one line."""


@dataclass(frozen=True)
class Target:
    """A CPython on Linux with glibc."""

    python: str  # "3.8", or "3.8.18"
    platform: str  # "manylinux_2_31_x86_64": its glibc is 2.31 or newer
    #: One of CUDA_LINES: what its driver serves and its torch is made for; None: not stated.
    cuda: Optional[str] = None
    #: Its GPUs, by their compute capability: ("8.0", "9.0").
    gpus: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _PYTHON.fullmatch(self.python):
            raise BundleError(f"{self.python!r} is not a Python to make bundles for; write it as 3.8 or 3.11")
        if not _PLATFORM.fullmatch(self.platform):
            raise BundleError(
                f"{self.platform!r} is not a platform to make bundles for; write it as manylinux_2_31_x86_64, "
                "with the glibc of the oldest machine (ldd --version says it there)"
            )
        if self.cuda not in (None, *CUDA_LINES):
            raise BundleError(f"{self.cuda!r} is no CUDA to make bundles for; write 12, 13 or cpu")
        for gpu in self.gpus:
            self._check_gpu(gpu)

    def _check_gpu(self, gpu: str) -> None:
        number = _number(gpu)
        if number not in _GPUS:
            known = ", ".join(f"{each // 10}.{each % 10}" for each in sorted(_GPUS))
            raise BundleError(f"no GPU of NVIDIA's has the architecture {gpu!r}; known are {known}")
        if self.cuda == "cpu":
            raise BundleError(f"--cuda cpu has no use for GPUs ({gpu}); leave out one of the two")
        oldest = compat.at_least(compat.OLDEST_ARCHITECTURE, (int(self.cuda), 0)) if self.cuda else 0
        if number < oldest:
            raise BundleError(
                f"CUDA {self.cuda} has no code for GPUs below {oldest // 10}.{oldest % 10}, and {gpu} is asked for; "
                "ask for --cuda 12, or leave that GPU out"
            )

    @property
    def name(self) -> str:
        """For files: "cp38-manylinux_2_31_x86_64", and "-cu12" or "-cpu" where that is stated."""
        line = "" if self.cuda is None else "-cpu" if self.cuda == "cpu" else f"-cu{self.cuda}"
        return f"cp{self.minor[0]}{self.minor[1]}-{self.platform}{line}"

    @property
    def capabilities(self) -> Tuple[Tuple[int, int], ...]:
        """Of its GPUs: ((9, 0),)."""
        return tuple(divmod(_number(gpu), 10) for gpu in self.gpus)

    @property
    def minor(self) -> Tuple[int, int]:
        """(3, 8)."""
        major, minor = self.python.split(".")[:2]
        return int(major), int(minor)

    @property
    def full(self) -> str:
        """With the third number, 0 where it is not told."""
        return self.python if self.python.count(".") == 2 else f"{self.python}.0"

    @property
    def glibc(self) -> Tuple[int, int]:
        """(2, 31)."""
        match = _PLATFORM.fullmatch(self.platform)
        assert match
        major, _, minor = match["glibc"].partition("_")
        return int(major), int(minor)

    @property
    def machine(self) -> str:
        """As `uname -m` says it."""
        return self.platform.split("_", 3)[3]

    def tags(self) -> List[Tag]:
        """Of the wheels that its pip takes, best first."""
        platforms = [*glibc_platforms(*self.glibc, self.machine), f"linux_{self.machine}"]
        interpreter = "cp{}{}".format(*self.minor)
        return list(
            dict.fromkeys(
                [
                    *cpython_tags(self.minor, [interpreter], platforms),
                    *compatible_tags(self.minor, interpreter, platforms),
                ]
            )
        )

    def holds(self, marker: str, extra: str = "") -> bool:
        """Whether a marker of PEP 508 does, for an extra that was asked for."""
        return not marker or Marker(marker).evaluate({**dict(self._variables()), "extra": extra})

    def _variables(self) -> Iterator[Tuple[str, str]]:
        yield from {
            "python_version": "{}.{}".format(*self.minor),
            "python_full_version": self.full,
            "implementation_name": "cpython",
            "implementation_version": self.full,
            "platform_python_implementation": "CPython",
            "platform_machine": self.machine,
            "platform_system": "Linux",
            "platform_release": "",
            "platform_version": "",
            "os_name": "posix",
            "sys_platform": "linux",
        }.items()

    def document(self) -> Dict[str, Any]:
        """As bundle.json says it."""
        return {
            "name": self.name,
            "python": self.python,
            "platform": self.platform,
            "cuda": self.cuda,
            "gpus": list(self.gpus),
        }


def _number(gpu: str) -> int:
    """90 for "9.0"; 0 for what is no architecture."""
    found = parse(gpu)
    return found.number if found else 0
