"""A PostgreSQL of one's own, for as long as a command runs: `python3 tests/postgres.py make test`.

Needs a PostgreSQL installation, nothing else. The server runs as an unprivileged user, on a free port below the
ephemeral ones, keeps nothing, and the application's role is an ordinary one that may create databases.
"""

import contextlib
import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROLE = "healthpass"
OPTIONS = "-c listen_addresses=127.0.0.1 -c shared_buffers=256MB -c fsync=off -c synchronous_commit=off"


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A started server: the DATABASE_URL of an empty database on it."""
    binaries = find_binaries()
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="healthpass-postgres-"))
    try:
        if user:
            shutil.chown(folder, user)
        data, port = folder / "data", free_port()
        settings = f"-p {port} -k {folder} {OPTIONS}"
        as_user(
            user, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"
        )
        as_user(user, binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", settings, "start")
        try:
            psql = [binaries / "psql", "-q", "-h", folder, "-p", str(port), "-U", "postgres", "-v", "ON_ERROR_STOP=1"]
            as_user(user, *psql, "-c", f"CREATE ROLE {ROLE} LOGIN CREATEDB")
            as_user(user, *psql, "-c", f"CREATE DATABASE {ROLE} OWNER {ROLE}")
            yield f"postgres://{ROLE}@127.0.0.1:{port}/{ROLE}"
        finally:
            as_user(user, binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path:
    """The folder of the newest installed server's programs. Exits with advice when there is none."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]), reverse=True)
    if not folders and (initdb := shutil.which("initdb")):
        folders = [os.path.dirname(os.path.realpath(initdb))]
    if not folders:
        sys.exit("PostgreSQL is not installed: apt-get install postgresql, or set DATABASE_URL.")
    return Path(folders[0])


def free_port() -> int:
    """A port below the ephemeral ones, so that no outgoing connection takes it meanwhile."""
    for port in random.sample(range(20000, 32768), 50):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    sys.exit("No free port found.")


def as_user(user: str | None, *command: str | Path) -> None:
    """Run a program to its end as this user, or as oneself; its output shows only when it fails."""
    ids = {}
    if user:
        entry = pwd.getpwnam(user)
        ids = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    # To a file, not a pipe: the server that pg_ctl leaves behind would hold a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", **ids)
        if result.returncode:
            output.seek(0)
            sys.exit(f"{command[0]} failed:\n{output.read()}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with running() as url:
        code = subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": url})
    sys.exit(code)
