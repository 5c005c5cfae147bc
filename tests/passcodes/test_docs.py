"""The documentation's table of colours is the rules'."""

from django.conf import settings

from passcodes.management.commands.colour_table import table
from passcodes.risk_rows import REFUSALS, Problem


def test_documented_colours_are_the_rules():
    """`manage.py colour_table` prints the table anew."""
    text = (settings.BASE_DIR / "docs" / "colours.md").read_text(encoding="utf-8")
    assert table() in text


def test_everything_that_a_push_may_be_told_is_documented():
    text = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    assert [code for code in REFUSALS if f'`"{code}"`' not in text] == []
    assert [problem for problem in Problem.values if f"`{problem}`" not in text] == []
