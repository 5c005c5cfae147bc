"""Form fields that take what people type: full-width digits, any script, no control characters."""

import unicodedata
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import phones

# Composing a letter with many marks takes time that grows with their square: nothing longer gets that far.
RAW_NAME, RAW_DAY = 400, 40
NAME_PUNCTUATION = set("·•・.'’‘`-‐–,/()（）\u200c\u200d")  # the joiners are letters' shapes in Persian and in India
TOO_LONG = _("At most %(limit_value)d characters; you entered %(show_value)d.")
HARMLESS = set("\r\n\t\0")  # line breaks; NUL has a message of its own


def refuse_control_characters(text: str) -> None:
    """Characters that show nothing, or turn the text around them."""
    if any(unicodedata.category(c) == "Cc" and c not in HARMLESS or c in "\u202a\u202b\u202d\u202e" for c in text):
        raise ValidationError(_("This holds characters that cannot be shown. Please type it again."))


def refuse_other_than_names(text: str) -> None:
    """A name may have letters of any script, marks, blanks and the few signs that names have."""
    if not (all(map(_in_names, text)) and any(unicodedata.category(c)[0] == "L" for c in text)):
        raise ValidationError(_("Enter the name with letters only, as it stands in the document."))


def _in_names(character: str) -> bool:
    """Rare Chinese characters may be newer than our Unicode tables (planes 2, 3) or typed from the private area."""
    category = unicodedata.category(character)
    return (
        category[0] in "LM"
        or category in ("Zs", "Nd", "Nl", "Co")
        or character in NAME_PUNCTUATION
        or 0x20000 <= ord(character) < 0x40000
    )


class NameField(forms.CharField):
    """A person's name, 1 to 100 characters, in Unicode's composed form with single blanks."""

    default_error_messages = {"max_length": TOO_LONG}

    def __init__(self, **kwargs):
        super().__init__(max_length=100, validators=[refuse_other_than_names], **kwargs)

    def to_python(self, value) -> str:
        typed = " ".join(super().to_python(value).split())
        if len(typed) > RAW_NAME:
            limits = {"limit_value": self.max_length, "show_value": len(typed)}
            raise ValidationError(self.error_messages["max_length"], code="max_length", params=limits)
        return unicodedata.normalize("NFC", typed)

    def widget_attrs(self, widget) -> dict:
        return {}  # no maxlength: browsers would cut what is pasted without a word


class PlainTextField(forms.CharField):
    """Free text up to `max_length` characters; longer text comes back whole with a message."""

    default_validators = [refuse_control_characters]
    default_error_messages = {"max_length": TOO_LONG}

    def widget_attrs(self, widget) -> dict:
        return {}


class DayField(forms.DateField):
    """A date, however its digits are typed. The picker offers nothing after `max_day`."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    input_formats = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日"]

    def to_python(self, value) -> date | None:
        if not isinstance(value, str):
            return super().to_python(value)
        if len(value) > RAW_DAY:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(unicodedata.normalize("NFKC", value))


class PhoneField(forms.CharField):
    """A mobile phone number, given back in E.164; mainland numbers need no +86."""

    def __init__(self, **kwargs):
        widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"})
        super().__init__(widget=widget, **kwargs)

    def to_python(self, value) -> str:
        typed = super().to_python(value)
        try:
            return phones.normalise(typed) if typed else ""
        except phones.InvalidPhone as error:
            raise ValidationError(*error.args) from error
