"""The documentation's table of colours is the rules'."""

from django.conf import settings

from passcodes.management.commands.colour_table import table


def test_documented_colours_are_the_rules():
    """`manage.py colour_table` prints the table anew."""
    text = (settings.BASE_DIR / "docs" / "colours.md").read_text(encoding="utf-8")
    assert table() in text
