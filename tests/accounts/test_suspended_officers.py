"""A suspended account decides nothing, and nobody agrees to what it has proposed."""

import pytest
from django.utils import timezone

from accounts import officers
from accounts.models import Account, Officer
from passcodes import appeal_judges, approvals
from passcodes.appeal_judges import NotTheirs
from passcodes.models import Appeal, RiskRecord
from tests import factories
from tests.passcodes.appeals.steps import colour, file

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours():
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs():
    return factories.account(phone="+8613700000002", office=factories.office())


@pytest.fixture
def code():
    return factories.pass_code(account=factories.account(phone="+8613900000001"))


def suspend(account) -> None:
    Account.objects.filter(pk=account.pk).update(is_active=False)


def enter(code, by) -> RiskRecord:
    now = timezone.now()
    row = RiskRecord(document_hash=code.person.document_hash, category="confirmed", starts_at=now)
    approvals.enter(row=row, basis="cases", by=by, at=now)
    return row


def test_what_it_proposed_is_agreed_to_by_nobody(ours, theirs, code):
    row = enter(code, theirs)
    suspend(theirs)
    assert not approvals.has_proposer(row.batch.approvals.get())
    with pytest.raises(approvals.NotYours):
        approvals.approve(batch=row.batch, by=ours, at=timezone.now())
    assert colour(code) == "green"
    approvals.refuse(batch=row.batch, by=ours, at=timezone.now())


def test_it_proposes_and_agrees_to_nothing(ours, theirs, code):
    row = enter(code, ours)
    suspend(theirs)
    with pytest.raises(officers.NotAnOfficer):
        approvals.approve(batch=row.batch, by=theirs, at=timezone.now())
    with pytest.raises(officers.NotAnOfficer):
        enter(code, theirs)
    assert not Account.objects.get(pk=theirs.pk).is_officer


def test_an_officer_whom_it_proposed_does_not_begin(ours, theirs):
    newcomer = factories.account(phone="+8613700000003")
    role = officers.add_officer(account=newcomer, office=factories.province(), by=theirs, at=timezone.now())
    suspend(theirs)
    assert not officers.may_approve(role, ours)
    page = factories.staff_client(account=ours).post(f"/admin/accounts/officer/{role.pk}/approve/", follow=True).text
    assert "Who proposed this has been suspended. End it, and propose it anew." in page
    assert not Account.objects.get(pk=newcomer.pk).is_officer
    assert officers.end_officer(officer=role, by=ours, at=timezone.now())


def test_it_has_asked_for_no_end_and_is_no_office_that_is_left(ours, theirs):
    third, fourth = (
        factories.account(phone=f"+861370000000{n}", office=factories.office(name=f"第{n}")) for n in (3, 4)
    )
    role = third.officer_roles.get()
    assert not officers.end_officer(officer=role, by=theirs, at=timezone.now())
    suspend(theirs)
    assert not officers.end_officer(officer=role, by=ours, at=timezone.now())
    suspend(fourth)
    with pytest.raises(officers.LastOffices):
        officers.end_officer(officer=role, by=third, at=timezone.now())


def test_its_role_can_be_ended_though_two_offices_are_not_left(ours, theirs):
    suspend(theirs)
    assert not officers.end_officer(officer=theirs.officer_roles.get(), by=ours, at=timezone.now())
    colleague = factories.account(phone="+8613700000005", office=factories.office())
    assert officers.end_officer(officer=theirs.officer_roles.get(), by=colleague, at=timezone.now())
    assert Officer.objects.open().count() == 2


def test_its_office_answers_no_appeal_against_its_colour_for_all_that(ours, theirs, code):
    row = enter(code, theirs)
    approvals.approve(batch=row.batch, by=ours, at=timezone.now())
    suspend(theirs)
    appeal = file(code, code.person.holder)
    colleague = factories.account(phone="+8613700000005", office=factories.office())
    with pytest.raises(NotTheirs):
        appeal_judges.check_officer(colleague, appeal)
    assert Appeal.objects.count() == 1
