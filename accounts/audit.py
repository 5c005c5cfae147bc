"""The one way to write an audit row: in the transaction of what it tells of."""

from datetime import datetime

from accounts.models import Account, AuditEntry


def record(*, by: Account | None, action: str, subject: str, at: datetime, **detail) -> AuditEntry:
    """Insert an audit row: who (None = the system) did what (`verb-noun`) on which thing (`person:12`).

    `detail` is ids, counts and choices, never personal data.
    """
    return AuditEntry.objects.create(actor=by, action=action, subject=subject, at=at, detail=detail)
