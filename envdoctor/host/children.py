"""Running a child process to its end: within a time, within a size, and with everything that it started."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import Any, Dict, Optional

from envdoctor.host.base import Completed

OUTPUT_LIMIT = 4 << 20


def collect(child: "subprocess.Popen[bytes]", stdin: bytes, timeout: float) -> Completed:
    """Read a child's output within time and size, then end its whole process group."""
    deadline = time.monotonic() + timeout
    assert child.stdout is not None and child.stderr is not None
    output: Dict[Any, bytearray] = {child.stdout: bytearray(), child.stderr: bytearray()}
    error: Optional[str] = None
    if child.stdin is not None:
        _feed(child, stdin)
    with selectors.DefaultSelector() as selector:
        for stream in output:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() and error is None:
            ready = selector.select(min(0.2, max(0.0, deadline - time.monotonic())))
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                output[key.fileobj] += data
                if not data:
                    selector.unregister(key.fileobj)
            if sum(map(len, output.values())) > OUTPUT_LIMIT:
                error = f"printed more than {OUTPUT_LIMIT >> 20} MB and was stopped"
            elif not ready and child.poll() is not None:
                break  # a grandchild keeps the pipe open; the answer is complete
            elif time.monotonic() >= deadline:
                error = f"gave no answer within {timeout:.0f} s and was stopped"
    error = error or _wait(child, deadline, timeout)
    end_group(child)
    child.wait()
    stdout, stderr = (bytes(part).decode("utf-8", errors="replace") for part in output.values())
    return Completed(None if error else child.returncode, stdout, stderr, error)


def _feed(child: "subprocess.Popen[bytes]", stdin: bytes) -> None:
    """Give a child its (small) input; one that does not read it is not an error."""
    assert child.stdin is not None
    try:
        child.stdin.write(stdin)
        child.stdin.close()
    except OSError:
        pass


def _wait(child: "subprocess.Popen[bytes]", deadline: float, timeout: float) -> Optional[str]:
    """Wait for the end of a child that closed its output; the reason when it does not come."""
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return f"gave no answer within {timeout:.0f} s and was stopped"
    return None


def end_group(child: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of a child's process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
