"""Tampering with the audit, as its owner could: the database's triggers off for a while. In tests alone."""

import contextlib
from collections.abc import Callable, Iterator

from django.db import connection

TABLES = ("accounts_auditentry", "accounts_auditseal", "accounts_auditsegment")


@contextlib.contextmanager
def opened() -> Iterator[None]:
    """Nothing guards the audit's tables inside."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the commit would stop the ALTER
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (%s, %s, %s)", TABLES
            )
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            yield
            for _, sql in triggers:
                cursor.execute(sql.replace("%", "%%"))


def flushing(flush: Callable) -> Callable:
    """Django's flush between tests that commit, for a database that refuses to empty its audit."""

    def flush_all(sql_list):
        with opened():
            flush(sql_list)

    return flush_all
