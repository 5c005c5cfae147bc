"""Writes of the passcodes app."""

from dataclasses import asdict, fields
from datetime import datetime

from declarations.models import Person
from passcodes import facts, rules
from passcodes.colour import Assessment, Colour, Reason, assess
from passcodes.models import ColourChange, PassCode, Shown

KEPT = [field.name for field in fields(Reason)]
MOMENTS = ("until", "since", "answer_by", "ends_at")  # of a Reason


def issue_pass(*, person: Person) -> PassCode:
    """The person's pass code; made at the first call."""
    pass_code, _ = PassCode.objects.get_or_create(person=person)
    return pass_code


def show_colour(*, row: dict, at: datetime) -> Assessment:
    """Assess a facts' row that is about to be shown; append a ColourChange when it differs from the last one shown.

    Where the row names who looks, their own account of it is kept too. An INSERT each, and only on a change: no
    transaction is needed.
    """
    assessment = assess(facts.facts_of(row), rules.in_force(row["rules"]), at)
    if row["shown"] != assessment.colour:
        ColourChange.objects.create(
            person_id=row["person_id"],
            colour=assessment.colour,
            reasons=[reason_as_json(reason) for reason in assessment.reasons],
            at=at,
        )
    if "viewer" in row and row["seen"] != assessment.colour:
        Shown.objects.bulk_create(
            [Shown(person_id=row["person_id"], account_id=row["viewer"], colour=assessment.colour, at=at)],
            update_conflicts=True,
            unique_fields=["person", "account"],
            update_fields=["colour", "at"],
        )
    return assessment


def reason_as_json(reason: Reason) -> dict:
    """As a ColourChange keeps it."""
    values = {**asdict(reason), "colour": Colour(reason.colour).name.lower()}
    for name in MOMENTS:
        values[name] = values[name] and values[name].isoformat()
    return values


def reason_from_json(values: dict) -> Reason:
    """A reason as a ColourChange or an Appeal keeps it, for years: without what a Reason of today does not have."""
    known = {name: values[name] for name in KEPT if name in values}
    moments = {name: datetime.fromisoformat(values[name]) for name in MOMENTS if values.get(name)}
    return Reason(**{**known, **moments, "colour": Colour[values["colour"].upper()]})
