"""The colours a code has shown and will show: for whoever may show it, and nobody else."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from declarations.models import Assurance
from passcodes.models import ColourChange, PassCode
from passcodes.risk import withdraw
from tests import factories
from tests.passcodes.face_pages import sign_in

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # noon in Beijing
DAY = timedelta(days=1)


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


def get(client, code, page, query=""):
    return client.get(f"/code/{code.public_id}/{page}/{query}", headers={"accept-language": "en"})


def text_of(client, code, page, query=""):
    response = get(client, code, page, query)
    assert (response.status_code, "no-store" in response.headers["Cache-Control"]) == (200, True)
    return response.content.decode()


@pytest.mark.parametrize("page", ["history", "outlook"])
def test_pages_are_for_whoever_may_show_the_code(resident, holder, code, page):
    stranger = factories.account(phone="+8613800000002")
    factories.pass_code(account=stranger, number=factories.DOCUMENTS[1])
    assert get(sign_in(stranger), code, page).status_code == 404
    path = f"/code/{code.public_id}/{page}/"
    assert Client().get(path).headers["Location"] == f"/login/?next={path}"
    relative = factories.relative(account=holder, number=factories.DOCUMENTS[2])
    theirs = PassCode.objects.create(person=relative.person)
    assert "李**" in text_of(resident, theirs, page)
    relative.ended_at = NOW
    relative.save()
    assert get(resident, theirs, page).status_code == 404


@pytest.mark.parametrize("page", ["history", "outlook"])
def test_the_browser_s_key_opens_them_as_it_opens_the_code(resident, code, page):
    key = resident.get(f"/code/{code.public_id}/").cookies["pass_key"].value
    browser = Client()
    browser.cookies["pass_key"] = key
    assert "张**" in text_of(browser, code, page)


def test_history_is_newest_first_with_reasons_offices_and_ends(resident, code):
    assert "has not been shown in this time" in text_of(resident, code, "history")
    resident.get(f"/code/{code.public_id}/")
    factories.risk_record(ends_at=NOW + 5 * DAY)
    resident.get(f"/code/{code.public_id}/token")
    html = text_of(resident, code, "history")
    assert html.index("Red code") < html.index("Green code")
    for text in ("2026-11-25 12:00", "as a confirmed case", "tel:024-12320", "At that time until 2026-11-30 12:00"):
        assert text in html


def test_history_is_bounded_by_days_and_rows(resident, code):
    rows = [(NOW - 31 * DAY, 2), *((NOW - number * timedelta(minutes=1), 0) for number in range(60))]
    ColourChange.objects.bulk_create(ColourChange(person=code.person, colour=colour, at=at) for at, colour in rows)
    html = text_of(resident, code, "history")
    assert (html.count("Green code"), html.count("Red code")) == (50, 0)
    assert "Older ones are in “My data”." in html


def test_history_costs_the_same_with_one_and_three_changes(resident, code, django_assert_num_queries):
    resident.get(f"/code/{code.public_id}/")
    for colour in (1, 2, 0):
        ColourChange.objects.create(person=code.person, colour=colour, at=NOW)
        with django_assert_num_queries(3):  # facts by the key, changes, withdrawals
            text_of(resident, code, "history")


def test_a_withdrawn_entry_is_listed_for_whom_it_had_counted(resident, holder, code):
    record = factories.risk_record(category="close_contact")
    never = factories.risk_record(category="suspected", starts_at=NOW + DAY)
    for row in (record, never):
        withdraw(batch=row.batch, by=holder, at=NOW)
    html = text_of(resident, code, "history")
    assert "close contact" in html
    assert "Withdrawn on 2026-11-25 12:00" in html
    assert "suspected" not in html


def test_a_withdrawn_area_is_listed_where_it_had_coloured(resident, holder, code):
    here, elsewhere = factories.risk_area(division=210102), factories.risk_area(division=110105)
    resident.get(f"/code/{code.public_id}/")
    for area in (here, elsewhere):
        withdraw(batch=area.batch, by=holder, at=NOW)
    html = text_of(resident, code, "history")
    assert "和平区: high risk" in html
    assert "朝阳区" not in html


def test_an_unproven_claim_is_told_nothing_about_the_document(holder, resident):
    code = factories.pass_code(account=holder, assurance=Assurance.DECLARED)
    record = factories.risk_record(ends_at=NOW + 2 * DAY)
    withdraw(batch=factories.risk_record(category="suspected").batch, by=holder, at=NOW)
    html = text_of(resident, code, "history") + text_of(resident, code, "outlook", "?day=2026-11-26")
    assert "Withdrawn or ended entries" not in html
    assert record.get_category_display() not in html
    assert "Red code" not in html


def test_outlook_answers_for_a_day_by_its_worst_hour(resident, code):
    factories.risk_record(ends_at=NOW + 5 * DAY)
    html = text_of(resident, code, "outlook", "?day=2026-11-30")
    for text in ("Red code", "On that day from 12:00: Green code", "From 2026-11-30 12:00"):
        assert text in html
    assert "Declare again before, or the code turns grey." in html
    assert "runs out on 2026-11-28 12:00" in html
    later = text_of(resident, code, "outlook", "?day=2026-12-01")
    assert "With a normal temperature you may pass." in later


@pytest.mark.parametrize(
    ("day", "error"),
    [
        ("", "Enter a day."),
        ("tomorrow", "Enter the day as year, month and day"),
        ("2026-11-24", "Choose a day from 2026-11-25 to 2026-12-25."),
        ("2026-12-26", "Choose a day from 2026-11-25 to 2026-12-25."),
        ("9999-12-31", "Choose a day from 2026-11-25 to 2026-12-25."),
    ],
)
def test_other_days_are_refused_with_the_reason(resident, code, day, error):
    html = text_of(resident, code, "outlook", f"?day={day}")
    assert error in html
    assert 'role="status"' not in html


def test_first_and_last_day_are_answered(resident, code):
    for day in ("2026-11-25", "2026-12-25"):
        assert 'role="status"' in text_of(resident, code, "outlook", f"?day={day}")


def test_nothing_due_is_said(resident, code):
    assert "No change is due." in text_of(resident, code, "outlook")


def test_a_declaration_that_ran_out_is_said(resident, holder):
    code = factories.pass_code(account=holder, made_at=NOW - 4 * DAY)
    assert "Your health declaration has run out." in text_of(resident, code, "outlook")


def test_the_code_page_leads_there(resident, code):
    html = resident.get(f"/code/{code.public_id}/").content.decode()
    for page in ("history", "outlook"):
        assert f'href="/code/{code.public_id}/{page}/"' in html


BANNER = "The code has changed since it was last shown. It was: Green code"


def test_a_change_stands_on_top_of_the_code_once(resident, code, django_assert_num_queries):
    page = f"/code/{code.public_id}/"
    assert BANNER not in resident.get(page).content.decode()
    factories.risk_record()
    with django_assert_num_queries(3):  # facts, the colour noted, and who has seen it
        assert BANNER in resident.get(page).content.decode()
    assert BANNER not in resident.get(page).content.decode()


def test_the_home_page_tells_of_a_change_until_the_code_was_seen(resident, code):
    text = "Your health code has changed."
    resident.get(f"/code/{code.public_id}/")
    assert text not in resident.get("/").content.decode()
    factories.risk_record()
    assert text in resident.get("/").content.decode()
    resident.get(f"/code/{code.public_id}/token")
    assert text not in resident.get("/").content.decode()
