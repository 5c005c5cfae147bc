"""What it takes to import a list of a million people into a province of a million, and to undo it.

Beside it in turns: the floor, which parses, hashes and COPYs the same file by hand. Both in processes of their own,
timed from start to end. Run as `python -m benchmarks.risk`, or as a part of all.
"""

import csv
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection as django_connection

from benchmarks import drop_database
from declarations.documents import check_digit
from passcodes import risk
from passcodes.models import RiskBatch, RiskSource

ROWS, PEOPLE = 1_000_000, 1_000_000
LISTED_FROM = 900_000  # the people's numbers begin at 0, the list's here: a tenth of the people are listed
ROUNDS = 3
CATEGORIES = ("confirmed", "suspected", "close_contact", "secondary_contact")  # none that takes two offices
FIRST_DAY = date(1930, 1, 1)
DAYS = 30_000

# People, with the hash of a number made by the database: HMAC by hand, from the key's two pads.
FILL = """
INSERT INTO declarations_person (name, name_hash, document_kind, document_number, document_hash,
    document_last_four_hash, sex, birth_date, assurance, needs_desk, created_at)
SELECT '\\x00', md5('name' || n), '01', '\\x00',
    left(encode(sha256(%(outer)s || sha256(%(inner)s || convert_to(number, 'UTF8'))), 'hex'), 32),
    md5('four' || n), '1', '\\x00', 1, false, now()
  FROM unnest(%(numbers)s::text[]) WITH ORDINALITY AS listed (number, n)
"""
# Not Django's flush: nobody empties the audit.
EMPTY = "TRUNCATE declarations_person, passcodes_riskbatch, passcodes_risksource RESTART IDENTITY CASCADE"
LISTED = """
SELECT count(*) FROM declarations_person p
 WHERE EXISTS (SELECT 1 FROM passcodes_riskrecord r JOIN passcodes_riskbatch b ON b.id = r.batch_id
                WHERE r.document_hash = p.document_hash AND b.state = 'visible')
"""


def number(n: int) -> str:
    """A valid document number, another for each n below 30,000,000."""
    born = FIRST_DAY + timedelta(days=n % DAYS)
    body = f"210102{born:%Y%m%d}{n // DAYS:03d}"
    return body + check_digit(body)


def write_list(path: Path) -> None:
    """A list as an office sends it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["document_number", "category", "starts_at", "ends_at", "office", "office_phone"])
        for n in range(LISTED_FROM, LISTED_FROM + ROWS):
            start, end = f"2026-11-{n % 20 + 1:02d}", f"2026-12-{n % 20 + 1:02d}"
            row = number(n), CATEGORIES[n % 4], start, end, f"沈阳市第{n % 50}疾控中心", f"024-{n % 50:08d}"
            writer.writerow(row)


def fill(connection: psycopg.Connection) -> None:
    """The people, and the table of the floor: as the real one, with its index and constraints."""
    key = settings.LOOKUP_KEY.encode().ljust(64, b"\0")
    pads = {name: bytes(byte ^ pad for byte in key) for name, pad in (("outer", 0x5C), ("inner", 0x36))}
    pads["inner"] += b"document-01\0"
    for start in range(0, PEOPLE, 100_000):
        numbers = [number(n) for n in range(start, start + 100_000)]
        connection.execute(FILL, {**pads, "numbers": numbers})
    connection.execute("CREATE TABLE floor (LIKE passcodes_riskrecord INCLUDING ALL)")
    connection.execute("VACUUM ANALYZE")


def timed(*command: str) -> tuple[float, float]:
    """Seconds and the most memory in MB of a process from start to end. Exits when it fails.

    The kernel's own account at the end would begin with the memory of the process that started it: with ours.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, peak_memory(process.pid))
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{command} failed.")
    return seconds, memory


def peak_memory(pid: int) -> float:
    """The most memory in MB that a process has had so far; 0 when it is at its end."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def lines() -> list[dict]:
    """The lines of `risk_import` and `risk_undo`. The database is empty before and after, but for some audit rows."""
    url = os.environ["DATABASE_URL"]
    os.environ["RISK_ALONE_LIMIT"] = str(ROUNDS * ROWS)  # of the imports, so that each is put in force by itself
    call_command("migrate", verbosity=0)
    imports, floors, undos = [], [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        path = folder / "list.csv"
        write_list(path)
        fill(connection)
        RiskSource.objects.create(slug="bench", name="bench", agreed_at=datetime.now(UTC))
        for turn in range(ROUNDS):
            name = f"turn-{turn}"
            floor = "benchmarks/risk_floor.py", url, str(path), settings.LOOKUP_KEY, str(turn)
            own = "manage.py", "import_risk", str(path), "--source", "bench", "--batch", name
            if turn % 2:  # so that neither is always the first
                imports.append(timed(*own))
            floors.append(timed(*floor))
            connection.execute("TRUNCATE floor")
            if not turn % 2:
                imports.append(timed(*own))
            undos.append(_undone(connection, name))
            connection.execute("TRUNCATE passcodes_riskrecord")
        connection.execute("DROP TABLE floor")
        connection.execute(EMPTY)
    seconds = statistics.median(taken for taken, _ in imports)
    ratios = [own[0] / other[0] for own, other in zip(imports, floors, strict=True)]
    return [
        {
            "name": "risk_import",
            "rows_per_second": round(ROWS / seconds),
            "peak_mb": round(max(memory for _, memory in imports), 1),
            "seconds": round(seconds, 2),
            "floor_seconds": round(statistics.median(taken for taken, _ in floors), 2),
            "ratio_to_copy": round(statistics.median(ratios), 2),
            "risk_rows": ROWS,
            "people": PEOPLE,
            "rounds": ROUNDS,
        },
        {"name": "risk_undo", "seconds": round(statistics.median(undos), 4), "risk_rows": ROWS, "people": PEOPLE},
    ]


def _undone(connection: psycopg.Connection, name: str) -> float:
    """Seconds that withdrawing took; what it did is checked before and after."""
    batch = RiskBatch.objects.get(name=name)
    listed = PEOPLE - LISTED_FROM
    assert (batch.applied, batch.state) == (ROWS, "visible"), batch.applied
    assert connection.execute(LISTED).fetchone()[0] == listed
    started = time.perf_counter()
    risk.withdraw(batch=batch, by=None, at=datetime.now(UTC))
    seconds = time.perf_counter() - started
    assert connection.execute(LISTED).fetchone()[0] == 0
    return seconds


if __name__ == "__main__":
    with ExitStack() as stack:
        stack.callback(drop_database)
        stack.callback(django_connection.close)
        for line in lines():
            print(json.dumps(line))
