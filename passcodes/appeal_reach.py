"""What an appeal is about: the reasons, and the records of lists, that are what it disputes or like it."""

from collections.abc import Iterable

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


def as_reason(record: RiskRecord) -> Reason:
    """A risk record as `colour.assess` names it, as far as its likeness goes. Reads the record's batch."""
    batch = record.batch
    return Reason(
        f"risk-{record.category}",
        Colour.NEUTRAL,
        since=record.begun_at or record.starts_at,
        office=record.office,
        fact=f"risk:{record.pk}",
        source=None if batch.way == BatchWay.MANUAL else batch.source_id,
        ends_at=lasting(record.category, record.ends_at),
    )
