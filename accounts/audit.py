"""The one way to write audit rows: in the transaction of what they tell of."""

from collections.abc import Iterable
from datetime import datetime

from accounts.models import Account, AuditEntry


def record(*, by: Account | None, action: str, subject: str, at: datetime, **detail) -> AuditEntry:
    """Insert an audit row: who (None = the system) did what (`verb-noun`) on which thing (`person:12`).

    `detail` is ids, counts and choices, never personal data.
    """
    return AuditEntry.objects.create(actor=by, action=action, subject=subject, at=at, detail=detail)


def record_each(*, by: Account | None, action: str, subjects: Iterable[str], at: datetime, **detail) -> None:
    """Insert a row for each of these things, in one statement."""
    AuditEntry.objects.bulk_create(
        AuditEntry(actor=by, action=action, subject=subject, at=at, detail=detail) for subject in subjects
    )
