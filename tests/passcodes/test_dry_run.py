"""What a draft would do: counts, divisions and masked samples."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from declarations.models import Assurance, Person
from passcodes import appeals, dry_run, facts, rules
from passcodes.colour import DEFAULT_RULES, Colour, assess
from passcodes.dry_run import Decided, Sample, Turn
from passcodes.models import Appeal, PlaceAnswer, RiskBatch
from tests import factories
from tests.passcodes import lists

pytestmark = pytest.mark.django_db

GREEN, YELLOW, RED, GREY, NEUTRAL = Colour


@pytest.fixture
def holder():
    return factories.account()


@pytest.fixture
def town(holder):
    """Four people who have declared: three at home in Heping, the last in Dalian."""
    now = timezone.now()
    for number, document in enumerate(factories.DOCUMENTS):
        person = factories.person(number=document)
        factories.declaration(person=person, account=holder, made_at=now, division=[210102, 210202][number == 3])


def test_draft_list_turns_whom_it_names(town):
    draft = factories.risk_batch(state="draft")
    factories.risk_record(number=factories.DOCUMENTS[0], batch=draft)
    factories.risk_record(number=factories.DOCUMENTS[3], batch=draft, category="managed")
    factories.risk_record(number=factories.DOCUMENTS[1])
    effect = dry_run.of_batch(draft, timezone.now())
    assert (effect.population, effect.turning) == (4, 2)
    assert effect.turns == [Turn(GREEN, YELLOW, 1), Turn(GREEN, RED, 1)]
    assert effect.divisions == {210102: [Turn(GREEN, RED, 1)], 210202: [Turn(GREEN, YELLOW, 1)]}
    first, last = Person.objects.order_by("pk").first(), Person.objects.order_by("pk").last()
    assert effect.samples == (
        Sample(first.pk, "张**", "21**************15", GREEN, RED),
        Sample(last.pk, "张**", "21**************4X", GREEN, YELLOW),
    )


def test_draft_area_turns_who_lives_there(town):
    factories.risk_area(division=210100)
    RiskBatch.objects.update(state="draft")
    assert dry_run.of_batch(RiskBatch.objects.get(), timezone.now()).turns == [Turn(GREEN, RED, 3)]


def test_draft_of_a_named_place_turns_who_said_that_they_were_there(town):
    known = factories.risk_area(place="太原街市场")
    RiskBatch.objects.update(state="withdrawn", withdrawn_at=timezone.now())
    person = Person.objects.order_by("pk").first()
    PlaceAnswer.objects.create(person=person, area=known, was_there=True, answered_at=timezone.now())
    draft = factories.risk_area(place="太原街市场").batch
    RiskBatch.objects.filter(pk=draft.pk).update(state="draft", released_at=None)
    draft.refresh_from_db()
    assert dry_run.of_batch(draft, timezone.now()).turns == [Turn(GREEN, RED, 1)]


def test_withdrawal_turns_back(town):
    listed = factories.risk_record()
    assert dry_run.of_batch(listed.batch, timezone.now()).turns == [Turn(RED, GREEN, 1)]
    renewal = factories.risk_batch()
    RiskBatch.objects.filter(pk=renewal.pk).update(renews=listed.batch)
    factories.risk_record(batch=renewal)
    assert dry_run.of_batch(listed.batch, timezone.now()).turns == [Turn(RED, GREEN, 1)]


def test_draft_rules_turn_whom_they_concern(town):
    factories.risk_record(category="managed")
    draft = factories.rule_draft()
    draft.rules.filter(parameter="managed").update(colour=RED)
    effect = dry_run.of_rules(draft, timezone.now())
    assert (effect.turns, effect.population) == ([Turn(YELLOW, RED, 1)], 4)


def test_withdrawal_of_rules_turns_to_what_the_set_before_says(town):
    now = timezone.now()
    factories.risk_record(category="managed")
    sets = []
    for colour in (RED, NEUTRAL):
        draft = factories.rule_draft(at=now)
        draft.rules.filter(parameter="managed").update(colour=colour)
        sets.append(factories.released_rules(rule_set=draft, at=now))
    first, second = sets
    assert dry_run.of_rules(second, now).turns == [Turn(NEUTRAL, RED, 1)]
    assert dry_run.of_rules(first, now).turns == []  # it decides nothing any more
    factories.agreed(rule_set=second, does="withdraw", at=now)
    rules.withdraw(rule_set=second, by=None, at=now)
    assert dry_run.of_rules(first, now).turns == [Turn(RED, YELLOW, 1)]  # the default rules decide then
    for decided in (second, later(now)):
        with pytest.raises(Decided):
            dry_run.of_rules(decided, now)


def later(now):
    """A set that has not begun."""
    draft = factories.rule_draft(at=now)
    draft.valid_from = now + timedelta(days=1)
    draft.save()
    return factories.released_rules(rule_set=draft, at=now)


def test_release_that_ends_stale_data_turns_everybody(town):
    now = timezone.now()
    source = factories.risk_source(fresh_hours=24, stale_from=now - timedelta(hours=1))
    draft = factories.risk_batch(source=source, state="draft")
    assert dry_run.of_batch(draft, now).turns == [Turn(NEUTRAL, GREEN, 4)]


def test_who_has_won_an_appeal_does_not_turn(town):
    draft = factories.rule_draft()
    draft.rules.filter(parameter="managed").update(colour=RED)
    listed = [factories.risk_record(number=number, category="managed") for number in factories.DOCUMENTS[:2]]
    person = Person.objects.get(document_hash=listed[0].document_hash)
    now = timezone.now()
    reason = assess(facts.facts_of(facts.for_person(person_id=person.pk, at=now)), DEFAULT_RULES, now).reasons[0]
    filed = appeals.file(
        person=person,
        reason=reason,
        claim="not_me",
        text="",
        documents=(),
        by=Account.objects.get(),
        at=now,
    )
    Appeal.objects.filter(pk=filed.pk).update(state="granted", decided_at=now)
    effect = dry_run.of_rules(draft, now)
    assert (effect.population, effect.turns) == (4, [Turn(YELLOW, RED, 1)])


def test_only_twenty_of_many_are_shown(holder):
    now = timezone.now()
    draft = factories.risk_batch(state="draft")
    for number in range(30):
        person = factories.person(number=lists.number(number))
        factories.declaration(person=person, account=holder, made_at=now)
        factories.risk_record(number=lists.number(number), batch=draft)
    effect = dry_run.of_batch(draft, now)
    assert (effect.turning, effect.is_of_few, len(effect.samples)) == (30, False, 20)
    assert dry_run.of_batch(draft, now) == effect


def test_nobody_turns_where_nothing_changes(town):
    effect = dry_run.of_rules(factories.rule_draft(), timezone.now())
    assert (effect.turns, effect.is_of_few) == ([], False)
    assert dry_run.of_batch(factories.risk_batch(state="draft"), timezone.now()).samples == ()


def test_nobody_is_there():
    effect = dry_run.of_batch(factories.risk_batch(state="draft"), timezone.now())
    assert (effect.population, effect.turns, effect.divisions) == (0, [], {})


def test_the_only_declared_are_not_counted(holder):
    person = factories.person(assurance=Assurance.DECLARED)
    factories.declaration(person=person, account=holder)
    assert dry_run.of_batch(factories.risk_batch(state="draft"), timezone.now()).population == 0


@pytest.mark.parametrize("state", ["refused", "withdrawn"])
def test_what_can_never_count_is_not_tried(state):
    with pytest.raises(Decided):
        dry_run.of_batch(factories.risk_batch(state=state), timezone.now())


def test_people_are_counted_in_one_statement(town):
    factories.risk_record()
    with CaptureQueriesContext(connection) as captured:
        dry_run.of_rules(factories.rule_draft(), timezone.now())
    assert sum("passcodes_riskrecord" in query["sql"] for query in captured.captured_queries) == 1
