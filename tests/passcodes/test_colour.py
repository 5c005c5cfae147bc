"""The colour by truth table: no database, no clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passcodes.colour import (
    ABROAD,
    BEIJING,
    DEFAULT_RULES,
    WORST_FIRST,
    Colour,
    RiskCategory,
    assess,
    end_of,
    start_of,
)
from passcodes.evidence import AreaMatch, Declared, Facts, Reading, Risk, Stay

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # noon in Beijing
TODAY = date(2026, 11, 25)
HEALTHY = Declared(AT - timedelta(hours=1), fever=False, dry_cough=False)
SECOND = timedelta(seconds=1)


def facts(**given) -> Facts:
    return Facts(**{"real_name": True, "declarations": (HEALTHY,), **given})


def colour_of(at=AT, **given) -> Colour:
    return assess(facts(**given), DEFAULT_RULES, at).colour


def risk(category, starts_at=AT - timedelta(days=1), ends_at=None) -> Risk:
    return Risk(category, starts_at, ends_at, "office", "024-1")


def area(level="high", to_on=TODAY, starts_on=TODAY - timedelta(days=30), ends_on=None) -> AreaMatch:
    return AreaMatch(level, 210102, starts_on, ends_on, to_on)


@pytest.mark.parametrize(
    ("category", "colour"),
    [
        ("confirmed", Colour.RED),
        ("suspected", Colour.RED),
        ("asymptomatic", Colour.RED),
        ("close_contact", Colour.RED),
        ("arrival", Colour.RED),
        ("secondary_contact", Colour.YELLOW),
        ("managed", Colour.YELLOW),
    ],
)
def test_listed_people_by_category(category, colour):
    assert colour_of(risks=(risk(category),)) == colour


def test_every_category_has_a_rule():
    assert {rule.parameter for rule in DEFAULT_RULES if rule.condition == "risk"} == set(RiskCategory)


@pytest.mark.parametrize(
    ("at", "colour"),
    [
        (AT - SECOND, Colour.GREEN),
        (AT, Colour.RED),
        (AT + timedelta(hours=2) - SECOND, Colour.RED),
        (AT + timedelta(hours=2), Colour.GREEN),
    ],
)
def test_measure_begins_and_ends_to_the_second(at, colour):
    listed = risk("close_contact", starts_at=AT, ends_at=AT + timedelta(hours=2))
    assert colour_of(at, risks=(listed,)) == colour


@pytest.mark.parametrize(
    ("days_ago", "colour"), [(0, Colour.RED), (1, Colour.RED), (14, Colour.RED), (15, Colour.GREEN)]
)
def test_high_risk_area_counts_fourteen_days(days_ago, colour):
    assert colour_of(areas=(area(to_on=TODAY - timedelta(days=days_ago)),)) == colour


def test_fourteen_days_end_at_local_midnight():
    last_day = area(to_on=TODAY - timedelta(days=14))
    midnight = datetime(2026, 11, 26, tzinfo=BEIJING)
    declared = (Declared(midnight - timedelta(hours=1), False, False),)
    assert colour_of(midnight - SECOND, areas=(last_day,), declarations=declared) == Colour.RED
    assert colour_of(midnight, areas=(last_day,), declarations=declared) == Colour.GREEN


def test_area_that_was_lowered_counts_from_its_last_day():
    assert colour_of(areas=(area(ends_on=TODAY - timedelta(days=14)),)) == Colour.RED
    assert colour_of(areas=(area(ends_on=TODAY - timedelta(days=15)),)) == Colour.GREEN


def test_home_in_a_risk_area_lasts_while_the_area_does():
    assert colour_of(areas=(area(to_on=None),)) == Colour.RED
    assert assess(facts(areas=(area(to_on=None),)), DEFAULT_RULES, AT).until is None


def test_medium_area_is_yellow():
    assert colour_of(areas=(area("medium"),)) == Colour.YELLOW


@pytest.mark.parametrize(
    ("stay", "colour"),
    [
        (Stay("travel", 110105, TODAY), Colour.GREEN),
        (Stay("travel", ABROAD, TODAY - timedelta(days=14)), Colour.RED),
        (Stay("travel", ABROAD, TODAY - timedelta(days=15)), Colour.GREEN),
        (Stay("contact", 210102, TODAY - timedelta(days=14)), Colour.YELLOW),
        (Stay("contact", 210102, TODAY - timedelta(days=15)), Colour.GREEN),
    ],
)
def test_declared_stays(stay, colour):
    assert colour_of(stays=(stay,)) == colour


@pytest.mark.parametrize(("fever", "cough"), [(True, False), (False, True), (True, True)])
def test_declared_symptoms_are_yellow_for_their_hours(fever, cough):
    ill = Declared(AT, fever, cough)
    corrected = Declared(AT + timedelta(hours=1), False, False)
    end = AT + timedelta(hours=72)
    fresh = Declared(end - timedelta(hours=1), False, False)
    assert colour_of(AT, declarations=(ill,)) == Colour.YELLOW
    assert colour_of(AT + timedelta(hours=2), declarations=(ill, corrected)) == Colour.YELLOW
    assert colour_of(end - SECOND, declarations=(ill, fresh)) == Colour.YELLOW
    assert colour_of(end, declarations=(ill, fresh)) == Colour.GREEN


def test_normal_reading_clears_symptoms_declared_before_it_only():
    ill = Declared(AT - timedelta(hours=3), True, False)
    assert colour_of(declarations=(ill,), gate=Reading(36.5, AT - timedelta(hours=2))) == Colour.GREEN
    assert colour_of(declarations=(ill,), gate=Reading(None, AT - timedelta(hours=2))) == Colour.GREEN
    assert colour_of(declarations=(ill,), gate=Reading(36.5, AT - timedelta(hours=4))) == Colour.YELLOW


@pytest.mark.parametrize(
    ("reading", "colour"),
    [
        (Reading(37.2, AT), Colour.GREEN),
        (Reading(37.3, AT), Colour.YELLOW),
        (Reading(41.0, AT - timedelta(hours=72) + SECOND), Colour.YELLOW),
        (Reading(41.0, AT - timedelta(hours=72)), Colour.GREEN),
        (Reading(None, AT), Colour.GREEN),
    ],
)
def test_gate_reading(reading, colour):
    assert colour_of(gate=reading) == colour


@pytest.mark.parametrize(
    ("declarations", "colour"),
    [
        ((), Colour.GREY),
        ((Declared(AT - timedelta(days=3) + SECOND, False, False),), Colour.GREEN),
        ((Declared(AT - timedelta(days=3), False, False),), Colour.GREY),
    ],
)
def test_no_current_declaration_is_grey(declarations, colour):
    assert colour_of(declarations=declarations) == colour


@pytest.mark.parametrize(
    ("given", "colour"),
    [
        ({}, Colour.NEUTRAL),
        ({"declarations": ()}, Colour.NEUTRAL),  # would be grey
        ({"risks": (risk("managed"),)}, Colour.YELLOW),
        ({"risks": (risk("confirmed"),)}, Colour.RED),
        ({"gate": Reading(37.3, AT)}, Colour.YELLOW),
        ({"areas": (area(),)}, Colour.RED),
    ],
)
def test_stale_risk_data_hide_green_and_grey_only(given, colour):
    assert colour_of(stale=True, **given) == colour


def test_stale_risk_data_are_a_reason_without_end_or_office():
    assessment = assess(facts(stale=True, declarations=()), DEFAULT_RULES, AT)
    assert [(reason.code, reason.until, reason.office) for reason in assessment.reasons] == [
        ("stale", None, ""),
        ("not_current", None, ""),
    ]


def test_worst_colour_wins_and_every_reason_is_kept():
    assessment = assess(
        facts(declarations=(), risks=(risk("managed"), risk("confirmed")), gate=Reading(39.0, AT)), DEFAULT_RULES, AT
    )
    assert assessment.colour == Colour.RED
    assert [reason.code for reason in assessment.reasons] == [
        "risk-confirmed",
        "gate_fever",
        "risk-managed",
        "not_current",
    ]


def test_who_is_only_declared_is_neutral_and_told_nothing():
    assessment = assess(
        facts(real_name=False, risks=(risk("confirmed"),), areas=(area(),), gate=Reading(39.0, AT)), DEFAULT_RULES, AT
    )
    assert assessment.colour == Colour.NEUTRAL
    assert [reason.code for reason in assessment.reasons] == ["identity"]


moments = st.integers(-20 * 24, 0).map(lambda hours: AT + timedelta(hours=hours))
days = st.integers(-40, 0).map(lambda number: TODAY + timedelta(days=number))
risks = st.builds(
    Risk,
    st.sampled_from([*RiskCategory]),
    moments,
    st.none() | st.integers(1, 400).map(lambda hours: AT + timedelta(hours=hours - 200)),
    st.just("office"),
    st.just("1"),
)
areas = st.builds(
    AreaMatch, st.sampled_from(["high", "medium"]), st.just(210102), days, st.none() | days, st.none() | days
)
stays = st.builds(Stay, st.sampled_from(["travel", "contact"]), st.sampled_from([ABROAD, 210102]), days)
declared = st.builds(Declared, moments, st.booleans(), st.booleans())
lists = st.fixed_dictionaries(
    {
        "risks": st.lists(risks, max_size=4),
        "areas": st.lists(areas, max_size=4),
        "stays": st.lists(stays, max_size=4),
        "declarations": st.lists(declared, max_size=4),
        "gate": st.none() | st.builds(Reading, st.none() | st.sampled_from([36.5, 37.3]), moments),
        "stale": st.booleans(),
    }
)


def as_facts(values) -> Facts:
    return facts(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


@given(lists, st.sampled_from(["risks", "areas", "stays"]), st.data())
def test_another_risk_fact_never_improves_the_colour(values, name, data):
    before = assess(as_facts(values), DEFAULT_RULES, AT).colour
    extra = data.draw({"risks": risks, "areas": areas, "stays": stays}[name])
    after = assess(as_facts({**values, name: [*values[name], extra]}), DEFAULT_RULES, AT).colour
    assert WORST_FIRST.index(after) <= WORST_FIRST.index(before)


@given(lists, st.randoms(use_true_random=False))
def test_the_order_of_facts_and_rules_does_not_matter(values, random):
    shuffled = {
        name: random.sample(value, len(value)) if isinstance(value, list) else value for name, value in values.items()
    }
    rules = random.sample(DEFAULT_RULES, len(DEFAULT_RULES))
    assert assess(as_facts(values), DEFAULT_RULES, AT) == assess(as_facts(shuffled), rules, AT)


def test_copies_of_a_record_come_in_the_order_of_their_sources():
    copies = [replace(risk("confirmed"), source=source) for source in (2, None, 1)]
    reasons = assess(facts(risks=tuple(copies)), DEFAULT_RULES, AT).reasons
    assert [reason.source for reason in reasons] == [None, 1, 2]


def test_not_green_before_the_national_platform_has_answered():
    assert assess(facts(asked=False), DEFAULT_RULES, AT).colour == Colour.NEUTRAL
    assert colour_of(asked=False, declarations=()) == Colour.NEUTRAL
    assert colour_of(asked=False, risks=(risk("confirmed"),)) == Colour.RED
    assert colour_of(asked=False, risks=(risk("managed"),)) == Colour.YELLOW
    assert colour_of(asked=True) == Colour.GREEN


@pytest.mark.parametrize("days", [
    {"starts_on": date.min, "ends_on": date.max},
    {"starts_on": date.min, "ends_on": date.max - timedelta(days=10)},
    {"to_on": date.max},
    {"to_on": None, "ends_on": date.max},
])  # fmt: skip
def test_days_at_the_end_of_the_calendar_colour_as_others_do(days):
    assessment = assess(facts(areas=(area(**{"to_on": None, **days}),)), DEFAULT_RULES, AT)
    assert assessment.colour == Colour.RED
    for moment in (assessment.reasons[0].since, assessment.until):
        assert moment.astimezone(UTC).astimezone(BEIJING) == moment


def test_midnights_of_the_first_and_last_days():
    assert start_of(date.min) == start_of(date(1, 1, 2))
    assert end_of(date.max) == end_of(date.max, 30) == end_of(date(9999, 12, 20), 14) == start_of(date(9999, 12, 30))
    assert end_of(TODAY) == datetime(2026, 11, 26, tzinfo=BEIJING)
    assert end_of(TODAY, 2) == datetime(2026, 11, 28, tzinfo=BEIJING)
    assert end_of(date.min) == datetime(1, 1, 2, tzinfo=BEIJING)
