"""What an officer types of a draft set of colour rules."""

from datetime import datetime

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from passcodes import rule_texts, rules
from passcodes.colour import RiskCategory, RiskLevel
from passcodes.rule_models import ColourRule, RuleSet
from passcodes.rules import Problem
from passcodes.years import check_year

BLANK = ("", "---------")
PARAMETERS = [
    BLANK,
    (gettext_lazy("Category, of the epidemic database"), RiskCategory.choices),
    (gettext_lazy("Level, of a risk area"), RiskLevel.choices),
]
# Where a problem of a rule is shown; of texts, at each that is empty, or has such a placeholder.
PLACES = {
    Problem.CONDITION: ["condition"],
    Problem.PARAMETER: ["parameter"],
    Problem.COLOUR: ["colour"],
    Problem.DAYS: ["days"],
    Problem.HOURS: ["hours"],
    Problem.OFFICE: ["office", "office_phone"],
    Problem.REASON: ["reason_zh", "reason_en"],
    Problem.NEXT_STEP: ["next_step_zh", "next_step_en"],
    Problem.PLACEHOLDER: ["reason_zh", "reason_en", "next_step_zh", "next_step_en"],
    Problem.DATES: ["valid_to"],
}
TEXTS = {"zh": "zh-hans", "en": "en"}  # the end of a field's name -> the language of its text


class MomentField(forms.DateTimeField):
    """A day and minute, chosen in the browser; may be empty."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    default_validators = (check_year,)

    def __init__(self, **kwargs):
        super().__init__(required=False, **kwargs)


class TextField(forms.CharField):
    """A sentence or two for the holder."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})

    def __init__(self, **kwargs):
        super().__init__(required=False, max_length=500, **kwargs)


def _number(label) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=999)


class RuleForm(forms.Form):
    """A rule of a draft. It is complete when the form is valid: what a release would refuse, the form does."""

    condition = forms.ChoiceField(label=gettext_lazy("Condition"))
    parameter = forms.ChoiceField(label=gettext_lazy("Category or level"), choices=PARAMETERS, required=False)
    colour = forms.TypedChoiceField(label=gettext_lazy("Colour"), coerce=int)
    days = _number(gettext_lazy("Days"))
    hours = _number(gettext_lazy("Hours"))
    reason_zh = TextField(
        label=gettext_lazy("Reason, in Chinese"),
        help_text=gettext_lazy(
            "The holder reads it. In all four texts %(place)s stands for the place and %(day)s for the day that the"
            " colour rests on."
        ),
    )
    reason_en = TextField(label=gettext_lazy("Reason, in English"))
    next_step_zh = TextField(label=gettext_lazy("What to do next, in Chinese"))
    next_step_en = TextField(label=gettext_lazy("What to do next, in English"))
    office = forms.CharField(label=gettext_lazy("Office that answers for it"), max_length=100, required=False)
    office_phone = forms.CharField(label=gettext_lazy("Its phone"), max_length=30, required=False)
    valid_from = MomentField(
        label=gettext_lazy("Counts from"), help_text=gettext_lazy("Empty: as long as the set of rules does.")
    )
    valid_to = MomentField(label=gettext_lazy("Counts until"))

    def __init__(self, *args, rule: ColourRule, **kwargs):
        """`rule` is what the form shows, and takes what was typed when it is checked. It is not saved."""
        names = ("condition", "parameter", "colour", "office", "office_phone", "valid_from", "valid_to")
        initial = {name: getattr(rule, name) for name in names}
        initial |= {"days": rule.days or None, "hours": rule.hours or None}
        for name, language in TEXTS.items():
            initial[f"reason_{name}"] = rule.reason.get(language, "")
            initial[f"next_step_{name}"] = rule.next_step.get(language, "")
        super().__init__(*args, initial=initial, **kwargs)
        for name in ("condition", "colour"):
            self.fields[name].choices = [BLANK, *ColourRule._meta.get_field(name).choices]
        self.rule = rule

    def clean(self) -> dict:
        data = super().clean()
        if {"condition", "colour"} <= data.keys():
            self._take(data)
            for problem in rules.problems_of(self.rule):
                self._show(problem, data)
        return data

    def _take(self, data: dict) -> None:
        for name in ("condition", "parameter", "colour", "office", "office_phone"):
            setattr(self.rule, name, data.get(name, ""))
        self.rule.valid_from, self.rule.valid_to = data.get("valid_from"), data.get("valid_to")
        self.rule.days, self.rule.hours = data.get("days") or 0, data.get("hours") or 0
        self.rule.reason = {language: data.get(f"reason_{name}", "") for name, language in TEXTS.items()}
        self.rule.next_step = {language: data.get(f"next_step_{name}", "") for name, language in TEXTS.items()}

    def _show(self, problem: Problem, data: dict) -> None:
        """At its fields, unless they have an error of their own already."""
        for name in PLACES[problem]:
            if name not in self.errors and (said := self._said_at(name, problem, data.get(name))):
                self.add_error(name, said)

    def _said_at(self, name: str, problem: Problem, typed) -> str:
        """What is wrong at one of the fields of a problem; empty: it is another of them."""
        if problem == Problem.PLACEHOLDER:
            found = rule_texts.unknown(typed or "", self.rule.condition)
            return rule_texts.objection(found, self.rule.condition) if found else ""
        return "" if typed and len(PLACES[problem]) > 1 else problem.label


class DetailsForm(forms.Form):
    """What a draft is for, and from when on it is to count."""

    note = forms.CharField(label=gettext_lazy("What changes and why"), max_length=300, required=False)
    valid_from = MomentField(
        label=gettext_lazy("Counts from"),
        help_text=gettext_lazy("Empty: from the moment when the second office agrees."),
    )

    def __init__(self, *args, rule_set: RuleSet, **kwargs):
        super().__init__(*args, initial={"note": rule_set.note, "valid_from": rule_set.valid_from}, **kwargs)

    def clean_valid_from(self) -> datetime | None:
        begins = self.cleaned_data["valid_from"]
        if begins and begins <= timezone.now():
            raise forms.ValidationError(_("Rules never count for the past. Choose a time to come, or leave it empty."))
        return begins


class OfficeForm(forms.Form):
    """The office that answers for every rule of a draft that names none."""

    office = forms.CharField(label=gettext_lazy("Office that answers for it"), max_length=100)
    office_phone = forms.CharField(label=gettext_lazy("Its phone"), max_length=30)
