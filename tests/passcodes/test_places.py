"""Named places inside a division: who is asked about them, what an answer does, and what cannot be taken back."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from declarations.models import Person, Proxy
from passcodes import appeals, facts, places
from passcodes.actions import reason_from_json, show_colour
from passcodes.colour import Colour
from passcodes.models import ColourChange, Notice, PassCode, PlaceAnswer
from passcodes.my_data import place_answers, what_remains
from passcodes.notice_search import search
from passcodes.reasons import text_of
from passcodes.risk import withdraw
from tests import factories
from tests.passcodes.face_pages import sign_in

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # noon in Beijing
TODAY = date(2026, 11, 25)
DAY = timedelta(days=1)
MARKET = "太原街市场"


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def holder():
    return factories.account()


@pytest.fixture
def code(holder):
    return factories.pass_code(account=holder)


@pytest.fixture
def resident(holder):
    return sign_in(holder)


def market(*, days_ago: int = 5, **fields):
    return factories.risk_area(place=MARKET, starts_on=TODAY - days_ago * DAY, **fields)


def row_of(code):
    account = code.person.holder_id
    return facts.for_page_of(account_id=account, pass_id=code.public_id, at=timezone.now())


def colour_of(code) -> Colour:
    return show_colour(row=row_of(code), at=timezone.now()).colour


def is_asked(code) -> list[int]:
    return sorted(facts.places_of(row_of(code)))


def answer(code, area, *, was_there=True, last_on=None):
    places.answer(
        person_id=code.person_id,
        area=area,
        was_there=was_there,
        last_on=last_on,
        by=code.person.holder,
        at=timezone.now(),
    )


# Whom to ask


@pytest.mark.parametrize("division", [210102, 210100, 210000])
def test_who_lives_in_the_division_of_a_place_is_asked_and_not_coloured(code, division):
    area = market(division=division)
    assert (colour_of(code), is_asked(code)) == (Colour.GREEN, [area.pk])


@pytest.mark.parametrize(
    ("days_ago", "lasted", "asked"),
    [(5, None, True), (4, 2, True), (3, None, True), (2, None, False), (9, 5, False), (9, 6, True)],
)
def test_who_stayed_in_the_division_while_it_was_a_risk_is_asked(code, days_ago, lasted, asked):
    factories.stay(declaration=code.person.declarations.get(), division=110105, days_ago=3)
    ends_on = lasted and TODAY - (days_ago - lasted) * DAY
    area = market(division=110105, days_ago=days_ago, ends_on=ends_on)
    assert is_asked(code) == ([area.pk] if asked else [])
    assert colour_of(code) == Colour.GREEN


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, True),
        ({"division": 210103}, False),
        ({"days_ago": 0}, True),
        ({"days_ago": -1}, False),
        ({"days_ago": 40, "ends_on": TODAY - 30 * DAY}, True),
        ({"days_ago": 40, "ends_on": TODAY - 31 * DAY}, False),
    ],
)
def test_places_elsewhere_to_come_and_long_over_are_not_asked_about(code, fields, asked):
    market(**fields)
    assert bool(is_asked(code)) == asked


@pytest.mark.parametrize("state", ["draft", "refused", "withdrawn"])
def test_places_that_are_not_in_force_are_not_asked_about_and_do_not_count(code, state):
    area = market()
    answer(code, area)
    other = market(days_ago=30, ends_on=TODAY - 20 * DAY)
    assert (colour_of(code), is_asked(code)) == (Colour.RED, [other.pk])
    for batch in (area.batch, other.batch):
        batch.state = state
        batch.withdrawn_at = NOW
        batch.save()
    assert (colour_of(code), is_asked(code)) == (Colour.GREEN, [])


def test_only_the_latest_declaration_says_whom_to_ask(holder, code):
    market()
    factories.declaration(person=code.person, account=holder, made_at=NOW + DAY, division=210202)
    assert is_asked(code) == []


def test_a_division_without_a_named_place_counts_as_before(code):
    factories.risk_area()
    assert (colour_of(code), is_asked(code)) == (Colour.RED, [])


# What an answer does


@pytest.mark.parametrize(
    ("level", "last_ago", "lasted", "colour"),
    [
        ("high", 0, None, Colour.RED),
        ("medium", 0, None, Colour.YELLOW),
        ("high", None, None, Colour.RED),
        ("high", 14, None, Colour.RED),
        ("high", 15, None, Colour.GREEN),
        ("high", None, 6, Colour.RED),  # its last day 14 days ago
        ("high", None, 5, Colour.GREEN),
    ],
)
def test_who_was_there_is_coloured_by_the_last_day_there(code, level, last_ago, lasted, colour):
    area = market(level=level, days_ago=20, ends_on=lasted and TODAY - (20 - lasted) * DAY)
    answer(code, area, last_on=None if last_ago is None else TODAY - last_ago * DAY)
    assert (colour_of(code), is_asked(code)) == (colour, [])


def test_who_was_not_there_is_not_coloured_and_not_asked_again(code):
    answer(code, market(), was_there=False)
    assert (colour_of(code), is_asked(code)) == (Colour.GREEN, [])


def test_the_reason_names_the_place_and_old_ones_are_still_read(code):
    answer(code, market(), last_on=TODAY)
    colour_of(code)
    kept = ColourChange.objects.latest("pk").reasons[0]
    assert (kept["division"], kept["place"]) == (210102, MARKET)
    assert f"沈阳市和平区{MARKET}" in text_of(reason_from_json(kept)).why
    del kept["place"]
    assert text_of(reason_from_json(kept)).why.count("和平区") == 1


@pytest.mark.parametrize(
    ("first", "last", "counts"),
    [(5, None, True), (8, None, True), (1, None, False), (9, 6, False), (9, 5, True), (3, 1, True)],
)
def test_an_answer_counts_for_every_row_of_the_place_in_its_time(code, first, last, counts):
    """A stay from five to three days ago; lists bring the place anew, and the earlier row is withdrawn."""
    area = market()
    answer(code, area, last_on=TODAY - 3 * DAY)
    again = market(days_ago=first, ends_on=None if last is None else TODAY - last * DAY)
    withdraw(batch=area.batch, by=None, at=NOW)
    assert colour_of(code) == (Colour.RED if counts else Colour.GREEN)
    assert is_asked(code) == ([] if counts else [again.pk])


@pytest.mark.parametrize(("first", "last", "asked"), [(5, 2, False), (5, 3, False), (5, None, True), (3, 2, True)])
def test_a_no_is_for_the_days_that_were_asked_about(code, first, last, asked):
    answer(code, market(ends_on=TODAY - 2 * DAY), was_there=False)
    again = market(days_ago=first, ends_on=None if last is None else TODAY - last * DAY)
    assert is_asked(code) == ([again.pk] if asked else [])


def test_another_place_of_the_division_is_another_question(code):
    answer(code, market())
    other = factories.risk_area(place="北市场", starts_on=TODAY)
    assert is_asked(code) == [other.pk]


def test_only_an_appeal_takes_a_yes_back(holder, code):
    area = market()
    answer(code, area, was_there=False)
    answer(code, area, last_on=TODAY)
    again = market(days_ago=5, ends_on=TODAY)
    for row in (area, again):
        with pytest.raises(places.WasThere):
            answer(code, row, was_there=False)
        with pytest.raises(places.WasThere):
            answer(code, row, last_on=TODAY - DAY)
    rows = AuditEntry.objects.filter(action="answer-place").order_by("pk")
    assert [row.detail["was_there"] for row in rows] == [False, True]
    reason = show_colour(row=row_of(code), at=NOW).reasons[0]
    values = {"claim": "was_not_there", "text": "not me", "documents": [], "by": holder, "at": NOW}
    filed = appeals.file(person=code.person, reason=reason, **values)
    assert colour_of(code) == Colour.RED
    judge = factories.account(phone="+8613800000009", is_officer=True)
    appeals.decide(appeal=filed, granted=True, answer="so it is", by=judge, at=NOW)
    assert (colour_of(code), is_asked(code)) == (Colour.GREEN, [])


def test_an_appeal_about_one_place_leaves_another_of_the_division_alone(holder, code):
    answer(code, market(), last_on=TODAY)
    answer(code, factories.risk_area(place="北市场", starts_on=TODAY - 5 * DAY), last_on=TODAY)
    reason = show_colour(row=row_of(code), at=NOW).reasons[0]
    values = {"claim": "was_not_there", "text": "not me", "documents": [], "by": holder, "at": NOW}
    filed = appeals.file(person=code.person, reason=reason, **values)
    judge = factories.account(phone="+8613800000009", is_officer=True)
    appeals.decide(appeal=filed, granted=True, answer="so it is", by=judge, at=NOW)
    left = show_colour(row=row_of(code), at=NOW).reasons
    assert [other.place for other in left] == [{MARKET: "北市场", "北市场": MARKET}[reason.place]]


def test_constraints(code):
    area = market()
    PlaceAnswer.objects.create(person=code.person, area=area, was_there=False, answered_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        PlaceAnswer.objects.create(person=code.person, area=area, was_there=True, answered_at=NOW)
    other = market(days_ago=9)
    with pytest.raises(IntegrityError), transaction.atomic():
        PlaceAnswer.objects.create(person=code.person, area=other, was_there=False, last_on=TODAY, answered_at=NOW)


def test_only_who_was_there_is_told_by_message_when_a_place_is_withdrawn(holder, code):
    neighbour = factories.account(phone="+8613800000002")
    factories.pass_code(account=neighbour, number=factories.DOCUMENTS[1])
    area = market()
    search(NOW)
    assert not Notice.objects.exists()  # a question, which the code page asks
    answer(code, area)
    withdraw(batch=area.batch, by=None, at=NOW)
    search(NOW)
    notice = Notice.objects.get()
    assert (notice.person_id, notice.cause) == (code.person_id, f"withdrawn:{area.batch.pk}")


# The page


def path(code) -> str:
    return f"/code/{code.public_id}/places/"


def get(client, code):
    return client.get(path(code), headers={"accept-language": "en"})


def post(client, code, **values):
    data = {name.replace("_on_", "_on-").replace("said_", "said-"): value for name, value in values.items()}
    return client.post(path(code), data, headers={"accept-language": "en"})


def test_the_code_page_says_that_there_is_a_question(resident, code, django_assert_num_queries):
    address = f"/code/{code.public_id}/"
    assert path(code) not in resident.get(address).text
    market()
    with django_assert_num_queries(1):
        assert path(code) in resident.get(address).text


def test_the_page_is_for_whoever_may_show_the_code(resident, holder, code):
    market()
    stranger = factories.account(phone="+8613800000002")
    theirs = factories.pass_code(account=stranger, number=factories.DOCUMENTS[1])
    assert get(sign_in(stranger), code).status_code == get(resident, theirs).status_code == 404
    relative = factories.relative(account=holder, number=factories.DOCUMENTS[2])
    mother = PassCode.objects.create(person=relative.person)
    assert MARKET in get(resident, mother).text
    relative.ended_at = NOW
    relative.save()
    assert get(resident, mother).status_code == 404
    assert not PlaceAnswer.objects.exists()


def test_a_stranger_can_answer_for_nobody_else(code):
    area = market()
    stranger = factories.account(phone="+8613800000002")
    factories.pass_code(account=stranger, number=factories.DOCUMENTS[1])
    data = {f"said-{area.pk}": "lives"}
    assert sign_in(stranger).post(path(code), data).status_code == 404
    assert not PlaceAnswer.objects.exists()


def test_an_answer_colours_the_code_at_once(resident, code):
    area = market()
    response = post(resident, code, **{f"said-{area.pk}": "there", f"last_on-{area.pk}": "2026-11-24"})
    assert response.url == f"/code/{code.public_id}/"
    page = resident.get(response.url, headers={"accept-language": "en"}).text
    assert "Red code" in page and MARKET in page and path(code) not in page
    said = PlaceAnswer.objects.get()
    assert (said.was_there, said.last_on, said.answered_at) == (True, date(2026, 11, 24), NOW)
    text = get(resident, code).text
    assert "Last day there: 2026-11-24" in text and f"said-{area.pk}" not in text


def test_a_no_may_become_a_yes_on_the_page(resident, code):
    area = market()
    post(resident, code, **{f"said-{area.pk}": "not_there", f"last_on-{area.pk}": ""})
    page = get(resident, code).text
    assert "Answered before" in page
    assert post(resident, code, **{f"said-{area.pk}": "not_there"}).status_code == 200
    post(resident, code, **{f"said-{area.pk}": "lives"})
    assert (PlaceAnswer.objects.get().was_there, colour_of(code)) == (True, Colour.RED)


@pytest.mark.parametrize(
    ("said", "last_on", "text"),
    [
        ("there", "", "Enter the last day on which you were there."),
        ("there", "2026-11-19", "Choose a day from 2026-11-20 to 2026-11-25."),
        ("there", "2026-11-26", "Choose a day from 2026-11-20 to 2026-11-25."),
        ("there", "32.13.2026", "Enter the day as year, month and day"),
        ("", "2026-11-24", "Say whether you were there."),
        ("", "", "Nothing has been answered yet."),
        ("perhaps", "", "Select a valid choice."),
    ],
)
def test_errors_stand_at_the_field_and_nothing_typed_is_lost(resident, code, said, last_on, text):
    area = market()
    response = post(resident, code, **{f"said-{area.pk}": said, f"last_on-{area.pk}": last_on})
    page = response.text
    assert response.status_code == 200 and text in page and "<title>Error:" in page
    assert f'value="{last_on}"' in page
    assert ("checked" in page) == (said == "there")
    assert not PlaceAnswer.objects.exists()


def test_the_last_day_may_not_be_after_the_place_s_own(resident, code):
    area = market(ends_on=TODAY - 2 * DAY)
    page = post(resident, code, **{f"said-{area.pk}": "there", f"last_on-{area.pk}": "2026-11-24"}).text
    assert "Choose a day from 2026-11-20 to 2026-11-23." in page


def test_what_is_left_open_is_asked_again(resident, code):
    first, second = market(), factories.risk_area(place="北市场", starts_on=TODAY)
    post(resident, code, **{f"said-{first.pk}": "not_there"})
    assert is_asked(code) == [second.pk]


def test_the_same_place_of_two_lists_is_asked_about_once_at_the_worst_level(resident, code):
    market(level="medium")
    high = market(level="high")
    page = get(resident, code).text
    assert page.count(f"区{MARKET}") == 1 and "High risk since 2026-11-20" in page
    post(resident, code, **{f"said-{high.pk}": "not_there"})
    assert is_asked(code) == []


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_costs_the_same_with_one_and_three_places(resident, code, number, django_assert_num_queries):
    resident.get(f"/code/{code.public_id}/")
    for n in range(number):
        market(days_ago=n)
        answer(code, factories.risk_area(place=f"北市场{n}", starts_on=TODAY), last_on=TODAY)
    with django_assert_num_queries(6):  # session, account, facts, asked, denied, admitted
        assert get(resident, code).text.count(f"区{MARKET}") == number


def test_what_was_withdrawn_is_told_by_its_place(resident, code):
    area, other = market(), factories.risk_area(place="北市场", starts_on=TODAY)
    answer(code, area)
    colour_of(code)
    for row in (area, other):
        withdraw(batch=row.batch, by=None, at=NOW)
    page = resident.get(f"/code/{code.public_id}/history/", headers={"accept-language": "en"}).text
    assert f"{MARKET}: high risk" in page and "北市场" not in page


def test_my_data_has_the_answers(resident, holder, code):
    answer(code, market(), last_on=TODAY)
    page = resident.get("/me/", headers={"accept-language": "en"}).text
    assert "Answers about places that are risk areas" in page and MARKET in page
    row = next(place_answers(holder, NOW))
    assert [fact.value for fact in row] == [f"辽宁省沈阳市和平区{MARKET}", True, TODAY, NOW]
    remainders = {remainder.what: remainder.until for remainder in what_remains(holder, NOW)}
    assert remainders["Answers about places, until they are risk areas no more"] is None


def test_for_who_has_an_account_nobody_else_answers(holder, code):
    son = factories.account(phone="+8613800000009")
    Proxy.objects.create(
        account=son, person=code.person, relation="parent", created_at=timezone.now(), confirmed_at=timezone.now()
    )
    area, client = market(), sign_in(son)
    shown = client.get(f"/code/{code.public_id}/").text
    assert "the question is answered there." in shown and "/places/" not in shown
    assert "only there is it said where they were" in get(client, code).text
    page = post(client, code, **{f"said-{area.pk}": "lives", f"last_on-{area.pk}": ""}).text
    assert "only there is it said where they were" in page
    with pytest.raises(places.NotTheirs):
        places.answer(person_id=code.person_id, area=area, was_there=True, last_on=None, by=son, at=timezone.now())
    assert colour_of(code) is Colour.GREEN
    Person.objects.update(holder=None)
    assert "Were you there?" in get(client, code).text
    places.answer(person_id=code.person_id, area=area, was_there=False, last_on=None, by=son, at=timezone.now())
