"""One statement gathers what decides a colour, on both databases alike."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actions import device_key_hash
from passcodes import facts
from passcodes.colour import DEFAULT_RULES, Colour, assess
from passcodes.models import GateReading, PlaceAnswer
from tests import factories

pytestmark = pytest.mark.django_db


def row_of(pass_code, key, at=None):
    return facts.for_renewal(key_hash=device_key_hash(key), pass_id=pass_code.public_id, at=at or timezone.now())


@pytest.fixture
def holder():
    return factories.account()


@pytest.fixture
def code(holder):
    return factories.pass_code(account=holder)


@pytest.fixture
def key(holder, code):
    return factories.device_key(account=holder, subject=code.public_id)


def colour_of(code, key):
    return assess(facts.facts_of(row_of(code, key)), DEFAULT_RULES, timezone.now()).colour


def test_healthy_person_is_green(code, key):
    assert colour_of(code, key) == Colour.GREEN


def test_risk_record_shows_at_once(code, key):
    factories.risk_record(category="confirmed")
    assert colour_of(code, key) == Colour.RED


def test_risk_record_of_another_document_does_not(code, key):
    factories.risk_record(number=factories.DOCUMENTS[1])
    assert colour_of(code, key) == Colour.GREEN


def test_declared_stay_meets_area_of_its_prefecture(holder, code, key):
    declaration = code.person.declarations.get()
    factories.stay(declaration=declaration, division=210202)
    factories.risk_area(division=210200, level="medium", starts_on=timezone.localdate() - timedelta(days=5))
    assert colour_of(code, key) == Colour.YELLOW


def test_home_in_high_risk_area_is_red(code, key):
    factories.risk_area(division=210102, level="high")
    assert colour_of(code, key) == Colour.RED


def test_symptoms_outlive_a_corrected_form_until_a_normal_reading(holder, code, key):
    now = timezone.now()
    factories.declaration(person=code.person, account=holder, made_at=now - timedelta(hours=3), fever=True)
    factories.declaration(person=code.person, account=holder, made_at=now - timedelta(hours=2))
    assert colour_of(code, key) == Colour.YELLOW
    GateReading.objects.create(person=code.person, temperature=None, taken_at=now - timedelta(hours=1))
    assert colour_of(code, key) == Colour.GREEN


def test_gate_fever_is_yellow(code, key):
    GateReading.objects.create(person=code.person, temperature="37.3", taken_at=timezone.now())
    assert colour_of(code, key) == Colour.YELLOW


@pytest.mark.parametrize("wrong", ["another key", ""])
def test_wrong_key_gives_nothing(code, wrong):
    assert row_of(code, wrong) is None


def test_expired_key_gives_nothing(code, key):
    assert row_of(code, key, timezone.now() + timedelta(days=91)) is None


def test_key_of_a_locked_account_gives_nothing(holder, code, key):
    holder.is_active = False
    holder.save()
    assert row_of(code, key) is None


def test_key_dies_when_the_pass_has_another_holder(code, key):
    code.person.holder = factories.account(phone="+8613800000002")
    code.person.save()
    assert row_of(code, key) is None


def test_key_of_one_pass_does_not_open_another(holder, code, key):
    other = factories.pass_code(account=factories.account(phone="+8613800000002"), number=factories.DOCUMENTS[1])
    assert row_of(other, key) is None


def test_the_facts_cost_one_query(code, key, django_assert_num_queries):
    with django_assert_num_queries(1):
        row_of(code, key)


def test_a_dry_run_may_say_otherwise_which_lists_count_and_what_is_stale(code):
    person, today = code.person, timezone.localdate()
    factories.risk_record(category="confirmed")
    factories.risk_area(division=person.declarations.get().division, level="high", starts_on=today)
    factories.stay(declaration=person.declarations.get(), division=210202)
    factories.risk_area(division=210202, level="medium", starts_on=today - timedelta(days=5))
    place = factories.risk_area(division=210103, level="high", starts_on=today, place="太原街市场")
    PlaceAnswer.objects.create(person=person, area=place, was_there=True, last_on=today, answered_at=timezone.now())

    def found(**otherwise) -> tuple[int, int, bool]:
        row = facts.for_people(person_ids=[person.pk], at=timezone.now(), **otherwise)[person.pk]
        gathered = facts.facts_of(row)
        return len(gathered.risks), len(gathered.areas), gathered.stale

    assert found() == (1, 3, False)
    assert found(counting="FALSE", stale="TRUE") == (0, 0, True)
