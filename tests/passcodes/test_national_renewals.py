"""The national platform and what offices have renewed of its word; one question's trouble is its own."""

import logging
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from passcodes import approvals, facts, national_questions, risk
from passcodes.actions import show_colour
from passcodes.colour import BEIJING
from passcodes.legal import LegalBasis
from passcodes.models import NationalQuery, RiskBatch
from tests import factories
from tests.national_server import record

pytestmark = pytest.mark.django_db
NUMBER, OTHER = factories.DOCUMENTS[:2]
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=BEIJING)


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def code(clock):
    return factories.pass_code(account=factories.account())


@pytest.fixture
def other(clock):
    account = factories.account(phone="+8613800000002")
    return factories.pass_code(account=account, number=OTHER)


@pytest.fixture
def renewed(platform, code, clock):
    """The platform's "other managed" person, whom three offices have put under observation for longer."""
    platform.people[NUMBER] = [record("managed", starts_at=(NOON - timedelta(hours=60)).isoformat())]
    national_questions.ask_due(timezone.now())
    batch = RiskBatch.objects.get()
    ours = factories.account(phone="+8613700000001", is_officer=True)
    theirs = factories.account(phone="+8613700000002", office=factories.office())
    third = factories.account(phone="+8613700000003", office=factories.office(name="市疾控"))
    approvals.propose(batch=batch, basis=LegalBasis.CASES, by=ours, at=timezone.now())
    approvals.approve(batch=batch, by=theirs, at=timezone.now())
    return approvals.renew(batch=batch, by=third, at=timezone.now())


def declare(*codes):
    for code in codes:
        factories.declaration(person=code.person, account=code.person.holder)
    national_questions.ask_due(timezone.now())


def colour_of(code):
    now = timezone.now()
    return show_colour(row=facts.for_person(person_id=code.person_id, at=now), at=now).colour.name.lower()


def states():
    return list(RiskBatch.objects.order_by("pk").values_list("state", flat=True))


def test_a_renewal_stays_while_the_platform_names_the_person(platform, code, renewed, clock):
    for hours in (1, 11, 13, 83):  # while the first measure runs, and when it has lapsed
        clock.move_to(NOON + timedelta(hours=hours))
        declare(code)
        assert (colour_of(code), states()) == ("yellow", ["visible", "visible"])


def test_a_renewal_stays_when_the_platform_dates_the_measure_anew(platform, code, renewed, clock):
    clock.shift(timedelta(hours=13))
    platform.people[NUMBER] = [record("managed", starts_at=timezone.now().isoformat())]
    for _ in range(2):
        declare(code)
    assert (colour_of(code), states()) == ("yellow", ["visible", "visible", "draft"])


@pytest.mark.parametrize("hours", [1, 13])
@pytest.mark.parametrize("known", [[], [record("managed", ends_at="2026-11-25T12:30:00+08:00")], [record("confirmed")]])
def test_a_renewal_ends_when_the_platform_no_longer_names_the_person(
    platform, code, other, renewed, clock, hours, known
):
    clock.shift(timedelta(hours=hours))
    platform.people[NUMBER] = known
    declare(code, other)
    assert states()[:2] == ["withdrawn", "withdrawn"]
    assert (colour_of(code), colour_of(other)) == ("red" if len(states()) > 2 else "green", "green")
    assert not NationalQuery.objects.open().exists()


def test_other_news_of_the_person_leave_what_is_managed(platform, code, renewed, clock):
    clock.shift(timedelta(hours=1))
    platform.people[NUMBER].append(record("secondary_contact"))
    declare(code)
    platform.people[NUMBER][1] = record("close_contact")
    declare(code)
    assert (colour_of(code), states()) == ("red", ["visible", "visible", "withdrawn", "visible"])


@pytest.mark.parametrize("trouble", [risk.NotWaiting(), ValueError(NUMBER)])
def test_whatever_is_wrong_with_one_the_others_are_answered(platform, code, other, monkeypatch, caplog, trouble):
    take = risk.load

    def load(**given):
        if NUMBER in given["file"].getvalue().decode():
            raise trouble
        return take(**given)

    monkeypatch.setattr(risk, "load", load)
    platform.people = {NUMBER: [record()], OTHER: [record()]}
    with caplog.at_level(logging.INFO):
        national_questions.ask_due(timezone.now())
    assert (colour_of(code), colour_of(other)) == ("neutral", "red")
    assert NationalQuery.objects.open().get().tries == 1
    assert NUMBER not in caplog.text


def test_what_an_officer_decides_meanwhile_is_no_trouble(platform, code, clock, monkeypatch):
    platform.people[NUMBER] = [record()]
    declare(code)
    platform.people[NUMBER] = []
    officer, find = factories.account(phone="+8613700000001", is_officer=True), national_questions._batches

    def slow(person, source):
        found = find(person, source)
        risk.withdraw(batch=RiskBatch.objects.get(), by=officer, at=timezone.now())
        return found

    monkeypatch.setattr(national_questions, "_batches", slow)
    clock.shift(timedelta(hours=1))
    declare(code)
    assert (colour_of(code), states()) == ("green", ["withdrawn"])
