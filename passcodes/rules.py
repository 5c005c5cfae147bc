"""The rules in force: read once a process for each version, which comes with the facts; checked before a release."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.models import Account
from passcodes import rule_texts, second_office
from passcodes.approval_models import Deed
from passcodes.colour import DEFAULT_RULES, WORST_FIRST, Colour, Condition, RiskCategory, RiskLevel, Rule
from passcodes.facts import PLACES_ASKED, SYMPTOMS_KEPT
from passcodes.rule_models import LANGUAGES, ColourRule, RuleSet, RuleSetState

MOST_DAYS = PLACES_ASKED // timedelta(days=1)  # the facts are kept longer: retention.toml
MOST_HOURS = SYMPTOMS_KEPT // timedelta(hours=1)
PARAMETERS = {Condition.RISK: set(RiskCategory.values), Condition.AREA: set(RiskLevel.values)}
BY_DAYS = {Condition.AREA, Condition.ABROAD, Condition.CONTACT, Condition.NOT_CURRENT}
BY_HOURS = {Condition.SYMPTOMS, Condition.GATE_FEVER}


class NotDraft(Exception):
    """The set does not stand where it would have to for this: it was decided before, or is before another office."""


class Incomplete(Exception):
    """The set cannot be released. `problems` says why, rule by rule."""

    def __init__(self, problems: list["Missing"]):
        super().__init__(len(problems))
        self.problems = problems


class Problem(models.TextChoices):
    """What keeps a set of rules from being released."""

    CONDITION = "condition", _("There is no such condition.")
    PARAMETER = "parameter", _("The category or level does not go with this condition.")
    COLOUR = "colour", _("This rule cannot have this colour.")
    DAYS = "days", _("Give from 1 to 30 days for this condition, and none for others.")
    HOURS = "hours", _("Give from 1 to 168 hours for this condition, and none for others.")
    OFFICE = "office", _("Name the office that answers for the rule, with its phone.")
    REASON = "reason", _("Write the reason in Chinese and in English.")
    NEXT_STEP = "next_step", _("Write what to do next in Chinese and in English.")
    PLACEHOLDER = "placeholder", _("A text holds a placeholder that cannot be filled in.")
    DATES = "dates", _("The rule ends before it begins.")
    NO_CURRENT = "no_not_current", _("Every set needs the rule for those without a current declaration, without dates.")
    NO_STALE = "no_stale", _("Every set needs the rule for epidemic data that are not up to date, without dates.")
    NO_ASKED = "no_asked", _("Every set needs the rule for those awaiting the national platform, without dates.")


# The rules without which somebody unknown would be green.
SAFETY = {
    Condition.NOT_CURRENT: Problem.NO_CURRENT,
    Condition.STALE: Problem.NO_STALE,
    Condition.ASKED: Problem.NO_ASKED,
}
RELEASED_ONCE = models.Q(rule_set__released_at__isnull=False)  # of rules: never edited again
UNKNOWN = (Condition.STALE, Condition.ASKED)


@dataclass(frozen=True)
class Missing:
    """A problem of a rule; `rule` None = of the whole set."""

    rule: ColourRule | None
    problem: Problem

    @property
    def text(self) -> str:
        """In words; of placeholders, which, and which there are."""
        if self.problem == Problem.PLACEHOLDER:
            return rule_texts.objection(unknown_in(self.rule), self.rule.condition)
        return str(self.problem.label)


@functools.lru_cache(maxsize=8)
def in_force(number: int | None) -> tuple[Rule, ...]:
    """The rules of a released set; the default ones for None. Read once: a released set is never edited.

    Raises LookupError for a draft, which must not be kept.
    """
    if number is None:
        return DEFAULT_RULES
    rows = ColourRule.objects.filter(RELEASED_ONCE, rule_set__number=number)
    if not (found := tuple(row.value for row in rows.order_by("pk"))):
        raise LookupError
    return found


def current(at: datetime) -> RuleSet | None:
    """The set that decides at that time; None: the default rules do. The same that comes with the facts."""
    released = RuleSet.objects.filter(state=RuleSetState.RELEASED, valid_from__lte=at)
    return released.order_by("-valid_from", "-number").first()


def without(rule_set: RuleSet, at: datetime) -> RuleSet | None:
    """The set that decides if this one does not, at that time; None: the default rules do."""
    others = RuleSet.objects.filter(state=RuleSetState.RELEASED, valid_from__lte=at).exclude(pk=rule_set.pk)
    return others.order_by("-valid_from", "-number").first()


def at_present(at: datetime) -> tuple[Rule, ...]:
    """The rules that decide at that time."""
    rule_set = current(at)
    return in_force(rule_set and rule_set.number)


def dated(at: datetime) -> tuple[Rule, ...]:
    """The rules from that time on, as they are known then: those of each set count until the next one begins."""
    first = current(at)
    found = list(in_force(first and first.number))
    coming = RuleSet.objects.filter(state=RuleSetState.RELEASED, valid_from__gt=at).order_by("valid_from", "number")
    for number, begins in coming.values_list("number", "valid_from"):
        found = [replace(rule, valid_to=min(rule.valid_to or begins, begins)) for rule in found]
        found += [replace(rule, valid_from=max(rule.valid_from or begins, begins)) for rule in in_force(number)]
    return tuple(found)


def words_of(rule: int, language: str) -> tuple[str, str]:
    """A rule's own reason and next step in the language; in English where it has no such.

    Empty without any, and for one with a placeholder that nothing fills in: no holder is shown that.
    """
    try:
        return words_released(rule, language)
    except LookupError:
        row = ColourRule.objects.filter(pk=rule).first()
        return _words(row, language) if row else ("", "")


@functools.lru_cache(maxsize=512)
def words_released(rule: int, language: str) -> tuple[str, str]:
    """As `words_of`, read once: never of a draft, whose words may still change. Raises LookupError."""
    row = ColourRule.objects.filter(RELEASED_ONCE, pk=rule).first()
    if row is None:
        raise LookupError
    return _words(row, language)


def _words(row: ColourRule, language: str) -> tuple[str, str]:
    words = [texts.get(language) or texts.get("en") or "" for texts in (row.reason, row.next_step)]
    return tuple("" if rule_texts.unknown(text, row.condition) else text for text in words)


def ever_released() -> list[Rule]:
    """The default rules and those of every set that was released."""
    rows = ColourRule.objects.filter(RELEASED_ONCE)
    return [*DEFAULT_RULES, *(row.value for row in rows)]


def declaration_days(at: datetime) -> int:
    """How long a declaration counts, by the strictest rule."""
    return min(rule.days for rule in at_present(at) if rule.condition == Condition.NOT_CURRENT and rule.counts(at))


def missing(rows: Iterable[ColourRule]) -> list[Missing]:
    """All that keeps these rules from being released; empty: nothing does."""
    rows = list(rows)
    found = [Missing(row, problem) for row in rows for problem in problems_of(row)]
    always = {row.condition for row in rows if row.valid_from is None and row.valid_to is None}
    return found + [Missing(None, problem) for condition, problem in SAFETY.items() if condition not in always]


def problems_of(row: ColourRule) -> list[Problem]:
    """All that is wrong with one rule, whatever the others of its set are."""
    if row.condition not in Condition.values or row.condition == Condition.IDENTITY:
        return [Problem.CONDITION]
    dated = row.valid_from is not None and row.valid_to is not None
    written = {
        Problem.REASON: all(str(row.reason.get(language) or "").strip() for language in LANGUAGES),
        Problem.NEXT_STEP: all(str(row.next_step.get(language) or "").strip() for language in LANGUAGES),
    }
    good = {
        Problem.PARAMETER: row.parameter in PARAMETERS.get(row.condition, {""}),
        Problem.COLOUR: _may_have(row.condition, row.colour),
        Problem.DAYS: 1 <= row.days <= MOST_DAYS if row.condition in BY_DAYS else row.days == 0,
        Problem.HOURS: 1 <= row.hours <= MOST_HOURS if row.condition in BY_HOURS else row.hours == 0,
        Problem.OFFICE: bool(row.office.strip() and row.office_phone.strip()),
        **written,
        Problem.PLACEHOLDER: not unknown_in(row),
        Problem.DATES: not dated or row.valid_from < row.valid_to,
    }
    return [problem for problem, is_good in good.items() if not is_good]


def unknown_in(row: ColourRule) -> list[str]:
    """What looks like a placeholder in its texts, but cannot be filled in."""
    texts = (str(text or "") for written in (row.reason, row.next_step) for text in written.values())
    return rule_texts.unknown("\n".join(texts), row.condition)


def _may_have(condition: str, colour: int) -> bool:
    """No rule makes green; and what is not known must be at least neutral, as grey says that a form is enough."""
    if colour not in Colour.values or colour == Colour.GREEN:
        return False
    return condition not in UNKNOWN or WORST_FIRST.index(colour) <= WORST_FIRST.index(Colour.NEUTRAL)


def check(rule_set: RuleSet) -> None:
    """Raises Incomplete for a set that cannot be released."""
    if problems := missing(rule_set.rules.order_by("pk")):
        raise Incomplete(problems)


@transaction.atomic
def release(*, rule_set: RuleSet, by: Account | None, at: datetime) -> None:
    """A draft decides every colour, from its `valid_from` or now on, at the next display.

    Raises NotDraft, Incomplete; second_office.NeedsSecond unless two offices have agreed, for which see `approvals`.
    """
    locked = RuleSet.objects.select_for_update().get(pk=rule_set.pk)
    if locked.state != RuleSetState.DRAFT:
        raise NotDraft
    check(locked)
    if not second_office.has_second(rule_set=locked):
        raise second_office.NeedsSecond
    rule_set.state = RuleSetState.RELEASED
    rule_set.valid_from = max(locked.valid_from or at, at)  # never for the past
    rule_set.released_by, rule_set.released_at = by, at
    rule_set.save(update_fields=["state", "valid_from", "released_by", "released_at"])
    audit.record(by=by, action="release-ruleset", subject=f"ruleset:{rule_set.pk}", at=at, version=rule_set.number)


@transaction.atomic
def withdraw(*, rule_set: RuleSet, by: Account | None, at: datetime) -> None:
    """A released set ceases to count; the one before it decides again, at the next display.

    That turns people too, to green or to red. So once the set has begun it takes two offices: raises NotDraft, and
    second_office.NeedsSecond.
    """
    locked = RuleSet.objects.select_for_update().get(pk=rule_set.pk)
    if locked.state != RuleSetState.RELEASED:
        raise NotDraft
    if has_begun(locked, at) and not second_office.has_second(rule_set=locked, does=Deed.WITHDRAW):
        raise second_office.NeedsSecond
    rule_set.state, rule_set.withdrawn_by, rule_set.withdrawn_at = RuleSetState.WITHDRAWN, by, at
    rule_set.save(update_fields=["state", "withdrawn_by", "withdrawn_at"])
    audit.record(by=by, action="withdraw-ruleset", subject=f"ruleset:{rule_set.pk}", at=at, version=rule_set.number)


def has_begun(rule_set: RuleSet, at: datetime) -> bool:
    """Whether colours were decided by it, or could have been."""
    return rule_set.state == RuleSetState.RELEASED and rule_set.valid_from <= at


def next_number() -> int:
    """The version of a new draft."""
    return (RuleSet.objects.aggregate(last=Max("number"))["last"] or 0) + 1
