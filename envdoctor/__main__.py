"""`python -m envdoctor`, also from an unbuilt checkout or a zip file."""

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


def _provide_packaging() -> None:
    if importlib.util.find_spec("packaging"):
        return
    for name in _COPIES:
        try:
            sys.modules["packaging"] = importlib.import_module(name)
            return
        except ImportError:
            continue
    sys.exit(
        "envdoctor: needs the 'packaging' package: python -m pip install packaging,"
        " or use envdoctor.pyz, which brings it"
    )


if __name__ == "__main__":
    _provide_packaging()
    from envdoctor.cli import main

    sys.exit(main())
