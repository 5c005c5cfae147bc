"""What takes two offices, as whatever an officer uploads, and many people in a week by machine; whether it has two."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import Office
from passcodes import facts
from passcodes.appeal_models import Appeal, AppealState, Claim
from passcodes.appeal_reach import as_reason
from passcodes.approval_models import Approval, Deed
from passcodes.evidence import NOT_ME_COVERS
from passcodes.risk_models import BY_HAND, BatchKind, BatchState, BatchWay, RiskBatch, RiskRecord
from passcodes.rule_models import RuleSet

WINDOW = timedelta(days=7)


class NeedsSecond(Exception):
    """Two offices have to agree before this is done: `approvals.propose`, `approvals.approve`."""


def needs_second(batch: RiskBatch, *, office: Office | None, at: datetime) -> bool:
    """Whether the batch may be put in force only with the agreement of two offices.

    What an officer types or uploads always, as it colours people whom one officer has chosen; areas too, as nobody
    counts who was there; and lists with "other managed" people, whose 72 hours only another office renews. What
    machines send when it brings the people that their source or office has listed in seven days above the limit
    (withdrawn lists count too: they had coloured), or lists somebody anew whom that source was found to have mistaken.
    """
    if batch.renews_id:
        return False  # it is itself the other office's decision
    if batch.way in BY_HAND or batch.kind == BatchKind.AREAS or batch.has_managed or lists_mistaken(batch, at=at):
        return True
    if batch.way == BatchWay.NATIONAL:
        return False  # nobody chose them: each is the answer to a question about one declaration
    return listed_with(batch, office=office, at=at) > settings.RISK_ALONE_LIMIT


def lists_mistaken(batch: RiskBatch, *, at: datetime) -> bool:
    """Whether it lists somebody anew of whom an office has found, in NOT_ME_COVERS, that this source meant another.

    In whatever category: else the source could go through all of them, each coloured until the next appeal. Neither
    what that answer covers counts, as it colours nobody, nor what the source's lists in force say already, as each
    day's list repeats it. One statement where there is nobody like that.
    """
    found = Appeal.objects.filter(decided_at__gt=at - NOT_ME_COVERS, state=AppealState.GRANTED, claim=Claim.NOT_ME)
    found = found.filter(fact__startswith="risk:", disputed__source=batch.source_id)
    said = defaultdict(list)
    for document, *columns in found.values_list("person__document_hash", *facts.EXEMPTION):
        said[document].append(facts.exemption_of(*columns))
    if not said:
        return False
    listed = RiskRecord.objects.filter(document_hash__in=list(said)).select_related("batch")
    new = [
        record
        for record in listed.filter(batch=batch)
        if not any(exemption.covers(as_reason(record)) for exemption in said[record.document_hash])
    ]
    if not new:
        return False
    before = listed.filter(batch__source=batch.source_id, batch__state=BatchState.VISIBLE)
    return not all(any(_repeats(record, earlier) for earlier in before) for record in new)


def _repeats(record: RiskRecord, earlier: RiskRecord) -> bool:
    """Whether it says nothing of the person that an earlier one does not say, in force for as long."""
    same = ("document_hash", "category", "starts_at", "office")
    lasts = earlier.ends_at is None or (record.ends_at is not None and record.ends_at <= earlier.ends_at)
    return lasts and all(getattr(record, name) == getattr(earlier, name) for name in same)


def listed_with(batch: RiskBatch, *, office: Office | None, at: datetime) -> int:
    """The people of this list and of all others in seven days: of its source or of its office, whichever are more.

    An office's are those of all its sources, and those that its officers put in force. What came without an officer
    from sources that have no office counts as one office's.
    """
    earlier = RiskBatch.objects.filter(released_at__gt=at - WINDOW, kind=BatchKind.PEOPLE).exclude(pk=batch.pk)
    earlier = earlier.exclude(way=BatchWay.NATIONAL)
    found = earlier.aggregate(
        by_source=Coalesce(Sum("applied", filter=Q(source=batch.source_id)), 0),
        by_office=Coalesce(Sum("applied", filter=_of(batch.source.deciding_office_id)), 0),
        by_officer=Coalesce(Sum("applied", filter=_of(office.pk) if office else Q(pk=None)), 0),
    )
    return batch.applied + max(found.values())


def _of(office: int | None) -> Q:
    """The batches of an office; None: of the sources without one."""
    if office is None:
        return Q(source__deciding_office=None, released_office=None)
    return Q(source__deciding_office=office) | Q(released_office=office)


def has_second(*, does: str = Deed.RELEASE, **thing: RiskBatch | RuleSet) -> bool:
    """Whether two offices have agreed to it; `thing`: `batch=` or `rule_set=`."""
    return Approval.objects.filter(**thing, does=does, approved_at__isnull=False).exists()
