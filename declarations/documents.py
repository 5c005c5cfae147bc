"""Identity documents: kinds, and how their numbers are normalised and checked."""

import re
import unicodedata
from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _
from stdnum.cn import ric
from stdnum.exceptions import ValidationError as StdnumError

from declarations import divisions

RAW_LENGTH = 100  # as typed, with blanks and hyphens
SHAPES = {
    # HK/Macao permit: H or M and 8 or 10 digits. Taiwan permit: 8 or 10 digits, older ones with a letter. Permanent
    # residence card: 15 characters, or 18 digits beginning with 9 since 2023. The rest: what fits a passport's MRZ.
    "06": r"[HM]\d{8}(\d{2})?",
    "07": r"\d{8}(\d{2})?[A-Z]?",
    "04": r"[A-Z]{3}\d{12}|9\d{16}[\dX]",
    "03": r"[A-Z0-9]{5,20}",
    "99": r"[A-Z0-9]{4,30}",
}


class DocumentKind(models.TextChoices):
    """证件类型. Codes as WS 364.3 CV02.01.101 has them in practice; 04 is ours for the permanent residence card."""

    RESIDENT_ID = "01", _("Resident ID card")
    HK_MACAO_PERMIT = "06", _("Mainland travel permit for Hong Kong and Macao residents")
    TAIWAN_PERMIT = "07", _("Mainland travel permit for Taiwan residents")
    PASSPORT = "03", _("Passport")
    PERMANENT_RESIDENCE = "04", _("Foreign permanent resident ID card")
    HOUSEHOLD_BOOK = "02", _("Household register")
    OTHER = "99", _("Other document")

    @property
    def family(self) -> str:
        """Documents that carry the same number: a household register bears the resident ID number."""
        return "01" if self == DocumentKind.HOUSEHOLD_BOOK else self.value

    @property
    def is_resident_number(self) -> bool:
        """Whether the number is a GB 11643 citizen number."""
        return self.family == "01"


class InvalidNumber(ValueError):
    """The document number cannot be right."""


def normalise(number: str) -> str:
    """Full width to half width, upper case, no blanks or hyphens. Raises InvalidNumber for what is far too long."""
    if len(number) > RAW_LENGTH:
        raise InvalidNumber
    return re.sub(r"[\s\-·]", "", unicodedata.normalize("NFKC", number)).upper()


def check(kind: str, number: str) -> str:
    """The normalised number. Raises InvalidNumber if it cannot be one of its kind (GB 11643 for resident IDs)."""
    number = normalise(number)
    kind = DocumentKind(kind)
    if not number.isascii():
        raise InvalidNumber
    if kind.is_resident_number:
        _check_resident_number(number)
    elif not re.fullmatch(SHAPES[kind.value], number):
        raise InvalidNumber
    return number


def _check_resident_number(number: str) -> None:
    """GB 11643: 17 digits and a check digit, a real date, a known province.

    Not `ric.validate`: it wants the county to have existed in the year of birth, but the number bears the county
    of its issue, from 1984 on, so older people's true numbers would be refused.
    """
    if not re.fullmatch(r"\d{17}[\dX]", number) or number[-1] != ric.calc_check_digit(number):
        raise InvalidNumber
    try:
        ric.get_birth_date(number)
    except StdnumError as error:
        raise InvalidNumber from error
    if not divisions.known(int(number[:2]) * 10000) or number[:2] == "99":
        raise InvalidNumber


def birth_date_and_sex(number: str) -> tuple[date, str]:
    """What a valid resident ID number says of its owner: birth date, and Sex as GB/T 2261.1 codes it."""
    return ric.get_birth_date(number), "1" if int(number[16]) % 2 else "2"
