"""The doctor and `packaging` in one file that any Python >= 3.8 runs, with no install. Standard library alone.

It holds Python alone: not the compiled library, nor what needs it. The same inputs give the same bytes.
"""

import io
import os
import zipfile
from typing import Iterator, Tuple

#: What wants torch, the compiled library, or a build.
LEFT_OUT = frozenset({"backend", "kernels", "lib", "quant", "__pycache__"})
_MAIN = """import sys

if sys.version_info < (3, 8):
    sys.stderr.write("envdoctor: needs Python 3.8 or newer to run; name the older one to examine with --python\\n")
    sys.exit(2)

from envdoctor.cli import main

sys.exit(main())
"""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)

Member = Tuple[str, bytes]


def pack(package: str, packaging: str) -> bytes:
    """Of the folder of this package, and a wheel of `packaging` that the oldest Python can run."""
    members = [*ours(package), *wheel_members(packaging)]
    stream = io.BytesIO()
    stream.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [("__main__.py", _MAIN.encode()), *sorted(members)]:
            info = zipfile.ZipInfo(name, _LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            archive.writestr(info, data)
    return stream.getvalue()


def ours(package: str) -> Iterator[Member]:
    """The doctor's files."""
    above = os.path.dirname(package)
    for folder, below, names in os.walk(package):
        below[:] = [name for name in below if name not in LEFT_OUT]
        for name in names:
            path = os.path.join(folder, name)
            if not name.endswith((".pyc", ".so")):
                with open(path, "rb") as stream:
                    yield os.path.relpath(path, above), stream.read()


def wheel_members(wheel: str) -> Iterator[Member]:
    """The package and its licences; `.dist-info` stays, so that its version can be asked."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)
