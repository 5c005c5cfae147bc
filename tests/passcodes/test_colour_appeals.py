"""What appeals do to the colour, by truth table: no database, no clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from passcodes.colour import DEFAULT_RULES, Colour, assess
from passcodes.evidence import AreaMatch, Declared, Exemption, Facts, Risk, Stay

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HEALTHY = Declared(AT - timedelta(hours=1), fever=False, dry_cough=False)


def risk(category, number=7) -> Risk:
    return Risk(category, AT - timedelta(days=1), None, "office", "024-1", number)


def colour_of(at=AT, **given) -> Colour:
    return assess(Facts(real_name=True, declarations=(HEALTHY,), **given), DEFAULT_RULES, at).colour


def overdue(fact="risk:7") -> Exemption:
    return Exemption(fact, False, AT)


def granted(fact="risk:7") -> Exemption:
    return Exemption(fact, True, AT)


@pytest.mark.parametrize(
    ("category", "before", "after"),
    [
        ("confirmed", Colour.RED, Colour.RED),
        ("suspected", Colour.RED, Colour.RED),
        ("close_contact", Colour.RED, Colour.RED),
        ("asymptomatic", Colour.RED, Colour.NEUTRAL),
        ("arrival", Colour.RED, Colour.NEUTRAL),
        ("secondary_contact", Colour.YELLOW, Colour.NEUTRAL),
        ("managed", Colour.YELLOW, Colour.NEUTRAL),
    ],
)
def test_missed_deadline_acts_at_its_second(category, before, after):
    given = {"risks": (risk(category),), "exceptions": (overdue(),)}
    assert (colour_of(AT - SECOND, **given), colour_of(AT, **given)) == (before, after)


@pytest.mark.parametrize("category", ["confirmed", "close_contact", "managed"])
def test_granted_appeal_takes_its_fact_away_from_its_moment_on(category):
    given = {"risks": (risk(category),), "exceptions": (granted(),)}
    assert colour_of(AT - SECOND, **given) != Colour.GREEN
    assert colour_of(AT, **given) == Colour.GREEN


@pytest.mark.parametrize("exemption", [granted, overdue])
def test_other_facts_stay(exemption):
    given = {"risks": (risk("managed"), risk("managed", 8)), "exceptions": (exemption(),)}
    assert colour_of(**given) == Colour.YELLOW


def test_the_same_record_in_another_list_is_excepted_too():
    """Lists come whole every day, and each brings new rows."""
    disputed = assess(Facts(True, (HEALTHY,), risks=(risk("managed"),)), DEFAULT_RULES, AT).reasons[0]
    said = (Exemption("risk:7", True, AT, disputed.likeness),)
    assert colour_of(risks=(risk("managed", 8),), exceptions=said) == Colour.GREEN
    later = replace(risk("managed", 8), starts_at=AT - timedelta(hours=1))
    elsewhere = replace(risk("managed", 8), office="another")
    for other in (later, elsewhere, risk("secondary_contact", 8)):
        assert colour_of(risks=(other,), exceptions=said) == Colour.YELLOW


def test_area_is_excepted_for_that_stay_alone():
    area = AreaMatch("high", 210102, date(2026, 11, 1), None, date(2026, 11, 20), 3)
    later = AreaMatch("high", 210102, date(2026, 11, 1), None, date(2026, 11, 22), 3)
    home = AreaMatch("high", 210102, date(2026, 11, 1), None, None, 3)
    said = (granted("area:3:2026-11-20"),)
    assert colour_of(areas=(area,), exceptions=said) == Colour.GREEN
    assert colour_of(areas=(area, later), exceptions=said) == Colour.RED
    assert colour_of(areas=(home,), exceptions=said) == Colour.RED
    assert colour_of(areas=(home,), exceptions=(overdue("area:3:home"),)) == Colour.NEUTRAL


@pytest.mark.parametrize("kind", ["contact"])
def test_declared_contact_can_be_disputed(kind):
    stay = Stay(kind, 210102, date(2026, 11, 20))
    assert colour_of(stays=(stay,)) == Colour.YELLOW
    assert colour_of(stays=(stay,), exceptions=(overdue(stay.fact),)) == Colour.NEUTRAL
    assert colour_of(stays=(stay,), exceptions=(granted(stay.fact),)) == Colour.GREEN


def test_facts_without_a_name_are_not_touched():
    sick = Declared(AT - timedelta(hours=1), fever=True, dry_cough=False)
    facts = Facts(real_name=True, declarations=(sick,), exceptions=(granted(), overdue("area:1:home")))
    assert assess(facts, DEFAULT_RULES, AT).colour == Colour.YELLOW


def test_reason_says_that_it_waits_for_an_answer():
    facts = Facts(real_name=True, declarations=(HEALTHY,), risks=(risk("managed"),), exceptions=(overdue(),))
    reason = assess(facts, DEFAULT_RULES, AT).reasons[0]
    assert (reason.code, reason.colour, reason.unanswered, reason.fact) == (
        "risk-managed",
        Colour.NEUTRAL,
        True,
        "risk:7",
    )
