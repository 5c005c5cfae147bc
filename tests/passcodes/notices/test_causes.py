"""Whatever changes a colour, those who may show the code are told: rules, officers, appeals, areas, the platform."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Task
from passcodes import appeals, facts, national_questions, notice_search, rules
from passcodes.colour import Colour, assess
from passcodes.models import Notice, PassCode, RiskRecord
from passcodes.notice_tasks import tell_of_area
from tests import factories
from tests.national_server import record
from tests.passcodes.notices.steps import CHANGED, DAY, HOUR, NOON, SECOND, listed, shown, texts, two_officers

pytestmark = pytest.mark.django_db


def red_for(condition, parameter="", **fields):
    """Rules in force that make red what was yellow."""
    draft = factories.rule_draft()
    draft.rules.filter(condition=condition, parameter=parameter).update(colour=Colour.RED, **fields)
    if "valid_from" in fields:
        row = draft.rules.get(condition=condition, parameter=parameter)
        row.pk, row.colour, row.valid_from, row.valid_to = None, Colour.YELLOW, None, fields["valid_from"]
        row.save(force_insert=True)
    return draft


def withdraw(rule_set):
    factories.agreed(rule_set=rule_set, does="withdraw")
    rule_set.refresh_from_db()
    rules.withdraw(rule_set=rule_set, by=None, at=timezone.now())


@pytest.fixture
def medium(code):
    return factories.risk_area(division=210102, level="medium")


def test_rules_tell_whom_they_turn_and_again_when_withdrawn(told, code, medium):
    stranger = factories.account(phone="+8613800000002")
    other = factories.pass_code(account=stranger, number=factories.DOCUMENTS[1])
    other.person.declarations.update(division=110105)
    assert texts(told()) == [CHANGED]
    rule_set = factories.released_rules(rule_set=red_for("area", "medium"))
    assert [to for to, _text in told()] == ["+8613800000001"]
    assert told() == []
    withdraw(rule_set)
    assert texts(told()) == [CHANGED]
    assert told() == []
    assert list(Notice.objects.sent().order_by("pk").values_list("colour", flat=True)) == [1, 2, 1]


def test_rules_that_begin_by_their_date_tell_then(told, clock, code, medium):
    told()
    draft = red_for("area", "medium")
    draft.valid_from = NOON + DAY
    draft.save()
    factories.released_rules(rule_set=draft)
    assert told() == []
    clock.move_to(NOON + DAY - SECOND)
    assert told() == []
    clock.move_to(NOON + DAY)
    assert texts(told()) == [CHANGED]


def test_one_rule_that_begins_by_its_date_tells_then(told, clock, code, holder):
    factories.released_rules(rule_set=red_for("contact", valid_from=NOON + DAY))
    assert told() == []
    clock.shift(HOUR)
    declared = factories.declaration(person=code.person, account=holder, made_at=NOON + HOUR)
    factories.stay(declaration=declared, kind="contact")
    assert (shown(code, holder), told()) == ("yellow", [])
    clock.move_to(NOON + DAY)
    assert texts(told()) == [CHANGED]


def test_rules_withdrawn_before_they_began_look_for_nobody(told, code, medium):
    told()
    draft = red_for("area", "medium")
    draft.valid_from = NOON + DAY
    draft.save()
    withdraw(factories.released_rules(rule_set=draft))
    told()
    assert not Notice.objects.filter(cause__startswith="rules:").exists()


def swapped():
    """Rules of which each makes yellow what was red, or red what was yellow."""
    draft = factories.rule_draft()
    red = list(draft.rules.filter(colour=Colour.RED).values_list("pk", flat=True))
    draft.rules.filter(colour=Colour.YELLOW).update(colour=Colour.RED)
    draft.rules.filter(pk__in=red).update(colour=Colour.YELLOW)
    return draft


FACTS = {
    "risk": lambda code: listed(starts_at=timezone.now() - HOUR, category="managed"),
    "abroad": lambda code: factories.stay(declaration=code.person.declarations.get(), division=990000),
    "contact": lambda code: factories.stay(declaration=code.person.declarations.get(), kind="contact"),
    "stay": lambda code: (
        factories.stay(declaration=code.person.declarations.get(), division=210202, days_ago=0),
        factories.risk_area(division=210200, level="medium"),
    ),
    "symptoms": lambda code: code.person.declarations.update(dry_cough=True),
    "gate": lambda code: code.person.gate_readings.create(temperature="37.9", taken_at=timezone.now()),
}


@pytest.mark.parametrize("fact", FACTS)
def test_rules_find_whoever_has_facts(code, clock, fact):
    other = factories.pass_code(account=factories.account(phone="+8613800000002"), number=factories.DOCUMENTS[1])
    FACTS[fact](code)
    row = facts.for_person(person_id=code.person_id, at=NOON)
    assert assess(facts.facts_of(row), rules.in_force(None), NOON).colour in (Colour.YELLOW, Colour.RED)
    factories.released_rules(rule_set=swapped())
    notice_search.search(NOON)
    found = Notice.objects.filter(cause__startswith="rules:")
    assert list(found.values_list("person", flat=True)) == [code.person_id] != [other.person_id]


def test_an_officer_s_end_of_a_record_is_told(told, clock, code, client):
    row = listed()
    assert texts(told()) == [CHANGED]
    clock.shift(HOUR)
    page = factories.staff_client(account=two_officers()[0])
    page.post(f"/admin/passcodes/riskrecord/{row.pk}/end/")
    assert (texts(told()), told()) == ([CHANGED], [])
    assert Notice.objects.sent().latest("pk").cause == f"ended:{row.pk}"


def test_an_end_of_a_measure_that_has_not_begun_tells_nothing(told, clock, code):
    row = listed(starts_at=NOON + DAY)
    told()
    page = factories.staff_client(account=two_officers()[0])
    page.post(f"/admin/passcodes/riskrecord/{row.pk}/end/")
    clock.move_to(NOON + DAY + SECOND)
    assert told() == []


def test_an_area_s_earlier_last_day_is_told(told, clock, code):
    area = factories.risk_area(division=210102, starts_on=timezone.localdate() - 20 * DAY)
    assert texts(told()) == [CHANGED]
    page = factories.staff_client(account=two_officers()[0])
    page.post(f"/admin/passcodes/riskarea/{area.pk}/change/", {"ends_on": timezone.localdate() - 15 * DAY})
    tell_of_area(Task.objects.get(kind="area-ended"), timezone.now())
    assert texts(told()) == [CHANGED]
    assert shown(code) == "green"


@pytest.fixture
def appeal(code, holder):
    """Against "other managed", by the holder."""
    row = listed(category="managed", ends_at=NOON + 3 * DAY)
    return filed(code, holder, row)


def filed(code, account, row):
    now = timezone.now()
    found = facts.facts_of(facts.for_person(person_id=code.person_id, at=now))
    reason = next(reason for reason in assess(found, rules.in_force(None), now).reasons if reason.fact)
    assert reason.fact == f"risk:{row.pk}"
    return appeals.file(
        person=code.person, reason=reason, claim="not_me", text="我没有去过", documents=(), by=account, at=now
    ) or appeals.standing(code.person_id, reason)


def decide(appeal, granted):
    officer = factories.account(phone="+8613700000009", office=factories.office(name="另一机关"))
    appeals.decide(appeal=appeal, granted=granted, answer="已核实", by=officer, at=timezone.now())


def changes(messages):
    return [to for to, text in messages if CHANGED in text]


def test_an_overdue_appeal_is_told_and_its_answer_too(told, clock, code, appeal):
    assert changes(told()) == ["+8613800000001"]
    clock.move_to(appeal.due_at - SECOND)
    assert told() == []
    clock.move_to(appeal.due_at)
    assert (changes(told()), told()) == (["+8613800000001"], [])
    clock.shift(HOUR)
    decide(appeal, granted=False)
    assert (changes(told()), told()) == (["+8613800000001"], [])


def test_an_overdue_appeal_that_is_withdrawn_is_told(told, clock, code, holder, appeal):
    told()
    clock.move_to(appeal.due_at)
    assert changes(told()) == ["+8613800000001"]
    clock.shift(HOUR)
    appeals.withdraw(appeal=appeal, by=holder, at=timezone.now())
    assert changes(told()) == ["+8613800000001"]


def test_a_granted_appeal_is_told_to_everybody_who_may_show_the_code(told, clock, holder):
    relative = factories.relative(account=holder)
    mother = PassCode.objects.create(person=relative.person)
    sister = factories.account(phone="+8613800000002")
    relative.person.proxies.create(account=sister, relation="parent", created_at=NOON, confirmed_at=NOON)
    appeal = filed(mother, sister, listed(number=factories.DOCUMENTS[1], category="managed"))
    assert sorted(changes(told())) == ["+8613800000001", "+8613800000002"]
    decide(appeal, granted=True)
    assert sorted(changes(told())) == ["+8613800000001", "+8613800000002"]
    assert told() == []


def test_what_the_national_platform_says_is_told_without_a_search(told, clock, platform, code, holder):
    platform.people[factories.DOCUMENTS[0]] = [record()]
    national_questions.ask_due(timezone.now())
    assert Notice.objects.get().cause.startswith("released:")
    assert texts(told()) == [CHANGED]
    clock.shift(HOUR)
    platform.people.clear()
    factories.declaration(person=code.person, account=holder)
    national_questions.ask_due(timezone.now())
    assert "has been withdrawn" in told()[0][1]
    assert told() == []
    assert RiskRecord.objects.count() == 1


def test_searching_stops_after_its_time_and_goes_on(told, clock, code):
    listed()
    assert notice_search.search(timezone.now(), seconds=-1) is True
    assert not Notice.objects.exists()
    assert notice_search.search(timezone.now()) is False
    assert Notice.objects.count() == 1


@pytest.mark.parametrize("hour", [20, 22])
def test_what_an_officer_ends_at_night_waits_for_the_morning(told, clock, code, hour):
    row = listed()
    told()
    clock.move_to(NOON.replace(hour=hour))
    page = factories.staff_client(account=two_officers()[0])
    page.post(f"/admin/passcodes/riskrecord/{row.pk}/end/")
    assert len(told()) == (1 if hour == 20 else 0)
    clock.move_to(NOON.replace(hour=8) + DAY + timedelta(minutes=1))
    assert len(told()) == (0 if hour == 20 else 1)
