"""Modules that are not there, and the file that asked."""

from envdoctor.log import read_text
from envdoctor.log.reader import SHORT
from envdoctor.messages.tracebacks import absent_modules, asking

FRAME = '  File "/venv/lib/a.py", line 3, in <module>\n    import x.y\n'
MISSING = "ModuleNotFoundError: No module named 'x.y'\n"


def test_quiet_without_a_missing_module():
    assert not list(absent_modules(read_text(FRAME)))


def test_the_module_and_the_file_that_asked_are_told():
    log = read_text(FRAME + MISSING)
    ((hit, name),) = absent_modules(log)
    assert (name, asking(log, hit)) == ("x.y", "/venv/lib/a.py")


def test_a_frame_beyond_lines_that_were_left_out_asked_for_something_else():
    log = read_text(f"error: a\n{FRAME}" + "gcc -c a.c\n" * (SHORT // 10) + MISSING)
    ((hit, _),) = absent_modules(log)
    assert asking(log, hit) == ""
