"""Runs the user's own command in the foreground, as if nobody stood between it and the terminal."""

import errno
import os
import resource
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Iterator, List, Mapping, Optional, Sequence

from envdoctor.host.overheard import Overheard

#: What a shell answers for a command that is not there, or that cannot be run.
NOT_FOUND, NOT_EXECUTABLE = 127, 126

#: A terminal sends these to its whole foreground group, the command included, which decides what they mean.
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
#: Whoever sends these to us means the command.
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class CannotRun(Exception):
    """The command could not be started; `status` is what a shell would answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def run_in_foreground(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Optional[str] = None,
    overheard: Optional[Overheard] = None,
) -> int:
    """Run a command with our own input, output and terminal, in our folder or `cwd`.

    Returns its status, or minus the signal that ended it. Raises CannotRun.
    """
    with _signals_left_to_the_command(overheard) as recipient, _listening(overheard):
        try:
            child = _start(argv, env, cwd, overheard)
        except (OSError, ValueError) as error:
            missing = getattr(error, "errno", None) in (errno.ENOENT, errno.ENOTDIR)
            reason = getattr(error, "strerror", None) or str(error)
            raise CannotRun(NOT_FOUND if missing else NOT_EXECUTABLE, reason) from None
        if overheard:
            overheard.started()
        recipient.is_now(child)
        return child.wait()


@contextmanager
def _listening(overheard: Optional[Overheard]) -> Iterator[None]:
    try:
        yield
    finally:
        if overheard:
            overheard.ended()


def end_like(status: int) -> int:
    """Our exit status for a command's: its own; where a signal ended it, the same signal ends us too."""
    if status < 0:
        # The command's core is enough.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _start(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Optional[str],
    overheard: Optional[Overheard],
) -> "subprocess.Popen[bytes]":
    """Descriptors stay open: make's job server hands some to its children."""

    def start(command: List[str]) -> "subprocess.Popen[bytes]":
        stdout, stderr = (overheard.stdout, overheard.stderr) if overheard else (None, None)
        return subprocess.Popen(
            command, env=dict(env), cwd=cwd, stdout=stdout, stderr=stderr, close_fds=False
        )

    try:
        return start(list(argv))
    except OSError as error:
        script = shutil.which(argv[0], path=env.get("PATH"))
        if error.errno != errno.ENOEXEC or script is None:
            raise
        # A script without a first line that names its interpreter: shells read it themselves.
        return start(["/bin/sh", script, *argv[1:]])


class _Recipient:
    """Who gets the signals that are passed on; those that came before it started are not lost."""

    def __init__(self) -> None:
        self._child: Optional[subprocess.Popen[bytes]] = None
        self._early: List[int] = []

    def is_now(self, child: "subprocess.Popen[bytes]") -> None:
        """The command has started."""
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def pass_on(self, number: int, frame: Optional[FrameType]) -> None:
        """A signal handler."""
        del frame
        if self._child is None:
            self._early.append(number)
            return
        with suppress(ProcessLookupError):  # it has just ended; Python 3.8 says so
            self._child.send_signal(number)

    def pass_on_unless_heard(self, number: int, frame: Optional[FrameType]) -> None:
        """A signal handler: what the terminal sends us it sends the command as well."""
        if not _is_in_foreground():
            self.pass_on(number, frame)


def _is_in_foreground() -> bool:
    """Whether a terminal's keys are signals to our group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


@contextmanager
def _signals_left_to_the_command(overheard: Optional[Overheard]) -> Iterator[_Recipient]:
    """Signals that are ignored stay so, for the command too; a handler does not outlive its exec."""
    recipient = _Recipient()

    def resized(number: int, frame: Optional[FrameType]) -> None:
        """The command was told before its own terminal had the size."""
        if overheard:
            overheard.copy_size()
            recipient.pass_on(number, frame)

    handlers = {signal.SIGWINCH: resized}
    handlers.update(dict.fromkeys(_FROM_TERMINAL, recipient.pass_on_unless_heard))
    handlers.update(dict.fromkeys(_PASSED_ON, recipient.pass_on))
    heard = {
        number: handler
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    try:
        yield recipient
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
