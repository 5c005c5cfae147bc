"""The form: what may be typed, what is refused and why, and that nothing typed is lost."""

import html
from datetime import date, timedelta

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from declarations.forms import DeclarationForm, initial_of
from declarations.questions import Answers, StayAnswer
from tests.declarations.numbers import FORM, resident_number

TODAY = date(2026, 11, 20)
STAY = {
    "travel": "yes",
    "travel_rows": "1",
    "travel_0_province": "110000",
    "travel_0_county": "110105",
    "travel_0_from": "2026-11-08",
    "travel_0_to": "2026-11-10",
}


def form(**changes) -> DeclarationForm:
    """The healthy form with changes; None leaves a field out."""
    data = {name: value for name, value in (FORM | changes).items() if value is not None}
    return DeclarationForm(data, today=TODAY)


def errors(**changes) -> dict[str, list[str]]:
    return {name: list(messages) for name, messages in form(**changes).errors.items()}


def test_complete_form_gives_claim_and_answers():
    filled = form(**STAY, dry_cough="on", temperature="yes", other_symptoms="头痛\n😷")
    assert filled.errors == {}
    assert (filled.claim.name, filled.claim.document_number) == ("张三丰", "210102199001010015")
    assert filled.claim.birth_date == date(1990, 1, 1)
    assert filled.answers == Answers(
        phone="+8613800000001",
        division=210102,
        address="中山路1号",
        fever=True,
        dry_cough=True,
        fatigue=False,
        other_symptoms="头痛\n😷",
        stays=(StayAnswer("travel", 110105, date(2026, 11, 8), date(2026, 11, 10)),),
    )


def test_fields_stand_in_the_official_order():
    assert list(form().fields) == [
        "phone",
        "name",
        "document_kind",
        "document_number",
        "sex",
        "birth_date",
        "province",
        "county",
        "address",
        "travel",
        *(f"travel_0_{part}" for part in ("province", "county", "from", "to")),
        "contact",
        *(f"contact_0_{part}" for part in ("province", "county", "from", "to")),
        "temperature",
        "dry_cough",
        "fatigue",
        "other_symptoms",
        "affirmation",
    ]


@pytest.mark.parametrize(
    "name",
    ["phone", "name", "document_kind", "document_number", "province", "county", "address"]
    + ["travel", "contact", "temperature", "affirmation"],
)
@pytest.mark.parametrize("empty", [None, ""])
def test_required_field_left_empty(name, empty):
    assert name in errors(**{name: empty})


@pytest.mark.parametrize("kind", ["01", "02"])
def test_resident_number_fills_sex_and_birth_date(kind):
    filled = form(document_kind=kind, document_number="２１０１０２１９９００１０１００２３", sex="", birth_date="")
    assert filled.errors == {}
    assert (filled.claim.sex, filled.claim.birth_date) == ("2", date(1990, 1, 1))
    assert filled.claim.document_number == "210102199001010023"


def test_other_documents_need_sex_and_birth_date():
    assert errors(document_kind="03", document_number="E12345678", sex="", birth_date="") == {
        "sex": ["Please select your sex"],
        "birth_date": ["Please select your date of birth"],
    }


def test_contradictions_are_refused_at_the_field():
    assert errors(sex="2") == {"sex": ["This differs from the sex in the document number."]}
    assert errors(birth_date="1990-01-02") == {
        "birth_date": ["This differs from the date of birth in the document number."]
    }


WRONG_RESIDENT_NUMBER = "This is not a valid resident ID number. Please check all 18 characters."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"document_number": "210102199001010016"}, {"document_number": [WRONG_RESIDENT_NUMBER]}),
        (
            {"document_number": resident_number(1, born="20010230"), "birth_date": "2001-02-30"},
            {"document_number": [WRONG_RESIDENT_NUMBER], "birth_date": ["Enter a valid date."]},
        ),
        (
            {"document_number": resident_number(1, born="20270101"), "birth_date": ""},
            {
                "document_number": [WRONG_RESIDENT_NUMBER],
                "birth_date": ["The date of birth cannot be in the future, or before 1900."],
            },
        ),
        (
            {"document_kind": "03", "document_number": "E12345678", "birth_date": "2026-11-21"},
            {"birth_date": ["The date of birth cannot be in the future, or before 1900."]},
        ),
        (
            {"document_kind": "03", "document_number": "护照"},
            {"document_number": ["This is not a valid number of such a document. Please check it."]},
        ),
        ({"affirmation": None}, {"affirmation": ["Please confirm that what you declare is correct"]}),
        (
            {"other_symptoms": "痛" * 10_000},
            {"other_symptoms": ["At most 500 characters; you entered 10000."]},
        ),
        ({"other_symptoms": "a\x00b"}, {"other_symptoms": ["Null characters are not allowed."]}),
        ({"address": "a\x07"}, {"address": ["This holds characters that cannot be shown. Please type it again."]}),
        ({"address": "\u202egnol"}, {"address": ["This holds characters that cannot be shown. Please type it again."]}),
        ({"name": "王" * 101}, {"name": ["At most 100 characters; you entered 101."]}),
        ({"name": "王" * 10_000}, {"name": ["At most 100 characters; you entered 10000."]}),
        ({"address": "路" * 201}, {"address": ["At most 200 characters; you entered 201."]}),
        (
            {"phone": "12345"},
            {"phone": ["This is not a mobile phone number. Numbers from abroad begin with + and the country code."]},
        ),
        ({"county": "110105"}, {"county": ["Select a place in this province"]}),
        ({"province": "990000", "county": "990000"}, None),
        ({"sex": "x"}, None),
        ({"document_kind": "xx"}, None),
        ({"temperature": "\x00"}, None),
        ({"travel": "maybe"}, None),
    ],
)
def test_bad_input_is_refused_with_a_clear_message(changes, expected):
    found = errors(**changes)
    assert found == expected if expected else found.keys() >= changes.keys() - {"county"}


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"document_number": "21010219900101004x", "sex": "2"}, "document_number", "21010219900101004X"),
        ({"phone": "１３８０００００００１"}, "phone", "+8613800000001"),
        ({"phone": "+852 5123 4567"}, "phone", "+85251234567"),
        ({"birth_date": "１９９０/01/01"}, "birth_date", date(1990, 1, 1)),
        ({"birth_date": "1990年1月1日"}, "birth_date", date(1990, 1, 1)),
        ({"other_symptoms": "<script>alert(1)</script>"}, "other_symptoms", "<script>alert(1)</script>"),
        ({"address": "شارع ١"}, "address", "شارع ١"),
        ({"province": "810000", "county": "810000"}, "county", "810000"),
    ],
)
def test_unusual_input_is_taken(changes, field, value):
    filled = form(**changes)
    assert filled.errors == {}
    assert filled.cleaned_data[field] == value


@pytest.mark.parametrize(
    "name",
    [
        "王",
        "买买提·吐尔逊",
        "〇一",
        "𠮷田",
        "𱁬",
        "محمد علی",
        "Anne-Marie O’Neil",
        "Ŝ" * 100,
        "می\u200cخواهم",
        " 张  三 ",
    ],
)
def test_names_of_every_script_are_taken(name):
    assert form(name=name).errors == {}


@pytest.mark.parametrize("name", ["<script>", "😷", "张\x00三", "张\x07三", "123", "·", "A" * 101, "\u202e张三", "a@b"])
def test_what_is_no_name_is_refused(name):
    assert set(errors(name=name)) == {"name"}


@given(st.text(max_size=200))
def test_any_text_is_a_name_or_refused(name):
    assert set(errors(name=name)) <= {"name"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"travel_0_to": "2026-11-07"}, {"travel_0_to": ["The last day cannot be before the first"]}),
        ({"travel_0_from": "2026-11-05"}, {"travel_0_from": ["Enter a day of the last 14 days"]}),
        ({"travel_0_to": "2026-11-21"}, {"travel_0_to": ["Enter a day of the last 14 days"]}),
        ({"travel_0_from": ""}, {"travel_0_from": ["Please enter the first day"]}),
        ({"travel_0_to": "x"}, {"travel_0_to": ["Enter a valid date."]}),
        ({"travel_0_county": ""}, {"travel_0_county": ["Please select the place"]}),
        ({"travel_0_county": "210102"}, {"travel_0_county": ["Select a place in this province"]}),
        (
            {"travel_0_province": "", "travel_0_county": "", "travel_0_from": "", "travel_0_to": ""},
            {"travel": ["Please say where and when, or answer no."]},
        ),
    ],
)  # fmt: skip
def test_stays_are_checked(changes, expected):
    assert errors(**STAY | changes) == expected


def test_stays_of_the_first_and_the_last_day_count():
    assert form(**STAY | {"travel_0_from": "2026-11-06", "travel_0_to": "2026-11-20"}).errors == {}


def test_rows_do_not_count_when_the_answer_is_no():
    filled = form(**STAY | {"travel": "no", "travel_0_to": "x"})
    assert filled.errors == {}
    assert filled.answers.stays == ()


def test_emptied_rows_between_others_do_not_count():
    third = {name.replace("_0_", "_2_"): value for name, value in STAY.items()}
    filled = form(**STAY | third | {"travel_rows": "3"})
    assert filled.errors == {}
    assert len(filled.answers.stays) == 2


def test_a_stay_abroad_needs_no_county():
    filled = form(**STAY | {"travel_0_province": "990000", "travel_0_county": "990000"})
    assert filled.errors == {}
    assert filled.answers.stays[0].division == 990000


@pytest.mark.parametrize("rows", ["0", "-1", "x", "11", "99999999999", "\x00", "²"])
def test_at_most_ten_rows_whatever_is_sent(rows):
    assert 1 <= len(form(**STAY | {"travel_rows": rows}).travel_rows()) <= 10


@pytest.mark.parametrize(
    "typed",
    ["<script>alert(1)</script>", "😷" * 3, "مرحبا", "２１０", "a\x00b", "痛" * 600, "x" * 300],
)
@pytest.mark.parametrize("name", ["phone", "name", "document_number", "birth_date", "address", "other_symptoms"])
def test_everything_typed_comes_back_escaped(name, typed):
    filled = form(**{name: typed}, affirmation=None)
    assert filled.errors
    shown = str(filled[name])
    assert html.escape(typed) in shown.replace("&#x27;", "'")
    assert "<script" not in shown
    assert 'value="on"' not in str(filled["affirmation"])
    assert "checked" in str(filled["travel"])
    assert "selected" in str(filled["county"])


def test_only_the_chosen_provinces_places_are_in_the_page():
    shown = str(form(province="110000", county="110105")["county"])
    assert "朝阳区" in shown
    assert "沈阳市" not in shown


def test_earlier_answers_fill_the_form_with_stays_still_asked_for():
    answers = Answers(
        "+8613800000001", 210102, "中山路1号", False, True, False, "头痛",
        (
            StayAnswer("travel", 110105, TODAY - timedelta(days=20), TODAY - timedelta(days=15)),
            StayAnswer("travel", 110105, TODAY - timedelta(days=20), TODAY - timedelta(days=14)),
            StayAnswer("contact", 220102, TODAY, TODAY),
        ),
    )  # fmt: skip
    initial = initial_of(answers, TODAY)
    assert (initial["travel"], initial["travel_rows"], initial["travel_0_from"]) == ("yes", 1, date(2026, 11, 6))
    assert (initial["contact"], initial["contact_0_county"]) == ("yes", 220102)
    assert (initial["temperature"], initial["dry_cough"], initial["phone"]) == ("no", True, "13800000001")
    assert "affirmation" not in initial


def test_too_long_text_is_told_in_chinese():
    with translation.override("zh-hans"):
        assert errors(other_symptoms="痛" * 501) == {"other_symptoms": ["最多500字，您已输入501字。"]}
