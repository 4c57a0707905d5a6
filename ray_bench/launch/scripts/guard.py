"""Runs a command in a process group of its own, and leaves nothing of it behind.

Started as a file, without the package: `python -I -S guard.py FD COMMAND...`. It ends the command,
and whatever that has started, when its standard input ends: then the worker that started it is
gone, however it went. A `t` there asks the command to end, an `a` to say where it stands (SIGABRT).
How the command ended is written to the file descriptor FD: its exit code, below 0 for a signal.

The guard is no child of the worker, for Ray kills the children of a worker that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time

#: Between a wish to end and SIGKILL.
GRACE_S = 3.0
# prctl(2)
_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36


def main(status: int, command: list[str]) -> None:
    """Run the command to its end, in a process of its own."""
    if os.fork():
        os._exit(0)
    os.set_inheritable(status, False)
    _control(_SET_CHILD_SUBREAPER, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the worker tells when it is time
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_begin
    )
    threading.Thread(target=_listen, args=(child,), daemon=True).start()
    code = child.wait()
    _end_group(child.pid, signal.SIGKILL)
    _end_adopted()
    os.write(status, str(code).encode())
    os._exit(0)


def _begin() -> None:
    """Set up the command's process: signals as usual, and no life without its guard."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    _control(_SET_PDEATHSIG, signal.SIGKILL)


def _control(option: int, value: int) -> None:
    """Call prctl, where there is one (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _listen(child: subprocess.Popen[bytes]) -> None:
    while word := os.read(0, 1):
        if word == b"a":
            child.send_signal(signal.SIGABRT)
            continue
        break
    _end_group(child.pid, signal.SIGTERM)
    time.sleep(GRACE_S)
    _end_group(child.pid, signal.SIGKILL)


def _end_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_adopted() -> None:
    """Kill what has left the group, and what that leaves, until nothing is there."""
    end_s = time.monotonic() + GRACE_S
    while (children := _children()) and time.monotonic() < end_s:
        for pid in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    return [pid for pid in pids if _parent(pid) == os.getpid()]


def _parent(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name, in brackets, may hold anything.
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return None


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
