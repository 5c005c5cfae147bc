"""A connection that the server has closed is noticed before it is used again."""

import pytest
from django.db import connection, connections


@pytest.mark.django_db(transaction=True)
def test_closed_connection_is_replaced_without_an_error():
    """On SQLite there is no server that could close it: the second half holds there as well."""
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            ours = cursor.fetchone()[0]
        other = connections.create_connection("default")
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ours])
        other.close()
        assert not connection.is_usable()
    connection.health_check_enabled = True
    connection.health_check_done = False  # as at the start of a request
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.is_usable()
