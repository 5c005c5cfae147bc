"""What an officer ends before its time: a record, an area. The rows stay; who may have to be told of it is noted."""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts import audit, tasks
from accounts.models import Account
from passcodes import notice_search
from passcodes.models import Approval, RiskArea, RiskBatch, RiskRecord


class Waits(Exception):
    """Another office has been asked about what stands there: it cannot be changed meanwhile."""


def waits(area: RiskArea) -> bool:
    """Whether another office has been asked about it, and has not answered."""
    return Approval.objects.waiting().filter(batch=area.batch_id).exists()


@transaction.atomic
def end_record(*, record: RiskRecord, by: Account, at: datetime) -> None:
    """The measure ceases to count, at the next display or scan: the record, and what renews it or is renewed by it."""
    begun = record.begun_at or record.starts_at
    same = Q(begun_at=begun) | Q(begun_at=None, starts_at=begun)
    running = Q(ends_at=None) | Q(ends_at__gt=at)
    rows = RiskRecord.objects.filter(same, running, batch__in=_chain(record.batch), category=record.category)
    for row in rows.filter(document_hash=record.document_hash).order_by("pk"):
        # One that was still to begin ends as soon as it begins: the row must stay, and its end be later.
        row.ends_at = max(at, row.starts_at + timedelta(microseconds=1))
        row.ended_by = by
        row.save(update_fields=["ends_at", "ended_by"])
        audit.record(by=by, action="end-riskrecord", subject=f"riskrecord:{row.pk}", at=at)
        cause = f"ended:{row.pk}"
        notice_search.about_document(document_hash=row.document_hash, cause=cause, at=at, due=row.ends_at)


def _chain(batch: RiskBatch) -> list[int]:
    """The batch with all that it renews and that renew it, locked: whoever renews at the same moment comes before or
    too late.
    """
    while batch.renews_id:
        batch = batch.renews
    found = []
    while batch:
        found.append(RiskBatch.objects.select_for_update().get(pk=batch.pk).pk)
        batch = RiskBatch.objects.filter(renews=batch).first()
    return found


@transaction.atomic
def end_area(*, area: RiskArea, ends_on: date, by: Account, at: datetime) -> None:
    """The area's last day is an earlier one. It may be a whole province, so the worker finds who lives or was there.

    Raises Waits.
    """
    RiskBatch.objects.select_for_update().get(pk=area.batch_id)  # whoever proposes it comes before or after
    if waits(area):
        raise Waits
    area.ends_on = ends_on
    area.save(update_fields=["ends_on"])
    subject = f"riskarea:{area.pk}"
    audit.record(by=by, action="end-riskarea", subject=subject, at=at, ends_on=ends_on.isoformat())
    tasks.enqueue("area-ended", subject, at=at)
