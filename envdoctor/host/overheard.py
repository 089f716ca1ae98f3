"""What a command writes, passed on untouched and remembered, so that it can be explained when the command fails.

The command keeps our input and our controlling terminal, so keys, signals and job control stay its own. Where our
output is a terminal it gets one too, of the same size and kind, and what it sets there (raw mode) is set on ours.
"""

import contextlib
import fcntl
import os
import select
import signal
import stat
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
        self._files: Dict[int, int] = {}
        streams = {target: _stat(target) for target in (1, 2)}
        for target, found in streams.items():
            if found is None:  # a stream that is closed stays closed
                continue
            if (
                not os.isatty(target)
                and not stat.S_ISFIFO(found.st_mode)
                and not stat.S_ISSOCK(found.st_mode)
            ):
                self._files[target] = found.st_size  # what cannot be written is the command's to learn
                continue
            is_twin = target == 2 and streams[1] is not None and os.path.samestat(streams[1], found)
            self._ears[target] = self._ears[1] if is_twin else _Ear(target, self._memory, self._done)

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
        """Pass on what is left; what still runs in the background is heard by a process of its own."""
        self._done.set()
        ears = set(self._ears.values())
        for ear in ears:
            ear.stop()
        if any(ear.is_open for ear in ears) and os.fork() == 0:
            try:
                _pass_on_to_the_end([ear for ear in ears if ear.is_open])
            finally:
                os._exit(0)
        for ear in ears:
            ear.close()

    def copy_size(self) -> None:
        """Our terminal has another size."""
        for ear in set(self._ears.values()):
            ear.copy_size()

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
        written = [_added(target, size) for target, size in self._files.items()]
        return b"".join(dict.fromkeys(written)) + self._memory.text


class _Memory:
    """Whole lines of all streams."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head = bytearray()
        self._tail: Deque[bytes] = deque()
        self._size = 0
        #: How many lines between the beginning and the end are forgotten.
        self._lost = 0

    def add(self, data: bytes) -> None:
        with self._lock:
            if len(self._head) < HEAD:
                self._head += data
                return
            self._tail.append(data)
            self._size += len(data)
            while self._size > TAIL:
                forgotten = self._tail.popleft()
                self._size -= len(forgotten)
                self._lost += forgotten.count(b"\n")

    @property
    def text(self) -> bytes:
        if not self._tail or not self._lost:
            return bytes(self._head) + b"".join(self._tail)
        mark = f"... {self._lost} lines left out; lines from here on are counted without them ...\n"
        head = bytes(self._head)
        return b"".join((head, b"" if head.endswith(b"\n") else b"\n", mark.encode(), *self._tail))


class _Ear:
    """One stream: a pipe, or a terminal where ours is one."""

    def __init__(self, target: int, memory: _Memory, done: threading.Event) -> None:
        self.target, self._memory, self._done = _above_standard(os.dup(target)), memory, done
        self._is_terminal = os.isatty(target)
        #: Our terminal's modes before the command changed them, and those that it has set last on its own.
        self._ours: Optional[List[Any]] = None
        self._wanted: List[Any] = []
        heard, given = os.openpty() if self._is_terminal else os.pipe()
        self.heard, self.given = _above_standard(heard), _above_standard(given)
        self.is_open = True
        self._rest: List[bytes] = []
        if self._is_terminal:
            self._make_alike()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def start(self) -> None:
        os.close(self.given)
        # Python hears signals in its main thread, which waits for the command: no other may take one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def stop(self) -> None:
        """Returns when nothing is left to be passed on for the moment."""
        if self._thread.ident is None:  # the command never started
            os.close(self.given)
            self._shut()
        else:
            self._thread.join()
        if self._ours and self._is_in_foreground():
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(self.target, termios.TCSADRAIN, self._ours)

    def close(self) -> None:
        if self.is_open:
            os.close(self.heard)
        os.close(self.target)

    def _make_alike(self) -> None:
        with contextlib.suppress(OSError, termios.error):
            modes = termios.tcgetattr(self.target)
            modes[1] &= ~termios.OPOST  # what ends a line is added once, by our own terminal
            termios.tcsetattr(self.heard, termios.TCSANOW, modes)
            self._wanted = termios.tcgetattr(self.heard)
        self.copy_size()

    def copy_size(self) -> None:
        """A terminal has the size of ours."""
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            fcntl.ioctl(self.heard, termios.TIOCSWINSZ, size)

    def _copy_modes(self) -> None:
        """How the command wants keys (raw, without echo) holds for the terminal that they come from."""
        wanted = termios.tcgetattr(self.heard)
        if wanted == self._wanted or not self._is_in_foreground():
            return
        self._wanted = wanted
        ours = termios.tcgetattr(self.target)
        self._ours = self._ours or list(ours)
        termios.tcsetattr(self.target, termios.TCSANOW, [wanted[0], *ours[1:3], wanted[3], *ours[4:]])

    def _is_in_foreground(self) -> bool:
        """Who is not may not set the terminal's modes: that would stop us."""
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(self.target) == os.getpgrp()
        return False

    def _pass_on(self) -> None:
        """In a thread: until the stream's end, or until nothing comes any more after the command's end."""
        left = MOST_LEFT
        try:
            while left:
                readable, _, _ = select.select([self.heard], [], [], GRACE)
                left -= self._done.is_set()
                if self._is_terminal:
                    self._copy_modes()
                if readable:
                    self._remember(self.copy())
                elif self._done.is_set():
                    break
        except (OSError, EOFError, termios.error):
            self._shut()
        self._memory.add(b"".join(self._rest))

    def copy(self) -> bytes:
        """Pass on the next piece. Raises EOFError, and OSError where nobody has or reads the stream any more."""
        data = os.read(self.heard, _PIECE)
        if not data:
            raise EOFError
        view = memoryview(data)
        while view:
            view = view[os.write(self.target, view) :]
        return data

    def _remember(self, data: bytes) -> None:
        """By whole lines, so that two streams do not mix in one; a line without end in pieces."""
        lines, newline, rest = data.rpartition(b"\n")
        if newline or sum(map(len, self._rest)) > _PIECE:
            self._memory.add(b"".join((*self._rest, lines, newline)))
            self._rest = [rest]
        else:
            self._rest.append(data)

    def _shut(self) -> None:
        """The command learns, at its next word, that nobody reads it: as it would have."""
        self.is_open = False
        os.close(self.heard)


def _pass_on_to_the_end(ears: "List[_Ear]") -> None:
    while ears:
        readable, _, _ = select.select([ear.heard for ear in ears], [], [])
        for ear in [ear for ear in ears if ear.heard in readable]:
            try:
                ear.copy()
            except (OSError, EOFError):
                ears.remove(ear)


def _added(target: int, size: int) -> bytes:
    """The end of a file that has grown; of a device, nothing."""
    with contextlib.suppress(OSError):
        if stat.S_ISREG(os.fstat(target).st_mode):
            with open(f"/proc/self/fd/{target}", "rb") as stream:
                start = max(size, os.fstat(target).st_size - TAIL)
                stream.seek(start)
                mark = (
                    b"... the beginning is left out; lines are counted from here ...\n"
                    if start > size
                    else b""
                )
                return mark + stream.read(TAIL)
    return b""


def _stat(descriptor: int) -> Optional[os.stat_result]:
    try:
        return os.fstat(descriptor)
    except OSError:
        return None


def _above_standard(descriptor: int) -> int:
    """The same stream by a number that no standard stream has: one of those may be closed."""
    if descriptor > 2:
        return descriptor
    above = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return above
