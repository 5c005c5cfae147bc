"""Rows of sign-in that are deleted each hour when nobody needs them any more, as `retention.toml` says."""

from datetime import datetime

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from accounts.models import DeviceKey, LimitCounter, OneTimeCode, Task
from healthpass.lib.retention import period

BATCH = 500  # rows in one statement, so that no lock is held for long
BATCHES = 20  # of each table at a time, so that other tasks get their turn


def outdated(at: datetime) -> list[QuerySet]:
    """The rows to delete, table by table."""
    return [
        OneTimeCode.objects.filter(sent_at__lt=at - period("accounts.OneTimeCode")),
        LimitCounter.objects.filter(window_start__lt=at - period("accounts.LimitCounter")),
        DeviceKey.objects.filter(expires_at__lt=at),
        Session.objects.filter(expire_date__lt=at),
        AccessAttempt.objects.filter(attempt_time__lt=at - period("axes.AccessAttempt")),
        Task.objects.filter(done_at__lt=at - period("accounts.Task")),
    ]


def purge(at: datetime) -> bool:
    """Delete what is outdated; whether some is left for another time."""
    unfinished = [rows for rows in outdated(at) if _delete_some(rows)]
    return bool(unfinished)


def _delete_some(rows: QuerySet) -> bool:
    """Delete some batches of these rows; whether there may be more."""
    for _ in range(BATCHES):
        batch = list(rows.order_by().values_list("pk", flat=True)[:BATCH])
        rows.filter(pk__in=batch).delete()
        if len(batch) < BATCH:
            return False
    return True
