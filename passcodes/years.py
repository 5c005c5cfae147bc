"""Which years lists, officers and residents may name: what lies outside is a slip of the hand, or meant to do harm."""

from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

YEARS = range(2000, 2101)
FIRST_DAY, LAST_DAY = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)


def check_year(typed: date | datetime) -> None:
    """For a form's field. Raises ValidationError."""
    if typed.year not in YEARS:
        first, last = YEARS[0], YEARS[-1]
        raise ValidationError(_("Choose a day between %(first)s and %(last)s.") % {"first": first, "last": last})
