"""The user's command in the foreground: as if nobody stood between it and the terminal."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from envdoctor.host import CannotRun, run_in_foreground

RUN = """
import sys
from envdoctor.host import Overheard, end_like, run_in_foreground
import os
sys.exit(end_like(run_in_foreground(sys.argv[1:], os.environ, overheard=Overheard())))
"""


def start(*command, **options):
    def heed():  # a shell's background job ignores an interrupt, and so would all that it starts
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen([sys.executable, "-c", RUN, *command], text=True, preexec_fn=heed, **options)  # noqa: PLW1509


@pytest.mark.parametrize("status", [0, 1, 3, 255])
def test_its_exit_status_is_ours(status):
    assert run_in_foreground(["sh", "-c", f"exit {status}"], os.environ) == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV])
def test_what_ended_it_ends_us(number):
    with start("sh", "-c", f"kill -{int(number)} $$") as process:
        assert process.wait(20) == -number


@pytest.mark.parametrize(
    ("name", "status"), [("no-such-program", 127), ("./missing", 127), ("folder", 126), ("file", 126)]
)
def test_what_cannot_be_run_has_the_status_of_a_shell(tmp_path, name, status):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    path = str(tmp_path / name) if name in ("folder", "file") else name
    with pytest.raises(CannotRun) as error:
        run_in_foreground([path], os.environ)
    assert error.value.status == status


def test_a_script_without_a_first_line_is_read_by_the_shell(tmp_path):
    script = tmp_path / "build"
    script.write_text('[ "$1" = "a b" ] && exit 7\n')
    script.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert run_in_foreground(["build", "a b"], environment) == 7
    assert run_in_foreground([str(script), "a b"], environment) == 7


def test_the_program_is_looked_for_on_the_path_that_it_gets(tmp_path):
    script = tmp_path / "only-here"
    script.write_text("#!/bin/sh\nexit 5\n")
    script.chmod(0o755)
    assert run_in_foreground(["only-here"], {"PATH": f"{tmp_path}:/usr/bin:/bin"}) == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_to_us_reaches_the_command_which_decides(number):
    name = number.name[3:]
    script = f"trap 'echo caught; exit 9' {name}; echo ready; while :; do sleep 0.05; done"
    with start("sh", "-c", script, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == "caught\n"
        assert process.wait(20) == 9


def test_an_interrupt_of_the_whole_group_is_the_commands_business():
    script = "trap 'exit 4' INT; echo ready; while :; do sleep 0.05; done"
    with start("sh", "-c", script, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 4


def test_a_signal_that_we_ignore_is_ignored_by_the_command_too():
    script = "kill -HUP $$; exit 6"
    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", RUN, "sh", "-c", script]
    assert subprocess.run(ignoring, timeout=20).returncode == 6


def test_inherited_descriptors_stay_open():
    read, write = os.pipe()
    os.set_inheritable(write, True)
    assert run_in_foreground(["sh", "-c", f"echo hello > /dev/fd/{write}"], os.environ) == 0
    os.close(write)
    assert os.read(read, 100) == b"hello\n"
    os.close(read)


def test_the_terminal_is_the_commands():
    script = "test -t 0 && test -t 1 && test -t 2 && stty size && exit 11"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", RUN, "sh", "-c", script])
    deadline = time.monotonic() + 20
    ended, status = 0, 0
    while not ended and time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
    os.close(terminal)
    assert os.WEXITSTATUS(status) == 11
