"""What already stands at the place of a root that is to be made."""

import json
from typing import Any, Dict, Iterable, Optional

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from envdoctor.host import Host, install
from envdoctor.toolkit_root.assemble import MANIFEST, SCHEMA
from envdoctor.toolkit_root.plan import PlanError, specifier_of


def standing(host: Host, prefix: str, version: str, extras: Iterable[str]) -> Optional[str]:
    """The CUDA version of the root that stands there and is the one that is asked for.

    None when the place is free (an empty folder is); raises PlanError when something else is in the way.
    """
    found = host.lstat(prefix)
    if found is None or (found.kind == "folder" and not host.listdir(prefix)):
        if install.is_mount(prefix):
            raise PlanError(
                f"{prefix} is a mount point and cannot be replaced; give a folder in it, as {prefix}/cuda"
            )
        return None
    made = _manifest(host, prefix)
    if made is None or not host.is_file(f"{prefix}/bin/nvcc"):
        raise PlanError(f"{prefix} exists and is no toolkit that envdoctor made; give another --prefix")
    cuda = str(made.get("cuda"))
    if not _satisfies(cuda, version) or made.get("machine") != host.machine().architecture:
        raise PlanError(f"{prefix} holds CUDA {cuda} for {made.get('machine')}; give another --prefix")
    held = made.get("with", ())
    lacking = [] if "all" in held else sorted(set(extras) - set(held))
    if lacking:
        raise PlanError(f"{prefix} holds CUDA {cuda} without {', '.join(lacking)}; give another --prefix")
    return cuda


def _manifest(host: Host, prefix: str) -> Optional[Dict[str, Any]]:
    try:
        made = json.loads(host.read_text(f"{prefix}/{MANIFEST}"))
    except (OSError, ValueError):
        return None
    return made if isinstance(made, dict) and made.get("schema") == SCHEMA else None


def _satisfies(cuda: str, version: str) -> bool:
    try:
        return Version(cuda) in SpecifierSet(specifier_of(version))
    except InvalidVersion:
        return False
