"""How often something may be done in a window of time: checked and counted in one atomic statement."""

import ipaddress
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from accounts.models import LimitCounter
from healthpass.lib.encryption import keyed_hash


class LimitReached(Exception):
    """Done too often; `retry_at` is when it may be tried again."""

    def __init__(self, retry_at: datetime):
        super().__init__(f"limit reached until {retry_at:%H:%M}")
        self.retry_at = retry_at


TAKE = """
INSERT INTO accounts_limitcounter (key, window_start, count) VALUES (%s, %s, 1)
ON CONFLICT (key, window_start) DO UPDATE SET count = accounts_limitcounter.count + 1
 WHERE accounts_limitcounter.count < %s
RETURNING count
"""


def take(scope: str, value: str, *, limit: int, per: timedelta, at: datetime) -> None:
    """Count one use of `scope` (a few letters naming what is done) by `value` (a phone, an address; kept as a hash).

    Windows are fixed and begin at multiples of `per` since 1970. Raises LimitReached instead of counting past `limit`.
    """
    key, start = _counter(scope, value, per, at)
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [key, connection.ops.adapt_datetimefield_value(start), limit])
        if cursor.fetchone() is None:
            raise LimitReached(start + per)


def reached(scope: str, value: str, *, limit: int, per: timedelta, at: datetime) -> datetime | None:
    """Until when `take` with the same arguments would raise; None where it would count. Counts nothing itself."""
    key, start = _counter(scope, value, per, at)
    is_full = LimitCounter.objects.filter(key=key, window_start=start, count__gte=limit).exists()
    return start + per if is_full else None


GIVE_BACK = "UPDATE accounts_limitcounter SET count = count - 1 WHERE key = %s AND window_start = %s AND count > 0"


def give_back(scope: str, value: str, *, per: timedelta, at: datetime) -> None:
    """Undo what `take` counted with the same arguments: what was to be limited did not happen."""
    with connection.cursor() as cursor:
        key, start = _counter(scope, value, per, at)
        cursor.execute(GIVE_BACK, [key, connection.ops.adapt_datetimefield_value(start)])


def _counter(scope: str, value: str, per: timedelta, at: datetime) -> tuple[str, datetime]:
    """The key of a counter, and the begin of its window."""
    seconds = int(per.total_seconds())
    start = datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)
    return f"{scope}:{keyed_hash('limit', value)}", start


def client_address(request: HttpRequest) -> str:
    """The address of whoever asks, for limits: an IPv6 network counts as one (/64).

    Behind TRUSTED_PROXIES proxies it is the entry of X-Forwarded-For that the outermost of them wrote.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if len(forwarded) >= settings.TRUSTED_PROXIES:
            address = forwarded[-settings.TRUSTED_PROXIES]
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "0.0.0.0"  # a UNIX socket or a malformed header: all share one limit
    return str(ipaddress.ip_network((ip, 64), strict=False).network_address) if ip.version == 6 else str(ip)
