"""Where risk data may come from: two offices say what a source is, one officer ends its ways in."""

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Account, Office
from passcodes import alone
from passcodes.models import RiskSource

FIELDS = ("name", "deciding_office_id", "fresh_hours", "pull_url")  # of which every change takes two offices


def values_of(source: RiskSource) -> dict[str, str | int | None]:
    """What two offices have agreed on; of a new source nothing but its name."""
    return {field: getattr(source, field) for field in FIELDS}


@transaction.atomic
def agree(*, risk_source: RiskSource, by: Account, at: datetime) -> None:
    """What this officer has just agreed to holds: the source becomes what was proposed, and lists are taken from it.

    A limit counts from the last data. Where none have come it begins with the first, so that a new source makes nobody
    neutral. Raises alone.NeedsSecond without that agreement: see `approvals`.
    """
    source = RiskSource.objects.select_for_update().get(pk=risk_source.pk)
    approval = source.approvals.filter(approved_by=by, approved_at=at).order_by("-pk").first()
    if approval is None:
        raise alone.NeedsSecond
    for field in FIELDS:
        setattr(source, field, approval.changes.get(field, getattr(source, field)))
    if source.deciding_office_id:
        office = Office.objects.get(pk=source.deciding_office_id)
        source.office, source.office_phone = office.name, office.phone
    source.stale_from = source.stale_after(source.last_fresh_at)
    source.agreed_at = at
    source.save(update_fields=[*FIELDS, "office", "office_phone", "stale_from", "agreed_at"])
    _record("change", source, by, at, fields=sorted(approval.changes), approval=approval.pk)


@transaction.atomic
def end(*, risk_source: RiskSource, by: Account, at: datetime) -> None:
    """No list is taken from it any more, and its key ends. What came counts on, and so does the freshness limit:

    who would end that has to ask another office, as it makes people green.
    """
    source = RiskSource.objects.select_for_update().get(pk=risk_source.pk)
    source.key = source.agreed_at = None
    source.save(update_fields=["key", "agreed_at"])
    _record("end", source, by, at)


def _record(verb: str, source: RiskSource, by: Account, at: datetime, **detail) -> None:
    audit.record(by=by, action=f"{verb}-risksource", subject=f"risksource:{source.pk}", at=at, **detail)
