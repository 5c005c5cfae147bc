"""Looks at people are answered for: a whole number only for a reason, too many of them raise an alert."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from accounts import audit, looks
from accounts.models import AuditEntry
from declarations import document_looks
from tests import factories

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account(phone="+8613800000008", is_officer=True)


@pytest.fixture
def officer(account):
    return factories.staff_client(account=account)


@pytest.fixture
def person():
    return factories.person()


def document_url(person):
    return reverse("admin:declarations_person_document", args=[person.pk])


# Whole document numbers


def test_no_page_shows_the_whole_number_by_itself(officer, person):
    page = reverse("admin:declarations_person_change", args=[person.pk])
    for path in (page, document_url(person), reverse("admin:declarations_person_changelist")):
        assert factories.DOCUMENTS[0] not in officer.get(path).content.decode()
    assert document_url(person) in officer.get(page).content.decode()
    assert not AuditEntry.objects.filter(action="view-document").exists()


def test_a_reason_shows_the_number_once_and_is_written_down(officer, account, person):
    response = officer.post(document_url(person), {"reason": "tracing"})
    assert factories.DOCUMENTS[0] in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    entry = AuditEntry.objects.get(action="view-document")
    assert (entry.actor, entry.subject, entry.detail) == (account, f"person:{person.pk}", {"reason": "tracing"})
    assert factories.DOCUMENTS[0] not in officer.get(document_url(person)).content.decode()


@pytest.mark.parametrize("reason", ["", "because", None])
def test_without_a_reason_of_the_list_nothing_is_shown(officer, person, reason):
    response = officer.post(document_url(person), {"reason": reason} if reason is not None else {"x": "y"})
    assert factories.DOCUMENTS[0] not in response.content.decode()
    assert not AuditEntry.objects.filter(action="view-document").exists()


def test_whole_numbers_are_limited(officer, person, monkeypatch):
    monkeypatch.setattr(document_looks, "NUMBERS_AN_HOUR", 2)
    answers = [officer.post(document_url(person), {"reason": "care"}).content.decode() for _ in range(3)]
    assert [factories.DOCUMENTS[0] in answer for answer in answers] == [True, True, False]
    assert "Please go on in the next" in answers[2]
    assert AuditEntry.objects.filter(action="view-document").count() == 2


def test_only_officers_see_numbers(person):
    resident = factories.staff_client(account=factories.account(phone="+8613800000002"))
    response = resident.post(document_url(person), {"reason": "care"})
    assert response.status_code == 302
    assert not AuditEntry.objects.filter(action="view-document").exists()


def test_there_is_no_page_of_a_person_who_is_not_there(officer):
    assert officer.get(reverse("admin:declarations_person_document", args=[0])).status_code == 404


def test_who_is_found_by_a_search_can_read_that_an_office_searched(officer, account):
    holder = factories.account(phone="+8613800000002")
    found = factories.person(holder=holder)
    claim = factories.person(assurance=0)
    officer.post(reverse("admin:declarations_person_search"), {"who": factories.DOCUMENTS[0]}, follow=True)
    entries = AuditEntry.objects.filter(action="find-person").order_by("subject")
    assert {(entry.actor, entry.subject) for entry in entries} == {
        (account, f"person:{found.pk}"),
        (account, f"person:{claim.pk}"),
    }
    resident = factories.staff_client(account=holder, second_factor=False)
    assert factories.province().name in resident.get("/me/").content.decode()


# Why


@pytest.mark.parametrize("page", ["change", "history"])
def test_a_person_s_page_asks_why_and_goes_on(account, person, page):
    officer = factories.staff_client(account=account, looks_because="")
    address = reverse(f"admin:declarations_person_{page}", args=[person.pk])
    asked = officer.get(address, follow=True)
    assert "Why do you look?" in asked.text
    assert person.masked_name not in asked.text
    assert not AuditEntry.objects.filter(action="view-person").exists()
    here = asked.redirect_chain[-1][0]
    for wrong in ("", "curiosity"):
        assert "Why do you look?" in officer.post(here, {"reason": wrong, "next": address}).text
    assert officer.post(here, {"reason": "care", "next": address}).url == address
    assert officer.get(address).status_code == 200
    entry = AuditEntry.objects.get(action="view-person")
    assert (entry.subject, entry.detail["reason"]) == (f"person:{person.pk}", "care")


def test_a_search_asks_why_and_loses_nothing(account, person):
    officer = factories.staff_client(account=account, looks_because="")
    search = reverse("admin:declarations_person_search")
    asked = officer.post(search, {"who": factories.DOCUMENTS[0]}, follow=True)
    found = officer.post(asked.redirect_chain[-1][0], {"reason": "tracing", "next": asked.context["next"]}, follow=True)
    assert list(found.context["cl"].result_list) == [person]
    reasons = AuditEntry.objects.filter(action__in=["search-person", "find-person"]).values_list("detail__reason")
    assert set(reasons) == {("tracing",)} and len(reasons) == 2


def test_the_reason_counts_for_half_an_hour(account, person):
    address = reverse("admin:declarations_person_change", args=[person.pk])
    with time_machine.travel(NOON, tick=False) as clock:
        officer = factories.staff_client(account=account, looks_because="care")
        clock.shift(timedelta(minutes=29, seconds=59))
        assert officer.get(address).status_code == 200
        clock.shift(timedelta(seconds=1))
        assert officer.get(address).status_code == 302


def test_it_goes_on_to_no_other_site(officer):
    answer = officer.post(reverse("admin:why"), {"reason": "care", "next": "https://elsewhere.example/"})
    assert answer.url == reverse("admin:index")


@pytest.mark.parametrize("model", ["appeal", "documentcheck", "deskclerk", "officer"])
def test_where_the_work_says_why_nobody_is_asked(account, model):
    app = "passcodes" if model in ("appeal", "documentcheck") else "accounts"
    officer = factories.staff_client(account=account, looks_because="")
    assert officer.get(reverse(f"admin:{app}_{model}_change", args=[0])).status_code == 404


def test_a_list_that_was_looked_through_is_written_down(officer, account, person):
    officer.get(reverse("admin:declarations_person_changelist"))
    entry = AuditEntry.objects.get(action="browse-person")
    assert (entry.actor, entry.subject, entry.detail) == (account, "person", {"shown": [str(person.pk)]})


def test_a_look_at_a_risk_record_is_a_look_at_whom_it_lists(account, officer, person):
    record = factories.risk_record()
    officer.get(reverse("admin:passcodes_riskrecord_change", args=[record.pk]))
    entry = AuditEntry.objects.get(action="view-riskrecord")
    assert (entry.subject, entry.detail["page"]) == (f"person:{person.pk}", f"riskrecord:{record.pk}")


def test_who_is_searched_for_among_the_listed_may_read_it_also_when_they_are_not(officer, person):
    factories.person(number=factories.DOCUMENTS[0], assurance=0)  # somebody claims the document
    search = reverse("admin:passcodes_riskrecord_search")
    officer.post(search, {"who": factories.DOCUMENTS[0]}, follow=True)
    officer.post(search, {"who": factories.DOCUMENTS[3]}, follow=True)
    assert [row.subject for row in AuditEntry.objects.filter(action="find-riskrecord")] == [f"person:{person.pk}"]


# Unusual numbers


def look(account, at, count, action="view-person"):
    for number in range(count):
        audit.record(by=account, action=action, subject=f"person:{number}", at=at)


@pytest.fixture
def few(settings):
    settings.LOOKS_AN_HOUR = 3


def test_more_looks_than_usual_in_an_hour_raise_one_alert(account, few, caplog):
    other = factories.account(phone="+8613800000002")
    look(account, NOON - 30 * MINUTE, 2)
    look(account, NOON - HOUR, 2, action="search-person")
    look(other, NOON - 30 * MINUTE, 3)
    look(None, NOON - 30 * MINUTE, 9)
    look(other, NOON - 30 * MINUTE, 9, action="confirm-identity")
    with caplog.at_level(logging.WARNING, logger="accounts.looks"):
        (alert,) = looks.alert(NOON + MINUTE)
    assert (alert.subject, alert.actor) == (f"account:{account.pk}", None)
    assert alert.detail == {"hour": (NOON - HOUR).isoformat(), "count": 4}
    assert caplog.messages == [f"account:{account.pk}: 4 looks at people from {(NOON - HOUR).isoformat()}"]
    assert looks.alert(NOON + 20 * MINUTE) == []
    assert AuditEntry.objects.filter(action="alert-looks").count() == 1


def test_an_hour_is_counted_also_when_the_worker_was_away(account, few):
    look(account, NOON - 5 * HOUR, 4)
    look(account, NOON - 30 * HOUR, 4)
    look(account, NOON - 2 * HOUR, 4, action="desk-look-up")
    look(account, NOON - 3 * HOUR, 4, action="find-person")
    hours = [(NOON - 5 * HOUR).isoformat(), (NOON - 2 * HOUR).isoformat()]
    assert [alert.detail["hour"] for alert in looks.alert(NOON)] == hours
    assert looks.alert(NOON + HOUR) == []


def test_looks_of_the_present_hour_are_counted_when_it_is_over(account, few):
    look(account, NOON + MINUTE, 4)
    assert looks.alert(NOON + 30 * MINUTE) == []
    assert len(looks.alert(NOON + HOUR)) == 1
    assert looks.alert(NOON + 3 * HOUR) == []


def test_the_first_page_tells_of_alerts_for_a_week(account, officer, few):
    index = reverse("admin:index")
    look(account, NOON - MINUTE, 4)
    with time_machine.travel(NOON + MINUTE, tick=False):
        looks.alert(NOON + MINUTE)
        officer = factories.staff_client(account=account)
        text = officer.get(index).content.decode()
    assert "Unusually many looks at people" in text and "4 looks in an hour" in text
    assert f"Account #{account.pk}" in text
    with time_machine.travel(NOON + timedelta(days=8), tick=False):
        officer = factories.staff_client(account=account)
        assert "Unusually many looks" not in officer.get(index).content.decode()
