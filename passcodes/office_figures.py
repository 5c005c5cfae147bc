"""What everybody may know of each office: how fast it answers appeals, and how many colours it gives by hand."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import BigIntegerField, OuterRef, Sum
from django.db.models.functions import Coalesce

from accounts.models import Office, Officer
from passcodes.appeal_models import Appeal
from passcodes.approval_models import Approval
from passcodes.risk_models import BY_HAND, BatchKind, RiskBatch

ANSWERS_OF = timedelta(days=30)
COLOURS_OF = timedelta(days=7)


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


def at(now: datetime) -> dict:
    """`offices` by name, and `overdue`: appeals in all.

    Colours by hand are people whom officers typed or uploaded; they count for the office that proposed or renewed them.
    """
    proposed = Approval.objects.filter(batch=OuterRef("pk"), approved_at__isnull=False)
    by = Coalesce(proposed.values("proposer_office")[:1], "released_office", output_field=BigIntegerField())
    entered = RiskBatch.objects.filter(kind=BatchKind.PEOPLE, way__in=BY_HAND)
    entered = entered.filter(released_at__gt=now - COLOURS_OF, released_at__lte=now)
    manual = dict(entered.annotate(by=by).values("by").annotate(people=Sum("applied")).values_list("by", "people"))
    waits, late = defaultdict(list), Counter()
    answers = Appeal.objects.filter(decided_at__gt=now - ANSWERS_OF, decided_at__lte=now)
    for office, came, due, answered in answers.values_list("decided_office", "created_at", "due_at", "decided_at"):
        waits[office].append((answered - came).total_seconds() / 60)
        late[office] += answered > due
    overdue = Counter(Appeal.objects.overdue(now).values_list("office", flat=True))
    figures = [
        Figures(
            name=office.name,
            answered=len(waits[office.pk]),
            minutes=round(median(waits[office.pk])) if waits[office.pk] else None,
            late=late[office.pk],
            manual=manual.get(office.pk, 0),
            overdue=overdue[office.name],
        )
        for office in Office.objects.filter(pk__in=Officer.objects.values("office")).order_by("name", "pk")
    ]
    return {"offices": figures, "overdue": overdue.total(), "now": now}
