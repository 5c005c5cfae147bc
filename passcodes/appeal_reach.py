"""What an appeal is about: the reasons, and the records of lists, that are what it disputes or like it."""

from collections.abc import Iterable
from datetime import datetime

from passcodes import facts
from passcodes.appeal_models import Appeal
from passcodes.colour import Colour, Reason, lasting
from passcodes.evidence import Exemption
from passcodes.risk_models import BatchWay, RiskRecord


def disputed(appeal: Appeal) -> Reason:
    """The reason as it was shown, as far as its likeness goes."""
    return facts.disputed_reason(appeal.fact, appeal.disputed)


def exemption(appeal: Appeal) -> Exemption:
    """What it does to the colour. One that was not granted is about whatever is like it."""
    columns = appeal.fact, appeal.state, appeal.decided_at, appeal.due_at, appeal.disputed, appeal.claim
    return facts.exemption_of(*columns)


def concerns(appeal: Appeal, reasons: Iterable[Reason]) -> bool:
    """Whether what it is about is among the reasons of the person's colour. If not, nothing waits for the answer."""
    said = exemption(appeal)
    return any(said.covers(reason) for reason in reasons)


# Of a risk record all that `reason_of` takes, and whose it is.
COLUMNS = ("document_hash", "batch", "pk", "category", "starts_at", "begun_at", "ends_at", "office")
COLUMNS += ("batch__way", "batch__source")


def as_reason(record: RiskRecord) -> Reason:
    """A risk record as `colour.assess` names it, as far as its likeness goes. Reads the record's batch."""
    dates = record.starts_at, record.begun_at, record.ends_at
    return reason_of(record.pk, record.category, *dates, record.office, record.batch.way, record.batch.source_id)


def reason_of(
    pk: int,
    category: str,
    starts_at: datetime,
    begun_at: datetime | None,
    ends_at: datetime | None,
    office: str,
    way: str,
    source: int,
) -> Reason:
    """The same of the values of a row."""
    return Reason(
        f"risk-{category}",
        Colour.NEUTRAL,
        since=begun_at or starts_at,
        office=office,
        fact=f"risk:{pk}",
        source=None if way == BatchWay.MANUAL else source,
        ends_at=lasting(category, ends_at),
    )
