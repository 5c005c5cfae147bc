"""Lists as offices send them, and their import in a process that can be killed: `python -m tests.passcodes.lists`."""

import io
import json
import sys
import time
from datetime import UTC, date, datetime, timedelta

import django

from declarations.documents import check_digit

PERSON = "210102199001010015"  # the first of tests.factories.DOCUMENTS, which need Django set up
HEADER = "document_number,category,starts_at,ends_at,office,office_phone"


def number(n: int) -> str:
    """A valid document number, another for each n below 10,000."""
    body = f"210102{date(1950, 1, 1) + timedelta(days=n):%Y%m%d}007"
    return body + check_digit(body)


def row(document: str = PERSON, category: str = "confirmed", starts: str = "", ends: str = "") -> str:
    """Begun on 2026-11-01 unless said otherwise; of who is "other managed", which soon lapses, an hour ago."""
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    starts = starts or (hour_ago.isoformat(timespec="minutes") if category == "managed" else "2026-11-01")
    return f"{document},{category},{starts},{ends},区疾控,024-1"


def text(*rows: str) -> io.BytesIO:
    """A CSV; of one confirmed case unless rows are given."""
    return io.BytesIO("\n".join([HEADER, *(rows or [row()])]).encode())


def long(length: int) -> io.BytesIO:
    """A CSV of that many rows, the first of them PERSON."""
    return text(row(), *(row(number(n)) for n in range(length - 1)))


def json_lines(*rows: dict) -> bytes:
    """As they are pushed; of one confirmed case unless rows are given."""
    one = {"document_number": PERSON, "category": "confirmed", "starts_at": "2026-11-01"}
    return "\n".join(json.dumps(row) for row in rows or [one]).encode()


def import_and_stop(length: int, stop_at: int) -> None:
    """Loads a list until that many rows have been read, says so and waits for its end."""
    django.setup()
    from django.utils import timezone  # noqa: PLC0415 - after setup

    from passcodes import risk  # noqa: PLC0415
    from passcodes.models import RiskSource  # noqa: PLC0415

    risk.PROGRESS_ROWS = 100

    def stop(rows: int) -> None:
        if rows >= stop_at:
            print("here", flush=True)
            time.sleep(60)

    source = RiskSource.objects.get(slug="province")
    now = timezone.now()
    risk.load(
        source=source, name="killed", way="command", file=long(length), by=None, at=now, at_once=True, progress=stop
    )


if __name__ == "__main__":
    import_and_stop(*map(int, sys.argv[1:]))
