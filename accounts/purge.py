"""Rows of sign-in that are deleted when nobody needs them any more. The user agreement tells people of it."""

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from accounts.models import DeviceKey, LimitCounter, OneTimeCode, Task

ONE_TIME_CODES_KEPT = timedelta(days=1)
LIMIT_COUNTERS_KEPT = timedelta(days=31)
FAILED_SIGN_INS_KEPT = timedelta(days=1)
TASKS_KEPT = timedelta(days=7)

BATCH = 500  # rows in one statement, so that no lock is held for long
BATCHES = 20  # of each table at a time, so that other tasks get their turn


def outdated(at: datetime) -> list[QuerySet]:
    """The rows to delete, table by table."""
    return [
        OneTimeCode.objects.filter(sent_at__lt=at - ONE_TIME_CODES_KEPT),
        LimitCounter.objects.filter(window_start__lt=at - LIMIT_COUNTERS_KEPT),
        DeviceKey.objects.filter(expires_at__lt=at),
        Session.objects.filter(expire_date__lt=at),
        AccessAttempt.objects.filter(attempt_time__lt=at - FAILED_SIGN_INS_KEPT),
        Task.objects.filter(done_at__lt=at - TASKS_KEPT),
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
