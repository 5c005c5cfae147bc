"""Full document numbers, which officers see one at a time, for a reason, and are answerable for."""

from datetime import datetime, timedelta

from accounts import audit, limits
from accounts.models import Account
from accounts.purposes import LookReason
from declarations.models import Person

NUMBERS_AN_HOUR = 30  # of an officer
HOUR = timedelta(hours=1)


def view_document(*, person: Person, reason: LookReason, by: Account, at: datetime) -> str:
    """The whole document number; audited with the reason. Raises limits.LimitReached after many in an hour."""
    limits.take("view-document", str(by.pk), limit=NUMBERS_AN_HOUR, per=HOUR, at=at)
    audit.record(by=by, action="view-document", subject=f"person:{person.pk}", at=at, reason=reason.value)
    return person.document_number
