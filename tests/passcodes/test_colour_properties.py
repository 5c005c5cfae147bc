"""What is true of every colour, whatever the facts and the rules: found by random ones."""

import itertools
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from passcodes.colour import (
    DEFAULT_RULES,
    WORST_FIRST,
    Colour,
    Condition,
    RiskCategory,
    RiskLevel,
    Rule,
    assess,
    day_of,
)
from passcodes.evidence import AreaMatch, Exemption, Facts, Reading, Risk
from tests.passcodes import test_colour
from tests.passcodes.test_colour import AT, as_facts, declared, moments, stays

PARAMETERS = {Condition.RISK: [*RiskCategory], Condition.AREA: [*RiskLevel]}
BEARING = (Colour.RED, Colour.YELLOW)
NUMBERS = st.integers(1, 3)  # few, so that copies, renewals and appeals meet
risks = st.builds(
    replace,
    test_colour.risks,
    id=NUMBERS,
    office=st.sampled_from(["a", "b"]),
    begun_at=st.none() | moments,
    source=st.none() | st.integers(1, 2),
)
MET_BY = [{"own": 210102}, {"own": 210103}, {"own": 210102, "away_at": AT}, {"own": 210102, "source": 1}]
areas = st.builds(
    lambda area, number, met_by: replace(area, id=number, **met_by), test_colour.areas, NUMBERS, st.sampled_from(MET_BY)
)
EXTRA = {"risks": risks, "areas": areas, "stays": stays}


@st.composite
def with_appeals(draw) -> dict:
    """Facts, some of them disputed: waiting, late or granted. The national platform may not have answered."""
    values = {**draw(test_colour.lists), "asked": draw(st.booleans())}
    values |= {name: draw(st.lists(EXTRA[name], max_size=4)) for name in EXTRA}
    return {**values, "exceptions": draw(st.lists(exemptions(values), max_size=3))}


@st.composite
def exemptions(draw, values) -> Exemption:
    """What an appeal does: mostly one against a reason that there is, by number, likeness or finding."""
    found = [reason for reason in assess(as_facts(values), DEFAULT_RULES, AT).reasons if reason.fact]
    granted, moment = (
        draw(st.booleans()),
        draw(st.integers(-20 * 24, 24).map(lambda hours: AT + timedelta(hours=hours))),
    )
    if not found:
        return Exemption(f"risk:{draw(NUMBERS)}", granted, moment)
    reason = draw(st.sampled_from(found))
    finding = reason.finding if granted and draw(st.booleans()) else ()
    fact = draw(st.sampled_from([reason.fact, f"risk:{draw(NUMBERS)}"]))
    return Exemption(fact, granted, moment, reason.likeness, finding, reason.ends_at)


lists = with_appeals()


@st.composite
def rules(draw) -> Rule:
    """A rule that could be released, dated or not."""
    condition = draw(st.sampled_from([kind for kind in Condition if kind != Condition.IDENTITY]))
    return Rule(
        condition,
        draw(st.sampled_from([Colour.YELLOW, Colour.RED, Colour.NEUTRAL, Colour.GREY])),
        draw(st.sampled_from(PARAMETERS.get(condition, [""]))),
        days=draw(st.integers(1, 30)),
        hours=draw(st.integers(1, 168)),
        id=draw(st.integers(1, 3)),
        office=draw(st.sampled_from(["", "a", "b"])),
        valid_from=draw(st.none() | moments),
        valid_to=draw(st.none() | st.just(AT) | moments),
    )


sets = st.just(list(DEFAULT_RULES)) | st.lists(rules(), max_size=8)


def severity(values, rule_set) -> int:
    return -WORST_FIRST.index(assess(as_facts(values), rule_set, AT).colour)


@given(lists, sets, st.sampled_from(sorted(EXTRA)), st.data())
def test_another_risk_fact_never_improves_a_colour(values, rule_set, name, data):
    more = {**values, name: [*values[name], data.draw(EXTRA[name])]}
    assert severity(more, rule_set) >= severity(values, rule_set)


@given(lists, sets, st.sampled_from(sorted(EXTRA)), st.data())
def test_one_risk_fact_less_never_worsens_a_colour(values, rule_set, name, data):
    if values[name]:
        gone = data.draw(st.sampled_from(range(len(values[name]))))
        less = {**values, name: [fact for number, fact in enumerate(values[name]) if number != gone]}
        assert severity(less, rule_set) <= severity(values, rule_set)


@given(lists, sets, st.data())
def test_another_appeal_never_worsens_a_colour(values, rule_set, data):
    more = {**values, "exceptions": [*values["exceptions"], data.draw(exemptions(values))]}
    assert severity(more, rule_set) <= severity(values, rule_set)


def days_ago(*numbers):
    return st.sampled_from([None if number is None else day_of(AT) - timedelta(days=number) for number in numbers])


def hours_from_now(*numbers):
    return st.sampled_from([None if number is None else AT + timedelta(hours=number) for number in numbers])


# So few values that most are like some other, and differ from it in one thing.
alike = st.lists(
    st.builds(
        Risk,
        st.sampled_from([RiskCategory.CLOSE_CONTACT, RiskCategory.MANAGED]),
        hours_from_now(-24, -48),
        hours_from_now(None, 24, 48),
        st.sampled_from(["a", "a", "b"]),
        st.just("024-1"),
        NUMBERS,
        hours_from_now(None, None, -48),
        st.sampled_from([None, 1, 1, 2]),
    )
    | st.builds(
        AreaMatch,
        st.just("high"),
        st.sampled_from([210100, 210100, 210102]),
        days_ago(6, 6, 5),
        days_ago(None, 3, 1),
        days_ago(None, 2),
        NUMBERS,
        st.sampled_from(["", "", "市场"]),
        st.sampled_from([None, 1, 1, 2]),
        st.sampled_from([210102, 210102, 210103]),
        days_ago(None, 4, 2),
        hours_from_now(None, None, -1),
    ),
    min_size=6,
    max_size=6,
)


@given(alike, st.booleans())
def test_a_granted_appeal_frees_copies_and_renewals_alone(listed, not_me):
    """The row, what says the same of the same and lasts no longer, and, not me, what the source says for a while."""
    rows = {fact.fact: fact for fact in listed}
    facts = Facts(True, risks=tuple(filter(is_risk, rows.values())), areas=tuple(filter(is_area, rows.values())))
    found = [reason for reason in assess(facts, DEFAULT_RULES, AT).reasons if reason.fact]
    for reason, other in itertools.product(found, found):
        finding = reason.finding if not_me else ()
        said = Exemption(reason.fact, True, AT, reason.likeness, finding, reason.ends_at)
        one, two = rows[reason.fact], rows[other.fact]
        expected = one is two or (is_copy if is_risk(one) else is_same_area)(one, two)
        if not_me and is_risk(one) and is_risk(two) and one.source:
            expected |= (one.category, one.source) == (two.category, two.source)
        assert said.covers(other) == expected


def is_risk(fact) -> bool:
    return isinstance(fact, Risk)


def is_area(fact) -> bool:
    return isinstance(fact, AreaMatch)


def is_copy(one: Risk, two) -> bool:
    """The same measure of the same office, or what renews it; no longer, unless it is one that is renewed."""
    if not is_risk(two) or (one.category, one.office) != (two.category, two.office):
        return False
    began = (one.begun_at or one.starts_at) == (two.begun_at or two.starts_at)
    return began and (one.category == RiskCategory.MANAGED or not is_later(two.ends_at, one.ends_at))


def is_same_area(one: AreaMatch, two) -> bool:
    """The same area of the same source, met in the same way; no more days there."""
    if not is_area(two) or any(getattr(one, name) != getattr(two, name) for name in ("source", "to_on", *SAME_AREA)):
        return False
    met_by = (one.own, one.from_on) == (two.own, two.from_on)
    if one.to_on is None:
        met_by = (one.own, one.away_at) == (two.own, two.away_at)
    last = [min(filter(None, (area.to_on, area.ends_on)), default=None) for area in (one, two)]
    return met_by and not is_later(last[1], last[0])


SAME_AREA = ("level", "division", "place", "starts_on")


def is_later(end, other) -> bool:
    """None = never."""
    return other is not None and (end is None or end > other)


@given(lists, sets)
def test_what_was_not_asked_yet_never_improves_a_colour(values, rule_set):
    assert severity({**values, "asked": False}, rule_set) >= severity({**values, "asked": True}, rule_set)


@given(lists, sets)
def test_a_late_answer_never_frees_and_a_waiting_one_changes_nothing(values, rule_set):
    disputed = [exemption for exemption in values["exceptions"] if not exemption.granted]
    late = {**values, "exceptions": disputed}
    without = {**values, "exceptions": []}
    colour, before = (assess(as_facts(facts), rule_set, AT).colour for facts in (late, without))
    assert colour == before or any(exemption.from_at <= AT for exemption in disputed)
    assert colour == before or (before in BEARING and colour in (*BEARING, Colour.NEUTRAL))


@given(lists, sets)
def test_stale_data_and_a_fever_at_the_gate_never_improve_a_colour(values, rule_set):
    assert severity({**values, "stale": True}, rule_set) >= severity({**values, "stale": False}, rule_set)
    without = {**values, "gate": None}
    assert severity({**values, "gate": Reading(37.3, AT)}, rule_set) >= severity(without, rule_set)


@given(lists, sets, rules())
def test_another_rule_never_improves_a_colour(values, rule_set, rule):
    assert severity(values, [*rule_set, rule]) >= severity(values, rule_set)


@given(lists, sets, st.randoms(use_true_random=False))
def test_the_order_of_facts_and_rules_does_not_matter(values, rule_set, random):
    shuffled = {
        name: random.sample(value, len(value)) if isinstance(value, list) else value for name, value in values.items()
    }
    mixed = random.sample(rule_set, len(rule_set))
    assert assess(as_facts(values), rule_set, AT) == assess(as_facts(shuffled), mixed, AT)


@given(lists, sets)
def test_colour_is_that_of_the_worst_reason_and_all_reasons_stay(values, rule_set):
    assessment = assess(as_facts(values), rule_set, AT)
    each = [reason for rule in rule_set for reason in assess(as_facts(values), [rule], AT).reasons]
    assert sorted(map(str, assessment.reasons)) == sorted(map(str, each))
    worst = min((WORST_FIRST.index(reason.colour) for reason in each), default=WORST_FIRST.index(Colour.GREEN))
    assert assessment.colour == WORST_FIRST[worst]


@given(lists, sets)
def test_every_reason_still_applies_and_none_outlives_its_rule(values, rule_set):
    for reason in assess(as_facts(values), rule_set, AT).reasons:
        assert reason.until is None or reason.until > AT


@given(lists, sets, declared)
def test_who_is_only_declared_is_neutral_under_every_rule(values, rule_set, more):
    facts = as_facts({**values, "declarations": [*values["declarations"], more]})
    assessment = assess(replace(facts, real_name=False), rule_set, AT)
    assert (assessment.colour, [reason.code for reason in assessment.reasons]) == (Colour.NEUTRAL, ["identity"])
