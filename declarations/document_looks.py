"""Full document numbers, which officers see one at a time, for a reason, and are answerable for."""

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import audit, limits
from accounts.models import Account
from declarations.models import Person

NUMBERS_AN_HOUR = 30  # of an officer
HOUR = timedelta(hours=1)


class LookReason(models.TextChoices):
    """Why an officer needs the whole number. A closed list: the audit holds no personal data, so no free text."""

    IDENTITY = "identity", _("to settle whose document it is")
    TRACING = "tracing", _("to trace contacts of a case")
    CARE = "care", _("to arrange a test, treatment or isolation")
    APPEAL = "appeal", _("to answer an appeal or a complaint")
    ORDER = "order", _("on a written order of a court or the police")


def view_document(*, person: Person, reason: LookReason, by: Account, at: datetime) -> str:
    """The whole document number; audited with the reason. Raises limits.LimitReached after many in an hour."""
    limits.take("view-document", str(by.pk), limit=NUMBERS_AN_HOUR, per=HOUR, at=at)
    audit.record(by=by, action="view-document", subject=f"person:{person.pk}", at=at, reason=reason.value)
    return person.document_number
