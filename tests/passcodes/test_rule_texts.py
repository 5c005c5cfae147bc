"""Placeholders in a rule's texts: those that cannot be filled in are named to the officer, and no holder reads them."""

from decimal import Decimal

import pytest
from django.utils import timezone, translation

from passcodes import facts, rule_texts, rules
from passcodes.colour import DEFAULT_RULES, Condition, RiskLevel, assess
from passcodes.models import ColourRule
from passcodes.reasons import TEXTS, text_of
from passcodes.rules import Problem
from tests import factories
from tests.passcodes.test_code import signed_in
from tests.passcodes.test_rule_admin import LIST, sent


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("In %(place)s until %(day)s.", []),
        ("100% sure, 5 % of %(place)s; 占 5%（约十人）, 20%(10 people)", []),
        ("100%属实", []),
        ("%(place)sand %(day)s%(day)s", []),
        ("In %(town)s until %(day)s.", ["%(town)s"]),
        ("In %(place) until %(day)d.", ["%(place)", "%(day)d"]),
        ("In %(Place)s", ["%(Place)s"]),
        ("In %( place )s", ["%( place )s"]),
        ("在％(place)s、%（place）s", ["％(place)s", "%（place）s"]),
        ("%s %d %s %%", ["%s", "%d", "%%"]),
        ("In %(place", ["%(place"]),
        ("在%(地点)s、%()s", ["%(地点)s", "%()s"]),
    ],
)
def test_what_looks_like_a_placeholder_but_is_none(text, found):
    assert rule_texts.unknown(text, Condition.AREA) == found


@pytest.mark.parametrize("rule", DEFAULT_RULES, ids=lambda rule: rule.code)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_our_own_texts_are_filled_in(rule, language):
    with translation.override(language):
        assert [rule_texts.unknown(str(text), rule.condition) for text in TEXTS[rule.code]] == [[], []]


def everything(person, now):
    """Facts to which every condition applies."""
    declared = person.declarations.get()
    person.declarations.update(fever=True)
    factories.stay(declaration=declared, division=990000)
    factories.stay(declaration=declared, kind="contact")
    factories.risk_record(category="managed")
    factories.risk_area(division=210102, level=RiskLevel.HIGH)
    person.gate_readings.create(temperature=Decimal("37.9"), taken_at=now)
    return facts.facts_of(facts.for_person(person_id=person.pk, at=now))


@pytest.mark.django_db
def test_what_a_condition_is_said_to_know_it_always_has():
    now = timezone.now()
    person = factories.pass_code(account=factories.account()).person
    reasons = assess(everything(person, now), DEFAULT_RULES, now).reasons
    seen = {reason.code.partition("-")[0]: reason for reason in reasons}
    assert set(rule_texts.KNOWN) <= set(seen)
    for condition, known in rule_texts.KNOWN.items():
        reason = seen[condition]
        assert ((reason.division is not None), (reason.since is not None)) == (
            rule_texts.PLACE in known,
            rule_texts.DAY in known,
        )


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def draft(now):
    return factories.rule_draft(at=now)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("condition", "text", "said"),
    [
        (
            "contact",
            "In %(town)s and 100%%.",
            "%(town)s, %% cannot be filled in. A text of this condition can have: %(place)s, %(day)s",
        ),
        ("symptoms", "In %(place)s.", "%(place)s cannot be filled in. A text of this condition can have: %(day)s"),
        ("stale", "On %(day)s.", "%(day)s: of this condition there is no place or day that a text could name."),
    ],
)
@pytest.mark.parametrize("name", ["reason", "next_step"])
def test_set_with_such_a_text_is_not_released_and_says_why(draft, now, condition, text, said, name):
    draft.rules.filter(condition=condition).update(**{name: {"zh-hans": "原因", "en": text}})
    with pytest.raises(rules.Incomplete) as refused:
        factories.released_rules(rule_set=draft, at=now)
    assert [(one.problem, one.text) for one in refused.value.problems] == [(Problem.PLACEHOLDER, said)]
    officer = factories.account(phone="+8613700000001", is_officer=True)
    assert said in factories.staff_client(account=officer).get(f"{LIST}{draft.pk}/change/").text


@pytest.mark.django_db
def test_form_says_it_at_the_text(draft):
    desk = factories.staff_client(account=factories.account(phone="+8613700000001", is_officer=True))
    rule = draft.rules.get(condition="contact")
    page = f"{LIST}{draft.pk}/rules/{rule.pk}/"
    typed = sent(rule, reason_zh="您曾在%(地点)s、%(town)s", next_step_en="Call %s.", next_step_zh="")
    assert dict(desk.post(page, typed).context["form"].errors) == {
        "reason_zh": ["%(地点)s, %(town)s cannot be filled in. A text of this condition can have: %(place)s, %(day)s"],
        "next_step_en": ["%s cannot be filled in. A text of this condition can have: %(place)s, %(day)s"],
        "next_step_zh": ["Write what to do next in Chinese and in English."],
    }
    assert draft.rules.get(pk=rule.pk).reason == rule.reason
    typed = sent(rule, next_step_en="Call the office in %(place)s; 100% free.")
    assert desk.post(page, typed).status_code == 302
    assert draft.rules.get(pk=rule.pk).next_step["en"] == "Call the office in %(place)s; 100% free."


@pytest.fixture
def coloured(draft, now):
    """Somebody who has declared contact with a case, and the rule in force that says so."""
    code = factories.pass_code(account=factories.account())
    factories.stay(declaration=code.person.declarations.get(), kind="contact")
    factories.released_rules(rule_set=draft, at=now)
    return code, ColourRule.objects.filter(rule_set=draft, condition="contact")


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["In %(town)s.", "In %(place", "100%%", "%s", "In %(place)d until %(day)s"])
def test_holder_of_a_stored_text_that_is_broken_reads_ours(coloured, text):
    code, rule = coloured
    rule.update(reason={"zh-hans": text, "en": text}, next_step={"zh-hans": text, "en": text})
    page = signed_in(code.person.holder).get(f"/code/{code.public_id}/")
    assert page.status_code == 200
    assert "You declared contact with a case in 北京市" in page.text
    assert str(TEXTS["contact"][1]) in page.text
    assert text not in page.text


@pytest.mark.django_db
def test_both_texts_are_filled_in(coloured, now):
    code, rule = coloured
    rule.update(reason={"en": "In %(place)s, 100% sure."}, next_step={"en": "Stay out of %(place)s since %(day)s."})
    found = facts.facts_of(facts.for_person(person_id=code.person_id, at=now))
    [reason] = assess(found, rules.in_force(1), now).reasons
    text = text_of(reason)
    assert text.why.startswith("In 北京市") and text.why.endswith(", 100% sure.")
    assert text.next_step.startswith("Stay out of 北京市")
    assert "%(" not in text.next_step
