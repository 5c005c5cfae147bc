"""What the page of a set of colour rules shows and offers: its rules, what they lack, what changes, who decides."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.models import Account
from healthpass.lib import retention
from passcodes import approvals, rule_drafts, rule_words, rules
from passcodes.approval_models import Deed
from passcodes.colour import WORST_FIRST, Colour
from passcodes.models import Approval, ColourRule, RuleSet
from passcodes.rule_models import RuleSetState

DEED_OF = {RuleSetState.DRAFT: Deed.RELEASE, RuleSetState.RELEASED: Deed.WITHDRAW}


@dataclass(frozen=True)
class ShownRule:
    """A rule in words, with what it still lacks and, in a draft, where it is edited and taken out."""

    row: ColourRule
    problems: list[str] = field(default_factory=list)
    edit_url: str = ""
    remove_url: str = ""

    @property
    def colour(self) -> str:
        """Names the sign that goes with the colour."""
        return Colour(self.row.colour).name.lower()

    @property
    def when(self) -> str:
        return rule_words.when(self.row)

    @property
    def lasts(self) -> str:
        return rule_words.lasts(self.row)

    @property
    def dates(self) -> str:
        return rule_words.dates(self.row)

    @property
    def texts(self) -> list[tuple[str, str, str]]:
        """Language, reason, what to do next."""
        return [(name, reason, self.row.next_step.get(name, "")) for name, reason in self.row.reason.items()]


def waiting_of(rule_set: RuleSet) -> Approval | None:
    """What another office has been asked and has not answered. `asked`: all approvals of the set."""
    does = DEED_OF.get(rule_set.state)
    return next((one for one in rule_set.asked if one.does == does and not (one.approved_at or one.refused_at)), None)


def can_edit(rule_set: RuleSet) -> bool:
    """Whether it is a draft that is not before another office. Whatever stores it asks again, with the set locked."""
    return rule_set.state == RuleSetState.DRAFT and waiting_of(rule_set) is None


def incomplete(count: int) -> str:
    """Why a set cannot be proposed."""
    text = ngettext(
        "%(count)d thing is missing before the set can be proposed: see below.",
        "%(count)d things are missing before the set can be proposed: see below.",
        count,
    )
    return text % {"count": count}


def context_of(rule_set: RuleSet, *, account: Account, at: datetime, url: Callable[..., str]) -> dict:
    """For the page's template. `url`: the address of a page of the set by its name and keys."""
    rows = list(rule_set.rules.order_by("pk"))
    approval, draft = waiting_of(rule_set), rule_set.state == RuleSetState.DRAFT
    missing = rules.missing(rows) if draft else []
    editable = can_edit(rule_set)
    context = {
        "title": _("Colour rules #%(number)s") % {"number": rule_set.number},
        "rule_set": rule_set,
        "rules": [_shown(row, missing, url if editable else None) for row in sorted(rows, key=_severity)],
        "missing": [one.text for one in missing if one.rule is None],
        "incomplete": incomplete(len(missing)) if missing else "",
        "approval": approval,
        "lapsed": approval and not approvals.has_proposer(approval),
        "days_kept": retention.period(ColourRule._meta.label).days,  # once discarded
        "unnamed": sum(not row.office for row in rows),
        **_compared(rule_set, rows, at),
    }
    names = _offered(rule_set, approval, account, at, complete=not missing)
    if editable:
        names += ["details", "rules_add", *(["office"] if context["unnamed"] else [])]
    return context | {f"{name.replace('-', '_')}_url": url(name, rule_set.pk) for name in names}


def _offered(
    rule_set: RuleSet, approval: Approval | None, account: Account, at: datetime, *, complete: bool
) -> list[str]:
    """What this officer can do with the set now."""
    if approval:
        return ["refuse", *(["approve"] if approvals.may_approve(approval, account) else [])]
    if rule_set.state == RuleSetState.DRAFT:
        own = ["discard"] if rule_drafts.is_maker(rule_set, account) else []
        return [*own, "propose"] if complete else own
    if rule_set.state == RuleSetState.RELEASED:
        return ["propose-withdrawal"] if rules.has_begun(rule_set, at) else ["withdraw"]
    return []


def _compared(rule_set: RuleSet, rows: list[ColourRule], at: datetime) -> dict:
    """What changes when the set begins; of one that decides, what changes when it is withdrawn."""
    if rule_set.state in (RuleSetState.WITHDRAWN, RuleSetState.DISCARDED):
        return {}
    other = rules.without(rule_set, max(rule_set.valid_from or at, at))
    name = f"#{other.number}" if other else ""
    others = rule_drafts.rows_of(other)
    if rule_set.state == RuleSetState.DRAFT:
        return {"base": name, "differences": _signed(rule_words.differences(others, rows))}
    return {"base": name, "differences": _signed(rule_words.differences(rows, others))}


def _signed(found: list[rule_words.Difference]) -> list[tuple[str, ShownRule, rule_words.Difference]]:
    """With a word for what happens to the rule, and the rule as it is to be."""
    words = {
        (True, False): pgettext("of a rule", "new"),
        (False, True): pgettext("of a rule", "taken out"),
        (False, False): pgettext("of a rule", "changed"),
    }
    return [(words[one.before is None, one.after is None], ShownRule(one.rule), one) for one in found]


def _severity(row: ColourRule) -> int:
    return WORST_FIRST.index(row.colour)


def _shown(row: ColourRule, missing: list[rules.Missing], url: Callable[..., str] | None) -> ShownRule:
    problems = [one.text for one in missing if one.rule is not None and one.rule.pk == row.pk]
    keys = (row.rule_set_id, row.pk)
    return ShownRule(row, problems, url("rule", *keys), url("remove", *keys)) if url else ShownRule(row, problems)
