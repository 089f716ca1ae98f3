"""What a command writes arrives untouched, and is remembered."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time

import pytest

from envdoctor.host import overheard

SAY = """
import os, sys
from envdoctor.host import Overheard, run_in_foreground
heard = Overheard()
status = run_in_foreground(sys.argv[2:], os.environ, overheard=heard)
with open(sys.argv[1], "wb") as stream:
    stream.write(heard.text)
sys.exit(status)
"""


@pytest.fixture
def say(tmp_path):
    def call(*command, **options):
        return subprocess.run(
            [sys.executable, "-c", SAY, str(tmp_path / "heard"), *command], timeout=30, **options
        )

    call.heard = tmp_path / "heard"
    return call


def test_both_streams_arrive_where_they_belong(say):
    done = say("sh", "-c", "printf 'a\\0b\\n'; echo c >&2; printf d; exit 3", capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"a\0b\nd", b"c\n")
    heard = say.heard.read_bytes()
    assert len(heard) == 7 and all(line in heard for line in (b"a\0b\n", b"c\n", b"d"))


def test_one_stream_for_both_keeps_the_order(say):
    script = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done"
    done = say("sh", "-c", script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout == say.heard.read_bytes()
    assert done.stdout.split()[:4] == [b"out", b"1", b"err", b"1"]


def test_much_is_passed_on_whole(say):
    done = say("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end", capture_output=True)
    assert done.stdout == b"x" * 3000000 + b"\nend\n" == say.heard.read_bytes()


def test_of_very_much_it_is_said_what_is_left_out(monkeypatch):
    monkeypatch.setattr(overheard, "HEAD", 8)
    monkeypatch.setattr(overheard, "TAIL", 8)
    memory = overheard._Memory()
    for number in range(10):
        memory.add(f"line {number}\n".encode())
    first, second, mark, last = memory.text.decode().splitlines()
    assert (first, second, last) == ("line 0", "line 1", "line 9")
    assert mark.startswith("... 7 lines left out;")


@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_stream_stays_closed_and_the_other_is_heard(say, closed):
    script = "echo x; echo y >&2; exit 4"
    done = say("sh", "-c", script, capture_output=True, preexec_fn=lambda: os.close(closed))
    words = {1: b"x\n", 2: b"y\n"}
    del words[closed]
    heard = words.popitem()[1]
    assert (
        done.returncode == 4
        and heard in (done.stdout, done.stderr[-2:])
        and say.heard.read_bytes().endswith(heard)
    )
    assert b"x" not in done.stdout if closed == 1 else b"y" not in done.stdout


def test_much_without_a_line_is_passed_on_in_time_and_remembered_in_part(say):
    done = say("sh", "-c", "head -c 60000000 /dev/zero", stdout=subprocess.PIPE)
    assert len(done.stdout) == 60000000 and len(say.heard.read_bytes()) < 40 << 20


def test_who_reads_no_more_ends_the_command(say):
    shell = '"$@" | head -1; echo "$?"'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-c", SAY, str(say.heard), "yes"],
        capture_output=True,
        timeout=30,
    )
    assert done.stdout == b"y\n0\n"


def test_what_runs_on_in_the_background_is_neither_waited_for_nor_ended(say, tmp_path):
    begun = time.monotonic()
    script = f"(sleep 2; echo late; echo {{}} > {tmp_path}/survived) & echo started"
    with open(tmp_path / "out", "wb") as stream:
        say("sh", "-c", script, stdout=stream)
    assert time.monotonic() - begun < 2
    deadline = time.monotonic() + 20
    while not (tmp_path / "survived").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (tmp_path / "survived").exists() and (tmp_path / "out").read_text() == "started\nlate\n"


def in_a_terminal(*command, keys=b""):
    """Exit status and what the terminal shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", SAY, "/dev/null", *command])
    os.write(terminal, keys)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    return os.WEXITSTATUS(os.waitpid(pid, 0)[1]), shown


def test_a_terminal_is_a_terminal_of_the_same_size_and_ends_lines_once():
    status, shown = in_a_terminal(
        "sh", "-c", "test -t 1 && test -t 2 && stty size < /dev/tty && stty size <&1; exit 5"
    )
    sizes = shown.split(b"\r\n")
    assert status == 5 and b"\r\r" not in shown and sizes[0] == sizes[1]


def test_raw_mode_set_on_the_output_holds_for_the_keys():
    script = "import os, time, tty; tty.setraw(1); time.sleep(0.5); os.write(1, b'<' + os.read(0, 1) + b'>')"
    _, shown = in_a_terminal(sys.executable, "-c", script, keys=b"q")
    assert b"<q>" in shown  # without a line's end


def test_a_password_is_not_echoed_and_the_terminal_is_as_before():
    script = "import getpass, time; getpass.getpass('Password: '); time.sleep(0.3); print('done')"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", SAY, "/dev/null", sys.executable, "-c", script])
    shown = b""
    while b"Password" not in shown:
        shown += os.read(terminal, 4096)
    time.sleep(0.5)
    os.write(terminal, b"hunter2\n")
    modes = termios.tcgetattr(terminal)
    while b"done" not in shown:
        shown += os.read(terminal, 4096)
        modes = termios.tcgetattr(terminal)
    os.close(terminal)
    os.waitpid(pid, 0)
    assert b"hunter2" not in shown and modes[3] & termios.ECHO


def test_a_new_size_of_the_terminal_is_there_when_the_command_hears_of_it():
    script = """
import os, signal, time
def told(*_):
    sizes.append(os.get_terminal_size(1).columns)
sizes = []
signal.signal(signal.SIGWINCH, told)
print("ready", flush=True)
while 77 not in sizes:
    time.sleep(0.05)
print("seen")
"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", SAY, "/dev/null", sys.executable, "-c", script])
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 4096)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 77, 0, 0))
    while b"seen" not in shown:
        shown += os.read(terminal, 4096)
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
