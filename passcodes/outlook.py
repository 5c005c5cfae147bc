"""The colours to come: what the dated facts and rules already say, if nothing new happens."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from passcodes.colour import WORST_FIRST, Assessment, Colour, Condition, Reason, Rule, assess, day_of, end_of, start_of
from passcodes.evidence import Facts


@dataclass(frozen=True)
class Span:
    """A time with one colour, `end` excluded. `reasons`: of that colour, as they stand at `start`."""

    colour: Colour
    start: datetime
    end: datetime
    reasons: tuple[Reason, ...] = ()


def outlook(facts: Facts, rules: Iterable[Rule], at: datetime, days: int) -> tuple[Span, ...]:
    """The colours from `at` until the midnight that ends the day `days` days later; neighbours differ in colour."""
    rules = tuple(rules)
    horizon = end_of(day_of(at) + timedelta(days=days))
    begins = _begins(facts, rules)
    spans: list[Span] = []
    while at < horizon:
        assessment = assess(facts, rules, at)
        end = min([moment for moment in (*begins, *_ends(assessment)) if moment > at], default=horizon)
        end = min(end, horizon)
        if spans and spans[-1].colour == assessment.colour:
            spans[-1] = Span(assessment.colour, spans[-1].start, end, spans[-1].reasons)
        else:
            reasons = tuple(reason for reason in assessment.reasons if reason.colour == assessment.colour)
            spans.append(Span(assessment.colour, at, end, reasons))
        at = end
    return tuple(spans)


def on_day(spans: Iterable[Span], day: date) -> tuple[Span, ...]:
    """What of the spans lies in a Beijing day, in order of time."""
    return tuple(span for span in spans if span.start < end_of(day) and start_of(day) < span.end)


def worst(spans: Iterable[Span]) -> Span:
    """The first of the spans with the worst colour; there must be one."""
    return min(spans, key=lambda span: (WORST_FIRST.index(span.colour), span.start))


def renewed(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules for somebody who declares again in time: all but the one that the declaration is too old."""
    return tuple(rule for rule in rules if rule.condition != Condition.NOT_CURRENT)


def renew_before(facts: Facts, rules: Iterable[Rule]) -> datetime | None:
    """When the latest declaration runs out; None: there is none, or no rule for it."""
    latest = max((declared.made_at for declared in facts.declarations), default=None)
    rules = [rule for rule in rules if rule.condition == Condition.NOT_CURRENT]
    if latest is None:
        return None
    ends = [(rule, max(latest + timedelta(days=rule.days), rule.valid_from or latest)) for rule in rules]
    return min((end for rule, end in ends if rule.valid_to is None or end < rule.valid_to), default=None)


def _begins(facts: Facts, rules: tuple[Rule, ...]) -> list[datetime]:
    """When something can begin to count; what ends, reasons tell of themselves."""
    runs_out = [renew_before(facts, [rule]) for rule in rules]
    return [
        *(rule.valid_from for rule in rules if rule.valid_from),
        *(risk.starts_at for risk in facts.risks),
        *(exemption.from_at for exemption in facts.exceptions),
        *(start_of(area.starts_on) for area in facts.areas),
        *(moment for moment in runs_out if moment),
    ]


def _ends(assessment: Assessment) -> list[datetime]:
    return [reason.until for reason in assessment.reasons if reason.until]
