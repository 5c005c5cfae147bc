"""Two offices for a set of colour rules: proposed, frozen while it waits, agreed to, refused, withdrawn."""

import threading

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import officers
from accounts.models import Account, AuditEntry, Officer
from passcodes import approvals, rule_drafts, rules
from passcodes.models import Approval, ColourRule, RuleSet
from tests import factories
from tests.passcodes.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours():
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs():
    return factories.account(phone="+8613700000002", office=factories.office())


@pytest.fixture
def draft():
    return factories.rule_draft()


def propose(draft, by, does="release", basis="emergency"):
    return approvals.propose(rule_set=draft, does=does, basis=basis, by=by, at=timezone.now())


def approve(draft, by):
    return approvals.approve(rule_set=draft, by=by, at=timezone.now())


def refuse(draft, by):
    approvals.refuse(rule_set=draft, by=by, at=timezone.now())


def edit(draft, by):
    rule = draft.rules.get(condition="contact")
    rule.days = 7
    rule_drafts.save_rule(rule=rule, by=by, at=timezone.now())


def test_two_offices_put_a_set_in_force(draft, ours, theirs):
    approval = propose(draft, ours)
    assert RuleSet.objects.get().state == "draft"
    approve(draft, theirs)
    found = RuleSet.objects.get()
    assert (found.state, found.released_by) == ("released", theirs)
    assert rules.current(timezone.now()) == found
    approval.refresh_from_db()
    assert approval.approver_office == officers.office_of(theirs)
    told = AuditEntry.objects.exclude(action="add-ruleset").order_by("pk").values_list("action", "actor")
    assert list(told) == [
        ("propose-approval", ours.pk),
        ("approve-approval", theirs.pk),
        ("release-ruleset", theirs.pk),
    ]


def test_own_draft_own_proposal_and_own_office_s_are_refused(draft, ours, theirs):
    RuleSet.objects.update(created_by=theirs)
    propose(draft, ours)
    colleague = factories.account(phone="+8613700000003", is_officer=True)
    their_colleague = factories.account(phone="+8613700000004", office=factories.office())
    for by in (ours, colleague, theirs, their_colleague):
        with pytest.raises(approvals.NotYours):
            approve(draft, by)
    with pytest.raises(officers.NotAnOfficer):
        approve(draft, factories.account())
    assert RuleSet.objects.get().state == "draft"
    approve(draft, factories.account(phone="+8613700000005", office=factories.office(name="市疾控")))
    assert RuleSet.objects.get().state == "released"


def test_one_account_that_moves_to_another_office_is_one(draft, ours):
    propose(draft, ours)
    Officer.objects.update(ended_at=timezone.now())
    factories.officer(account=ours, office=factories.office())
    with pytest.raises(approvals.NotYours):
        approve(draft, ours)


def test_incomplete_set_cannot_be_proposed(draft, ours):
    draft.rules.filter(condition="contact").update(office="")
    with pytest.raises(rules.Incomplete) as refused:
        propose(draft, ours)
    assert [missing.problem for missing in refused.value.problems] == ["office"]
    assert Approval.objects.count() == 0


def test_a_legal_basis_is_needed_and_an_officer(draft, ours):
    with pytest.raises(approvals.NoBasis):
        propose(draft, ours, basis="because")
    with pytest.raises(officers.NotAnOfficer):
        propose(draft, factories.account())


def test_set_is_proposed_once(draft, ours, theirs):
    propose(draft, ours)
    with pytest.raises(approvals.NotProposed):
        propose(draft, theirs)


def change(draft, by):
    rule_drafts.change(rule_set=draft, note="new", valid_from=None, by=by, at=timezone.now())


def name_office(draft, by):
    rule_drafts.name_office(rule_set=draft, office="a", office_phone="1", by=by, at=timezone.now())


def remove(draft, by):
    rule_drafts.remove_rule(rule=draft.rules.get(condition="contact"), by=by, at=timezone.now())


def add(draft, by):
    rule_drafts.save_rule(rule=ColourRule(rule_set=draft, condition="stale", colour=4), by=by, at=timezone.now())


@pytest.mark.parametrize("edits", [edit, change, name_office, remove, add])
def test_what_is_proposed_or_in_force_cannot_be_edited(draft, ours, theirs, edits):
    before = list(ColourRule.objects.order_by("pk").values())
    propose(draft, ours)
    with pytest.raises(rules.NotDraft):
        edits(draft, ours)
    approve(draft, theirs)
    with pytest.raises(rules.NotDraft):
        edits(draft, ours)
    assert list(ColourRule.objects.order_by("pk").values()) == before
    assert RuleSet.objects.get().note == ""


@pytest.mark.parametrize("by_whom", ["ours", "theirs"])
def test_refused_set_can_be_edited_and_proposed_again(draft, ours, theirs, by_whom):
    by = {"ours": ours, "theirs": theirs}[by_whom]
    propose(draft, ours)
    refuse(draft, by)
    assert Approval.objects.get().refused_by == by
    for decide in (approve, refuse):
        with pytest.raises(approvals.NotProposed):
            decide(draft, theirs)
    edit(draft, ours)
    propose(draft, ours)
    approve(draft, theirs)
    assert RuleSet.objects.get().rules.get(condition="contact").days == 7


def test_edits_are_written_down(draft, ours):
    edit(draft, ours)
    edit(draft, ours)  # changes nothing more
    change(draft, ours)
    draft.rules.filter(condition="stale").update(office="")
    name_office(draft, ours)
    add(draft, ours)
    remove(draft, ours)
    entries = AuditEntry.objects.filter(subject=f"ruleset:{draft.pk}", actor=ours).order_by("pk")
    assert [(entry.action, entry.detail.get("fields")) for entry in entries] == [
        ("change-colourrule", ["days"]),
        ("change-ruleset", ["note"]),
        ("name-office", None),
        ("add-colourrule", None),
        ("remove-colourrule", None),
    ]


def test_rule_that_was_removed_meanwhile_does_not_come_back(draft, ours):
    rule = draft.rules.get(condition="contact")
    remove(draft, ours)
    with pytest.raises(rules.NotDraft):
        rule_drafts.save_rule(rule=rule, by=ours, at=timezone.now())
    assert not draft.rules.filter(condition="contact").exists()


def test_withdrawal_takes_two_offices(draft, ours, theirs):
    propose(draft, ours)
    approve(draft, theirs)
    approval = propose(draft, theirs, does="withdraw")
    assert RuleSet.objects.get().state == "released"
    with pytest.raises(approvals.NotYours):
        approve(draft, theirs)
    approve(draft, ours)
    assert (RuleSet.objects.get().state, approval.does) == ("withdrawn", "withdraw")
    assert AuditEntry.objects.filter(action="approve-approval").last().detail["does"] == "withdraw"
    with pytest.raises(approvals.NotProposed):
        propose(draft, ours, does="withdraw")


def test_refused_withdrawal_leaves_the_set_in_force(draft, ours, theirs):
    factories.released_rules(rule_set=draft)
    propose(draft, ours, does="withdraw")
    refuse(draft, theirs)
    assert RuleSet.objects.get().state == "released"
    propose(draft, ours, does="withdraw")


def test_draft_is_not_proposed_for_withdrawal_nor_a_released_one_for_release(draft, ours):
    with pytest.raises(approvals.NotProposed):
        propose(draft, ours, does="withdraw")
    factories.released_rules(rule_set=draft)
    with pytest.raises(approvals.NotProposed):
        propose(draft, ours)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_who_agree_at_once_one_is_too_late(draft, ours, theirs):
    propose(draft, ours)
    third = factories.account(phone="+8613700000003", office=factories.office(name="市疾控"))
    ends = at_once(*(lambda by=by: approve(RuleSet.objects.get(), by) for by in (theirs, third)))
    assert ends == ["NotProposed", "done"]
    assert AuditEntry.objects.filter(action="release-ruleset").count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_edit_at_the_moment_of_a_proposal_is_before_it_or_refused(ours):
    for _ in range(5):
        draft = factories.rule_draft()
        other = Account.objects.get(pk=ours.pk)
        ends = at_once(*(lambda do=do, by=by, on=draft: do(on, by) for do, by in ((propose, other), (edit, ours))))
        edited = AuditEntry.objects.filter(subject=f"ruleset:{draft.pk}", action="change-colourrule").first()
        assert ends == (["done", "done"] if edited else ["NotDraft", "done"])
        assert draft.rules.get(condition="contact").days == (7 if edited else 14)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_edit_waits_for_a_proposal_that_has_begun_and_is_refused(draft, ours):
    """The proposal holds the set, and the edit that comes meanwhile sees it when it is there."""
    ends = []
    with transaction.atomic():
        propose(draft, ours)
        thread = threading.Thread(target=lambda: ends.extend(at_once(lambda: edit(draft, ours))))
        thread.start()
        thread.join(0.5)
        assert ends == []
    thread.join(10)
    assert ends == ["NotDraft"]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_draft_is_discarded_before_it_is_proposed_or_not_at_all(ours):
    for _ in range(5):
        draft = rule_drafts.new_draft(by=ours, at=timezone.now())
        draft.rules.update(office="省疾控中心", office_phone="024-1")
        other = Account.objects.get(pk=ours.pk)
        ends = at_once(
            lambda on=draft: rule_drafts.discard(rule_set=on, by=ours, at=timezone.now()),
            lambda on=draft, by=other: propose(on, by),
        )
        draft.refresh_from_db()
        assert (ends, draft.state, draft.approvals.count()) in (
            (["NotProposed", "done"], "discarded", 0),
            (["NotDraft", "done"], "draft", 1),
        )
