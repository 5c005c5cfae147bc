"""What an officer ends before its time: a record, an area. The rows stay; who may have to be told of it is noted."""

from datetime import date, datetime, timedelta

from django.db import transaction

from accounts import audit, tasks
from accounts.models import Account
from passcodes import notice_search
from passcodes.models import RiskArea, RiskRecord


@transaction.atomic
def end_record(*, record: RiskRecord, by: Account, at: datetime) -> None:
    """The record ceases to count, at the next display or scan."""
    # A measure that was still to begin ends as soon as it begins: the row must stay, and its end be later.
    record.ends_at = max(at, record.starts_at + timedelta(microseconds=1))
    record.ended_by = by
    record.save(update_fields=["ends_at", "ended_by"])
    audit.record(by=by, action="end-riskrecord", subject=f"riskrecord:{record.pk}", at=at)
    cause = f"ended:{record.pk}"
    notice_search.about_document(document_hash=record.document_hash, cause=cause, at=at, due=record.ends_at)


@transaction.atomic
def end_area(*, area: RiskArea, ends_on: date, by: Account, at: datetime) -> None:
    """The area's last day is an earlier one. It may be a whole province, so the worker finds who lives or was there."""
    area.ends_on = ends_on
    area.save(update_fields=["ends_on"])
    subject = f"riskarea:{area.pk}"
    audit.record(by=by, action="end-riskarea", subject=subject, at=at, ends_on=ends_on.isoformat())
    tasks.enqueue("area-ended", subject, at=at)
