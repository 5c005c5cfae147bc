"""Print the table of colours in `docs/colours.md` from the rules; a test compares the two."""

from django.core.management.base import BaseCommand
from django.utils import translation

from passcodes.colour import DEFAULT_RULES, WORST_FIRST
from passcodes.rule_words import lasts, when


def table() -> str:
    """One Markdown row for each rule, worst colour first, in English."""
    with translation.override("en"):
        rules = sorted(DEFAULT_RULES, key=lambda rule: WORST_FIRST.index(rule.colour))
        rows = [f"| {rule.colour.label} | {when(rule)} | {lasts(rule)} | `{rule.code}` |" for rule in rules]
        return "\n".join(["| colour | when | for how long | rule |", "| --- | --- | --- | --- |", *rows, ""])


class Command(BaseCommand):
    help = "Print the table of colours for docs/colours.md."

    def handle(self, *args, **options):
        self.stdout.write(table(), ending="")
