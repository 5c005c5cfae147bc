"""What everybody may know of each office: how fast it answers appeals, and how many colours it gives by hand."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from accounts.models import Office, Officer
from passcodes.appeal_models import Appeal
from passcodes.risk_models import BatchKind, BatchWay, RiskBatch

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
    """`offices` by name, `nobody`: colours given by hand by officers of no office, and `overdue`: appeals in all."""
    manual = Counter(_offices_that_entered(now))
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
            manual=manual[office.pk],
            overdue=overdue[office.name],
        )
        for office in Office.objects.order_by("name", "pk")
    ]
    return {"offices": figures, "nobody": manual[None], "overdue": overdue.total(), "now": now}


def _offices_that_entered(now: datetime) -> Iterable[int | None]:
    """For each colour given by hand in the week, the office that its officer worked for then."""
    entered = RiskBatch.objects.filter(
        kind=BatchKind.PEOPLE, way=BatchWay.MANUAL, released_at__gt=now - COLOURS_OF, released_at__lte=now
    )
    rows = list(entered.values_list("created_by", "created_at"))
    roles = defaultdict(list)
    for role in Officer.objects.filter(account__in={account for account, _ in rows}):
        roles[role.account_id].append(role)
    for account, at in rows:
        yield next((r.office_id for r in roles[account] if r.ended_at is None or r.ended_at > at), None)
