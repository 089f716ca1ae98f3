"""Starting where nothing is installed, and on Pythons that are too old."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


# Nothing is installed: neither site-packages nor PYTHONPATH.
BARE = (sys.executable, "-S", "-E", "-c")


def started(command):
    return subprocess.run([*BARE, command], capture_output=True, text=True, check=False, cwd=ROOT)


def test_without_any_copy_of_packaging_it_says_what_to_do():
    hidden = (
        "import sys, sysconfig; sys.modules['ensurepip'] = None; sysconfig.get_config_var = lambda name: None"
    )
    done = started(f"{hidden}; from envdoctor.bare import provide_packaging; provide_packaging()")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "pip install packaging" in done.stderr


def test_where_nothing_is_installed_the_copy_in_ensurepips_wheel_will_do():
    provided = "from envdoctor.bare import provide_packaging; provide_packaging()"
    done = started(
        f"{provided}; from packaging.version import Version; print(Version('1.10') > Version('1.9'))"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_the_guard_against_old_pythons_is_in_words_that_they_know():
    source = (ROOT / "envdoctor" / "__main__.py").read_text()
    old = source.replace("import sys\n", "import sys\nsys.version_info = (2, 7, 18)\n", 1)
    done = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "needs Python 3.8" in done.stderr
    assert "->" not in source and 'f"' not in source
