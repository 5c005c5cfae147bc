"""Document numbers: what people type, and which of it can be true."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from declarations import divisions, documents
from declarations.documents import DocumentKind, InvalidNumber
from declarations.search import search_hashes
from tests.declarations.numbers import resident_number

KINDS = st.sampled_from(DocumentKind.values)
COUNTIES = st.sampled_from([str(code) for code in divisions.names() if code % 100 and code < 900000])


@pytest.mark.parametrize(
    ("kind", "typed", "number"),
    [
        ("01", "210102199001010015", "210102199001010015"),
        ("02", "210102199001010015", "210102199001010015"),
        ("01", " 210102-19900101-004x ", "21010219900101004X"),
        ("01", "２１０１０２１９９００１０１００４Ｘ", "21010219900101004X"),
        ("06", "h12345678", "H12345678"),
        ("06", "M1234567890", "M1234567890"),
        ("07", "12345678", "12345678"),
        ("07", "1234567890D", "1234567890D"),
        ("03", "e 12345678", "E12345678"),
        ("04", "CAN110101010101", "CAN110101010101"),
        ("04", "911124198108030024", "911124198108030024"),
        ("99", "AB-12", "AB12"),
    ],
)
def test_number_is_taken_as_typed(kind, typed, number):
    assert documents.check(kind, typed) == number


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("01", "210102199001010016"),  # check digit
        ("01", "210102200102300014"),  # 30 February
        ("01", "990102199001010015"),  # no such province
        ("01", "21010219900101001"),
        ("01", "2101021990010100155"),
        ("01", "210102900101001"),
        ("01", "٢١٠١٠٢١٩٩٠٠١٠١٠٠١٥"),
        ("01", ""),
        ("01", "\x00"),
        ("06", "A12345678"),
        ("07", "1234567"),
        ("03", "护照12345"),
        ("03", "<script>"),
        ("04", "CAN1101010101"),
        ("99", "A" * 31),
        ("99", "😷😷😷😷"),
    ],
)
def test_impossible_number_is_refused(kind, typed):
    with pytest.raises(InvalidNumber):
        documents.check(kind, typed)


def test_old_persons_true_number_is_taken_though_the_county_is_younger():
    """The county in a number is that of its issue, from 1984 on: `ric.validate` wants it to have existed at birth."""
    number = resident_number(1, county="210102", born="19500101")
    assert documents.check("01", number) == number
    with pytest.raises(ValidationError):
        ric.validate(number)


@given(COUNTIES, st.dates(min_value=ric.get_birth_date("110101190001011000")), st.integers(1, 999))
def test_every_well_formed_number_is_taken_and_tells_birth_and_sex(county, born, serial):
    number = resident_number(serial, county=county, born=born.strftime("%Y%m%d"))
    assert documents.check("01", number.lower()) == number
    assert documents.birth_date_and_sex(number) == (born, "1" if serial % 2 else "2")


@given(COUNTIES, st.integers(1, 999), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(county, serial, position, step):
    number = resident_number(serial, county=county)
    digits = "0123456789X" if position == 17 else "0123456789"
    wrong = digits[(digits.index(number[position]) + step) % len(digits)]
    with pytest.raises(InvalidNumber):
        documents.check("01", number[:position] + wrong + number[position + 1 :])


@given(KINDS, st.text(max_size=40))
def test_any_text_is_a_plain_number_or_refused(kind, text):
    try:
        number = documents.check(kind, text)
    except InvalidNumber:
        return
    assert number.isascii() and number.isalnum() and number == documents.normalise(number)


@given(st.text(alphabet="0123456789Xx", min_size=18, max_size=18))
def test_full_width_is_read_as_half_width(text):
    wide = "".join(chr(ord(character) + 0xFEE0) for character in text)
    assert documents.normalise(wide) == unicodedata.normalize("NFKC", wide).upper() == text.upper()


@pytest.mark.usefixtures("short_texts")
@pytest.mark.parametrize("kind", DocumentKind)
def test_very_long_number_is_refused_unread(kind):
    with pytest.raises(InvalidNumber):
        documents.check(kind, "1" + "\u0323\u0307" * 100_000)
    with pytest.raises(InvalidNumber):
        documents.check(kind, " " * 101)


@pytest.mark.usefixtures("short_texts")
def test_very_long_search_is_for_a_name():
    kind, hashes = search_hashes("1" + "\u0323\u0307" * 100_000)
    assert (kind, len(hashes)) == ("name", 1)


def test_household_register_meets_the_id_card():
    assert DocumentKind.HOUSEHOLD_BOOK.family == DocumentKind.RESIDENT_ID.family
    assert len({kind.family for kind in DocumentKind}) == len(DocumentKind) - 1
