"""On PostgreSQL the scan table has one partition a day: old days are dropped, not deleted row by row."""

from datetime import date, datetime, timedelta

from django.db import connection, transaction

from passcodes.colour import day_of, start_of
from scanning import ids
from scanning.models import Scan

MODEL = Scan._meta.label
TABLE = "scanning_scan"
DAYS_BACK = 3  # an offline device may send scans of 48 hours ago
DAYS_AHEAD = 7


def partition_name(day: date) -> str:
    """The partition that holds a Beijing day."""
    return f"{TABLE}_{day:%Y%m%d}"


def exists(day: date) -> bool:
    """Whether scans of a day can be stored; always on SQLite, which has no partitions."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [partition_name(day)])
        else:
            cursor.execute("SELECT 1")  # the database is asked in any case
        return bool(cursor.fetchone()[0])


def ensure(at: datetime) -> list[str]:
    """Create what is missing of the partitions round a moment; their names. Nothing to do on SQLite."""
    today = day_of(at)
    days = [today + timedelta(days=offset) for offset in range(-DAYS_BACK, DAYS_AHEAD + 1)]
    return [_create(day) for day in days if not exists(day)]


def _create(day: date) -> str:
    name = partition_name(day)
    start, end = ids.floor_id(start_of(day)), ids.floor_id(start_of(day + timedelta(days=1)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {TABLE} FOR VALUES FROM ('{start}') TO ('{end}')"
        )
    return name


def drop(*, before: datetime, most: int) -> tuple[int, bool]:
    """Let go of the scans of all days before the day of a moment; how many partitions went, and whether some are left.

    On SQLite rows are deleted, `most` at a time.
    """
    first = start_of(day_of(before))
    if connection.vendor != "postgresql":
        batch = list(Scan.objects.filter(id__lt=ids.floor_id(first)).values_list("pk", flat=True)[:most])
        Scan.objects.filter(pk__in=batch).delete()
        return len(batch), len(batch) == most
    old = [name for name in _names() if name < partition_name(day_of(before))]
    for name in old:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")  # scans wait behind it: better another time than for long
            cursor.execute(f"DROP TABLE {name}")
    return len(old), False


def _names() -> list[str]:
    """The daily partitions that are there, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = to_regclass(%s) AND c.relname ~ %s ORDER BY c.relname",
            [TABLE, rf"^{TABLE}_\d{{8}}$"],
        )
        return [name for (name,) in cursor.fetchall()]
