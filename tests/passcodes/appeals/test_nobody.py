"""Appeals that no office with officers may answer: everybody concerned is told, and the clock acts all the same."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tasks
from accounts.models import Account, Officer, Task
from declarations.models import Proxy
from passcodes import appeal_judges, appeals, approvals
from passcodes.models import Appeal, RiskBatch, RiskRecord
from passcodes.tasks import announce_unanswerable_appeals
from tests import factories
from tests.passcodes.appeals.steps import WORDS, colour, decide, file, officer, reasons

pytestmark = pytest.mark.django_db
QUEUE = "/admin/passcodes/appeal/"
FIRST_PAGE = "1 appeal can be answered by no office that has officers: another office needs an officer"
LOGGED = "1 appeals can be answered by no office that has officers: another office needs an officer."


@pytest.fixture
def signed(holder, code, coloured, judge) -> Appeal:
    """An appeal against what the only two offices have signed."""
    now = timezone.now()
    row = RiskRecord(document_hash=code.person.document_hash, category="managed", starts_at=now)
    approvals.enter(row=row, basis="cases", by=coloured, at=now)
    approvals.approve(batch=row.batch, by=judge, at=now)
    return file(code, holder)


@pytest.fixture
def logged(caplog):
    """What the worker says of them."""

    def say() -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            announce_unanswerable_appeals(Task(), timezone.now())
        return [record.getMessage() for record in caplog.records]

    return say


def nobody() -> set[int]:
    return appeals.unanswerable(Appeal.objects.waiting(), timezone.now())


def test_officers_are_told_on_the_first_page_and_in_the_queue(signed, coloured, judge):
    for account in (coloured, judge):
        admin = factories.staff_client(account=account)
        assert FIRST_PAGE in admin.get("/admin/").text
        assert "waiting for an answer · no office with officers may answer" in admin.get(QUEUE).text
        page = admin.get(f"{QUEUE}{signed.pk}/change/").text
        assert "Neither can any other office that has officers: another one has to be given an officer." in page
    officer("大连市卫健委", "+8613700000009")
    admin = factories.staff_client(account=judge)
    assert "another office needs an officer" not in admin.get("/admin/").text
    for page in (QUEUE, f"{QUEUE}{signed.pk}/change/"):
        assert "no office with officers" not in admin.get(page).text and "Neither can" not in admin.get(page).text


def test_the_worker_tells_operators_how_many(signed, logged):
    assert tasks.KINDS["unanswerable-appeals"].every == timedelta(minutes=10)
    assert logged() == [LOGGED]
    officer("大连市卫健委", "+8613700000009")
    assert logged() == []


def test_the_appellant_is_told_and_the_clock_acts(own, code, signed, time_machine):
    address = f"/code/{code.public_id}/appeal/{signed.receipt}/"
    text = own.get(address).text
    assert "An office that may answer has to be found first" in text and "will answer" not in text
    assert "Your 24 hours count all the same" in text and 'role="timer"' in text
    Appeal.objects.update(created_at=timezone.now() - timedelta(hours=30), due_at=timezone.now() - timedelta(hours=6))
    text = own.get(address).text
    assert "The answer is late" in text and "Another one has to be given an officer" in text
    assert colour(code) == "neutral"
    officer("大连市卫健委", "+8613700000009")
    text = own.get(address).text
    assert "The answer is late" in text and "has to be given an officer" not in text


def test_a_second_appeal_needs_a_fourth_office(holder, code, signed, second_judge):
    assert nobody() == set()
    decide(signed, second_judge, granted=False)
    first = Appeal.objects.get()
    second = appeals.escalate(appeal=first, text=WORDS, documents=[], by=holder, at=timezone.now())
    assert nobody() == {second.pk}
    officer("大连市卫健委", "+8613700000009")
    assert nobody() == set()


def test_what_colours_nobody_any_more_needs_no_office(signed):
    assert nobody() == {signed.pk}
    RiskBatch.objects.update(state="withdrawn", withdrawn_at=timezone.now())
    assert nobody() == set()


@pytest.mark.parametrize("why", ["suspended", "ended", "asked", "acts"])
def test_an_office_counts_only_with_an_officer_who_may_answer(holder, code, signed, why):
    fourth = officer("大连市卫健委", "+8613700000009")
    assert nobody() == set()
    if why == "suspended":
        Account.objects.filter(pk=fourth.pk).update(is_active=False)
    elif why == "ended":
        Officer.objects.filter(account=fourth).update(ended_at=timezone.now())
    elif why == "asked":
        Appeal.objects.update(account=fourth)
    else:
        Proxy.objects.create(account=fourth, person=code.person, relation="child", created_at=timezone.now())
    assert nobody() == {signed.pk}


def test_they_are_found_as_each_officer_is_refused(holder, code, signed, second_judge):
    """One rule: nobody may answer an appeal exactly when each officer who tries is refused."""
    factories.risk_area(division=210102, level="medium")
    account = factories.account(phone="+8613900000031")
    other = factories.pass_code(account=account, number=factories.DOCUMENTS[1])
    factories.risk_record(number=factories.DOCUMENTS[1], category="managed", office="辽宁省卫健委")
    for reason in reasons(other):
        given = {"claim": "other", "text": WORDS, "documents": [], "by": account, "at": timezone.now()}
        appeals.file(person=other.person, reason=reason, **given)
    decide(signed, second_judge, granted=False)
    appeals.escalate(appeal=Appeal.objects.get(pk=signed.pk), text=WORDS, documents=[], by=holder, at=timezone.now())
    found = {appeal.pk for appeal in Appeal.objects.waiting() if all(refuses(role, appeal) for role in roles())}
    assert (len(found), nobody()) == (1, found)


def roles():
    return Officer.objects.current().select_related("account")


def refuses(role, appeal) -> bool:
    try:
        appeal_judges.check_officer(Account.objects.get(pk=role.account_id), appeal)
    except (appeal_judges.OwnAppeal, appeal_judges.NotTheirs):
        return True
    return False


def test_many_take_as_many_statements_as_one(holder, code, signed, django_assert_num_queries):
    with django_assert_num_queries(10):
        assert len(nobody()) == 1
    for number in (1, 2, 3):
        account = factories.account(phone=f"+861390000003{number}")
        other = factories.pass_code(account=account, number=factories.DOCUMENTS[number])
        factories.risk_record(number=factories.DOCUMENTS[number], category="managed", batch=RiskBatch.objects.first())
        file(other, account)
    with django_assert_num_queries(10):
        assert len(nobody()) == 4
