"""Colour rules as rows: what a set lacks, and that it decides from the very next display, to the second."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from accounts.models import AuditEntry
from passcodes import actions, facts, rule_drafts, rules, second_office
from passcodes.colour import DEFAULT_RULES, Colour, Condition, Reason
from passcodes.models import ColourChange, ColourRule, RuleSet
from passcodes.reasons import TEXTS, text_of
from passcodes.rules import Problem
from tests import factories

pytestmark = pytest.mark.django_db
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def person():
    return factories.pass_code(account=factories.account()).person


def shown(person, at):
    return actions.show_colour(row=facts.for_person(person_id=person.pk, at=at), at=at)


def problems_of(draft) -> list[Problem]:
    return [missing.problem for missing in rules.missing(draft.rules.all())]


def test_without_a_released_set_the_default_rules_decide(person, now):
    factories.rule_draft()
    assert facts.for_person(person_id=person.pk, at=now)["rules"] is None
    assert rules.in_force(None) is DEFAULT_RULES


def test_copy_of_the_default_rules_says_the_same_in_both_languages(now):
    draft = rule_drafts.new_draft(by=None, at=now)
    values = [(row.condition, row.parameter, row.colour, row.days, row.hours) for row in draft.rules.order_by("pk")]
    assert values == [(rule.condition, rule.parameter, rule.colour, rule.days, rule.hours) for rule in DEFAULT_RULES]
    for rule, row in zip(DEFAULT_RULES, draft.rules.order_by("pk"), strict=True):
        for language in ("zh-hans", "en"):
            with translation.override(language):
                assert (row.reason[language], row.next_step[language]) == tuple(map(str, TEXTS[rule.code]))
    assert draft.rules.get(condition="contact").reason["en"] == (
        "You declared contact with a case in %(place)s until %(day)s."
    )


def test_copy_of_the_default_rules_lacks_offices_only(now):
    draft = rule_drafts.new_draft(by=None, at=now)
    assert problems_of(draft) == [Problem.OFFICE] * len(DEFAULT_RULES)


def test_next_draft_is_a_copy_of_what_counts(now):
    first = factories.rule_draft(at=now)
    first.rules.filter(condition="contact").update(days=7)
    factories.released_rules(rule_set=first, at=now)
    second = rule_drafts.new_draft(by=None, at=now)
    assert (first.number, second.number) == (1, 2)
    assert second.rules.get(condition="contact").days == 7
    assert second.rules.count() == first.rules.count() == len(DEFAULT_RULES)
    assert problems_of(second) == []


@pytest.mark.parametrize(
    ("condition", "change", "problem"),
    [
        ("contact", {"office": " "}, Problem.OFFICE),
        ("contact", {"office_phone": ""}, Problem.OFFICE),
        ("contact", {"reason": {"zh-hans": "原因"}}, Problem.REASON),
        ("contact", {"reason": {"zh-hans": "原因", "en": " "}}, Problem.REASON),
        ("contact", {"reason": {}}, Problem.REASON),
        ("contact", {"next_step": {"en": "Wait."}}, Problem.NEXT_STEP),
        ("contact", {"next_step": {"zh-hans": "等待", "en": "Wait %(long)s."}}, Problem.PLACEHOLDER),
        ("contact", {"days": 0}, Problem.DAYS),
        ("contact", {"days": 31}, Problem.DAYS),
        ("contact", {"hours": 1}, Problem.HOURS),
        ("contact", {"parameter": "high"}, Problem.PARAMETER),
        ("contact", {"colour": Colour.GREEN}, Problem.COLOUR),
        ("contact", {"colour": 9}, Problem.COLOUR),
        ("contact", {"condition": "identity"}, Problem.CONDITION),
        ("contact", {"condition": "horoscope"}, Problem.CONDITION),
        ("symptoms", {"hours": 0}, Problem.HOURS),
        ("symptoms", {"hours": 169}, Problem.HOURS),
        ("gate_fever", {"days": 1}, Problem.DAYS),
        ("stale", {"colour": Colour.GREY}, Problem.COLOUR),
        ("stale", {"condition": "abroad", "days": 14}, Problem.NO_STALE),
        ("not_current", {"condition": "abroad", "days": 14}, Problem.NO_CURRENT),
        ("not_current", {"valid_from": timezone.now()}, Problem.NO_CURRENT),
    ],
)
def test_incomplete_set_cannot_be_released(now, condition, change, problem):
    draft = factories.rule_draft()
    draft.rules.filter(condition=condition).update(**change)
    assert problems_of(draft) == [problem]
    with pytest.raises(rules.Incomplete) as refused:
        factories.released_rules(rule_set=draft, at=now)
    assert [missing.problem for missing in refused.value.problems] == [problem]
    assert RuleSet.objects.get().state == "draft"
    assert not AuditEntry.objects.filter(action="release-ruleset").exists()


def test_limits_of_what_a_rule_may_look_back_are_taken(now):
    draft = factories.rule_draft()
    draft.rules.filter(condition="contact").update(days=30)
    draft.rules.filter(condition="symptoms").update(hours=168)
    assert problems_of(draft) == []
    assert f" {rules.MOST_DAYS} days" in Problem.DAYS.label and f" {rules.MOST_HOURS} hours" in Problem.HOURS.label


def test_kept_reasons_are_read_by_what_a_reason_has_today(now):
    kept = actions.reason_as_json(Reason("risk-confirmed", Colour.RED, since=now, office="o"))
    del kept["place"]
    assert actions.reason_from_json({**kept, "gone": "x"}) == Reason(
        "risk-confirmed", Colour.RED, since=now, office="o"
    )


def test_parameter_goes_with_its_condition(now):
    draft = factories.rule_draft()
    draft.rules.filter(parameter="high").update(parameter="confirmed")
    assert problems_of(draft) == [Problem.PARAMETER]


def test_release_shows_at_the_very_next_display_and_withdrawal_too(person, now):
    factories.risk_record(category="managed")
    assert shown(person, now).colour == Colour.YELLOW
    draft = factories.rule_draft(at=now)
    draft.rules.filter(parameter="managed").update(colour=Colour.RED)
    assert shown(person, now).colour == Colour.YELLOW
    factories.released_rules(rule_set=draft, at=now)
    assert shown(person, now).colour == Colour.RED
    factories.agreed(rule_set=draft, does="withdraw", at=now)
    rules.withdraw(rule_set=draft, by=None, at=now)
    assert shown(person, now).colour == Colour.YELLOW
    assert list(ColourChange.objects.order_by("pk").values_list("colour", flat=True)) == [1, 2, 1]
    actions_done = AuditEntry.objects.filter(subject=f"ruleset:{draft.pk}").order_by("pk")
    assert [entry.action for entry in actions_done] == ["add-ruleset", "release-ruleset", "withdraw-ruleset"]


def test_set_for_later_begins_to_the_second(person, now):
    draft = factories.rule_draft(at=now)
    draft.valid_from = now + HOUR
    draft.save()
    draft.rules.filter(condition="not_current").update(colour=Colour.YELLOW, days=1)
    person.declarations.update(made_at=now - timedelta(days=2))
    factories.released_rules(rule_set=draft, at=now)
    assert shown(person, now + HOUR - SECOND).colour == Colour.GREEN
    assert shown(person, now + HOUR).colour == Colour.YELLOW


def test_set_never_counts_for_the_past(now):
    draft = factories.rule_draft(at=now)
    draft.valid_from = now - HOUR
    draft.save()
    factories.released_rules(rule_set=draft, at=now)
    assert RuleSet.objects.get().valid_from == now


def test_latest_begun_set_decides(now):
    for begins in (HOUR, 2 * HOUR, 3 * HOUR):
        draft = factories.rule_draft(at=now)
        draft.valid_from = now + begins
        draft.save()
        factories.released_rules(rule_set=draft, at=now)
    assert [rules.current(now + hours * HOUR) and rules.current(now + hours * HOUR).number for hours in range(5)] == [
        None,
        1,
        2,
        3,
        3,
    ]


def test_dated_rule_begins_and_ends_to_the_second_and_says_until_when(person, now):
    factories.stay(declaration=person.declarations.get(), kind="contact")
    draft = factories.rule_draft(at=now)
    rule = draft.rules.get(condition="contact")
    rule.valid_from, rule.valid_to = now + HOUR, now + 2 * HOUR
    rule.save()
    factories.released_rules(rule_set=draft, at=now)
    colours = [shown(person, now + after).colour for after in (HOUR - SECOND, HOUR, 2 * HOUR - SECOND, 2 * HOUR)]
    assert colours == [Colour.GREEN, Colour.YELLOW, Colour.YELLOW, Colour.GREEN]
    assert shown(person, now + HOUR).until == now + 2 * HOUR


def test_reason_has_the_rules_own_words_and_office(person, now):
    factories.stay(declaration=person.declarations.get(), kind="contact")
    draft = factories.rule_draft(at=now)
    draft.rules.filter(condition="contact").update(
        reason={"zh-hans": "您曾在%(place)s接触病例，100%属实。", "en": "Contact in %(place)s, 100% sure."},
        next_step={"zh-hans": "请致电。", "en": "Call 100%(."},
    )
    factories.released_rules(rule_set=draft, at=now)
    shown(person, now)
    reason = actions.reason_from_json(ColourChange.objects.get().reasons[0])
    text = text_of(reason)
    assert "Contact in 北京市" in text.why
    assert text.why.endswith(", 100% sure.")
    assert (text.next_step, text.office, text.phone) == ("Call 100%(.", "省疾控中心", "024-23388")
    with translation.override("zh-hans"):
        assert text_of(reason).next_step == "请致电。"
    with translation.override("ru"):
        assert text_of(reason).next_step == "Call 100%(."


def test_office_of_a_risk_record_stays_its_own(person, now):
    factories.risk_record(category="managed")
    factories.released_rules(rule_set=factories.rule_draft(at=now), at=now)
    [reason] = shown(person, now).reasons
    assert (reason.office, reason.office_phone) == ("沈阳市疾病预防控制中心", "024-12320")


def test_colour_shown_before_there_were_rows_can_still_be_read():
    old = {"code": "contact", "colour": "yellow", "until": None, "since": None, "division": 210102, "office": ""}
    reason = actions.reason_from_json({**old, "office_phone": ""})
    assert reason.rule == 0
    assert text_of(reason).why.startswith("You declared contact with a case in ")


def test_rules_are_read_once_for_each_version(person, now, django_assert_num_queries):
    factories.released_rules(rule_set=factories.rule_draft(at=now), at=now)
    shown(person, now)
    with django_assert_num_queries(1):
        shown(person, now)


@pytest.mark.parametrize("decide", [rules.release, rules.withdraw])
def test_set_is_decided_once(now, decide):
    draft = factories.rule_draft(at=now)
    factories.released_rules(rule_set=draft, at=now)
    factories.agreed(rule_set=draft, does="withdraw", at=now)
    rules.withdraw(rule_set=draft, by=None, at=now)
    with pytest.raises(rules.NotDraft):
        decide(rule_set=draft, by=None, at=now)


def test_without_two_offices_no_set_is_put_in_force_or_withdrawn(now):
    draft = factories.rule_draft(at=now)
    with pytest.raises(second_office.NeedsSecond):
        rules.release(rule_set=draft, by=None, at=now)
    factories.released_rules(rule_set=draft, at=now)
    with pytest.raises(second_office.NeedsSecond):
        rules.withdraw(rule_set=draft, by=None, at=now)
    assert RuleSet.objects.get().state == "released"


def test_set_that_has_not_begun_is_withdrawn_by_one(now):
    draft = factories.rule_draft(at=now)
    RuleSet.objects.update(valid_from=now + HOUR)
    factories.released_rules(rule_set=draft, at=now)
    with pytest.raises(second_office.NeedsSecond):
        rules.withdraw(rule_set=draft, by=None, at=now + HOUR)
    rules.withdraw(rule_set=draft, by=None, at=now + HOUR - SECOND)
    assert RuleSet.objects.get().state == "withdrawn"


def test_nothing_of_a_draft_is_kept_in_the_process(now):
    draft = factories.rule_draft(at=now)
    rule = draft.rules.get(condition="contact")
    with pytest.raises(LookupError):
        rules.in_force(draft.number)
    assert rules.words_of(rule.pk, "en")[0] == rule.reason["en"]
    draft.rules.update(reason={"zh-hans": "原因", "en": "Another reason."})
    assert rules.words_of(rule.pk, "en")[0] == "Another reason."
    assert rules.words_of(0, "en") == ("", "")


def test_discarded_draft_never_counts(now):
    maker = factories.account(phone="+8613700000001", is_officer=True)
    draft = rule_drafts.new_draft(by=maker, at=now)
    draft.rules.filter(condition="contact").update(days=30)
    rule_drafts.discard(rule_set=draft, by=maker, at=now)
    assert rules.ever_released() == list(DEFAULT_RULES)
    with pytest.raises(LookupError):
        rules.in_force(draft.number)
    with pytest.raises(rules.NotDraft):
        rules.release(rule_set=draft, by=maker, at=now)


def test_the_set_that_decides_without_another(now):
    first, second = (factories.released_rules(rule_set=factories.rule_draft(at=now), at=now) for _ in range(2))
    assert rules.current(now) == rules.without(first, now) == second
    assert rules.without(second, now) == first


def test_draft_is_never_withdrawn(now):
    with pytest.raises(rules.NotDraft):
        rules.withdraw(rule_set=factories.rule_draft(at=now), by=None, at=now)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"state": "released"}, "rule_set_in_force_was_released"),
        ({"state": "released", "released_at": timezone.now()}, "rule_set_in_force_was_released"),
        (
            {"state": "withdrawn", "released_at": timezone.now(), "valid_from": timezone.now()},
            "rule_set_withdrawn_says_when",
        ),
        ({"state": "discarded"}, "rule_set_discarded_says_when"),
        ({"discarded_at": timezone.now()}, "rule_set_discarded_says_when"),
        (
            {"state": "discarded", "discarded_at": timezone.now(), "released_at": timezone.now()},
            "rule_set_discarded_says_when",
        ),
    ],
)
def test_states_of_a_set_are_whole(now, values, constraint):
    draft = factories.rule_draft(at=now)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        RuleSet.objects.filter(pk=draft.pk).update(**values)


def test_versions_and_dates_are_held_by_the_database(now):
    draft = factories.rule_draft(at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleSet.objects.create(number=draft.number, created_at=now)
    with pytest.raises(IntegrityError, match="colour_rule_ends_after_start"), transaction.atomic():
        ColourRule.objects.update(valid_from=now, valid_to=now)


def test_days_of_a_declaration_follow_the_rules(now):
    assert rules.declaration_days(now) == 3
    draft = factories.rule_draft(at=now)
    draft.rules.filter(condition=Condition.NOT_CURRENT).update(days=7)
    factories.released_rules(rule_set=draft, at=now)
    assert rules.declaration_days(now) == 7
    assert max(rule.days for rule in rules.ever_released() if rule.condition == Condition.NOT_CURRENT) == 7


def test_rules_to_come_are_known_with_their_dates(now):
    begins = now + timedelta(days=2)
    draft = factories.rule_draft(at=now, days=1)
    draft.rules.exclude(condition__in=["not_current", "stale", "asked"]).delete()
    draft.rules.exclude(condition="not_current").update(days=0)
    draft.valid_from = begins
    draft.save()
    factories.released_rules(rule_set=draft, at=now)
    dated = [
        (rule.days, rule.valid_from, rule.valid_to) for rule in rules.dated(now) if rule.condition == "not_current"
    ]
    assert dated == [(3, None, begins), (1, begins, None)]
    assert {rule.valid_from for rule in rules.dated(begins)} == {None}
