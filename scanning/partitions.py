"""On PostgreSQL the scan table has one partition a day: old days are dropped, not deleted row by row."""

from datetime import date, datetime, timedelta

from django.db import connection

from passcodes.colour import day_of, start_of
from scanning import ids

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
