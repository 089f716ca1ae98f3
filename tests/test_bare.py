"""Starting where nothing is installed, and on Pythons that are too old."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_without_any_copy_of_packaging_it_says_what_to_do():
    command = [
        sys.executable,
        "-S",
        "-E",
        "-c",
        "from envdoctor.bare import provide_packaging; provide_packaging()",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "pip install packaging" in done.stderr


def test_the_guard_against_old_pythons_is_in_words_that_they_know():
    source = (ROOT / "envdoctor" / "__main__.py").read_text()
    old = source.replace("import sys\n", "import sys\nsys.version_info = (2, 7, 18)\n", 1)
    done = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "needs Python 3.8" in done.stderr
    assert "->" not in source and 'f"' not in source
