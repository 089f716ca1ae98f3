"""Starting on an interpreter that has nothing installed: from an unbuilt checkout."""

import glob
import importlib
import importlib.util
import os
import sys
import sysconfig
from typing import List

# A bare interpreter has no `packaging` of its own, but pip and setuptools carry a copy.
_COPIES = (
    "pip._vendor.packaging",
    "setuptools._vendor.packaging",
    "setuptools.extern.packaging",
    "pkg_resources._vendor.packaging",
)


def provide_packaging() -> None:
    """Make `import packaging` work, with the copy that pip or setuptools carries if need be; else exit with 2."""
    if importlib.util.find_spec("packaging") or _found():
        return
    # Last, and behind everything else: an environment that uv made holds no pip either.
    sys.path.extend(_wheels_of_pip())
    if _found():
        return
    sys.stderr.write(
        "envdoctor: needs the 'packaging' package: python -m pip install packaging,"
        " or use envdoctor.pyz, which brings it\n"
    )
    sys.exit(2)


def _found() -> bool:
    for name in _COPIES:
        try:
            sys.modules["packaging"] = importlib.import_module(name)
            return True
        except ImportError:
            continue
    return False


def _wheels_of_pip() -> List[str]:
    """The wheel that Python brings for `ensurepip`, in its own folder or in the one of the distribution's."""
    spec = importlib.util.find_spec("ensurepip")
    folders = [
        os.path.join(folder, "_bundled") for folder in (spec and spec.submodule_search_locations) or ()
    ]
    folders.append(sysconfig.get_config_var("WHEEL_PKG_DIR") or "")
    return [wheel for folder in folders if folder for wheel in glob.glob(os.path.join(folder, "pip-*.whl"))]
