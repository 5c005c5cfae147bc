"""What is listed as withdrawn: what an office took back or ended, never what was only replaced."""

from datetime import datetime, timedelta
from importlib import import_module

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from passcodes import endings, facts, national_questions, withdrawals
from passcodes.actions import show_colour
from passcodes.colour import BEIJING
from passcodes.models import ColourChange, RiskRecord
from passcodes.risk import withdraw
from tests import factories
from tests.national_server import record

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=BEIJING)
DAY = timedelta(days=1)


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def code(clock):
    return factories.pass_code(account=factories.account())


@pytest.fixture
def officer():
    return factories.account(phone="+8613700000001", is_officer=True)


def listed(code):
    now = timezone.now()
    since = now - 30 * DAY
    changes = ColourChange.objects.filter(person=code.person, at__gte=since)
    found = withdrawals.of_person(person_id=code.person_id, changes=changes, at=now, since=since)
    return [(one.what, one.at, one.ended) for one in found]


def gone(row):
    withdraw(batch=row.batch, by=None, at=timezone.now())


def test_what_the_next_daily_list_says_again_is_not_listed(code, clock):
    old = factories.risk_record(category="close_contact", ends_at=NOON + 5 * DAY)
    factories.risk_record(category="close_contact", ends_at=NOON + 3 * DAY)
    gone(old)
    for _ in range(2):
        assert listed(code) == []
        clock.shift(4 * DAY)  # nor when that has run out


@pytest.mark.parametrize("other", [{"category": "suspected"}, {"office": "另一机关"}, {"ends_at": NOON - DAY / 2}])
def test_what_only_others_say_is_listed(code, other):
    old = factories.risk_record(category="close_contact")
    factories.risk_record(**{"category": "close_contact", **other})
    gone(old)
    assert listed(code) == [("close contact", NOON, False)]


def test_a_draft_or_another_person_s_row_replaces_nothing(code):
    old = factories.risk_record(category="close_contact")
    factories.risk_record(category="close_contact", batch=factories.risk_batch(state="draft"))
    factories.risk_record(category="close_contact", number=factories.DOCUMENTS[1])
    gone(old)
    assert listed(code) == [("close contact", NOON, False)]


def test_the_national_platform_s_other_end_is_not_listed(platform, code, clock):
    for days in (5, 3):
        platform.people[factories.DOCUMENTS[0]] = [record(ends_at=(NOON + days * DAY).isoformat())]
        factories.declaration(person=code.person, account=code.person.holder)
        national_questions.ask_due(timezone.now())
        clock.shift(DAY / 24)
    assert RiskRecord.objects.count() == 2
    assert listed(code) == []


def test_an_officer_s_end_is_listed_and_the_list_s_own_is_not(code, clock, officer):
    factories.risk_record(category="suspected", ends_at=NOON + DAY / 2)
    row = factories.risk_record(category="close_contact", ends_at=NOON + 5 * DAY)
    clock.shift(DAY)
    endings.end_record(record=row, by=officer, at=timezone.now())
    assert listed(code) == [("close contact", NOON + DAY, True)]
    clock.shift(31 * DAY)
    assert listed(code) == []


def test_many_lists_own_ends_hide_no_officer_s(code, clock, officer):
    row = factories.risk_record(category="suspected", ends_at=NOON + 5 * DAY)
    endings.end_record(record=row, by=officer, at=NOON)
    for _ in range(withdrawals.MOST):
        factories.risk_record(ends_at=NOON + DAY / 2)
    clock.shift(DAY)
    assert listed(code) == [("suspected case", NOON, True)]


def test_who_ended_a_record_before_it_was_kept_there_is_taken_from_the_audit(officer):
    ended, by_itself, withdrawn = (factories.risk_record(ends_at=NOON + DAY) for _ in range(3))
    endings.end_record(record=ended, by=officer, at=NOON)
    gone(withdrawn)
    RiskRecord.objects.update(ended_by=None)
    with connection.cursor() as cursor:
        cursor.execute(import_module("passcodes.migrations.0015_area_offices").ENDERS)
    assert dict(RiskRecord.objects.values_list("pk", "ended_by")) == {
        ended.pk: officer.pk,
        by_itself.pk: None,
        withdrawn.pk: None,
    }


def test_the_page_says_ended(code, clock, officer, client):
    endings.end_record(record=factories.risk_record(), by=officer, at=timezone.now())
    client.force_login(code.person.holder, backend="accounts.backends.OneTimeCodeBackend")
    html = client.get(f"/code/{code.public_id}/history/").text
    assert "Ended on 2026-11-25 12:00" in html and "confirmed case" in html


def test_an_area_that_another_batch_still_names_is_not_listed(code):
    old, new, other = (factories.risk_area(level=level) for level in ("high", "high", "medium"))
    show_colour(row=facts.for_person(person_id=code.person_id, at=NOON), at=NOON)
    gone(old)
    assert listed(code) == []
    gone(new)
    assert [what for what, _at, _ended in listed(code)] == ["辽宁省沈阳市和平区: high risk"] * 2
    gone(other)
    assert len(listed(code)) == 3


def test_an_area_of_long_before_the_latest_50_changes_is_listed(code, client):
    area = factories.risk_area()
    show_colour(row=facts.for_person(person_id=code.person_id, at=NOON), at=NOON)
    gone(area)
    later = [ColourChange(person=code.person, colour=0, at=NOON + timedelta(seconds=second)) for second in range(60)]
    ColourChange.objects.bulk_create(later)
    client.force_login(code.person.holder, backend="accounts.backends.OneTimeCodeBackend")
    assert "和平区: high risk" in client.get(f"/code/{code.public_id}/history/").text


def test_listing_costs_the_same_for_one_and_three(code, officer, django_assert_num_queries):
    for category in ("confirmed", "suspected", "managed"):
        endings.end_record(record=factories.risk_record(category=category), by=officer, at=NOON)
        gone(factories.risk_record(category="close_contact"))
        with django_assert_num_queries(2):  # records, changes
            listed(code)
