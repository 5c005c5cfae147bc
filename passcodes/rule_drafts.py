"""New sets of rules: a copy of what counts now, to be changed, looked at and released."""

from datetime import datetime

from django.db import transaction
from django.utils import translation

from accounts import audit
from accounts.models import Account
from passcodes import rules
from passcodes.colour import DEFAULT_RULES, Rule
from passcodes.reasons import TEXTS
from passcodes.rule_models import LANGUAGES, ColourRule, RuleSet


@transaction.atomic
def new_draft(*, by: Account | None, at: datetime, note: str = "") -> RuleSet:
    """A draft with the rules that count at that time; of the default ones, with our words and still without office."""
    before = rules.current(at)
    draft = RuleSet.objects.create(number=rules.next_number(), note=note, created_by=by, created_at=at)
    rows = list(before.rules.order_by("pk")) if before else [_row(rule) for rule in DEFAULT_RULES]
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
