"""Tampering with the audit, as its owner could: the database's triggers off for a while. In tests alone."""

import contextlib
from collections.abc import Iterator

from django.db import connection

TABLES = ("accounts_auditentry", "accounts_auditseal", "accounts_auditsegment")


@contextlib.contextmanager
def opened(connection=connection) -> Iterator[None]:
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


def open_for_flush() -> None:
    """Let Django's flush, between tests that commit, empty the audit too. For every connection of the kind in use."""
    operations = type(connection.ops)
    flush = operations.execute_sql_flush

    def flush_all(self, sql_list):
        with opened(self.connection):
            flush(self, sql_list)

    operations.execute_sql_flush = flush_all
