"""Django's PostgreSQL backend, asking for the health of a connection without a round trip."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """CONN_HEALTH_CHECKS would send `SELECT 1` in each request: a fifth of what renewing a code costs."""

    def is_usable(self) -> bool:
        """Whether the server still keeps the connection. One that it has closed has something to read while idle."""
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
