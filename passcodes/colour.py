"""The colour: facts and rules in, colour with its reasons out. Derived at every display, never stored as truth."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

from passcodes.evidence import Exemption, Facts, Stay

BEIJING = ZoneInfo("Asia/Shanghai")  # the days of every rule are Beijing days
FIRST_DAY, LAST_DAY = date(1, 1, 2), date(9999, 12, 30)  # whose midnights every time zone can tell
ABROAD = 990000  # declarations.divisions.ABROAD, as the facts bring it


class Colour(models.IntegerChoices):
    """码色. The numbers are those of the token."""

    GREEN = 0, _("green")
    YELLOW = 1, _("yellow")
    RED = 2, _("red")
    GREY = 3, _("grey")
    NEUTRAL = 4, _("neutral")


WORST_FIRST = (Colour.RED, Colour.YELLOW, Colour.NEUTRAL, Colour.GREY, Colour.GREEN)


class RiskCategory(models.TextChoices):
    """Why the epidemic database lists a person."""

    CONFIRMED = "confirmed", _("confirmed case")
    SUSPECTED = "suspected", _("suspected case")
    ASYMPTOMATIC = "asymptomatic", _("asymptomatic carrier")
    CLOSE_CONTACT = "close_contact", _("close contact")
    SECONDARY_CONTACT = "secondary_contact", _("secondary contact")
    ARRIVAL = "arrival", _("arrival from abroad")
    MANAGED = "managed", _("other managed person")


class RiskLevel(models.TextChoices):
    """Level of a risk area."""

    HIGH = "high", _("high risk")
    MEDIUM = "medium", _("medium risk")


class Condition(models.TextChoices):
    """The fixed kinds of condition that a rule can have."""

    RISK = "risk", _("listed in the epidemic database")
    AREA = "area", _("stay in a risk area")
    ABROAD = "abroad", _("declared stay abroad")
    CONTACT = "contact", _("declared contact with a case")
    SYMPTOMS = "symptoms", _("declared symptoms")
    GATE_FEVER = "gate_fever", _("temperature taken at an entrance")
    NOT_CURRENT = "not_current", _("no current declaration")
    IDENTITY = "identity", _("identity not checked")
    STALE = "stale", _("epidemic data not up to date")
    ASKED = "asked", _("awaiting the national platform")


@dataclass(frozen=True)
class Rule:
    """赋码规则. `parameter` is a RiskCategory or RiskLevel; `days` count from the fact, `hours` from its moment.

    `id`: its row, which has its own words; 0 = a default rule. `office` answers where the fact names none. It counts
    from `valid_from` until `valid_to`; None = always.
    """

    condition: Condition
    colour: Colour
    parameter: str = ""
    days: int = 0
    hours: int = 0
    id: int = 0
    office: str = ""
    office_phone: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def code(self) -> str:
        """Names the rule in reasons and records: `risk-confirmed`, `symptoms`."""
        return f"{self.condition.value}-{self.parameter}" if self.parameter else self.condition.value

    def counts(self, at: datetime) -> bool:
        """Whether the rule has begun and not ended."""
        return (self.valid_from is None or self.valid_from <= at) and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True)
class Reason:
    """赋码原因: the rule that applied, until when (None = open), and what it rests on.

    `rule` is the row with the rule's words; 0 = a default rule. `fact` is what an appeal can dispute, "" where nobody
    decided anything. `source`: whose list a record or area came in; None = an officer typed it, or it is neither.
    `ends_at`: of what is listed the end, or the last day there, whatever days a rule adds; None = open, or whatever
    renewals make of it.
    `answer_by`: when the appeal that waits is to be answered. `unanswered`: neutral for want of the answer.
    `place`: a named one inside the division.
    """

    code: str
    colour: Colour
    until: datetime | None = None
    since: datetime | None = None
    division: int | None = None
    office: str = ""
    office_phone: str = ""
    rule: int = 0
    fact: str = ""
    source: int | None = None
    answer_by: datetime | None = None
    unanswered: bool = False
    place: str = ""
    ends_at: datetime | None = None

    @property
    def finding(self) -> tuple:
        """What the source of a list says of the person, whenever and in whose name; () of what came in no list."""
        return (self.code, self.source) if self.source and self.fact.startswith("risk:") else ()

    @property
    def likeness(self) -> tuple:
        """What a record or area has in common with its copy in another list; () of what nobody decided.

        A record's is its office's. An area's is its source's, and it is met by one stay, or by one address.
        """
        if not self.fact:
            return ()
        met_by = self.fact.partition(":")[2].partition(":")[2]
        whose = self.source if self.division else self.office
        return self.code, self.since, self.division, self.place, whose, met_by


@dataclass(frozen=True)
class Assessment:
    """The colour, every reason for it and for lesser ones, worst first, and until when the colour lasts at least."""

    colour: Colour
    reasons: tuple[Reason, ...] = field(default=())

    @property
    def until(self) -> datetime | None:
        """When the last reason for this colour ends; None = open, or green."""
        ends = [reason.until for reason in self.reasons if reason.colour == self.colour]
        return max(ends) if ends and None not in ends else None


def assess(facts: Facts, rules: Iterable[Rule], at: datetime) -> Assessment:
    """The worst colour of every rule that applies at `at`; green when none does.

    Who is only declared is neutral, whatever the facts say, and is told nothing about them.
    """
    if not facts.real_name:
        return Assessment(Colour.NEUTRAL, (Reason(Condition.IDENTITY.value, Colour.NEUTRAL),))
    reasons = [
        _signed(reason, rule)
        for rule in rules
        if rule.counts(at)
        for reason in CONDITIONS[rule.condition](rule, facts, at)
    ]
    if facts.exceptions:
        reasons = [kept for reason in reasons if (kept := _after_appeals(reason, facts.exceptions, at))]
    reasons.sort(key=_severity)
    return Assessment(reasons[0].colour if reasons else Colour.GREEN, tuple(reasons))


def _signed(reason: Reason, rule: Rule) -> Reason:
    """With what the rule's row adds: its office where the fact has none, and its own end."""
    if not (rule.id or rule.office or rule.valid_to):
        return reason
    ends = [end for end in (reason.until, rule.valid_to) if end is not None]
    office = (reason.office, reason.office_phone) if reason.office else (rule.office, rule.office_phone)
    return replace(reason, rule=rule.id, until=min(ends, default=None), office=office[0], office_phone=office[1])


# Categories whose colour stays while an appeal is overdue.
FIRM = {f"{Condition.RISK}-{category}" for category in ("confirmed", "suspected", "close_contact")}


def _after_appeals(reason: Reason, exceptions: Iterable[Exemption], at: datetime) -> Reason | None:
    """The reason as appeals leave it at `at`; None if one was granted."""
    said = [exemption for exemption in exceptions if exemption.covers(reason)]
    if any(exemption.granted and exemption.from_at <= at for exemption in said):
        return None
    answer_by = min((exemption.from_at for exemption in said if not exemption.granted), default=None)
    if answer_by is None:
        return reason
    if answer_by <= at and reason.code not in FIRM and reason.colour in (Colour.RED, Colour.YELLOW):
        return replace(reason, answer_by=answer_by, colour=Colour.NEUTRAL, unanswered=True)
    return replace(reason, answer_by=answer_by)


def _severity(reason: Reason) -> tuple:
    """Sort key: worst colour first, then rule, later end and the rest, so that order never depends on input."""
    until = reason.until.timestamp() if reason.until else float("inf")
    since = reason.since.timestamp() if reason.since else 0
    where = (since, reason.division or 0, reason.place)
    whose = (reason.office, reason.office_phone, reason.rule, reason.fact, reason.source or 0)
    return WORST_FIRST.index(reason.colour), reason.code, -until, *where, *whose


def day_of(at: datetime) -> date:
    """The Beijing day of a moment."""
    return at.astimezone(BEIJING).date()


def end_of(day: date, days: int = 0) -> datetime:
    """The midnight that ends a Beijing day, or the one some days later; at most LAST_DAY's first."""
    later = timedelta(days=days + 1)
    return start_of(LAST_DAY if day > LAST_DAY - later else day + later)


def start_of(day: date) -> datetime:
    """The midnight that begins a Beijing day; of days outside it FIRST_DAY's or LAST_DAY's."""
    return datetime.combine(min(max(day, FIRST_DAY), LAST_DAY), time(), BEIJING)


def _risk(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    for risk in facts.risks:
        if risk.category == rule.parameter and risk.starts_at <= at and (risk.ends_at is None or at < risk.ends_at):
            yield Reason(
                rule.code,
                rule.colour,
                until=risk.ends_at,
                since=risk.begun_at or risk.starts_at,
                office=risk.office,
                office_phone=risk.office_phone,
                fact=risk.fact,
                source=risk.source,
                ends_at=lasting(risk.category, risk.ends_at),
            )


def lasting(category: str, ends_at: datetime | None) -> datetime | None:
    """Until when a record says that its measure lasts; None = open, and of those who are renewed every three days."""
    return None if category == RiskCategory.MANAGED else ends_at


def _area(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    """Counts from the last day there while the area was at that level; an address in it counts every day."""
    for area in facts.areas:
        if area.level != rule.parameter or area.starts_on > day_of(at):
            continue
        days_there = [day for day in (area.to_on, area.ends_on) if day is not None]
        until = end_of(min(days_there), rule.days) if days_there else None
        if until is None or at < until:
            yield Reason(
                rule.code,
                rule.colour,
                until=until,
                since=start_of(area.starts_on),
                division=area.division,
                office=area.office,
                office_phone=area.office_phone,
                fact=area.fact,
                source=area.source,
                place=area.place,
                ends_at=end_of(min(days_there)) if days_there else None,
            )


def _abroad(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    return _stays(rule, [stay for stay in facts.stays if stay.division == ABROAD], at)


def _contact(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    return _stays(rule, [stay for stay in facts.stays if stay.kind == "contact"], at)


def _stays(rule: Rule, stays: Iterable[Stay], at: datetime) -> Iterator[Reason]:
    for stay in stays:
        until = end_of(stay.to_on, rule.days)
        if at < until:
            yield Reason(
                rule.code,
                rule.colour,
                until=until,
                since=start_of(stay.to_on),
                division=stay.division,
                fact=stay.fact,
            )


def _symptoms(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    """Ends with a normal reading at a gate or the rule's hours: a corrected form alone does not clear it."""
    for declared in facts.declarations:
        if not (declared.fever or declared.dry_cough):
            continue
        cleared = facts.gate and not facts.gate.is_fever and facts.gate.taken_at >= declared.made_at
        until = declared.made_at + timedelta(hours=rule.hours)
        if not cleared and at < until:
            yield Reason(rule.code, rule.colour, until=until, since=declared.made_at, fact=declared.fact)


def _gate_fever(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    """Only the latest reading counts, so a normal one clears it at once."""
    if facts.gate and facts.gate.is_fever:
        until = facts.gate.taken_at + timedelta(hours=rule.hours)
        if at < until:
            yield Reason(rule.code, rule.colour, until=until, since=facts.gate.taken_at)


def _not_current(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    latest = max((declared.made_at for declared in facts.declarations), default=None)
    if latest is None or at >= latest + timedelta(days=rule.days):
        yield Reason(rule.code, rule.colour, since=latest)


def _stale(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    """Neutral is worse than green and grey, and never hides a known red or yellow."""
    if facts.stale:
        yield Reason(rule.code, rule.colour)


def _asked(rule: Rule, facts: Facts, at: datetime) -> Iterator[Reason]:
    """As long as nothing is known, nobody is green; a known red or yellow stays."""
    if not facts.asked:
        yield Reason(rule.code, rule.colour)


CONDITIONS: dict[Condition, Callable[[Rule, Facts, datetime], Iterator[Reason]]] = {
    Condition.RISK: _risk,
    Condition.AREA: _area,
    Condition.ABROAD: _abroad,
    Condition.CONTACT: _contact,
    Condition.SYMPTOMS: _symptoms,
    Condition.GATE_FEVER: _gate_fever,
    Condition.NOT_CURRENT: _not_current,
    Condition.STALE: _stale,
    Condition.ASKED: _asked,
}

DEFAULT_RULES = (
    Rule(Condition.RISK, Colour.RED, RiskCategory.CONFIRMED),
    Rule(Condition.RISK, Colour.RED, RiskCategory.SUSPECTED),
    Rule(Condition.RISK, Colour.RED, RiskCategory.ASYMPTOMATIC),
    Rule(Condition.RISK, Colour.RED, RiskCategory.CLOSE_CONTACT),
    Rule(Condition.RISK, Colour.RED, RiskCategory.ARRIVAL),
    Rule(Condition.AREA, Colour.RED, RiskLevel.HIGH, days=14),
    Rule(Condition.ABROAD, Colour.RED, days=14),
    Rule(Condition.RISK, Colour.YELLOW, RiskCategory.SECONDARY_CONTACT),
    Rule(Condition.RISK, Colour.YELLOW, RiskCategory.MANAGED),
    Rule(Condition.AREA, Colour.YELLOW, RiskLevel.MEDIUM, days=14),
    Rule(Condition.CONTACT, Colour.YELLOW, days=14),
    Rule(Condition.SYMPTOMS, Colour.YELLOW, hours=72),
    Rule(Condition.GATE_FEVER, Colour.YELLOW, hours=72),
    Rule(Condition.STALE, Colour.NEUTRAL),
    Rule(Condition.ASKED, Colour.NEUTRAL),
    Rule(Condition.NOT_CURRENT, Colour.GREY, days=3),
)
