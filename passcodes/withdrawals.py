"""Entries of the epidemic database that once counted for somebody and that an office has withdrawn or ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from declarations.models import Assurance, Person
from passcodes.colour import day_of
from passcodes.models import ColourChange, RiskArea, RiskRecord
from passcodes.risk_models import BatchState

MOST = 20


@dataclass(frozen=True)
class Withdrawal:
    """What was withdrawn or `ended`, when, and whose entry it was; `phone` may be empty."""

    what: str
    at: datetime
    office: str
    phone: str
    ended: bool = False


def of_person(*, person_id: int, changes: Iterable[ColourChange], at: datetime, since: datetime) -> list[Withdrawal]:
    """The latest that concern a person, newest first; nothing for an unproven claim to a document.

    What a visible batch has said of the person beyond that was only replaced, and is left out. Areas are
    those that the reasons of `changes` name: others never coloured the person, or it was never shown.
    """
    hashes = Person.objects.filter(pk=person_id, assurance__gt=Assurance.DECLARED).values("document_hash")
    found = _records(hashes, at, since)
    if places := _places(changes):
        found += _areas(places, at, since)
    return sorted(found, key=lambda withdrawal: withdrawal.at, reverse=True)


def _records(hashes: QuerySet, at: datetime, since: datetime) -> list[Withdrawal]:
    """Records that had counted: of a withdrawn batch, or ended before their time by an officer."""
    of_person = RiskRecord.objects.filter(document_hash__in=hashes)
    gone_at = Coalesce(OuterRef("batch__withdrawn_at"), OuterRef("ends_at"))
    same = of_person.filter(
        Q(ends_at=None) | Q(ends_at__gt=gone_at),
        category=OuterRef("category"),
        office=OuterRef("office"),
        starts_at__lte=at,
        batch__state=BatchState.VISIBLE,
    )
    withdrawn = Q(
        Q(ends_at=None) | Q(ends_at__gt=F("batch__released_at")),
        batch__state=BatchState.WITHDRAWN,
        batch__withdrawn_at__gte=since,
        starts_at__lt=F("batch__withdrawn_at"),
    )
    ended = Q(batch__state=BatchState.VISIBLE, ended_by__isnull=False, ends_at__gte=since, ends_at__lte=at)
    rows = of_person.filter(withdrawn | ended, ~Exists(same)).select_related("batch")
    latest = rows.order_by(Coalesce("batch__withdrawn_at", "ends_at").desc(), "-pk")[:MOST]
    return [
        Withdrawal(
            row.get_category_display(),
            row.batch.withdrawn_at or row.ends_at,
            row.office,
            row.office_phone,
            ended=row.batch.withdrawn_at is None,
        )
        for row in latest
    ]


def _areas(places: dict[tuple[int, str], set[str]], at: datetime, since: datetime) -> list[Withdrawal]:
    """Withdrawn areas of these places and levels."""
    of_places = RiskArea.objects.filter(division__in=[division for division, _place in places])
    same = of_places.filter(
        Q(ends_on=None) | Q(ends_on__gte=OuterRef("starts_on")),
        division=OuterRef("division"),
        place=OuterRef("place"),
        level=OuterRef("level"),
        starts_on__lte=day_of(at),
        batch__state=BatchState.VISIBLE,
    )
    rows = of_places.filter(~Exists(same), batch__state=BatchState.WITHDRAWN, batch__withdrawn_at__gte=since)
    return [
        Withdrawal(
            f"{area.full_name}: {area.get_level_display()}",
            area.batch.withdrawn_at,
            area.office or area.batch.source.office or area.batch.source.name,
            area.office_phone if area.office else area.batch.source.office_phone,
        )
        for area in rows.select_related("batch__source").order_by("-batch__withdrawn_at", "-pk")[:MOST]
        if f"area-{area.level}" in places.get((area.division, area.place), ())
    ]


def _places(changes: Iterable[ColourChange]) -> dict[tuple[int, str], set[str]]:
    """Division and named place inside it -> codes of the area rules that named it."""
    places: dict[tuple[int, str], set[str]] = {}
    for change in changes:
        for reason in change.reasons:
            if reason["code"].startswith("area-") and reason["division"]:
                places.setdefault((reason["division"], reason.get("place", "")), set()).add(reason["code"])
    return places
