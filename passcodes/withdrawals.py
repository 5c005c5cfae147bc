"""Entries of the epidemic database that once counted for somebody and have been withdrawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q

from declarations.models import Assurance, Person
from passcodes.models import ColourChange, RiskArea, RiskRecord
from passcodes.risk_models import BatchState

MOST = 20


@dataclass(frozen=True)
class Withdrawal:
    """What was withdrawn, when, and whose entry it was; `phone` may be empty."""

    what: str
    at: datetime
    office: str
    phone: str


def of_person(*, person_id: int, changes: Iterable[ColourChange], since: datetime) -> list[Withdrawal]:
    """The latest withdrawals that concern a person, newest first; nothing for an unproven claim to a document.

    Areas are those that the reasons of `changes` name: others never coloured the person.
    """
    withdrawn = {"batch__state": BatchState.WITHDRAWN, "batch__withdrawn_at__gte": since}
    hashes = Person.objects.filter(pk=person_id, assurance__gt=Assurance.DECLARED).values("document_hash")
    records = (
        RiskRecord.objects.filter(document_hash__in=hashes, starts_at__lt=F("batch__withdrawn_at"), **withdrawn)
        .filter(Q(ends_at=None) | Q(ends_at__gt=F("batch__released_at")))
        .select_related("batch")
        .order_by("-batch__withdrawn_at", "-pk")[:MOST]
    )
    found = [
        Withdrawal(record.get_category_display(), record.batch.withdrawn_at, record.office, record.office_phone)
        for record in records
    ]
    if places := _places(changes):
        divisions = [division for division, _place in places]
        areas = RiskArea.objects.filter(division__in=divisions, **withdrawn).select_related("batch__source")
        found += [
            Withdrawal(
                f"{area.full_name}: {area.get_level_display()}",
                area.batch.withdrawn_at,
                area.batch.source.office or area.batch.source.name,
                area.batch.source.office_phone,
            )
            for area in areas.order_by("-batch__withdrawn_at", "-pk")[:MOST]
            if f"area-{area.level}" in places.get((area.division, area.place), ())
        ]
    return sorted(found, key=lambda withdrawal: withdrawal.at, reverse=True)


def _places(changes: Iterable[ColourChange]) -> dict[tuple[int, str], set[str]]:
    """Division and named place inside it -> codes of the area rules that named it."""
    places: dict[tuple[int, str], set[str]] = {}
    for change in changes:
        for reason in change.reasons:
            if reason["code"].startswith("area-") and reason["division"]:
                places.setdefault((reason["division"], reason.get("place", "")), set()).add(reason["code"])
    return places
