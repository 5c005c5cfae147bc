"""What a scanner sends without the camera page's JavaScript."""

import re
import unicodedata

from django import forms
from django.utils.translation import gettext_lazy as _

from passcodes import tokens
from scanning.outcome import Temperature

PLAUSIBLE = (34, 43)  # °C; beyond, the thermometer was not read right


class CodeField(forms.CharField):
    """A code's text from anywhere. Whatever it is, it has an outcome: no error for stray bytes or length."""

    def to_python(self, value) -> str:
        return tokens.extract(super().to_python(value).replace("\0", "?"))[: tokens.MAX_LENGTH + 1]


class ReadForm(forms.Form):
    """A photo of a code, or its text from a keyboard or a scanner gun."""

    photo = forms.FileField(
        label=_("Photo of the code"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "image/*", "capture": "environment"}),
    )
    text = CodeField(
        label=_("Text of the code"),
        required=False,
        help_text=_("Type or paste it, or use a scanner gun: it ends with the Enter key."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "enterkeyhint": "go"}
        ),
    )

    def clean(self) -> dict:
        if not self.errors and not self.cleaned_data.get("photo") and not self.cleaned_data.get("text"):
            self.add_error("photo", _("Take a photo of the code, or type its text."))
        return self.cleaned_data


class CheckForm(forms.Form):
    """One reading to record: the id makes sending it twice harmless."""

    NOT_TAKEN, NORMAL, FIGURE = "none", "normal", "figure"

    id = forms.UUIDField(widget=forms.HiddenInput)
    token = CodeField(widget=forms.HiddenInput)
    recorded = forms.BooleanField(required=False, widget=forms.HiddenInput)  # the scan is; its temperature is to come
    taken = forms.ChoiceField(
        label=_("Temperature"),
        choices=[
            (NORMAL, _("Temperature normal")),
            (FIGURE, _("As measured, in °C:")),
            (NOT_TAKEN, _("Not taken")),
        ],
        initial=NOT_TAKEN,
        widget=forms.RadioSelect,
    )
    celsius = forms.CharField(
        label=_("Figure in °C"),
        required=False,
        max_length=8,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": "36.5"}),
    )

    def clean_id(self):
        """Only what `scanning.ids` makes carries the time of the scan."""
        if self.cleaned_data["id"].version != 7:
            raise forms.ValidationError(_("This page is too old. Read the code again."))
        return self.cleaned_data["id"]

    def clean_celsius(self) -> float | None:
        """°C from `36.5`, `365`, `36,5` or full-width digits."""
        typed = unicodedata.normalize("NFKC", self.cleaned_data["celsius"]).strip().rstrip("°C℃ ").replace(",", ".")
        if not typed:
            return None
        if not re.fullmatch(r"[0-9]{2}\.?[0-9]?", typed):
            raise forms.ValidationError(_("Enter the temperature like 36.5."))
        celsius = float(typed) if "." in typed else int(typed[:2]) + int(typed[2:] or 0) / 10
        if not PLAUSIBLE[0] <= celsius <= PLAUSIBLE[1]:
            raise forms.ValidationError(_("Between 34 and 43 °C: please measure again."))
        return celsius

    def clean(self) -> dict:
        """`temperature`: a Temperature, or None if none was taken. A figure counts whichever button is chosen."""
        celsius, taken = self.cleaned_data.get("celsius"), self.cleaned_data.get("taken")
        if celsius is None and taken == self.FIGURE and "celsius" not in self.errors:
            self.add_error("celsius", _("Enter the temperature like 36.5."))
        if celsius is not None:
            self.cleaned_data["temperature"] = Temperature(celsius)
        else:
            self.cleaned_data["temperature"] = Temperature(None) if taken == self.NORMAL else None
        return self.cleaned_data
