#!/usr/bin/env python3
"""Build dist/envdoctor.pyz: the doctor in one file (envdoctor/bundle/pyz.py), of this checkout."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "dist" / "envdoctor.pyz"
sys.path.insert(0, str(ROOT))

from envdoctor.bundle import pyz  # noqa: E402


def main() -> None:
    """Write the file and say what it is."""
    OUTPUT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fetch_packaging(folder)
        data = pyz.pack(str(ROOT / "envdoctor"), str(next(Path(folder).glob("packaging-*.whl"))))
    OUTPUT.write_bytes(data)
    OUTPUT.chmod(0o755)
    print(f"{OUTPUT}: {len(data)} bytes")


def fetch_packaging(folder: str) -> None:
    """The newest `packaging` that the oldest Python can run, whatever runs this."""
    subprocess.run(
        (
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder),
            *("--python-version", "3.8", "--only-binary", ":all:", "packaging"),
        ),
        check=True,
    )


if __name__ == "__main__":
    main()
