"""What a declaration asks and how it is answered: who, and how they are."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

# Raised with every new question, which is named here, so that a form opened before comes back with it marked.
FORM_VERSION = 1
NEW_FIELDS: dict[int, tuple[str, ...]] = {}
DAYS_BACK = 14  # travel and contact are asked for this many days back


@dataclass(frozen=True)
class Claim:
    """Who somebody says they are. `document_number` as `documents.check` gives it."""

    name: str
    document_kind: str
    document_number: str
    sex: str
    birth_date: date


@dataclass(frozen=True)
class StayAnswer:
    """A place in the last 14 days: travelled to, or where a case was met."""

    kind: str
    division: int
    from_on: date
    to_on: date


@dataclass(frozen=True)
class Answers:
    """Everything that is asked anew with each declaration."""

    phone: str
    division: int
    address: str
    fever: bool
    dry_cough: bool
    fatigue: bool
    other_symptoms: str
    stays: tuple[StayAnswer, ...] = field(default=())

    def current(self, today: date) -> "Answers":
        """The same, without the stays that ended more than 14 days ago: they are not asked for any more."""
        since = earliest_day(today)
        return replace(self, stays=tuple(stay for stay in self.stays if stay.to_on >= since))


def earliest_day(today: date) -> date:
    """The first of the last 14 days."""
    return today - timedelta(days=DAYS_BACK)


def fields_since(version: int) -> tuple[str, ...]:
    """The form's fields that came after this version of it."""
    return tuple(field for came, fields in NEW_FIELDS.items() if came > version for field in fields)
