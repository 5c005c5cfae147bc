"""What every proposal to another office says: on which law, and why."""

from django import forms
from django.utils.translation import gettext_lazy

from passcodes.legal import LegalBasis

CHOOSE = gettext_lazy("Choose the legal basis.")


class BasisForm(forms.Form):
    """By itself under what is proposed, or as a part of the form in which a row is typed."""

    basis = forms.ChoiceField(
        label=gettext_lazy("Legal basis"),
        choices=[("", "---------"), *LegalBasis.choices],
        error_messages={"required": CHOOSE, "invalid_choice": CHOOSE},
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=300,
        help_text=gettext_lazy("The officer of the other office reads it. Name no person."),
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        error_messages={"required": gettext_lazy("Say why, for the officer of the other office.")},
    )
