"""Phone numbers as people type them."""

import re
import unicodedata

import phonenumbers
from django.utils.translation import gettext_lazy as _
from phonenumbers import PhoneNumberFormat, PhoneNumberType

# What a text message can reach. No fixed lines, and no premium numbers that somebody earns from.
MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
IGNORED = re.compile(r"[\s\-\u2010-\u2015().\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
RAW_LENGTH = 100  # as typed, with blanks and signs; normalising takes time that grows with the square of the length
PLAUSIBLE = re.compile(r"\+?[0-9]{6,16}")


class InvalidPhone(ValueError):
    """Not a mobile phone number; its text is for people."""

    def __init__(self):
        super().__init__(_("This is not a mobile phone number. Numbers from abroad begin with + and the country code."))


def normalise(typed: str) -> str:
    """The number in E.164, as `+8613800000001`.

    Takes mainland numbers without +86, full-width digits, blanks, hyphens and brackets; others begin with + or 00.
    Raises InvalidPhone.
    """
    if len(typed) > RAW_LENGTH:
        raise InvalidPhone
    digits = IGNORED.sub("", unicodedata.normalize("NFKC", typed))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not PLAUSIBLE.fullmatch(digits):
        raise InvalidPhone
    try:
        number = phonenumbers.parse(digits, "CN")
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone from error
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in MOBILE:
        raise InvalidPhone
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
