"""Starting on an interpreter that has nothing installed: from an unbuilt checkout."""

import importlib
import importlib.util
import sys

# A bare interpreter has no `packaging` of its own, but pip and setuptools carry a copy.
_COPIES = (
    "pip._vendor.packaging",
    "setuptools._vendor.packaging",
    "setuptools.extern.packaging",
    "pkg_resources._vendor.packaging",
)


def provide_packaging() -> None:
    """Make `import packaging` work, with the copy that pip or setuptools carries if need be; else exit with 2."""
    if importlib.util.find_spec("packaging"):
        return
    for name in _COPIES:
        try:
            sys.modules["packaging"] = importlib.import_module(name)
            return
        except ImportError:
            continue
    sys.stderr.write(
        "envdoctor: needs the 'packaging' package: python -m pip install packaging,"
        " or use envdoctor.pyz, which brings it\n"
    )
    sys.exit(2)
