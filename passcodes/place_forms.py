"""What is asked about named places."""

from collections.abc import Iterator
from datetime import date

from django import forms
from django.db import models
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from declarations.fields import DayField
from passcodes.models import RiskArea


class Said(models.TextChoices):
    """What can be answered."""

    THERE = "there", gettext_lazy("I was there")
    LIVES = "lives", gettext_lazy("I live or work there")
    NOT_THERE = "not_there", gettext_lazy("I was not there")


class PlacesForm(forms.Form):
    """For each area whether one was there, and the last day. What is left open is asked again."""

    def __init__(self, *args, asked: list[RiskArea], denied: list[RiskArea], today: date, **kwargs):
        """`denied`: of which it was said before that one was not there."""
        super().__init__(*args, **kwargs)
        self.today = today
        self.areas = {area.pk: area for area in (*asked, *denied)}
        self.denied = {area.pk for area in denied}
        for area in self.areas.values():
            self._ask(area)

    def _ask(self, area: RiskArea) -> None:
        last = self._last(area)
        self.fields[f"said-{area.pk}"] = forms.ChoiceField(
            label=area.full_name,
            help_text=dates_of(area),
            choices=Said.choices,
            widget=forms.RadioSelect,
            required=False,
            initial=Said.NOT_THERE if area.pk in self.denied else None,
        )
        self.fields[f"last_on-{area.pk}"] = DayField(
            label=_("If you were there: your last day at %(place)s") % {"place": area.place},
            help_text=_("From %(first)s to %(last)s") % {"first": area.starts_on, "last": last},
            required=False,
            widget=forms.DateInput(
                format="%Y-%m-%d",
                attrs={"type": "date", "min": area.starts_on.isoformat(), "max": last.isoformat()},
            ),
            error_messages={"invalid": _("Enter the day as year, month and day, for example 2026-12-01.")},
        )

    def _last(self, area: RiskArea) -> date:
        return min(area.ends_on or self.today, self.today)

    def _questions(self, *, denied: bool) -> Iterator[tuple]:
        for pk in self.areas:
            if (pk in self.denied) == denied:
                yield self[f"said-{pk}"], self[f"last_on-{pk}"]

    def new(self) -> list[tuple]:
        """The pairs of fields of what is asked for the first time."""
        return list(self._questions(denied=False))

    def before(self) -> list[tuple]:
        """Those of what was answered with no."""
        return list(self._questions(denied=True))

    def clean(self) -> dict:
        for pk, area in self.areas.items():
            said, name = self.cleaned_data.get(f"said-{pk}"), f"last_on-{pk}"
            if name not in self.cleaned_data:
                continue
            last_on = self.cleaned_data[name]
            if said == Said.THERE and last_on is None:
                self.add_error(name, _("Enter the last day on which you were there."))
            elif said == Said.THERE and not area.starts_on <= last_on <= self._last(area):
                text = _("Choose a day from %(first)s to %(last)s.")
                self.add_error(name, text % {"first": area.starts_on, "last": self._last(area)})
            elif last_on and not said:
                self.add_error(f"said-{pk}", _("Say whether you were there."))
        if not self.errors and not list(self.answers()):
            raise forms.ValidationError(_("Nothing has been answered yet."))
        return self.cleaned_data

    def answers(self) -> Iterator[tuple[RiskArea, bool, date | None]]:
        """What is new: area, whether they were there, last day (None: lives or works there, or was not there)."""
        for pk, area in self.areas.items():
            said = self.cleaned_data.get(f"said-{pk}")
            if said and not (said == Said.NOT_THERE and pk in self.denied):
                last_on = self.cleaned_data.get(f"last_on-{pk}") if said == Said.THERE else None
                yield area, said != Said.NOT_THERE, last_on


def dates_of(area: RiskArea) -> str:
    """High risk from 2026-11-20 to 2026-11-25."""
    level, first = capfirst(area.get_level_display()), date_format(area.starts_on, "Y-m-d")
    if area.ends_on is None:
        return _("%(level)s since %(first)s") % {"level": level, "first": first}
    return _("%(level)s from %(first)s to %(last)s") % {
        "level": level,
        "first": first,
        "last": date_format(area.ends_on, "Y-m-d"),
    }
