"""What a setup.py that is read and not run is told of the torch that is installed, and of versions in general."""

from typing import Any, NamedTuple, Optional

from packaging.version import InvalidVersion, Version

from envdoctor.facts import Driver, Torch
from envdoctor.probes._project.values import UNKNOWN, Text

#: What makes a version that compares as one.
PARSERS = frozenset(
    "packaging.version.parse packaging.version.Version pkg_resources.parse_version distutils.version.LooseVersion"
    " distutils.version.StrictVersion torch.torch_version.TorchVersion".split()
)
_PARTS = ("major", "minor", "micro", "release")


class VersionText(Text):
    """torch.__version__: a string that compares as a version."""

    __slots__ = ()


class KnownTorch(NamedTuple):
    """The torch that the script would import: None of a value means that it is not known."""

    version: Optional[str] = None
    cuda: Optional[str] = None
    #: Whether torch.cuda.is_available() is False for certain.
    sees_no_gpu: bool = False

    def constant(self, name: str) -> Any:
        """torch.__version__ and the like; None where nothing is known."""
        if name in ("torch.__version__", "torch.version.__version__"):
            return VersionText(self.version) if self.version else None
        return Text(self.cuda) if name == "torch.version.cuda" and self.cuda else None


#: Of a script whose Python has no torch that is known.
NOTHING = KnownTorch()


def of(torch: Optional[Torch], driver: Optional[Driver], elsewhere: bool) -> KnownTorch:
    """From the facts; `elsewhere` when the build runs on another machine than this one."""
    no_driver = driver is None or not (driver.gpus or driver.error or driver.kernel_module)
    if torch is None:
        return KnownTorch(sees_no_gpu=elsewhere or no_driver)
    without_cuda = torch.cuda is None and torch.hip is None
    return KnownTorch(torch.version, torch.cuda, elsewhere or no_driver or without_cuda)


def parsed(value: Any) -> Any:
    """The version that a text says, UNKNOWN when it says none."""
    if isinstance(value, str) and not getattr(value, "partial", False):
        try:
            return Version(value)
        except InvalidVersion:
            pass
    return UNKNOWN


def part(version: Version, name: str) -> Any:
    """`version.major` and the like."""
    return getattr(version, name) if name in _PARTS else UNKNOWN


def alike(left: Any, right: Any) -> Any:
    """Both sides of a comparison as it is made: a VersionText turns the other side into a version too."""
    if isinstance(left, VersionText) or isinstance(right, VersionText):
        both = tuple(side if isinstance(side, Version) else parsed(side) for side in (left, right))
        return both if UNKNOWN not in both else (left, right)
    return left, right
