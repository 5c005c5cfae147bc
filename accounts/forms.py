"""What people type to sign in."""

import re
import unicodedata

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import phones
from accounts.models import Account

RAW_LENGTH = 40


def compact(typed: str) -> str:
    """Full-width characters made ordinary, blanks and hyphens dropped; what is far too long stays as it is."""
    if len(typed) > RAW_LENGTH:
        return typed
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", typed))


class PhoneField(forms.CharField):
    """A mobile phone number; cleans to E.164."""

    widget = forms.TelInput(attrs={"autocomplete": "tel"})

    def __init__(self, **kwargs):
        super().__init__(label=_("Phone number"), max_length=RAW_LENGTH, **kwargs)

    def clean(self, value: str) -> str:
        try:
            return phones.normalise(super().clean(value))
        except phones.InvalidPhone as error:
            raise ValidationError(error.args[0]) from error


class DigitsField(forms.CharField):
    """Six digits, as a message or an authenticator app shows them."""

    widget = forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"})

    def __init__(self, **kwargs):
        super().__init__(max_length=20, **kwargs)

    def clean(self, value: str) -> str:
        digits = compact(super().clean(value))
        if not re.fullmatch("[0-9]{6}", digits):
            raise ValidationError(_("Enter the six digits."))
        return digits


class PhoneForm(forms.Form):
    phone = PhoneField(help_text=_("A mainland number needs no +86. Others begin with + and the country code."))


class CodeForm(forms.Form):
    code = DigitsField(label=_("One-time code"))


class LastFourForm(forms.Form):
    last_four = forms.CharField(
        label=_("Last four characters of the document number"),
        help_text=_(
            "Of your own document that you declared with this phone number; if you have only declared for others, of "
            "the first person you declared for. For a resident ID with its X."
        ),
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )

    def clean_last_four(self) -> str:
        last_four = compact(self.cleaned_data["last_four"]).upper()
        if len(last_four) != 4:
            raise ValidationError(_("Enter exactly four characters."))
        return last_four


class NewOwnerForm(forms.Form):
    confirm = forms.BooleanField(
        label=_("The number is new to me, and I have never used a health pass with it"),
        error_messages={"required": _("Tick the box if this is so.")},
    )


class SetUpForm(forms.Form):
    """A staff account's first password, and the digits that prove its authenticator app. `account` is whose it is."""

    password = forms.CharField(
        label=_("New password"),
        help_text=_("At least 12 characters, not only digits. Several words are easy to remember."),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("The new password once more"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    digits = DigitsField(label=_("Six digits from your authenticator app"))

    def __init__(self, *args, account: Account, **kwargs):
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_password(self) -> str:
        password_validation.validate_password(self.cleaned_data["password"], self.account)
        return self.cleaned_data["password"]

    def clean(self) -> dict:
        data = super().clean()
        if "password" in data and "again" in data and data["password"] != data["again"]:
            self.add_error("again", _("The two passwords differ."))
        return data


class StaffForm(forms.Form):
    phone = PhoneField()
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    digits = DigitsField(label=_("Six digits from your authenticator app"))
