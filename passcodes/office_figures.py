"""What everybody may know of each office: how fast it answers appeals, and how many colours it gives by hand."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.core.cache import cache
from django.db.models import BigIntegerField, Case, OuterRef, Sum, When
from django.db.models.functions import Coalesce

from accounts.models import Office, Officer
from passcodes import appeals
from passcodes.appeal_models import Appeal
from passcodes.approval_models import Approval
from passcodes.risk_models import BY_HAND, BatchKind, RiskArea, RiskBatch, RiskRecord

ANSWERS_OF = timedelta(days=30)
COLOURS_OF = timedelta(days=7)
KEPT = 60  # seconds: everybody may ask


@dataclass(frozen=True)
class Figures:
    """An office's. `minutes` to answer, the median of 30 days; None if it answered nothing. `manual` of 7 days."""

    name: str
    answered: int
    minutes: int | None
    late: int
    manual: int
    overdue: int

    @property
    def hours(self) -> float | None:
        """The same in hours, to a tenth."""
        return None if self.minutes is None else round(self.minutes / 60, 1)


def figures(now: datetime) -> dict:
    """`offices` by name, and `overdue`: appeals in all, as they were at `now`, up to a minute ago.

    Colours by hand are people whom officers typed or uploaded; they count for the office that proposed or renewed them.
    Appeals against what colours nobody any more do not count.
    """
    return cache.get_or_set("office-figures", lambda: _at(now), KEPT)


def _at(now: datetime) -> dict:
    entered = RiskBatch.objects.filter(kind=BatchKind.PEOPLE, way__in=BY_HAND)
    entered = entered.filter(released_at__gt=now - COLOURS_OF, released_at__lte=now).annotate(by=_decided(""))
    manual = dict(entered.values("by").annotate(people=Sum("applied")).values_list("by", "people"))
    waits, late = defaultdict(list), Counter()
    answers = Appeal.objects.filter(decided_at__gt=now - ANSWERS_OF, decided_at__lte=now)
    for office, came, due, answered in answers.values_list("decided_office", "created_at", "due_at", "decided_at"):
        waits[office].append((answered - came).total_seconds() / 60)
        late[office] += answered > due
    overdue = _overdue(now)
    figures = [
        Figures(
            name=office.name,
            answered=len(waits[office.pk]),
            minutes=round(median(waits[office.pk])) if waits[office.pk] else None,
            late=late[office.pk],
            manual=manual.get(office.pk, 0),
            overdue=overdue[office.pk],
        )
        for office in Office.objects.filter(pk__in=Officer.objects.values("office")).order_by("name", "pk")
    ]
    return {"offices": figures, "overdue": overdue.total(), "now": now}


def _decided(batch: str) -> Coalesce:
    """The office whose colour by hand a batch is: that which proposed it or, of a renewal, put it in force."""
    proposed = Approval.objects.filter(batch=OuterRef(f"{batch}pk"), approved_at__isnull=False)
    office = proposed.values("proposer_office")[:1]
    return Coalesce(office, f"{batch}released_office", output_field=BigIntegerField())


def _overdue(now: datetime) -> Counter[int | str]:
    """How many of them there are against the colours of each office: by its id, or by the name that was told.

    What an officer typed or uploaded is the colour of the office that proposed it; what a list brought, of the one that
    sends it; what follows from a declaration alone, of the rule's.
    """
    late = list(Appeal.objects.overdue(now).defer("text"))
    counting = appeals.counting(late, now)
    late = [appeal for appeal in late if appeal.pk in counting]
    records = _deciders(RiskRecord, {appeal.record_id for appeal in late} - {None})
    areas = _deciders(RiskArea, {appeal.area_id for appeal in late} - {None})
    return Counter(records.get(appeal.record_id) or areas.get(appeal.area_id) or appeal.office for appeal in late)


def _deciders(model: type[RiskRecord | RiskArea], ids: set[int]) -> dict[int, int | None]:
    """By the row's id the office whose colour it is; None = unknown."""
    by = Case(
        When(batch__way__in=BY_HAND, then=_decided("batch__")),
        default="batch__source__deciding_office",
        output_field=BigIntegerField(),
    )
    return dict(model.objects.filter(pk__in=ids).annotate(by=by).values_list("pk", "by"))
