"""Print the table of colours in `docs/colours.md` from the rules; a test compares the two."""

from django.core.management.base import BaseCommand
from django.utils import translation

from passcodes.colour import DEFAULT_RULES, WORST_FIRST, RiskCategory, RiskLevel, Rule

PARAMETERS = {**dict(RiskCategory.choices), **dict(RiskLevel.choices)}


def table() -> str:
    """One Markdown row for each rule, worst colour first, in English."""
    with translation.override("en"):
        rules = sorted(DEFAULT_RULES, key=lambda rule: WORST_FIRST.index(rule.colour))
        rows = [f"| {rule.colour.label} | {_condition(rule)} | {_lasts(rule)} | `{rule.code}` |" for rule in rules]
        return "\n".join(["| colour | when | for how long | rule |", "| --- | --- | --- | --- |", *rows, ""])


def _condition(rule: Rule) -> str:
    parameter = PARAMETERS.get(rule.parameter)
    return f"{rule.condition.label}: {parameter}" if parameter else rule.condition.label


def _lasts(rule: Rule) -> str:
    match rule.condition.value:
        case "risk":
            return "until the measure ends"
        case "not_current":
            return f"from {rule.days} days after the last declaration until the next"
        case "stale":
            return "until the data are up to date again"
        case "asked":
            return "until it has answered, some seconds after each declaration"
        case "symptoms" | "gate_fever":
            return f"{rule.hours} hours, or until a normal gate reading"
        case _:
            return f"{rule.days} days after the last day there"


class Command(BaseCommand):
    help = "Print the table of colours for docs/colours.md."

    def handle(self, *args, **options):
        self.stdout.write(table(), ending="")
