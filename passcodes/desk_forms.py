"""What a desk's clerk types to find a person, and to give their code to a phone."""

import re
import unicodedata

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from declarations import documents
from declarations.documents import DocumentKind
from declarations.fields import NameField, PhoneField

RAW_DIGITS = 20


class LookUpForm(forms.Form):
    """A document that the clerk has in hand."""

    document_kind = forms.ChoiceField(label=_("Document type"), choices=DocumentKind.choices)
    document_number = forms.CharField(
        label=_("Document number"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    name = NameField(label=_("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    seen = forms.BooleanField(
        label=_("I have the document before me, and the person it belongs to"),
        error_messages={"required": _("Only who is here with the document can be served at a desk.")},
    )

    def clean(self) -> dict:
        data = super().clean()
        if data.get("document_kind") and data.get("document_number"):
            try:
                data["document_number"] = documents.check(data["document_kind"], data["document_number"])
            except documents.InvalidNumber:
                self.add_error("document_number", _("This cannot be a number of such a document."))
        return data


class PhoneForm(forms.Form):
    """The phone that the person has with them."""

    phone = PhoneField(label=_("Phone number"), error_messages={"required": _("Please enter the phone number")})

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["phone"].widget.attrs["autocomplete"] = "off"


class DigitsForm(forms.Form):
    """The six digits that came to that phone."""

    digits = forms.CharField(
        label=_("Six digits from the message"),
        max_length=RAW_DIGITS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )

    def clean_digits(self) -> str:
        digits = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", self.cleaned_data["digits"]))
        if not re.fullmatch("[0-9]{6}", digits):
            raise ValidationError(_("Enter the six digits."))
        return digits
