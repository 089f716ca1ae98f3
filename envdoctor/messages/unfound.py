"""Requirements that pip found no distribution for, as a log tells it, and which rule explains each. Pure."""

import functools
import re
from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envdoctor.log import BuildLog, Hit
from envdoctor.messages import connections

# Source: pip's package_finder.py and resolvelib/factory.py, 9.0 to 26.0; old releases end in "(from versions: )".
_UNFOUND = (
    r"Could not find a version that satisfies the requirement (?P<name>[A-Za-z0-9][\w.-]*)"
    r"(?P<rest>[^\n]*(?:\n[^\n]*){0,2}?)\(from versions:\s*(?P<versions>[^)]{0,20000})(?:\)|$)"
)
_NO_MATCH = r"No matching distribution found for (?P<name>[A-Za-z0-9][\w.-]*)(?P<rest>[^\n]{0,200})"
_IGNORED = r"(?:different python version:|[;,]) (?P<version>\d[\w.+!]*) Requires-Python (?P<python>[^;\n]+)"
_SPECIFIER = re.compile(r"(?:===?|~=|!=|[<>]=?)\s*[\w.+!*-]+(?:\s*,\s*(?:===?|~=|!=|[<>]=?)\s*[\w.+!*-]+)*")

# What an isolated build is asked for first: no index is without them.
_BACKENDS = frozenset(
    "setuptools wheel setuptools-scm setuptools-rust scikit-build scikit-build-core cmake ninja pybind11 hatchling"
    " hatch-vcs flit-core poetry-core pdm-backend pdm-pep517 meson-python meson cython maturin packaging nanobind numpy"
    " pathspec calver expandvars cffi".split()
)
# Of these, those that are wheels for every Python and seldom installed for themselves.
_PLAIN_BACKENDS = frozenset(
    "setuptools wheel scikit-build-core hatchling flit-core poetry-core setuptools-scm".split()
)
_BUILDING = (
    r"pip subprocess to install (?:build|backend) dependencies",
    r"Installing (?:build|backend) dependencies(?: \.\.\.|: finished with status)? '?error",
    r"--prefix \S*pip-build-env-",
)
NO_INDEX = (r"--no-index\b", r"PIP_NO_INDEX", r"no[-_]index\s*=\s*(?:true|1|yes|on)")
_FOLDER_ONLY = r"Looking in links: (?!https?:)\S"

# Released for Linux alone, under these names.
_LINUX_ONLY = re.compile(r"triton|pytorch-triton|nvidia-(?:nccl|cufile|nvshmem)\b.*|torch-xla")
_MAC = (r"macosx_\d|\bdarwin\b|\bmac\s?os\b|(?i:\bos\s?x\b)|/Users/\w|(?i:macbook|apple silicon)|\bMac\b",)
_MUSL = (r"musllinux|\bAlpine\b|\balpine\b|ld-musl|\bapk add",)

# torch's last release with wheels for a Python (Linux, x86_64). Source: the files that PyPI lists, 2.15.0 the newest.
_TORCH_LAST = {
    "1.4.0": "2.7",
    "1.5.1": "3.5",
    "1.10.2": "3.6",
    "1.13.1": "3.7",
    "2.4.1": "3.8",
    "2.8.0": "3.9",
    "2.14.1": "3.10",
}
# Of torch and torchaudio, by the same files.
_LAST_ON_INTEL_MACS = "2.2.2"
# torch's first release with a CUDA build of that name. Source: pytorch.org's previous-versions page; a copy of the
# matrix in PyTorch's RELEASE.md, 1.12 to 2.14; addresses of wheels that projects install (cu100, cu113, cu115).
_TORCH_FIRST_BUILT = {
    "cu92": "1.2.0",
    "cu100": "1.3.0",
    "cu101": "1.5.0",
    "cu102": "1.8.1",
    "cu110": "1.7.0",
    "cu111": "1.8.0",
    "cu113": "1.10.0",
    "cu115": "1.11.0",
    "cu116": "1.12.0",
    "cu117": "1.13.0",
    "cu118": "2.0.0",
    "cu121": "2.1.0",
    "cu124": "2.4.0",
    "cu126": "2.6.0",
    "cu128": "2.7.0",
    "cu129": "2.8.0",
    "cu130": "2.9.0",
    "cu132": "2.12.0",
}

#: The rule that explains a requirement, how surely, and why, where the rule says it.
Why = Tuple[str, str, str]
_NO_LONGER: Why = ("upstream-artifact-unavailable", "medium", "")


@dataclass(frozen=True)
class Unfound:
    """One requirement that nothing was found for."""

    hit: Hit
    requirement: str
    name: str
    #: What was offered; empty for "from versions: none".
    offered: Tuple[str, ...]
    #: Name of the rule that explains it.
    rule: str
    confidence: str
    #: Why, where the rule says it.
    detail: str = ""


@functools.lru_cache(maxsize=2)
def unfound(log: BuildLog) -> Tuple[Unfound, ...]:
    """Each requirement without a distribution; none where a connection failed."""
    return tuple(_unfound(log))


def _unfound(log: BuildLog) -> Iterator[Unfound]:
    if connections.tls(log) or connections.proxy(log) or connections.broken(log):
        return
    hits = list(log.search(_UNFOUND)) or list(log.search(_NO_MATCH))
    for hit in hits:
        name = canonicalize_name(hit["name"].rstrip(".-"))
        versions = _versions(hit["versions"])
        found = _SPECIFIER.search(hit["rest"].partition(";")[0].partition("(from")[0])
        wanted = found[0].replace(" ", "") if found else ""
        rule, confidence, detail = _why(log, name, wanted, versions)
        yield Unfound(
            hit,
            f"{hit['name'].rstrip('.')}{wanted}",
            name,
            tuple(map(str, versions)),
            rule,
            confidence,
            detail,
        )


def of(log: BuildLog, rule: str) -> Iterator[Unfound]:
    """The first one that the rule explains."""
    yield from [item for item in unfound(log) if item.rule == rule][:1]


def _why(log: BuildLog, name: str, wanted: str, versions: List[Version]) -> Why:
    offline = log.has(*NO_INDEX)
    folder = log.has(_FOLDER_ONLY) and not log.has(r"Looking in indexes:")
    if not versions and log.has(*_BUILDING) and (offline or name in _BACKENDS):
        return "build-requirements-unreachable", "high", ""
    if not versions and name in _PLAIN_BACKENDS:
        return "build-requirements-unreachable", "medium", ""
    if offline or (folder and not versions and not _odd(wanted)):
        if log.has(rf"(?i:\b{re.escape(name).replace('-', '[-_.]')}-\d[\w.+]*-\w+-\w+-\w+\.whl)"):
            return "wheel-tag-mismatch", "medium", ""
        return "wheelhouse-incomplete", "high" if offline else "medium", ""
    return _offered(log, name, wanted, versions) if versions else _nothing(log, name, wanted)


def _nothing(log: BuildLog, name: str, wanted: str) -> Why:
    """Nothing that this interpreter takes, in any version."""
    if log.has(*_MUSL) and (name.startswith(("torch", "nvidia-", "triton")) or _LINUX_ONLY.fullmatch(name)):
        return "platform-unsupported", "medium", "nothing of CUDA is built for musl"
    if _LINUX_ONLY.fullmatch(name) and not log.has(r"manylinux|linux_x86_64|\bUbuntu\b|/usr/lib/|\bDebian\b"):
        return "platform-unsupported", "medium", "it is released for Linux alone"
    if re.search(r"\+(?:cu|rocm)\d", wanted) and log.has(*_MAC):
        return "platform-unsupported", "medium", "builds with CUDA are not made for macOS"
    if _odd(wanted) or "nightly" in name:
        return _NO_LONGER
    return "wheel-tag-mismatch", "medium", ""


def _offered(log: BuildLog, name: str, wanted: str, versions: List[Version]) -> Why:
    """Other versions than the wanted one."""
    if name.startswith("nvidia-") and all(version.public.startswith("0.0.1.dev") for version in versions):
        return "platform-unsupported", "medium", "PyPI has a place holder for it alone"
    pin = _pinned(wanted)
    python = _for_another_python(log, wanted, pin, versions)
    if python is not None:
        return "python-version-unsupported", "high" if pin else "medium", f"it asks for Python {python}"
    if pin is None or _odd(wanted):
        return _NO_LONGER
    plain = [Version(version.public) for version in versions]
    if Version(pin.public) in plain:
        return "upstream-artifact-unavailable", "high", ""  # that version, and not that build of it
    return _out_of_range(name, pin, min(plain), max(plain))


def _for_another_python(
    log: BuildLog,
    wanted: str,
    pin: Optional[Version],
    versions: List[Version],
) -> Optional[str]:
    """The Python that a release of what is wanted asks for, where pip says that it ignored one."""
    for ignored in log.search(_IGNORED):
        version = _version(ignored["version"])
        if version and (
            Version(version.public) == Version(pin.public) if pin else _above(version, wanted, versions)
        ):
            return ignored["python"].strip()
    return None


def _out_of_range(name: str, pin: Version, low: Version, high: Version) -> Why:
    """Older than all that is offered, or newer: torch's last release for an old Python or Mac tells which that is."""
    base = Version(pin.public)
    if base < low:
        # torchvision, and torchaudio before 2.0, are numbered otherwise than torch.
        numbered = name == "torch" or base.major >= 2
        first = _version(_TORCH_FIRST_BUILT.get(pin.local or "", "")) if numbered else None
        if not (first and base < first):
            return "python-version-unsupported", "medium", "this Python is newer than it"
    elif base > high and name in ("torch", "torchvision", "torchaudio"):
        if str(high) in _TORCH_LAST:
            return "python-version-unsupported", "medium", f"Python {_TORCH_LAST[str(high)]} is older than it"
        if str(high) == _LAST_ON_INTEL_MACS:
            last = f"{_LAST_ON_INTEL_MACS} is the last one for Macs with an Intel processor"
            return "platform-unsupported", "medium", last
    return _NO_LONGER


def _above(version: Version, wanted: str, versions: List[Version]) -> bool:
    """Whether it is what is wanted, and newer than all that is offered."""
    try:
        return bool(wanted) and SpecifierSet(wanted).contains(version) and version > max(versions)
    except InvalidSpecifier:
        return False


def _odd(wanted: str) -> bool:
    """Whether it is a nightly build or a release candidate, of which indexes keep few."""
    pin = _pinned(wanted)
    return pin is not None and (pin.is_prerelease or pin.is_devrelease)


def _pinned(wanted: str) -> Optional[Version]:
    try:
        parts = list(SpecifierSet(wanted))
    except InvalidSpecifier:
        return None
    return _version(parts[0].version.rstrip(".*")) if len(parts) == 1 and parts[0].operator == "==" else None


def _versions(text: str) -> List[Version]:
    return [version for version in map(_version, re.split(r"[,\s]+", text)) if version]


def _version(text: str) -> Optional[Version]:
    try:
        return Version(text)
    except InvalidVersion:
        return None
