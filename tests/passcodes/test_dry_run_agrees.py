"""The statement of a dry run and `assess` agree, on random people and at the edges of every condition."""

from collections import Counter
from dataclasses import fields
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Account
from declarations.models import Assurance, Declaration, Person, Stay
from passcodes import dry_run, facts, risk, rules
from passcodes.actions import reason_as_json
from passcodes.colour import (
    ABROAD,
    DEFAULT_RULES,
    Assessment,
    Colour,
    Condition,
    RiskCategory,
    RiskLevel,
    Rule,
    assess,
)
from passcodes.dry_run_sql import Side, Statement
from passcodes.models import (
    Appeal,
    ColourRule,
    GateReading,
    NationalQuery,
    PlaceAnswer,
    RiskArea,
    RiskBatch,
    RiskRecord,
    RuleSet,
)
from tests import factories
from tests.passcodes import lists
from tests.passcodes.test_colour import AT, SECOND, TODAY

pytestmark = pytest.mark.django_db

GREEN, YELLOW, RED, GREY, NEUTRAL = Colour
BEARING = {YELLOW, RED}
CATEGORIES = [RiskCategory.CONFIRMED, RiskCategory.MANAGED]
PLACES = [210102, 210202, ABROAD]
AREAS = [*PLACES, 210100, 210000]
STATES = ["visible", "draft", "withdrawn"]
KINDS = [kind for kind in Condition if kind != Condition.IDENTITY]
PARAMETERS = {Condition.RISK: CATEGORIES, Condition.AREA: [*RiskLevel]}

# Few values, all near the edges of the rules' times, so that facts and rules meet.
hours = st.integers(-8, 3).map(lambda number: AT + timedelta(hours=12 * number))
days = st.integers(-5, 1).map(lambda number: TODAY + timedelta(days=number))
spans = st.tuples(days, days).map(sorted)
batches = st.sampled_from([0, 0, 1, 1, 2])
stays = st.tuples(st.sampled_from(["travel", "contact"]), st.sampled_from(PLACES), spans)
declarations = st.tuples(
    hours,
    st.booleans(),
    st.booleans(),
    st.sampled_from(PLACES),
    st.lists(stays, max_size=2),
    st.sampled_from([None, False, True, True]),
)
readings = st.tuples(hours, st.sampled_from([None, "37.2", "37.3", "39.0"]))
listed = st.tuples(
    batches,
    st.sampled_from(CATEGORIES),
    st.sampled_from([AT - timedelta(days=1), AT, AT + SECOND]),
    st.sampled_from([None, AT, AT + SECOND]),
)
people = st.fixed_dictionaries(
    {
        "assurance": st.sampled_from([*Assurance, Assurance.FACE]),
        "declarations": st.lists(declarations, max_size=3, unique_by=lambda one: one[0]),
        "readings": st.lists(readings, max_size=2, unique_by=lambda one: one[0]),
        "risks": st.lists(listed, max_size=2),
    }
)
areas = st.tuples(
    batches,
    st.sampled_from(RiskLevel),
    st.sampled_from(AREAS),
    spans,
    st.booleans(),
    st.sampled_from(["", "", "market", "station"]),
)
# Person and area by their numbers; whether they were there; the last day, or none.
answers = st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from([True, True, False]), st.none() | days)


@st.composite
def one_rule(draw) -> Rule:
    condition = draw(st.sampled_from(KINDS))
    since, until = draw(st.sampled_from([(None, None)] * 6 + [(AT, None), (None, AT), (AT + timedelta(1), None)]))
    return Rule(
        condition,
        draw(st.sampled_from([YELLOW, RED, NEUTRAL, GREY])),
        draw(st.sampled_from(PARAMETERS.get(condition, [""]))),
        days=draw(st.integers(1, 4)),
        hours=draw(st.sampled_from([24, 36, 48])),
        valid_from=since,
        valid_to=until,
    )


sets = st.just(list(DEFAULT_RULES)) | st.lists(one_rule(), max_size=5) | st.lists(one_rule(), min_size=1, max_size=1)


def populate(someones, some_areas, some_answers, states) -> list[RiskBatch]:
    """The people, what they said and what is known of them; the batches, by number, in these states."""
    account = factories.account()
    batches = [
        factories.risk_batch(source=factories.risk_source(slug=f"source-{number}", fresh_hours=24), state=state)
        for number, state in enumerate(states)
    ]
    for number, someone in enumerate(someones):
        person = factories.person(number=lists.number(number), assurance=someone["assurance"])
        for made_at, fever, cough, division, stayed, answered in someone["declarations"]:
            made = factories.declaration(
                person=person, account=account, made_at=made_at, fever=fever, dry_cough=cough, division=division
            )
            if answered is not None:
                NationalQuery.objects.create(
                    declaration=made, created_at=AT, due_at=AT, answered_at=AT if answered else None
                )
            Stay.objects.bulk_create(
                Stay(declaration=made, kind=kind, division=place, from_on=first, to_on=last)
                for kind, place, (first, last) in stayed
            )
        GateReading.objects.bulk_create(
            GateReading(person=person, temperature=figure, taken_at=at) for at, figure in someone["readings"]
        )
        RiskRecord.objects.bulk_create(
            RiskRecord(
                batch=batches[batch],
                document_hash=person.document_hash,
                category=category,
                starts_at=starts_at,
                ends_at=ends_at if ends_at and ends_at > starts_at else None,
            )
            for batch, category, starts_at, ends_at in someone["risks"]
        )
    areas = [
        RiskArea.objects.create(
            batch=batches[batch],
            level=level,
            division=division,
            starts_on=first,
            ends_on=last if ended else None,
            place=place,
        )
        for batch, level, division, (first, last), ended, place in some_areas
    ]
    answer([*Person.objects.order_by("pk")], [area for area in areas if area.place], some_answers)
    return batches


def answer(people: list[Person], areas: list[RiskArea], some_answers) -> None:
    """What people said of named places, of each pair the last."""
    pairs = {(person, area): said for person, area, *said in some_answers if person < len(people) and area < len(areas)}
    PlaceAnswer.objects.bulk_create(
        PlaceAnswer(
            person=people[person],
            area=areas[area],
            was_there=was_there,
            last_on=last_on if was_there else None,
            answered_at=AT,
        )
        for (person, area), (was_there, last_on) in pairs.items()
    )


def rule_set(values: list[Rule], **given) -> RuleSet:
    made = RuleSet.objects.create(number=rules.next_number(), created_at=AT, **given)
    names = {field.name for field in fields(Rule)} - {"id"}
    ColourRule.objects.bulk_create(
        ColourRule(rule_set=made, **{name: getattr(rule, name) for name in names}) for rule in values
    )
    return made


def assessments(by: list[Rule] | tuple[Rule, ...]) -> dict[int, Assessment]:
    """Of every real-name person, by the pure function."""
    people = list(Person.objects.real_name().values_list("pk", flat=True))
    rows = facts.for_people(person_ids=people, at=AT) if people else {}
    return {person: assess(facts.facts_of(row), by, AT) for person, row in rows.items()}


def colours(by: list[Rule] | tuple[Rule, ...]) -> dict[int, Colour]:
    return {person: assessment.colour for person, assessment in assessments(by).items()}


def appeal(states: list[str]) -> None:
    """Against the first things that somebody has decided, which still count, have been granted, or wait too long."""
    decided = [
        (person, reason)
        for person, assessment in assessments(rules.at_present(AT)).items()
        for reason in assessment.reasons
        if reason.fact
    ]
    for number, (state, (person, reason)) in enumerate(zip(states, dict(decided).items(), strict=False)):
        granted = state == "granted"
        Appeal.objects.create(
            person_id=person,
            account=Account.objects.first(),
            receipt=f"AAAA-{number:04d}",
            fact=reason.fact,
            disputed=reason_as_json(reason),
            claim="other",
            text="",
            created_at=AT - timedelta(days=2),
            due_at=AT + timedelta(hours=state == "open"),
            state="granted" if granted else "waiting",
            decided_at=AT if granted else None,
        )


def expect(effect: dry_run.Effect, was: dict[int, Colour], becomes: dict[int, Colour]) -> None:
    """The same people have the same colours in the same divisions."""
    latest = {made.person_id: made.division for made in Declaration.objects.order_by("made_at")}
    expected = Counter((latest.get(person), was[person], becomes[person]) for person in was)
    assert {(cell.division, cell.was, cell.becomes): cell.people for cell in effect.cells} == dict(expected)
    turned = Counter((was[person], becomes[person]) for person in was if was[person] != becomes[person])
    assert Counter((sample.was, sample.becomes) for sample in effect.samples) == turned


def expect_turning(draft: RuleSet, was: dict[int, Colour], becomes: dict[int, Colour]) -> None:
    """Of those who turn to yellow or red, or from there, the ids are found; beside them only who has appealed."""
    sides = Side(rules.at_present(AT)), Side(tuple(row.value for row in draft.rules.order_by("pk")))
    statement = Statement(*sides, AT)
    sql = statement.turning()
    with connection.cursor() as cursor:
        cursor.execute(sql, statement.parameters)
        found = {person for (person,) in cursor.fetchall()}
    turning = {person for person in was if was[person] != becomes[person] and {was[person], becomes[person]} & BEARING}
    assert turning <= found
    assert found - turning <= set(Appeal.objects.values_list("person", flat=True))


@given(
    st.lists(people, min_size=1, max_size=8),
    st.lists(areas, max_size=4),
    st.lists(answers, max_size=6),
    st.permutations(STATES),
    st.lists(st.sampled_from([None] * 5 + [AT, AT + SECOND]), min_size=3, max_size=3),
    st.lists(st.sampled_from(["granted", "overdue", "open"]), max_size=3),
    st.booleans(),
    sets.filter(bool),  # a released set is never empty
    sets,
)
@settings(max_examples=30)
def test_statement_and_pure_function_agree(
    someones, some_areas, some_answers, states, stale, appealing, asks, present, proposed
):
    with transaction.atomic(), override_settings(NATIONAL_URL="https://national.example" if asks else ""):
        batches = populate(someones, some_areas, some_answers, states)
        for batch, stale_from in zip(batches, stale, strict=True):
            batch.source.stale_from = stale_from
            batch.source.save()
        rule_set(present, state="released", valid_from=AT, released_at=AT)
        rules.in_force.cache_clear()
        appeal(appealing)
        draft = rule_set(proposed)

        was = colours(rules.at_present(AT))
        becomes = colours([row.value for row in draft.rules.all()])
        expect(dry_run.of_rules(draft, AT), was, becomes)
        expect_turning(draft, was, becomes)
        for state in ("draft", "visible"):
            batch = batches[states.index(state)]
            batch.created_at = AT - timedelta(hours=30 * (batch.pk % 2))
            effect = dry_run.of_batch(batch, AT)
            with transaction.atomic():
                if state == "draft":
                    risk._move(batch, "draft", "visible", released_at=AT)
                    risk.mark_fresh(source=batch.source, at=batch.created_at)
                else:
                    risk.withdraw(batch=batch, by=None, at=AT)
                becomes = colours(rules.at_present(AT))
                transaction.set_rollback(True)
            expect(effect, was, becomes)
        transaction.set_rollback(True)


def someone(**given) -> dict:
    """Who would be green but for what is given."""
    return {"assurance": Assurance.AUTHORITY, "declarations": [declared()], "readings": [], "risks": [], **given}


def declared(ago=timedelta(hours=1), *, fever=False, place=110105, stays=()) -> tuple:
    return AT - ago, fever, False, place, stays, None


def edges() -> list[dict]:
    """People whose facts end or begin about now, each with one of them."""
    day, around = timedelta(days=1), [-SECOND, timedelta(0), SECOND]
    listed = [(starts, ends) for starts in (AT - day, AT, AT + SECOND) for ends in (None, AT, AT + SECOND)]
    stayed = [
        (kind, place, [TODAY + day * first, TODAY + day * last])
        for kind, place in [("travel", ABROAD), ("contact", 110105), ("travel", 210202), ("travel", 210303)]
        for first in range(-26, 2)
        for last in {first, min(first + 5, 1)}
    ]
    readings = [(AT - 3 * day + near, figure) for near in around for figure in (None, "37.2", "37.3")]
    return [
        *(someone(risks=[(0, RiskCategory.CONFIRMED, *one)]) for one in listed),
        *(someone(declarations=[declared(stays=[one])]) for one in stayed),
        *(someone(declarations=[declared(place=place)]) for place in (210202, 210303, 210404, 210505)),
        *(someone(readings=[one]) for one in readings),
        *(someone(declarations=[declared(3 * day + near)]) for near in around),
        *(someone(declarations=[declared(), declared(3 * day + near, fever=True)]) for near in around),
        *(
            someone(declarations=[declared(), declared(day, fever=True)], readings=[(AT - day + near, figure)])
            for near in around
            for figure in (None, "37.2", "37.3")
        ),
    ]


def test_statement_and_pure_function_agree_to_the_second():
    day = timedelta(days=1)
    spans = {
        210200: (-20, -10, True),
        210303: (-3, 0, False),
        210404: (0, 0, True),
        210505: (1, 1, True),
    }
    some_areas = [
        (0, RiskLevel.HIGH, place, (TODAY + day * first, TODAY + day * last), ended, "")
        for place, (first, last, ended) in spans.items()
    ]
    populate(edges(), some_areas, [], ["visible"])
    was = colours(DEFAULT_RULES)
    assert set(was.values()) == {GREEN, YELLOW, RED, GREY}
    nothing = rule_set([Rule(Condition.NOT_CURRENT, GREY, days=4)])
    effect = dry_run.of_rules(nothing, AT)
    found = Counter({(cell.division, cell.was): cell.people for cell in effect.cells})
    latest = {made.person_id: made.division for made in Declaration.objects.order_by("made_at")}
    assert found == Counter((latest.get(person), colour) for person, colour in was.items())
