"""New sets of rules: a copy of what counts now, to be changed and looked at until it is proposed to another office."""

from datetime import datetime

from django.db import transaction
from django.utils import translation

from accounts import audit
from accounts.models import Account
from passcodes import rules
from passcodes.approval_models import Approval
from passcodes.colour import DEFAULT_RULES, Rule
from passcodes.reasons import TEXTS
from passcodes.rule_models import LANGUAGES, ColourRule, RuleSet, RuleSetState

CONTENT = [field.name for field in ColourRule._meta.concrete_fields if field.name not in ("id", "rule_set")]


class NotMaker(Exception):
    """Somebody else made the draft."""


@transaction.atomic
def new_draft(*, by: Account | None, at: datetime, note: str = "") -> RuleSet:
    """A draft with the rules that count at that time; of the default ones, with our words and still without office."""
    before = rules.current(at)
    draft = RuleSet.objects.create(number=rules.next_number(), note=note, created_by=by, created_at=at)
    rows = rows_of(before)
    for row in rows:
        row.pk, row.rule_set = None, draft
        row._state.adding = True
    ColourRule.objects.bulk_create(rows)
    audit.record(
        by=by,
        action="add-ruleset",
        subject=f"ruleset:{draft.pk}",
        at=at,
        copy_of=before.number if before else None,
    )
    return draft


def rows_of(rule_set: RuleSet | None) -> list[ColourRule]:
    """The rules of a set, in its order; for None the default ones, as rows that are not stored."""
    return list(rule_set.rules.order_by("pk")) if rule_set else [_row(rule) for rule in DEFAULT_RULES]


@transaction.atomic
def change(*, rule_set: RuleSet, note: str, valid_from: datetime | None, by: Account, at: datetime) -> None:
    """What the draft is for, and from when on it is to count; None: from its release. Raises rules.NotDraft."""
    locked = lock(rule_set)
    values = {"note": note, "valid_from": valid_from}
    changed = [name for name, value in values.items() if getattr(locked, name) != value]
    rule_set.note, rule_set.valid_from = note, valid_from
    rule_set.save(update_fields=list(values))
    if changed:
        _record("change-ruleset", rule_set, by, at, fields=changed)


@transaction.atomic
def name_office(*, rule_set: RuleSet, office: str, office_phone: str, by: Account, at: datetime) -> int:
    """Give an office to all rules of the draft that name none; to how many. Raises rules.NotDraft."""
    named = lock(rule_set).rules.filter(office="").update(office=office, office_phone=office_phone)
    if named:
        _record("name-office", rule_set, by, at, rules=named)
    return named


@transaction.atomic
def save_rule(*, rule: ColourRule, by: Account, at: datetime) -> None:
    """Store a rule of a draft, new or changed. Raises rules.NotDraft, also if it was removed meanwhile."""
    rule_set = lock(rule.rule_set)
    before = rule.pk and ColourRule.objects.filter(pk=rule.pk, rule_set=rule_set).first()
    if rule.pk and before is None:
        raise rules.NotDraft
    rule.save()
    if before is None:
        _record("add-colourrule", rule_set, by, at, rule=rule.pk, code=rule.value.code)
    elif changed := different(before, rule):
        _record("change-colourrule", rule_set, by, at, rule=rule.pk, code=rule.value.code, fields=changed)


@transaction.atomic
def remove_rule(*, rule: ColourRule, by: Account, at: datetime) -> None:
    """Take a rule out of a draft. Raises rules.NotDraft."""
    rule_set = lock(rule.rule_set)
    if rule_set.rules.filter(pk=rule.pk).delete()[0]:
        _record("remove-colourrule", rule_set, by, at, rule=rule.pk, code=rule.value.code)


@transaction.atomic
def discard(*, rule_set: RuleSet, by: Account, at: datetime) -> None:
    """Nothing will come of the draft, which only who made it can say. Raises rules.NotDraft, NotMaker.

    The row stays, as the counterpart of the audit and of what another office refused: its number is never used again.
    Its rules go in time, see retention.toml.
    """
    if not is_maker(lock(rule_set), by):
        raise NotMaker
    rule_set.state, rule_set.discarded_at = RuleSetState.DISCARDED, at
    rule_set.save(update_fields=["state", "discarded_at"])
    _record("delete-ruleset", rule_set, by, at, version=rule_set.number)


def is_maker(rule_set: RuleSet, account: Account) -> bool:
    """Whether it is this account's draft."""
    return rule_set.created_by_id == account.pk


def lock(rule_set: RuleSet) -> RuleSet:
    """The draft, which nobody else edits or proposes until the transaction ends. Raises rules.NotDraft.

    What is proposed cannot be edited: the second office signs what it sees.
    """
    locked = RuleSet.objects.select_for_update().get(pk=rule_set.pk)
    if locked.state != RuleSetState.DRAFT or Approval.objects.waiting().filter(rule_set=locked).exists():
        raise rules.NotDraft
    return locked


def different(one: ColourRule, other: ColourRule) -> list[str]:
    """The names of the fields in which two rules differ."""
    return [name for name in CONTENT if getattr(one, name) != getattr(other, name)]


def _record(action: str, rule_set: RuleSet, by: Account, at: datetime, **detail) -> None:
    audit.record(by=by, action=action, subject=f"ruleset:{rule_set.pk}", at=at, **detail)


def _row(rule: Rule) -> ColourRule:
    why, next_step = TEXTS[rule.code]
    return ColourRule(
        condition=rule.condition,
        parameter=rule.parameter,
        colour=rule.colour,
        days=rule.days,
        hours=rule.hours,
        reason=_in_each_language(why),
        next_step=_in_each_language(next_step),
    )


def _in_each_language(text) -> dict[str, str]:
    texts = {}
    for language in LANGUAGES:
        with translation.override(language):
            texts[language] = str(text)
    return texts
