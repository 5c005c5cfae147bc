"""A draft of colour rules that nobody wants any more: who made it puts it away, and it never counts."""

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from passcodes.models import Approval, RuleSet
from tests import factories
from tests.passcodes.test_rule_admin import LIST, RULES, address, propose


@pytest.fixture
def ours(db):
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs(db):
    return factories.account(phone="+8613700000002", office=factories.office())


@pytest.fixture
def desk(ours):
    return factories.staff_client(account=ours)


@pytest.fixture
def other(theirs):
    return factories.staff_client(account=theirs)


@pytest.fixture
def draft(ours):
    return factories.rule_draft()


def test_who_made_a_draft_discards_it(desk, ours):
    desk.post(f"{LIST}new/")
    draft = RuleSet.objects.get()
    page = desk.get(address(draft)).text
    assert "Discard this draft" in page
    assert "Its rules are deleted after 180 days; its number and note, and who decided what about it, stay." in page
    assert "Discarded. The list shows it no more" in desk.post(address(draft, "discard"), follow=True).text
    draft.refresh_from_db()
    assert (draft.state, draft.discarded_at is None, draft.rules.count()) == ("discarded", False, RULES)
    entry = AuditEntry.objects.get(action="delete-ruleset")
    assert (entry.actor, entry.subject, entry.detail) == (ours, f"ruleset:{draft.pk}", {"version": 1})
    page = desk.get(address(draft)).text
    assert "Discarded at" in page
    for gone in ("Discard this draft", "Propose to another office", "Add a rule", "Try it", "What changes</summary>"):
        assert gone not in page
    assert f"/{draft.pk}/change/" not in desk.get(LIST).text
    assert f"/{draft.pk}/change/" in desk.get(f"{LIST}?state=discarded").text
    assert "This cannot be done now" in desk.post(address(draft, "discard"), follow=True).text
    assert "This cannot be done now" in desk.post(address(draft, "details"), {"note": "x"}, follow=True).text
    assert "please look at it again" in propose(desk, draft)
    desk.post(f"{LIST}new/")
    assert RuleSet.objects.latest("pk").number == 2  # no number is used again


def test_nobody_else_discards_a_draft(desk, other):
    desk.post(f"{LIST}new/")
    draft = RuleSet.objects.get()
    assert "Discard this draft" not in other.get(address(draft)).text
    assert "Only who made the draft can discard it." in other.post(address(draft, "discard"), follow=True).text
    assert (RuleSet.objects.get().state, AuditEntry.objects.filter(action="delete-ruleset").count()) == ("draft", 0)


def test_draft_that_waits_is_not_discarded_but_a_refused_one_is(desk, other, ours, draft):
    RuleSet.objects.update(created_by=ours)
    propose(desk, draft)
    assert "Discard this draft" not in desk.get(address(draft)).text
    assert "This cannot be done now" in desk.post(address(draft, "discard"), follow=True).text
    other.post(address(draft, "refuse"))
    desk.post(address(draft, "discard"))
    assert RuleSet.objects.get().state == "discarded"
    assert "refused by" in desk.get(address(draft)).text
    assert Approval.objects.get().rule_set == draft


def test_released_set_is_not_discarded(desk, ours, draft):
    RuleSet.objects.update(created_by=ours)
    factories.released_rules(rule_set=draft)
    assert "Discard this draft" not in desk.get(address(draft)).text
    desk.post(address(draft, "discard"))
    assert RuleSet.objects.get().state == "released"


def test_page_of_a_discarded_draft_says_that_its_rules_have_gone(desk, draft):
    RuleSet.objects.update(state="discarded", discarded_at=timezone.now())
    draft.rules.all().delete()
    page = desk.get(address(draft)).text
    assert "The rules of this draft have been deleted, some time after it was discarded." in page
    assert "0 rules" not in page
