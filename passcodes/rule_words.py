"""A colour rule in words: when it applies and for how long, and in what two of them differ."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from passcodes.colour import Colour, Condition, RiskCategory, RiskLevel, Rule
from passcodes.rule_models import ColourRule

PARAMETERS = {**dict(RiskCategory.choices), **dict(RiskLevel.choices)}


@dataclass(frozen=True)
class Difference:
    """A rule that was added (`before` None), removed (`after` None) or changed: then `fields` say in what."""

    before: ColourRule | None
    after: ColourRule | None
    fields: tuple[tuple[str, str, str], ...] = ()  # what, before, after

    @property
    def rule(self) -> ColourRule:
        """As it is to be; of a removed one, as it was."""
        return self.after or self.before


def when(rule: Rule | ColourRule) -> str:
    """The condition with its category or level."""
    condition, parameter = Condition(rule.condition).label, PARAMETERS.get(rule.parameter)
    if parameter is None:
        return str(condition)
    return _("%(condition)s: %(parameter)s") % {"condition": condition, "parameter": parameter}


def lasts(rule: Rule | ColourRule) -> str:
    """How long the colour lasts after what the rule is about."""
    match str(rule.condition):
        case "risk":
            return _("until the measure ends")
        case "not_current":
            text = ngettext(
                "from %(count)d day after the last declaration until the next",
                "from %(count)d days after the last declaration until the next",
                rule.days,
            )
            return text % {"count": rule.days}
        case "stale":
            return _("until the data are up to date again")
        case "asked":
            return _("until it has answered, some seconds after each declaration")
        case "symptoms" | "gate_fever":
            text = ngettext(
                "%(count)d hour, or until a normal gate reading",
                "%(count)d hours, or until a normal gate reading",
                rule.hours,
            )
            return text % {"count": rule.hours}
        case _other:
            text = ngettext(
                "%(count)d day after the last day there", "%(count)d days after the last day there", rule.days
            )
            return text % {"count": rule.days}


def dates(rule: ColourRule) -> str:
    """From when and until when the rule counts; empty for always."""
    begins, ends = (at and _moment(at) for at in (rule.valid_from, rule.valid_to))
    if begins and ends:
        return _("Counts from %(begins)s until %(ends)s.") % {"begins": begins, "ends": ends}
    if begins:
        return _("Counts from %(begins)s.") % {"begins": begins}
    return _("Counts until %(ends)s.") % {"ends": ends} if ends else ""


def differences(before: list[ColourRule], after: list[ColourRule]) -> list[Difference]:
    """What becomes of the rules `before`: changed or added ones first in the order of `after`, then removed ones.

    Rules about the same are held against each other; of several about the same, first those that have not changed.
    """
    old, new = list(before), []
    for rule in after:
        same = next((other for other in old if _words(other) == _words(rule)), None)
        if same is None:
            new.append(rule)
        else:
            old.remove(same)
    found = []
    for rule in new:
        about = (rule.condition, rule.parameter)
        earlier = next((other for other in old if (other.condition, other.parameter) == about), None)
        if earlier is not None:
            old.remove(earlier)
        found.append(Difference(earlier, rule, _changed(earlier, rule) if earlier is not None else ()))
    return found + [Difference(rule, None) for rule in old]


def _changed(before: ColourRule, after: ColourRule) -> tuple[tuple[str, str, str], ...]:
    old, new = _words(before), _words(after)
    return tuple((name, old[name], new[name]) for name in old if old[name] != new[name])


def _words(rule: ColourRule) -> dict[str, str]:
    """Everything that a rule says, by what it is called."""
    return {
        _("condition"): when(rule),
        _("colour"): str(Colour(rule.colour).label),
        _("for how long"): lasts(rule),
        pgettext("of a rule", "counts"): dates(rule) or pgettext("of a rule", "always"),
        _("office"): f"{rule.office} {rule.office_phone}".strip(),
        _("Reason, in Chinese"): rule.reason.get("zh-hans") or "",
        _("Reason, in English"): rule.reason.get("en") or "",
        _("What to do next, in Chinese"): rule.next_step.get("zh-hans") or "",
        _("What to do next, in English"): rule.next_step.get("en") or "",
    }


def _moment(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
