"""The colours to come: pure, and the same as `assess` at every moment."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from passcodes.colour import BEIJING, DEFAULT_RULES, Colour, Condition, RiskCategory, RiskLevel, Rule, assess, end_of
from passcodes.evidence import AreaMatch, Declared, Facts, Reading, Risk, Stay
from passcodes.outlook import on_day, outlook, renew_before, renewed, worst

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # noon in Beijing
TODAY = date(2026, 11, 25)
HEALTHY = Declared(AT - timedelta(hours=1), fever=False, dry_cough=False)

moments = st.integers(-20 * 86400, 40 * 86400).map(lambda seconds: AT + timedelta(seconds=seconds))
past = st.integers(0, 6 * 86400).map(lambda seconds: AT - timedelta(seconds=seconds))
dates = st.integers(-20, 40).map(lambda days: TODAY + timedelta(days=days))
risks = st.builds(
    Risk, st.sampled_from(RiskCategory.values), moments, st.none() | moments, st.just("office"), st.just("024-1")
)
areas = st.builds(
    AreaMatch, st.sampled_from(RiskLevel.values), st.just(210102), dates, st.none() | dates, st.none() | dates
)
stays = st.builds(Stay, st.sampled_from(["travel", "contact"]), st.sampled_from([210102, 990000]), dates)
populations = st.builds(
    Facts,
    real_name=st.booleans(),
    declarations=st.lists(st.builds(Declared, past, st.booleans(), st.booleans()), max_size=3).map(tuple),
    stays=st.lists(stays, max_size=3).map(tuple),
    areas=st.lists(areas, max_size=3).map(tuple),
    risks=st.lists(risks, max_size=3).map(tuple),
    gate=st.none() | st.builds(Reading, st.none() | st.sampled_from([36.5, 37.3]), past),
    stale=st.booleans(),
)


@given(populations, st.integers(0, 30), st.floats(0, 1, exclude_max=True))
def test_every_span_is_what_assess_says_inside_it(facts, days, share):
    spans = outlook(facts, DEFAULT_RULES, AT, days)
    assert (spans[0].start, spans[-1].end) == (AT, end_of(TODAY + timedelta(days=days)))
    for span in spans:
        last = span.end - timedelta(microseconds=1)
        inside = min(span.start + (span.end - span.start) * share, last)
        for moment in (span.start, inside, last):
            assert assess(facts, DEFAULT_RULES, moment).colour == span.colour
    for earlier, later in zip(spans, spans[1:], strict=False):
        assert earlier.end == later.start
        assert earlier.colour != later.colour


def test_a_measure_to_come_and_its_end_are_told_to_the_second():
    begins, ends = AT + timedelta(days=2, seconds=1), AT + timedelta(days=4)
    facts = Facts(True, (HEALTHY,), risks=(Risk("confirmed", begins, ends, "office", "024-1"),))
    spans = outlook(facts, renewed(DEFAULT_RULES), AT, 14)
    assert [(span.colour, span.start) for span in spans] == [
        (Colour.GREEN, AT),
        (Colour.RED, begins),
        (Colour.GREEN, ends),
    ]
    assert [reason.code for reason in spans[1].reasons] == ["risk-confirmed"]


def test_a_day_is_as_good_as_its_worst_hour():
    ends = datetime(2026, 11, 27, 15, 30, tzinfo=BEIJING)
    facts = Facts(True, (HEALTHY,), risks=(Risk("managed", AT - timedelta(days=1), ends, "office", "024-1"),))
    spans = outlook(facts, renewed(DEFAULT_RULES), AT, 14)
    colours = [[span.colour for span in on_day(spans, date(2026, 11, day))] for day in (26, 27, 28)]
    assert colours == [[Colour.YELLOW], [Colour.YELLOW, Colour.GREEN], [Colour.GREEN]]
    assert worst(on_day(spans, date(2026, 11, 27))).colour == Colour.YELLOW


def test_without_a_new_declaration_the_code_turns_grey():
    facts = Facts(True, (HEALTHY,))
    runs_out = HEALTHY.made_at + timedelta(days=3)
    assert renew_before(facts, DEFAULT_RULES) == runs_out
    spans = outlook(facts, DEFAULT_RULES, AT, 14)
    assert [(span.colour, span.start) for span in spans] == [(Colour.GREEN, AT), (Colour.GREY, runs_out)]
    assert [span.colour for span in outlook(facts, renewed(DEFAULT_RULES), AT, 14)] == [Colour.GREEN]
    assert renew_before(Facts(True), DEFAULT_RULES) is None


def test_rules_that_begin_later_count_from_then_on():
    begins = AT + timedelta(days=2)
    rules = (
        Rule(Condition.RISK, Colour.YELLOW, RiskCategory.MANAGED, valid_to=begins),
        Rule(Condition.RISK, Colour.RED, RiskCategory.MANAGED, valid_from=begins),
        Rule(Condition.NOT_CURRENT, Colour.GREY, days=3, valid_to=begins),
        Rule(Condition.NOT_CURRENT, Colour.GREY, days=1, valid_from=begins),
    )
    facts = Facts(True, (HEALTHY,), risks=(Risk("managed", AT - timedelta(days=1), None, "office", "024-1"),))
    spans = outlook(facts, rules, AT, 14)
    assert [(span.colour, span.start) for span in spans] == [(Colour.YELLOW, AT), (Colour.RED, begins)]
    assert renew_before(facts, rules) == begins
