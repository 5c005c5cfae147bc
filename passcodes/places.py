"""场所询问: asking who may have been at a named place inside their division, and keeping what they answer.

Whom to ask is in the facts' statement (`facts.UNANSWERED`), and what an answer counts for (`facts.WAS_THERE`).
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts import audit
from accounts.models import Account
from declarations.models import Person
from passcodes.colour import RiskLevel, day_of
from passcodes.facts import PLACES_ASKED
from passcodes.models import PlaceAnswer, RiskArea
from passcodes.risk_models import BatchState


class WasThere(Exception):
    """They have said that they were there: only an appeal changes that."""


class NotTheirs(Exception):
    """The person has an account of their own, which alone answers."""


def asked(ids: Iterable[int]) -> list[RiskArea]:
    """The areas to ask about, the latest first; of rows for the same place from the same day on only the worst."""
    return _once(RiskArea.objects.filter(pk__in=list(ids)))


def denied(person_id: int, at: datetime) -> list[RiskArea]:
    """The areas in force, or lately so, where they have said that they were not: that they may still change."""
    rows = RiskArea.objects.filter(batch__state=BatchState.VISIBLE, place__gt="", starts_on__lte=day_of(at))
    rows = rows.filter(Q(ends_on=None) | Q(ends_on__gte=day_of(at) - PLACES_ASKED))
    no = PlaceAnswer.objects.filter(person=person_id, was_there=False, **_SAME, area__starts_on=OuterRef("starts_on"))
    return _once(rows.filter(Exists(no)).exclude(Exists(_there(person_id))))


def admitted(person_id: int) -> list[PlaceAnswer]:
    """Where they have said that they were, the latest answer first."""
    rows = PlaceAnswer.objects.filter(person=person_id, was_there=True).select_related("area")
    return list(rows.order_by("-answered_at", "-pk"))


@transaction.atomic
def answer(*, person_id: int, area: RiskArea, was_there: bool, last_on: date | None, by: Account, at: datetime) -> None:
    """Keep what was said of a place; the colour follows at once. `last_on` None: lives or works there.

    The latest answer counts, but who was there cannot take it back. Raises WasThere, NotTheirs.
    """
    if Person.objects.filter(pk=person_id).exclude(holder=None).exclude(holder=by).exists():
        raise NotTheirs
    if RiskArea.objects.filter(Exists(_there(person_id)), pk=area.pk).exists():
        raise WasThere
    values = {"was_there": was_there, "last_on": last_on, "answered_at": at}
    said, is_new = PlaceAnswer.objects.get_or_create(person_id=person_id, area=area, defaults=values)
    # Of two at once, the one that was there stays.
    if not is_new and not PlaceAnswer.objects.filter(pk=said.pk, was_there=False).update(**values):
        raise WasThere
    detail = {"area": area.pk, "was_there": was_there, "last_on": last_on and last_on.isoformat()}
    audit.record(by=by, action="answer-place", subject=f"person:{person_id}", at=at, **detail)


def without_use(rows: QuerySet[PlaceAnswer], at: datetime) -> QuerySet[PlaceAnswer]:
    """Of old answers those that go: not where the place is in force still, or was until lately."""
    same = {"division": OuterRef("area__division"), "place": OuterRef("area__place")}
    recent = Q(ends_on=None) | Q(ends_on__gte=day_of(at) - PLACES_ASKED)
    return rows.exclude(Exists(RiskArea.objects.filter(recent, batch__state=BatchState.VISIBLE, **same)))


def unanswered(rows: QuerySet[RiskArea], at: datetime) -> QuerySet[RiskArea]:
    """Of old areas those that go: an answer that stays counts by the days of the row that was asked about."""
    return rows.exclude(Exists(PlaceAnswer.objects.filter(area=OuterRef("pk"))))


_SAME = {"area__division": OuterRef("division"), "area__place": OuterRef("place")}


def _there(person_id: int) -> QuerySet[PlaceAnswer]:
    """Answers that somebody was in the outer area, as `facts.WAS_THERE` finds them."""
    return PlaceAnswer.objects.filter(
        Q(last_on=None) | Q(last_on__gte=OuterRef("starts_on")),
        area__starts_on__lte=Coalesce(OuterRef("ends_on"), F("area__starts_on")),
        person=person_id,
        was_there=True,
        **_SAME,
    )


def _once(rows: QuerySet[RiskArea]) -> list[RiskArea]:
    found = {}
    for area in rows.order_by(F("ends_on").asc(nulls_last=True), "pk"):
        key = area.division, area.place, area.starts_on
        if area.level == RiskLevel.HIGH or key not in found:
            found[key] = area
    return sorted(found.values(), key=lambda area: (area.starts_on, area.pk), reverse=True)
