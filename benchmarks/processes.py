"""Servers under measurement: started as in production, their CPU time and memory read from /proc."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.postgres import free_port

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
COMMAND = ("gunicorn", "--config", "deploy/gunicorn.conf.py", "--workers", "2", "--max-requests", "0")


@contextlib.contextmanager
def gunicorn(application: str, *arguments: str) -> Iterator[tuple[int, int]]:
    """A started server with 2 sync workers: its port and its master's process id."""
    port = free_port()
    more = ("--log-level", "warning", "--bind", f"127.0.0.1:{port}", *arguments, application)
    process = subprocess.Popen([sys.executable, "-m", *COMMAND, *more])
    try:
        for _ in range(150):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None:
                sys.exit(f"{application} did not start.")
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def parent(pid: int) -> int:
    """The process id of the parent."""
    return int(stat(pid)[1])


def tree(root: int) -> list[int]:
    """The process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = parent(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(child for child, its_parent in parents.items() if its_parent == pid)
    return found


def cpu_ms(root: int | None) -> float | None:
    """User and system time that the tree has used so far; None when the root is unknown."""
    if root is None:
        return None
    total = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            fields = stat(pid)
            total += int(fields[11]) + int(fields[12])
    return total * TICK_MS


def memory_mb(root: int) -> float:
    """Resident memory of the largest process below the root."""
    sizes = []
    for pid in tree(root)[1:]:
        status = Path(f"/proc/{pid}/status").read_text()
        sizes.append(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024)
    return max(sizes)
