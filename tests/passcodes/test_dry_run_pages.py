"""Trying a draft on the present population: asked on the authority's site, counted by the worker, shown masked."""

import json
import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import looks, tasks, worker
from accounts.models import Account, AuditEntry, Task
from declarations.models import Person, name_hash
from passcodes import dry_run_tasks, dry_runs
from passcodes.dry_run import Decided
from passcodes.models import DryRun, RiskBatch, RiskRecord, RuleSet
from tests import factories
from tests.passcodes import lists

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    return factories.account(phone="+8613700000009", is_officer=True)


@pytest.fixture
def desk(officer):
    return factories.staff_client(account=officer)


@pytest.fixture
def draft():
    """A list of ten people who are green. One of them has an account, and another number than the others."""
    factories.pass_code(account=factories.account(), name="令狐冲")
    batch = factories.risk_record(batch=factories.risk_batch(state="draft")).batch
    for number in range(9):
        listed(batch, number)
    return batch


def listed(batch, number):
    """One more on the list, who has declared."""
    person = factories.person(number=lists.number(number))
    factories.declaration(person=person, account=Account.objects.first(), made_at=timezone.now())
    factories.risk_record(number=lists.number(number), batch=batch)


def address(batch, page="dry-run"):
    return f"/admin/passcodes/riskbatch/{batch.pk}/{page}/"


def work():
    """What the worker does; the task's kind has to be known to it."""
    assert dry_run_tasks.count
    while worker.run_next():
        pass


def words(page) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_draft_is_tried_and_the_result_shown_masked(desk, officer, draft):
    assert "Try it on the present population" in desk.get(address(draft, "change")).text
    page = desk.post(address(draft), follow=True)
    assert "Being counted." in page.text
    assert '<meta http-equiv="refresh" content="2">' in page.text
    work()
    page = desk.get(address(draft))
    said = words(page)
    assert "Of 10 people, 10 would turn." in said
    assert "辽宁省沈阳市和平区 green red 10" in said
    assert "令** 21**************15 green red" in said
    assert "refresh" not in page.text
    assert "令狐冲" not in page.text
    assert factories.DOCUMENTS[0] not in page.text
    assert page["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    entry = AuditEntry.objects.get(action="dry-run-riskbatch")
    assert (entry.actor, entry.subject) == (officer, f"riskbatch:{draft.pk}")
    assert "Last tried" in desk.get(address(draft, "change")).text
    assert RiskBatch.objects.get(pk=draft.pk).state == "draft"


def test_of_fewer_than_ten_only_the_number_is_told(desk, draft):
    """A list of whom one likes would tell what colour they have now."""
    RiskRecord.objects.filter(pk=RiskRecord.objects.last().pk).delete()
    desk.post(address(draft))
    work()
    page = desk.get(address(draft))
    said = words(page)
    assert "Of 10 people, 9 would turn." in said
    assert "Fewer than 10 people would turn." in said
    for told in ("和平区", "21***", "green", "By division", "masked"):
        assert told not in said.partition("9 would turn.")[2]
    assert json.loads(DryRun.objects.get().samples) == []
    assert not AuditEntry.objects.filter(action__in=["find-person", "view-dryrun"]).exists()


def test_who_is_shown_can_read_that_an_office_looked_and_why(desk, officer, draft):
    desk.post(address(draft))
    work()
    assert not AuditEntry.objects.filter(action="find-person").exists()
    desk.get(address(draft))
    run = DryRun.objects.get()
    look = AuditEntry.objects.get(action="view-dryrun")
    assert (look.actor, look.subject, look.detail) == (officer, f"dryrun:{run.pk}", {"reason": "identity"})
    found = AuditEntry.objects.filter(action="find-person")
    assert {entry.subject for entry in found} == {f"person:{pk}" for pk in Person.objects.values_list("pk", flat=True)}
    assert {str(entry.detail) for entry in found} == {str({"reason": "identity", "dry_run": run.pk})}
    holder = factories.staff_client(
        account=Person.objects.get(name_hash=name_hash("令狐冲")).holder, second_factor=False
    )
    assert factories.province().name in holder.get("/me/").text
    assert looks.LOOKED.check({"action": look.action})


def test_whoever_sees_samples_says_why(officer, draft):
    desk = factories.staff_client(account=officer, looks_because="")
    assert "Being counted." in desk.post(address(draft), follow=True).text
    work()
    asked = desk.get(address(draft), follow=True)
    assert "Why do you look?" in asked.text
    assert "21***" not in asked.text
    assert not AuditEntry.objects.filter(action="find-person").exists()
    shown = desk.post(asked.request["PATH_INFO"], {"reason": "tracing", "next": address(draft)}, follow=True)
    assert "Who would turn, masked" in shown.text
    assert {entry.detail["reason"] for entry in AuditEntry.objects.filter(action="find-person")} == {"tracing"}


def test_samples_that_do_not_say_who_it_is_are_shown_no_more(desk, draft):
    desk.post(address(draft))
    work()
    DryRun.objects.update(samples=json.dumps([["令**", "21**************15", 0, 2]]))
    page = desk.get(address(draft))
    assert "By division" in page.text and "21***" not in page.text


def test_nobody_would_turn(desk):
    factories.pass_code(account=factories.account())
    empty = factories.risk_batch(state="draft")
    desk.post(address(empty))
    work()
    said = words(desk.get(address(empty)))
    assert "Of 1 people, nobody would turn." in said
    assert "By division" not in said


def test_nothing_has_been_tried_yet(desk, draft):
    said = words(desk.get(address(draft)))
    assert "Nobody has tried this yet." in said
    assert "Try it on the present population" in said


def test_withdrawal_is_tried(desk, draft):
    RiskBatch.objects.update(state="visible", released_at=timezone.now())
    assert "Try the withdrawal on the present population" in desk.get(address(draft, "change")).text
    desk.post(address(draft))
    work()
    said = words(desk.get(address(draft)))
    assert "Compared is the colour now with the colour if this ceased to count." in said
    assert "red green 10" in said


def test_result_of_a_draft_is_said_to_be_old_when_it_counts(desk, draft):
    desk.post(address(draft))
    work()
    RiskBatch.objects.update(state="visible", released_at=timezone.now())
    assert "This has changed since it was tried." in desk.get(address(draft)).text


def test_what_was_decided_is_not_tried(desk, draft):
    RiskBatch.objects.update(state="refused")
    assert "Try it" not in desk.get(address(draft, "change")).text
    page = desk.post(address(draft), follow=True)
    assert "This cannot be tried any more: it was decided before." in page.text
    assert DryRun.objects.count() == 0


def test_a_count_that_fails_is_said(desk, draft):
    desk.post(address(draft))
    tasks.give_up(Task.objects.get(kind="dry-run"), reason="x", at=timezone.now())
    said = words(desk.get(address(draft)))
    assert "It could not be counted. Please try again." in said
    desk.post(address(draft))
    work()
    assert "10 would turn." in words(desk.get(address(draft)))


def test_draft_refused_meanwhile_is_not_counted(desk, draft):
    desk.post(address(draft))
    RiskBatch.objects.update(state="refused")
    work()
    assert DryRun.objects.get().finished_at is None
    assert Task.objects.get(kind="dry-run").failed == "decided"


def test_asking_again_within_a_minute_brings_the_same(officer, draft):
    now = timezone.now()
    first = dry_runs.ask(batch=draft, by=officer, at=now)
    assert dry_runs.ask(batch=draft, by=officer, at=now + timedelta(hours=1)) == first  # still to be counted
    work()
    assert dry_runs.ask(batch=draft, by=officer, at=now + timedelta(seconds=59)) == first
    assert dry_runs.ask(batch=draft, by=officer, at=now + timedelta(seconds=60)) != first


def test_edited_rules_are_counted_anew(officer):
    rules = factories.rule_draft()
    now = timezone.now()
    first = dry_runs.ask(rule_set=rules, by=officer, at=now)
    assert dry_runs.ask(rule_set=rules, by=officer, at=now) == first
    rules.rules.filter(condition="contact").update(days=7)
    second = dry_runs.ask(rule_set=rules, by=officer, at=now)
    assert second != first
    work()
    second.refresh_from_db()
    assert dry_runs.effect_of(second).population == 0
    assert AuditEntry.objects.filter(action="dry-run-ruleset", subject=f"ruleset:{rules.pk}").count() == 2


def test_rules_are_tried_on_their_page(desk, draft):
    RiskBatch.objects.update(state="visible", released_at=timezone.now())
    rules = factories.rule_draft()
    rules.rules.filter(parameter="confirmed").update(colour=1)
    page = f"/admin/passcodes/ruleset/{rules.pk}"
    assert "Try it on the present population" in desk.get(f"{page}/change/").text
    desk.post(f"{page}/dry-run/")
    work()
    assert "red yellow 10" in words(desk.get(f"{page}/dry-run/"))


def test_withdrawal_of_rules_is_tried_beside_the_proposal(desk, draft):
    RiskBatch.objects.update(state="visible", released_at=timezone.now())
    decides = factories.rule_draft()
    decides.rules.filter(parameter="confirmed").update(colour=1)
    page = f"/admin/passcodes/ruleset/{decides.pk}"
    desk.post(f"{page}/dry-run/")
    work()
    factories.released_rules(rule_set=decides)
    text = desk.get(f"{page}/change/").text
    assert "Try it on" not in text
    offered, proposed = text.index("Try the withdrawal on the present population"), text.index("Propose to withdraw")
    assert text.index("All 16 rules") < offered < proposed
    assert "This has changed since it was tried." in words(desk.get(f"{page}/dry-run/"))
    desk.post(f"{page}/dry-run/")
    work()
    said = words(desk.get(f"{page}/dry-run/"))
    assert "Compared is the colour now with the colour if this ceased to count." in said
    assert "yellow red 10" in said
    assert "changed since" not in said
    factories.released_rules(rule_set=factories.rule_draft())  # which decides now, and would then
    assert "changed since" in words(desk.get(f"{page}/dry-run/"))
    before = DryRun.objects.count()
    RuleSet.objects.filter(pk=decides.pk).update(state="withdrawn", withdrawn_at=timezone.now())
    assert "Try" not in desk.get(f"{page}/change/").text
    assert "cannot be tried any more" in desk.post(f"{page}/dry-run/", follow=True).text
    assert DryRun.objects.count() == before


def test_second_office_can_try_the_withdrawal_that_waits(desk):
    decides = factories.released_rules(rule_set=factories.rule_draft())
    page = f"/admin/passcodes/ruleset/{decides.pk}"
    desk.post(f"{page}/propose-withdrawal/", {"basis": "emergency", "reason": "x"})
    text = desk.get(f"{page}/change/").text
    assert "Propose to withdraw" not in text
    assert "Try the withdrawal on the present population" in text


def test_rules_that_have_not_begun_are_withdrawn_untried(desk):
    later = factories.rule_draft()
    RuleSet.objects.update(valid_from=timezone.now() + timedelta(days=1))
    factories.released_rules(rule_set=later)
    page = f"/admin/passcodes/ruleset/{later.pk}"
    assert "Try" not in desk.get(f"{page}/change/").text
    desk.post(f"{page}/dry-run/")
    assert DryRun.objects.count() == 0


def test_decided_batch_is_not_asked_about(officer):
    with pytest.raises(Decided):
        dry_runs.ask(batch=factories.risk_batch(state="withdrawn"), by=officer, at=timezone.now())


@pytest.mark.parametrize("things", [(), ("batch", "rule_set")])
def test_dry_run_is_of_one_thing(officer, draft, things):
    made = {"batch": draft, "rule_set": factories.rule_draft()}
    with pytest.raises(IntegrityError, match="dry_run_of_one_thing"), transaction.atomic():
        DryRun.objects.create(
            content="draft", asked_by=officer, asked_at=timezone.now(), **{name: made[name] for name in things}
        )


def test_finished_dry_run_has_its_result(officer, draft):
    with pytest.raises(IntegrityError, match="dry_run_finished_has_its_result"), transaction.atomic():
        DryRun.objects.create(
            batch=draft, content="draft", asked_by=officer, asked_at=timezone.now(), finished_at=timezone.now()
        )


def test_page_needs_an_officer(client, draft):
    assert client.get(address(draft)).status_code == 302
    clerk = factories.staff_client(account=factories.account(phone="+8613700000008"))
    assert clerk.post(address(draft)).status_code in (302, 403)
    assert DryRun.objects.count() == 0
