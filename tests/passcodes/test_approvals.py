"""Two offices: whatever way data come in, many people or one chosen one are not coloured by one office alone."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import officers
from accounts.models import Account, AuditEntry, Officer
from passcodes import approvals, endings, facts, risk, second_office
from passcodes.actions import show_colour
from passcodes.colour import Colour
from passcodes.legal import LegalBasis
from passcodes.models import Approval, RiskArea, RiskBatch, RiskRecord
from tests import factories
from tests.passcodes import lists
from tests.passcodes.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limit(settings):
    settings.RISK_ALONE_LIMIT = 3


@pytest.fixture
def ours():
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs():
    return factories.account(phone="+8613700000002", office=factories.office())


@pytest.fixture
def source():
    return factories.risk_source()


@pytest.fixture
def code():
    return factories.pass_code(account=factories.account())


def load(source, length=1, *, name="1", way="command", by=None, at_once=False, category="confirmed"):
    file = lists.text(*(lists.row(lists.number(n), category) for n in range(length)))
    return risk.load(source=source, file=file, name=name, way=way, by=by, at=timezone.now(), at_once=at_once)


def propose(batch, by, basis=LegalBasis.CASES):
    return approvals.propose(batch=batch, basis=basis, by=by, at=timezone.now())


def approve(batch, by):
    return approvals.approve(batch=batch, by=by, at=timezone.now())


def release(batch, by=None):
    risk.release(batch=batch, by=by, at=timezone.now())


def entered(code, by, category="close_contact"):
    row = RiskRecord(document_hash=code.person.document_hash, category=category, starts_at=timezone.now())
    row.office, row.office_phone = "区疾控", "024-1"
    return approvals.enter(row=row, basis=LegalBasis.CASES, by=by, at=timezone.now()).batch


def colour_of(code) -> Colour:
    now = timezone.now()
    row = facts.for_page_of(account_id=code.person.holder_id, pass_id=code.public_id, at=now)
    return show_colour(row=row, at=now).colour


def test_few_people_that_came_by_machine_are_put_in_force_by_one(source, ours):
    batch = load(source, 3)
    release(batch, ours)
    assert (batch.state, batch.released_office) == ("visible", officers.office_of(ours))


def test_many_people_wait_for_another_office(source, ours, theirs):
    batch = load(source, 4)
    with pytest.raises(second_office.NeedsSecond):
        release(batch, ours)
    approval = propose(batch, ours)
    with pytest.raises(second_office.NeedsSecond):
        release(batch, theirs)
    approve(batch, theirs)
    approval.refresh_from_db()
    assert (RiskBatch.objects.get().state, approval.approver_office) == ("visible", officers.office_of(theirs))
    told = AuditEntry.objects.filter(subject=f"approval:{approval.pk}").order_by("pk").values_list("action", "actor")
    assert list(told) == [("propose-approval", ours.pk), ("approve-approval", theirs.pk)]


def test_own_draft_and_own_office_are_refused(source, ours, theirs):
    batch = load(source, 4)
    propose(batch, ours)
    colleague = factories.account(phone="+8613700000003", is_officer=True)
    for by in (ours, colleague):
        with pytest.raises(approvals.NotYours):
            approve(batch, by)
    with pytest.raises(officers.NotAnOfficer):
        approve(batch, factories.account())
    assert RiskBatch.objects.get().state == "draft"


def test_one_account_that_moves_to_another_office_is_one(source, ours):
    batch = load(source, 4)
    propose(batch, ours)
    Officer.objects.update(ended_at=timezone.now())
    factories.officer(account=ours, office=factories.office())
    with pytest.raises(approvals.NotYours):
        approve(batch, ours)


def test_what_somebody_proposed_who_decides_no_more_is_only_refused(source, ours, theirs):
    batch, rules = load(source, 4), factories.rule_draft()
    propose(batch, ours)
    approvals.propose(rule_set=rules, basis=LegalBasis.CASES, by=ours, at=timezone.now())
    Officer.objects.filter(account=ours).update(ended_at=timezone.now())
    for thing in ({"batch": batch}, {"rule_set": rules}):
        with pytest.raises(approvals.NotYours):
            approvals.approve(**thing, by=theirs, at=timezone.now())
    desk = factories.staff_client(account=theirs)
    for address in (f"riskbatch/{batch.pk}", f"ruleset/{rules.pk}"):
        page = desk.get(f"/admin/passcodes/{address}/change/").text
        assert "it can only be refused, and begun anew" in page and "Agree and put in force" not in page
    assert "waits for your agreement" not in desk.get("/admin/").text
    approvals.refuse(batch=batch, by=theirs, at=timezone.now())


def test_a_role_that_has_ended_puts_nothing_in_force(source, ours):
    batch = load(source)
    assert officers.office_of(ours)  # read earlier in the request
    Officer.objects.update(ended_at=timezone.now())
    with pytest.raises(officers.NotAnOfficer):
        release(batch, ours)


def test_a_legal_basis_is_needed_and_an_officer(source, ours):
    batch = load(source, 4)
    for basis in ("", "because"):
        with pytest.raises(approvals.NoBasis):
            propose(batch, ours, basis)
    with pytest.raises(officers.NotAnOfficer):
        propose(batch, factories.account())
    propose(batch, ours)
    with pytest.raises(approvals.NotProposed):
        propose(batch, ours)


def test_many_small_lists_are_one_large_one(source, ours):
    for name in ("1", "2", "3"):
        release(load(source, name=name), ours)
    with pytest.raises(second_office.NeedsSecond):
        release(load(source, name="4"), ours)


@pytest.mark.parametrize("way", ["upload", "manual"])
def test_one_row_that_an_officer_chose_takes_two(source, code, ours, theirs, way):
    file = lists.text(lists.row())
    batch = risk.load(source=source, file=file, name="1", way=way, by=ours, at=timezone.now(), at_once=True)
    for by in (ours, theirs, None):
        with pytest.raises(second_office.NeedsSecond):
            release(batch, by)
    assert (batch.state, colour_of(code)) == ("draft", Colour.GREEN)
    propose(batch, ours)
    approve(batch, theirs)
    assert colour_of(code) == Colour.RED


def test_all_ways_are_counted_together(source, ours, theirs):
    propose(load(source, name="1", way="upload", by=ours), ours)
    approve(RiskBatch.objects.get(), theirs)
    states = [load(source, name=way, way=way, at_once=True).state for way in ("command", "push", "pull")]
    assert states == ["visible", "visible", "draft"]


def test_sources_of_one_office_are_counted_together(ours):
    sources = [factories.risk_source(slug=f"s{n}") for n in range(4)]
    assert [load(source, way="push", at_once=True).state for source in sources] == ["visible"] * 3 + ["draft"]


def test_an_officer_s_office_is_counted_over_sources(ours):
    offices = [factories.office(name=f"o{number}") for number in range(4)]
    for number in range(3):
        release(load(factories.risk_source(slug=f"s{number}", deciding_office=offices[number])), ours)
    last = load(factories.risk_source(slug="last", deciding_office=offices[3]))
    with pytest.raises(second_office.NeedsSecond):
        release(last, ours)


def test_withdrawing_and_trying_again_is_counted(source, ours):
    for name in ("1", "2", "3"):
        batch = load(source, name=name)
        release(batch, ours)
        risk.withdraw(batch=batch, by=ours, at=timezone.now())
    with pytest.raises(second_office.NeedsSecond):
        release(load(source, name="4"), ours)


def test_after_seven_days_it_counts_anew(source, ours):
    release(load(source, 3), ours)
    RiskBatch.objects.update(released_at=timezone.now() - timedelta(days=7))
    release(load(source, 3, name="2"), ours)


def test_a_manual_colour_takes_two(code, ours, theirs):
    batch = entered(code, ours)
    assert (batch.state, colour_of(code)) == ("draft", Colour.GREEN)
    with pytest.raises(approvals.NotYours):
        approve(batch, ours)
    approve(batch, theirs)
    assert colour_of(code) == Colour.RED
    risk.withdraw(batch=RiskBatch.objects.get(), by=ours, at=timezone.now())
    assert colour_of(code) == Colour.GREEN


def test_an_area_takes_two(code, ours, theirs):
    row = RiskArea(division=210102, level="high", starts_on=timezone.localdate())
    approvals.enter(row=row, basis=LegalBasis.AREAS, by=ours, at=timezone.now())
    assert colour_of(code) == Colour.GREEN
    approve(row.batch, theirs)
    assert colour_of(code) == Colour.RED


def test_a_draft_that_nobody_decides_is_refused_after_some_days(source, ours, settings, monkeypatch):
    now, days = timezone.now(), timedelta(days=settings.RISK_DRAFT_DAYS)
    waits, asked_late, asked_early, young, counts = (load(source, name=str(n)) for n in range(5))
    release(counts, ours)
    propose(asked_late, ours)
    propose(asked_early, ours)
    RiskBatch.objects.exclude(pk=young.pk).update(created_at=now - days)
    Approval.objects.filter(batch=asked_early).update(proposed_at=now - days)
    RiskBatch.objects.filter(pk=young.pk).update(created_at=now - days + timedelta(seconds=1))
    monkeypatch.setattr(approvals, "UNDECIDED_AT_ONCE", 2)
    assert [approvals.refuse_undecided(now), approvals.refuse_undecided(now)] == [True, False]
    states = dict(RiskBatch.objects.values_list("pk", "state"))
    assert [states[batch.pk] for batch in (waits, asked_late, asked_early, young, counts)] == [
        "refused",
        "draft",
        "refused",
        "draft",
        "visible",
    ]
    told = (
        AuditEntry.objects.filter(action__startswith="refuse-").order_by("pk").values_list("action", "subject", "actor")
    )
    assert list(told) == [
        ("refuse-riskbatch", f"riskbatch:{waits.pk}", None),
        ("refuse-approval", f"approval:{asked_early.approvals.get().pk}", None),
        ("refuse-riskbatch", f"riskbatch:{asked_early.pk}", None),
    ]
    assert not Approval.objects.waiting().filter(batch=asked_early).exists()


def test_without_a_basis_nothing_is_entered(code, ours):
    row = RiskArea(division=210102, level="high", starts_on=timezone.localdate())
    with pytest.raises(approvals.NoBasis):
        approvals.enter(row=row, basis="", by=ours, at=timezone.now())
    assert (RiskBatch.objects.count(), RiskArea.objects.count()) == (0, 0)


def test_one_officer_refuses_for_good(source, ours, theirs):
    batch = load(source, 4)
    propose(batch, ours)
    approvals.refuse(batch=batch, by=ours, at=timezone.now())
    for decide in (approve, propose):
        with pytest.raises(approvals.NotProposed):
            decide(batch, theirs)
    assert (RiskBatch.objects.get().state, Approval.objects.get().refused_by) == ("refused", ours)


def test_other_managed_lapses_after_72_hours_to_the_second(code, ours, theirs, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    approve(entered(code, ours, "managed"), theirs)
    began = timezone.now()
    time_machine.move_to(began + timedelta(hours=72, seconds=-1), tick=False)
    factories.declaration(person=code.person, account=code.person.holder)
    assert colour_of(code) == Colour.YELLOW
    time_machine.move_to(began + timedelta(hours=72), tick=False)
    assert colour_of(code) == Colour.GREEN


def test_another_office_renews_once_by_72_hours(code, ours, theirs, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    batch = entered(code, ours, "managed")
    approve(batch, theirs)
    began = timezone.now()
    time_machine.move_to(began + timedelta(hours=71), tick=False)
    colleague = factories.account(phone="+8613700000004", is_officer=True)
    for by in (ours, colleague):
        with pytest.raises(approvals.NotYours):
            approvals.renew(batch=batch, by=by, at=timezone.now())
    renewal = approvals.renew(batch=batch, by=theirs, at=timezone.now())
    with pytest.raises(approvals.NotYours):
        approvals.renew(batch=renewal, by=theirs, at=timezone.now())
    with pytest.raises(approvals.NotProposed):
        approvals.renew(batch=batch, by=theirs, at=timezone.now())
    for hours, seconds, colour in ((72, 0, Colour.YELLOW), (144, -1, Colour.YELLOW), (144, 0, Colour.GREEN)):
        time_machine.move_to(began + timedelta(hours=hours, seconds=seconds), tick=False)
        factories.declaration(person=code.person, account=code.person.holder)
        assert colour_of(code) == colour


def test_what_has_lapsed_is_not_renewed(code, ours, theirs, time_machine):
    batch = entered(code, ours, "managed")
    approve(batch, theirs)
    third = factories.account(phone="+8613700000003", office=factories.office(name="市疾控"))
    with pytest.raises(approvals.NotProposed):
        approvals.renew(batch=batch, by=third, at=timezone.now() + timedelta(hours=72))


def test_withdrawing_withdraws_the_renewal(code, ours, theirs):
    batch = entered(code, ours, "managed")
    approve(batch, theirs)
    third = factories.account(phone="+8613700000003", office=factories.office(name="市疾控"))
    page = factories.staff_client(account=third)
    change = f"/admin/passcodes/riskbatch/{batch.pk}/change/"
    assert "Renew by 72 hours" not in page.get(change).text
    early = page.post(f"/admin/passcodes/riskbatch/{batch.pk}/renew/", follow=True).text
    assert "It can be renewed in the last 24 hours before it lapses, not earlier." in early
    RiskRecord.objects.update(ends_at=timezone.now() + timedelta(hours=24))
    assert "Renew by 72 hours" in page.get(change).text
    page.post(f"/admin/passcodes/riskbatch/{batch.pk}/renew/")
    risk.withdraw(batch=batch, by=ours, at=timezone.now())
    assert list(RiskBatch.objects.values_list("state", flat=True)) == ["withdrawn"] * 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_what_is_renewed_while_it_is_withdrawn_is_withdrawn_too(code, ours, theirs):
    third = factories.account(phone="+8613700000003", office=factories.office(name="第三"))
    batch = entered(code, ours, "managed")
    approve(batch, theirs)
    batch.records.update(ends_at=timezone.now() + timedelta(hours=1))  # so that it may be renewed
    renewed = threading.Event()

    def renew():
        with transaction.atomic():
            approvals.renew(batch=batch, by=third, at=timezone.now())
            renewed.set()
            time.sleep(0.5)  # while the other one waits

    def withdraw():
        assert renewed.wait(10)
        risk.withdraw(batch=RiskBatch.objects.get(pk=batch.pk), by=ours, at=timezone.now())

    assert at_once(renew, withdraw) == ["done", "done"]
    assert [row.state for row in RiskBatch.objects.all()] == ["withdrawn", "withdrawn"]


def test_other_managed_in_a_list_takes_two_and_lapses(source, ours):
    batch = load(source, category="managed")
    with pytest.raises(second_office.NeedsSecond):
        release(batch, ours)
    record = batch.records.get()
    assert record.ends_at - record.starts_at == timedelta(hours=72)


def managed_entered(ours, start, end=None) -> str:
    """The page after an officer has typed a record of an "other managed" person."""
    values = {
        "document_kind": "01",
        "document_number": lists.PERSON,
        "category": "managed",
        "starts_at_0": f"{start:%Y-%m-%d}",
        "starts_at_1": f"{start:%H:%M:%S}",
        "ends_at_0": f"{end:%Y-%m-%d}" if end else "",
        "ends_at_1": f"{end:%H:%M:%S}" if end else "",
        "basis": "cases",
        "reason": "r",
    }
    return factories.staff_client(account=ours).post("/admin/passcodes/riskrecord/add/", values, follow=True).text


def test_other_managed_is_not_entered_for_next_week(code, ours):
    page = managed_entered(ours, timezone.localtime() + timedelta(days=2))
    assert "within 24 hours of the beginning" in page
    assert not RiskRecord.objects.exists()


@pytest.mark.parametrize(
    ("began", "ends", "field"), [(72, None, "starts_at"), (90, -9, "starts_at"), (9, 1, "ends_at")]
)
def test_other_managed_that_is_over_is_not_proposed(ours, began, ends, field):
    now = timezone.localtime()
    start, end = now - timedelta(hours=began), ends and now - timedelta(hours=ends)
    page = managed_entered(ours, start, end)
    error = page.split("This is over already: “other managed” lasts 72 hours at most.")
    assert len(error) == 2 and f'id="id_{field}_error"' in error[0][-200:]
    assert not RiskRecord.objects.exists()
    assert "Entered." in managed_entered(ours, now - timedelta(hours=71))


def test_rows_one_after_the_other_are_no_longer_than_one(source, code, ours, theirs, time_machine):
    began = timezone.now()
    starts = [(began + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S+0000") for hours in (0, 12, 24, 72, 144)]
    file = lists.text(*(lists.row(lists.PERSON, "managed", start) for start in starts))
    batch = risk.load(source=source, file=file, name="1", way="upload", by=ours, at=began)
    assert (batch.errors, [problem for *_, problem in batch.problems]) == (2, ["ahead", "ahead"])
    propose(batch, ours)
    approve(batch, theirs)
    for hours, colour in ((71, Colour.YELLOW), (72, Colour.GREEN)):
        time_machine.move_to(began + timedelta(hours=hours), tick=False)
        factories.declaration(person=code.person, account=code.person.holder)
        assert colour_of(code) == colour


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"approved_by": "ours", "approver_office": "city", "approved_at": 1}, "approval_by_another_account"),
        ({"approved_by": "theirs", "approver_office": "province", "approved_at": 1}, "approval_by_another_office"),
        ({"approved_at": 1}, "approval_by_somebody"),
        ({"rule_set": "rules"}, "approval_of_one_thing"),
        ({"batch": None}, "approval_of_one_thing"),
        ({"basis": "because"}, "approval_on_a_listed_basis"),
        ({"does": "ponder"}, "approval_of_a_known_deed"),
        ({"does": "withdraw"}, "approval_withdraws_no_batch"),
        ({"risk_source": "source"}, "approval_of_one_thing"),
    ],
)
def test_the_database_refuses_one_for_two(source, ours, theirs, values, constraint):
    province, city = officers.office_of(ours), officers.office_of(theirs)
    now = timezone.now()
    known = {"ours": ours, "theirs": theirs, "city": city, "province": province, "rules": factories.rule_draft()}
    known["source"] = source
    values = {name: now if name == "approved_at" else known.get(what, what) for name, what in values.items()}
    given = {"batch": load(source), "basis": "cases", "proposed_by": ours, "proposer_office": province, **values}
    with pytest.raises(IntegrityError, match=constraint):
        Approval.objects.create(proposed_at=now, **given)


@pytest.mark.parametrize("field", ["batch", "rule_set"])
def test_the_database_has_one_open_approval_of_a_thing(source, ours, field):
    thing = {field: load(source) if field == "batch" else factories.rule_draft()}
    given = {"basis": "cases", "proposed_by": ours, "proposer_office": officers.office_of(ours), **thing}
    Approval.objects.create(proposed_at=timezone.now(), **given)
    with pytest.raises(IntegrityError, match=rf"asked_once|approval\.{field}"):
        Approval.objects.create(proposed_at=timezone.now(), **given)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_who_agree_at_once_one_is_too_late(source, ours, theirs):
    batch = load(source, 4)
    propose(batch, ours)
    third = factories.account(phone="+8613700000003", office=factories.office(name="市疾控"))
    ends = at_once(*(lambda by=by: approve(RiskBatch.objects.get(), by) for by in (theirs, third)))
    assert ends == ["NotProposed", "done"]
    assert AuditEntry.objects.filter(action="release-riskbatch").count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_lists_released_at_once_the_second_counts_the_first(ours):
    batches = [load(factories.risk_source(slug=f"s{number}"), 2) for number in range(2)]
    ends = at_once(*(lambda batch=batch: release(batch, Account.objects.get(pk=ours.pk)) for batch in batches))
    assert ends == ["NeedsSecond", "done"]


def test_pages_lead_from_the_list_to_the_second_office(source, ours, theirs):
    desk, other = factories.staff_client(account=ours), factories.staff_client(account=theirs)
    batch = load(source, 4, by=ours)
    address = f"/admin/passcodes/riskbatch/{batch.pk}/"
    assert "1 list that came in counts for nobody until it is proposed" in desk.get("/admin/").text
    page = desk.get(f"{address}change/").text
    assert "Propose to another office" in page
    assert "Put this list in force" not in page
    assert "Choose the legal basis." in desk.post(f"{address}propose/", {"reason": "x"}, follow=True).text
    said = "Say why, for the officer of the other office."
    assert said in desk.post(f"{address}propose/", {"basis": "cases"}, follow=True).text
    too_long = {"basis": "cases", "reason": "x" * 301}
    page = desk.post(f"{address}propose/", too_long).text
    assert "at most 300 characters" in page
    assert too_long["reason"] in page and '<option value="cases" selected>' in page  # nothing has to be typed again
    assert not Approval.objects.exists()
    why = {"basis": "cases", "reason": "the <school> has four cases"}
    page = desk.post(f"{address}propose/", why, follow=True).text
    assert "Proposed by #" in page
    assert "Agree and put in force" not in page
    assert "An officer of another office has to agree." in desk.post(f"{address}approve/", follow=True).text
    assert "1 batch waits for your agreement" in other.get("/admin/").text
    assert "waits for your agreement" not in desk.get("/admin/").text
    assert "counts for nobody" not in desk.get("/admin/").text
    page = other.get(f"{address}change/").text
    assert "Agree and put in force" in page
    assert "Why: the &lt;school&gt; has four cases" in page
    other.post(f"{address}approve/")
    assert RiskBatch.objects.get().state == "visible"
    assert "Withdraw this batch" in desk.get(f"{address}change/").text
    desk.post(f"{address}withdraw/")
    assert RiskBatch.objects.get().state == "withdrawn"


def test_an_area_only_ends_earlier(ours):
    today = timezone.localdate()
    area = factories.risk_area(starts_on=today, ends_on=today + timedelta(days=5))
    desk = factories.staff_client(account=ours)
    address = f"/admin/passcodes/riskarea/{area.pk}/change/"
    for later in (str(today + timedelta(days=6)), ""):
        assert "An area that is to last longer is entered anew" in desk.post(address, {"ends_on": later}).text
    desk.post(address, {"ends_on": str(today + timedelta(days=1))})
    area.refresh_from_db()
    assert area.ends_on == today + timedelta(days=1)


def test_an_area_that_waits_stays_as_it_was_proposed(ours, theirs):
    now, today = timezone.now(), timezone.localdate()
    area = RiskArea(division=210102, level="high", starts_on=today - timedelta(days=3), source="")
    approvals.enter(row=area, basis=LegalBasis.CASES, by=ours, at=now)
    address = f"/admin/passcodes/riskarea/{area.pk}/change/"
    desk = factories.staff_client(account=ours)
    page = desk.get(address).text
    assert "It waits for another office, and cannot be changed meanwhile." in page
    assert 'name="ends_on"' not in page and 'name="_save"' not in page and "_addanother" not in page
    said = "Another office is looking at this area"
    assert said in desk.post(address, {"ends_on": str(today - timedelta(days=1))}, follow=True).text
    with pytest.raises(endings.Waits):
        endings.end_area(area=area, ends_on=today, by=ours, at=now)
    area.refresh_from_db()
    assert area.ends_on is None
    assert not AuditEntry.objects.filter(action__in=("change-riskarea", "end-riskarea")).exists()
    approvals.approve(batch=area.batch, by=theirs, at=now)
    page = desk.get(address).text
    assert "It waits" not in page and 'name="ends_on"' in page and 'name="_save"' in page
    desk.post(address, {"ends_on": str(today)})
    area.refresh_from_db()
    assert area.ends_on == today


def test_nothing_half_done_stays_when_the_second_comes_too_late(source, ours, theirs):
    batch = load(source, 4)
    propose(batch, ours)
    RiskBatch.objects.update(state="refused")
    with transaction.atomic(), pytest.raises(approvals.NotProposed):
        approve(batch, theirs)
    assert Approval.objects.get().approved_at is None
