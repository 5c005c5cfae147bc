"""Two offices make an officer. No desk, no check by a person, no phone's owner takes the role by taking the code."""

import re

import pytest
from django.utils import timezone

from accounts import closing, officers
from accounts.models import Officer
from declarations import actions
from declarations.models import Assurance, Person
from passcodes import document_checks
from passcodes.actions import issue_pass
from passcodes.models import DocumentCheck, DocumentCheckState
from tests import factories
from tests.identity_server import IdentityServer
from tests.passcodes.desk.steps import ANSWERS, NUMBER, clerk_at, give, sent, served
from tests.passcodes.document_check.steps import QUEUE, browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def outbox(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return tmp_path / "outbox.jsonl"


@pytest.fixture
def ours():
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs():
    """An officer of another office, who is a real-name person."""
    account = factories.account(phone="+8613700000002", office=factories.office())
    factories.person(holder=account, name="李小花", number=NUMBER)
    return account


@pytest.fixture
def friend():
    return factories.account(phone="+8613700000077")


def offices() -> int:
    return Officer.objects.current().count()


def test_no_desk_gives_an_officer_s_code_away(ours, theirs, outbox):
    desk = factories.staff_client(account=clerk_at(factories.office(name="服务台", division=210102), "+8613700000003"))
    response = give(desk, served(desk, theirs.person), outbox)
    assert response.context["form"].non_field_errors() == [
        "This person decides for an office of the authority: that role has to be ended first."
    ]
    assert (Person.objects.held_by(theirs).count(), offices()) == (1, 2)


def test_no_check_by_a_person_gives_it_away(ours, theirs, friend):
    claimed = factories.person(holder=friend, name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    now = timezone.now()
    document_checks.ask(account=friend, pass_code=issue_pass(person=claimed), photo=b"x", note="", by=friend, at=now)
    check = DocumentCheck.objects.get()
    decision = {"decision": "approve", "reason": "姓名和号码与照片一致", "shown": document_checks.shown(claimed)}
    page = factories.staff_client(account=ours).post(f"{QUEUE}{check.pk}/decide/", decision, follow=True).text
    assert "decides for an office: that role has to be ended first." in page
    check.refresh_from_db(), claimed.refresh_from_db()
    assert (check.state, claimed.is_real_name, offices()) == (DocumentCheckState.WAITING, False, 2)


@pytest.mark.parametrize("assurance", [Assurance.AUTHORITY, Assurance.FACE])
def test_no_phone_and_no_face_does(ours, theirs, friend, assurance):
    claimed = factories.person(holder=friend, name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    person = actions.prove_own(account=friend, assurance=assurance, by=friend, at=timezone.now())
    assert (person, person.is_real_name, person.needs_desk) == (claimed, False, True)
    assert offices() == 2


def test_a_suspended_officer_is_not_displaced_either(ours, theirs, friend):
    theirs.is_active = False
    theirs.save()
    factories.person(holder=friend, name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    with pytest.raises(officers.DecidesForOffice):
        actions.prove_own(account=friend, assurance=Assurance.OFFICER, by=ours, at=timezone.now())


def test_an_officer_s_account_becomes_nobody_else_s(settings, ours, theirs):
    other = factories.DOCUMENTS[2]
    with IdentityServer() as server:
        settings.IDENTITY_URL = server.url
        server.know(number=other, name="王五", phone="+8613700000002")
        sent_form = ANSWERS | {"document_number": other, "name": "王五", "sex": "1", "phone": "13700000002"}
        response = browser(theirs).post("/declare/?document=new", sent_form)
    assert response.context["form"].errors["document_number"] == [
        "You decide for an office of the authority. That role has to be ended before this account becomes somebody"
        " else's."
    ]
    assert offices() == 2


def test_when_the_role_has_ended_the_code_moves(ours, theirs, friend):
    third = factories.account(phone="+8613700000004", office=factories.office(name="第三"))
    claimed = factories.person(holder=friend, name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    assert third.is_officer and officers.end_officer(officer=Officer.objects.get(account=theirs), by=theirs, at=now())
    factories.account(phone="+8613700000005", office=factories.office(name="第四"))
    person = actions.prove_own(account=friend, assurance=Assurance.OFFICER, by=ours, at=now())
    claimed.refresh_from_db()
    assert (person.holder, claimed.holder) == (friend, None)


def now():
    return timezone.now()


def test_the_last_officer_hands_over_before_closing_the_account(ours, theirs, outbox):
    client = browser(theirs)
    text = client.post("/me/close/").text
    assert "Propose another officer at /admin/" in text
    assert sent(outbox) == []
    with pytest.raises(officers.LastOffices):
        closing.close(account=theirs, by=theirs, at=now())
    assert (Person.objects.held_by(theirs).count(), offices()) == (1, 2)
    factories.account(phone="+8613700000004", office=factories.office(name="第三"))
    client.post("/me/close/")
    digits = re.search(r"\d{6}", sent(outbox)[-1]["text"])[0]
    assert "Your account is closed" in client.post("/me/close/code/", {"code": digits}).text
    assert offices() == 2
