"""What an officer ends before its time: a record, an area. The rows stay; who may have to be told of it is noted."""

from datetime import date, datetime, timedelta

from django.db import transaction

from accounts import audit, tasks
from accounts.models import Account
from passcodes import notice_search
from passcodes.models import Approval, RiskArea, RiskBatch, RiskRecord

ENDED = "end-riskrecord"  # the audit's word: nothing else tells an officer's end from the list's own


class Waits(Exception):
    """Another office has been asked about what stands there: it cannot be changed meanwhile."""


def waits(area: RiskArea) -> bool:
    """Whether another office has been asked about it, and has not answered."""
    return Approval.objects.waiting().filter(batch=area.batch_id).exists()


@transaction.atomic
def end_record(*, record: RiskRecord, by: Account, at: datetime) -> None:
    """The record ceases to count, at the next display or scan."""
    # A measure that was still to begin ends as soon as it begins: the row must stay, and its end be later.
    record.ends_at = max(at, record.starts_at + timedelta(microseconds=1))
    record.save(update_fields=["ends_at"])
    audit.record(by=by, action=ENDED, subject=f"riskrecord:{record.pk}", at=at)
    cause = f"ended:{record.pk}"
    notice_search.about_document(document_hash=record.document_hash, cause=cause, at=at, due=record.ends_at)


@transaction.atomic
def end_area(*, area: RiskArea, ends_on: date, at: datetime) -> None:
    """The area's last day is an earlier one. It may be a whole province, so the worker finds who lives or was there.

    Raises Waits.
    """
    RiskBatch.objects.select_for_update().get(pk=area.batch_id)  # whoever proposes it comes before or after
    if waits(area):
        raise Waits
    area.ends_on = ends_on
    area.save(update_fields=["ends_on"])
    tasks.enqueue("area-ended", f"riskarea:{area.pk}", at=at)
