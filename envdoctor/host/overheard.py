"""What a command writes, passed on untouched and remembered, so that it can be explained when the command fails.

The command keeps our input and our controlling terminal, so keys, signals and job control stay its own. Where our
output is a terminal it gets one too, of the same size and kind, and what it sets there (raw mode) is set on ours.
"""

import contextlib
import fcntl
import os
import select
import struct
import sys
import termios
import threading
from collections import deque
from typing import Any, Deque, Dict, Iterator, List, Optional

#: Bytes that are remembered of the beginning and of the end.
HEAD, TAIL = 8 << 20, 24 << 20
#: Seconds after the command's end in which what it left behind may still say something.
GRACE = 0.1
#: Pieces that are passed on after that: what runs on in the background and never stops talking is not waited for.
MOST_LEFT = 256
_PIECE = 1 << 16


class Overheard:
    """For one command: give it `stdout` and `stderr`, say when it has `started` and `ended`; or for `ourselves`."""

    def __init__(self) -> None:
        self._memory = _Memory()
        self._done = threading.Event()
        self._ears: Dict[int, _Ear] = {}
        for target in (1, 2):
            with contextlib.suppress(OSError):  # a stream that is closed stays closed
                twin = self._ears.get(1) if target == 2 and os.path.sameopenfile(1, 2) else None
                self._ears[target] = twin or _Ear(target, self._memory, self._done)

    @property
    def stdout(self) -> Optional[int]:
        """The command's standard output; None: ours."""
        return self._ears[1].given if 1 in self._ears else None

    @property
    def stderr(self) -> Optional[int]:
        """The command's standard error; None: ours."""
        return self._ears[2].given if 2 in self._ears else None

    def started(self) -> None:
        """The command has its ends of the streams."""
        for ear in set(self._ears.values()):
            ear.start()

    def ended(self) -> None:
        """Pass on what is left."""
        self._done.set()
        for ear in set(self._ears.values()):
            ear.stop()

    @contextlib.contextmanager
    def ourselves(self) -> Iterator[None]:
        """What this process writes, and what it starts."""
        kept = {target: os.dup(target) for target in self._ears}
        sys.stdout.flush()
        for target, ear in self._ears.items():
            os.dup2(ear.given, target)
        self.started()
        try:
            yield
        finally:
            sys.stdout.flush()
            for target, ours in kept.items():
                os.dup2(ours, target)
                os.close(ours)
            self.ended()

    @property
    def text(self) -> bytes:
        """What was written, line by line in the order in which it came; of very much, the beginning and the end."""
        return self._memory.text


class _Memory:
    """Whole lines of all streams."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head = bytearray()
        self._tail: Deque[bytes] = deque()
        self._size = 0

    def add(self, data: bytes) -> None:
        with self._lock:
            if len(self._head) < HEAD:
                self._head += data
                return
            self._tail.append(data)
            self._size += len(data)
            while self._size > TAIL:
                self._size -= len(self._tail.popleft())

    @property
    def text(self) -> bytes:
        return bytes(self._head) + b"".join(self._tail)


class _Ear:
    """One stream: a pipe, or a terminal where ours is one."""

    def __init__(self, target: int, memory: _Memory, done: threading.Event) -> None:
        self._target, self._memory, self._done = os.dup(target), memory, done
        self._is_terminal = os.isatty(target)
        self._modes: List[Any] = []
        if self._is_terminal:
            self._heard, self.given = os.openpty()
            self._make_alike()
        else:
            self._heard, self.given = os.pipe()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def start(self) -> None:
        os.close(self.given)
        self._thread.start()

    def stop(self) -> None:
        if self._thread.ident is None:  # the command never started
            os.close(self.given)
            os.close(self._heard)
        else:
            self._thread.join()
        if self._modes:
            termios.tcsetattr(self._target, termios.TCSADRAIN, self._modes)
        os.close(self._target)

    def _make_alike(self) -> None:
        modes = termios.tcgetattr(self._target)
        modes[1] &= ~termios.OPOST  # what ends a line is added once, by our own terminal
        termios.tcsetattr(self._heard, termios.TCSANOW, modes)
        self._copy_size()

    def _copy_size(self) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self._target, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            fcntl.ioctl(self._heard, termios.TIOCSWINSZ, size)

    def _copy_modes(self) -> None:
        """How the command wants keys (raw, without echo) holds for the terminal that they come from."""
        wanted, ours = termios.tcgetattr(self._heard), termios.tcgetattr(self._target)
        if (wanted[0], wanted[3]) != (ours[0], ours[3]):
            self._modes = self._modes or list(ours)
            termios.tcsetattr(self._target, termios.TCSANOW, [wanted[0], *ours[1:3], wanted[3], *ours[4:]])

    def _pass_on(self) -> None:
        rest, left = b"", MOST_LEFT
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal any more; EPIPE: nobody reads ours
            while left:
                readable, _, _ = select.select([self._heard], [], [], GRACE)
                left -= self._done.is_set()
                if self._is_terminal:
                    self._copy_size()
                    self._copy_modes()
                if readable:
                    data = os.read(self._heard, _PIECE)
                    if not data:
                        break
                    self._write(data)
                    lines, newline, rest = (rest + data).rpartition(b"\n")
                    self._memory.add(lines + newline)
                elif self._done.is_set():
                    break
        os.close(self._heard)  # where nobody reads ours, the command learns it as it would have
        self._memory.add(rest)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._target, view) :]
