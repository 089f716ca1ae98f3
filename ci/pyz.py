#!/usr/bin/env python3
"""Build dist/envdoctor.pyz: the doctor and `packaging` in one file that any Python >= 3.8 runs, with no install.

It holds Python alone: not the compiled library, nor what needs it. The same inputs give the same bytes.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Iterator, Tuple

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "dist" / "envdoctor.pyz"
LEFT_OUT = {"backend", "kernels", "lib", "quant", "__pycache__"}
MAIN = """import sys

if sys.version_info < (3, 8):
    sys.stderr.write("envdoctor: needs Python 3.8 or newer to run; name the older one to examine with --python\\n")
    sys.exit(2)

from envdoctor.cli import main

sys.exit(main())
"""
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Write the file and say what it is."""
    OUTPUT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fetch_packaging(folder)
        members = [*ours(), *wheel_members(next(Path(folder).glob("packaging-*.whl")))]
    with OUTPUT.open("wb") as stream:
        stream.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in [("__main__.py", MAIN.encode()), *sorted(members)]:
                info = zipfile.ZipInfo(name, LONG_AGO)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o100644 << 16
                archive.writestr(info, data)
    OUTPUT.chmod(0o755)
    print(f"{OUTPUT}: {len(members) + 1} files, {OUTPUT.stat().st_size} bytes")


def fetch_packaging(folder: str) -> None:
    """The newest `packaging` that the oldest Python can run, whatever runs this."""
    subprocess.run(
        (
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder),
            *("--python-version", "3.8", "--only-binary", ":all:", "packaging"),
        ),
        check=True,
    )


def ours() -> Iterator[Tuple[str, bytes]]:
    """The doctor's files."""
    for path in (ROOT / "envdoctor").rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not LEFT_OUT.intersection(parts) and path.suffix not in (".pyc", ".so"):
            yield "/".join(parts), path.read_bytes()


def wheel_members(wheel: Path) -> Iterator[Tuple[str, bytes]]:
    """The package and its licences; `.dist-info` stays, so that its version can be asked."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)


if __name__ == "__main__":
    main()
