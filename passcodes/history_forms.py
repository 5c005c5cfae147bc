"""The day that a holder asks about."""

from datetime import date, timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

DAYS_AHEAD = 30


class DayForm(forms.Form):
    """A day from today until 30 days on."""

    day = forms.DateField(
        label=_("Day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": _("Enter a day."),
            "invalid": _("Enter the day as year, month and day, for example 2026-12-01."),
        },
    )

    def __init__(self, *args, today: date, **kwargs):
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["day"].widget.attrs.update(min=today.isoformat(), max=self.last.isoformat())

    @property
    def last(self) -> date:
        """The last day that may be asked about."""
        return self.today + timedelta(days=DAYS_AHEAD)

    def clean_day(self) -> date:
        """Nothing past, and nothing so far away that an answer would mean little."""
        day = self.cleaned_data["day"]
        if not self.today <= day <= self.last:
            text = _("Choose a day from %(first)s to %(last)s.")
            raise forms.ValidationError(text % {"first": self.today, "last": self.last})
        return day
