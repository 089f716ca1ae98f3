"""Running a program that takes long: its lines as they come, and a moment now and then to look how far it is."""

import os
import selectors
import subprocess
from typing import Callable, Mapping, Sequence

from envdoctor.host.children import end_group

TICK = 0.5


def stream(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str,
    on_line: Callable[[str], None],
    on_tick: Callable[[], None],
) -> int:
    """Run to the end and return the exit status; what it started does not outlive an exception. Raises OSError."""
    child = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )
    with child:
        try:
            _follow(child, on_line, on_tick)
            return child.wait()
        finally:
            end_group(child)


def _follow(
    child: "subprocess.Popen[bytes]", on_line: Callable[[str], None], on_tick: Callable[[], None]
) -> None:
    """Hand out whole lines until the output is closed."""
    assert child.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if selector.select(TICK):
                data = os.read(child.stdout.fileno(), 1 << 16)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines if data else [*lines, rest]:
                    on_line(line.decode("utf-8", errors="replace"))
                if not data:
                    return
            elif child.poll() is not None:
                return  # a grandchild keeps the pipe open; what was asked for is done
            on_tick()
