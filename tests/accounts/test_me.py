"""My data: what one reads and takes away, and what is left when the account is closed."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit
from accounts.actions import code_hash
from accounts.models import AuditEntry, DeskClerk, Device, DeviceKey, Identifier, Office, Officer, OneTimeCode
from declarations.actions import answers_of, claim_of, declare
from declarations.models import Assurance, Declaration, Person, Proxy, Relation
from institutions.models import Membership
from passcodes import facts
from passcodes.actions import issue_pass, show_colour
from passcodes.colour import Colour
from passcodes.hot import KEY_COOKIE
from passcodes.models import ColourChange, GateReading, PassCode
from tests import factories

PHONE, OTHER = "+8613800000001", "+8613800000002"
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def outbox(tmp_path, monkeypatch):
    path = tmp_path / "outbox.jsonl"
    monkeypatch.setattr(settings, "SMS_URL", f"file:{path}")
    return path


@pytest.fixture
def resident(client):
    """An account with a green code, signed in on `client`."""
    account = factories.account(phone=PHONE)
    factories.pass_code(account=account, number=factories.DOCUMENTS[0])
    device = factories.device(account=account)
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    session = client.session
    session["device"] = device.pk
    session.save()
    return account


@pytest.fixture
def rich(resident):
    """The same with something in every section that a resident can have."""
    person = resident.person
    now = timezone.now()
    officer = factories.account(phone="+8613800000009", is_officer=True)
    ColourChange.objects.create(person=person, colour=0, at=now)
    GateReading.objects.create(person=person, temperature="37.5", taken_at=now)
    school = factories.institution()
    factories.scan(institution=school, entrance=factories.entrance(institution=school), scanner=officer, person=person)
    factories.member(institution=school, account=resident)
    factories.risk_record()
    factories.relative(account=resident)
    helper = factories.account(phone=OTHER)
    Proxy.objects.create(
        account=helper, person=person, relation=Relation.PARENT, created_at=now, confirmed_at=now, confirmed_by=resident
    )
    audit.record(by=officer, action="view-document", subject=f"person:{person.pk}", at=now, reason="tracing")
    return resident


def code_in(outbox) -> str:
    text = json.loads(outbox.read_text().splitlines()[-1])["text"]
    return next(word.strip(",.") for word in text.split() if word.strip(",.").isdigit() and len(word.strip(",.")) == 6)


def close(client, outbox):
    assert client.post("/me/close/").url == "/me/close/code/"
    return client.post("/me/close/code/", {"code": code_in(outbox)})


# Reading


def test_everything_about_me_stands_on_the_page_masked(client, rich):
    response = client.get("/me/")
    text = response.content.decode()
    for words in ("张**", "21**************15", "138****0001", "沈阳市第一中学", "37.5 °C", "confirmed", "李**"):
        assert words in text
    assert "138****0002" in text  # who acts for me
    assert factories.province().name in text and "to trace contacts of a case" in text
    for secret in (factories.DOCUMENTS[0], "张三丰", PHONE[3:], OTHER[3:], "1990-01-01"):
        assert secret not in text
    assert "no-store" in response["Cache-Control"]


def test_a_new_account_has_an_empty_page(client):
    account = factories.account()
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    text = client.get("/me/").content.decode()
    assert text.count("Nothing is kept.") == len(text.split("<details")) - 2  # all but how one signs in


def test_the_page_asks_the_same_questions_however_much_is_kept(client, rich, django_assert_num_queries):
    client.get("/me/")
    with CaptureQueriesContext(connection) as before:
        client.get("/me/")
    person = rich.person
    for number in range(3):
        factories.declaration(person=person, account=rich)
        ColourChange.objects.create(person=person, colour=number, at=timezone.now())
        audit.record(by=None, action="view-person", subject=f"person:{person.pk}", at=timezone.now())
    with django_assert_num_queries(len(before)):
        client.get("/me/")


def test_the_page_shows_the_newest_of_many_and_the_file_all(client, resident):
    for number in range(14):
        factories.declaration(person=resident.person, account=resident, made_at=timezone.now() - number * DAY)
    assert "5 earlier entries are in the file." in client.get("/me/").content.decode()
    assert len(client.post("/me/export/").json()["declarations"]) == 15


def test_nothing_of_anybody_else_is_shown(client, resident):
    other = factories.account(phone=OTHER)
    factories.pass_code(account=other, number=factories.DOCUMENTS[3], name="王小明")
    factories.relative(account=other)
    audit.record(by=None, action="view-person", subject=f"person:{other.person.pk}", at=timezone.now())
    export = client.post("/me/export/").content.decode()
    for words in ("王小明", factories.DOCUMENTS[3], OTHER, "李", "view-person"):
        assert words not in export


def test_who_only_claims_a_document_learns_nothing_of_its_owner(client):
    owner = factories.account(phone=OTHER)
    factories.pass_code(account=owner, number=factories.DOCUMENTS[0])
    factories.risk_record()
    audit.record(by=owner, action="view-person", subject=f"person:{owner.person.pk}", at=timezone.now())
    helper = factories.account(phone="+8613800000003")
    Proxy.objects.create(account=helper, person=owner.person, relation=Relation.PARENT, created_at=timezone.now())
    claimer = factories.account(phone=PHONE)
    factories.pass_code(account=claimer, number=factories.DOCUMENTS[0], assurance=Assurance.DECLARED)
    client.force_login(claimer, backend="accounts.backends.OneTimeCodeBackend")
    document = client.post("/me/export/").json()
    for section in ("risk_records", "who_acts_for_me", "looks", "scans"):
        assert document[section] == []
    assert len(document["declarations"]) == 1


@pytest.mark.parametrize("state", ["draft", "visible", "withdrawn", "refused"])
def test_whether_a_record_about_me_counts_is_said(client, resident, state):
    factories.risk_record(batch=factories.risk_batch(state=state))
    words = {"draft": "waits for release", "visible": "in force", "withdrawn": "withdrawn", "refused": "refused"}
    assert words[state] in client.get("/me/").text
    (record,) = client.post("/me/export/").json()["risk_records"]
    assert (record["category"], record["state"]) == ("confirmed", state)


def test_the_phone_of_who_declared_for_me_is_not_given_to_me(client, resident):
    helper = factories.account(phone=OTHER)
    factories.declaration(person=resident.person, account=helper, phone=OTHER)
    document = client.post("/me/export/").json()
    assert {(row["by"], row["phone"]) for row in document["declarations"]} == {("me", PHONE), ("another", None)}


def test_a_look_at_a_desk_names_the_office_and_nobody_there(client, resident):
    clerk = factories.account(phone=OTHER)
    office = Office.objects.create(name="和平区服务台", phone="024-1", division=210102)
    DeskClerk.objects.create(account=clerk, office=office)
    for action in ("desk-look-up", "desk-view", "desk-print", "desk-code"):
        audit.record(by=clerk, action=action, subject=f"person:{resident.person.pk}", at=timezone.now())
    looks = client.post("/me/export/").json()["looks"]
    assert [(row["by"], row["what"]) for row in looks] == [
        ("和平区服务台", "desk-print"),
        ("和平区服务台", "desk-view"),
        ("和平区服务台", "desk-look-up"),
    ]


def test_a_look_is_that_of_the_office_that_they_decided_for_then(client, resident):
    officer, now = factories.account(phone=OTHER), timezone.now()
    first = factories.officer(account=officer, office=factories.province())
    Officer.objects.filter(pk=first.pk).update(approved_at=now - timedelta(days=9), ended_at=now - timedelta(days=5))
    second = factories.officer(account=officer, office=factories.office())
    Officer.objects.filter(pk=second.pk).update(approved_at=now - timedelta(days=4))
    for days in (6, 1):
        at = now - timedelta(days=days)
        audit.record(by=officer, action="view-person", subject=f"person:{resident.person.pk}", at=at)
    looks = client.post("/me/export/").json()["looks"]
    assert [row["by"] for row in looks] == [factories.office().name, factories.province().name]


# Taking away


def test_the_file_has_everything_in_full_and_is_audited(client, rich):
    response = client.post("/me/export/")
    document = response.json()
    assert response["Content-Type"] == "application/json; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="health-pass-')
    assert "no-store" in response["Cache-Control"]
    assert document["person"][0]["name"] == "张三丰"
    assert document["person"][0]["document_number"] == factories.DOCUMENTS[0]
    assert document["sign_in"][0]["value"] == PHONE
    assert [row["outcome"] for row in document["scans"]] == ["green"]
    for section in ("code", "colours", "risk_records", "gate_readings", "memberships", "for_others", "looks"):
        assert len(document[section]) == 1
    entry = AuditEntry.objects.get(action="export-own-data")
    assert (entry.actor, entry.subject) == (rich, f"account:{rich.pk}")


def test_the_file_is_given_a_few_times_a_day(client, resident):
    for _ in range(5):
        assert client.post("/me/export/").status_code == 200
    assert client.post("/me/export/").url == "/me/"
    assert AuditEntry.objects.filter(action="export-own-data").count() == 5
    assert client.get("/me/export/").status_code == 405


# Closing


def test_closing_names_what_ends_and_what_stays_until_when(client, rich):
    text = client.get("/me/close/").content.decode()
    day = timezone.localdate()
    for days in (61, 15, 181, 1096):
        assert f"Deleted on {day + days * DAY} at the latest" in text
    assert "No date yet" in text  # the risk record has no end
    assert "138****0001" in text


def test_the_right_code_closes_the_account_at_once(client, rich, outbox):
    person, pass_id = rich.person, rich.person.pass_code.public_id
    key = factories.device_key(account=rich, subject=pass_id)
    renewer = Client()
    renewer.cookies[KEY_COOKIE] = key
    assert renewer.get(f"/code/{pass_id}/token").status_code == 200
    other_browser = Client()
    other_browser.force_login(rich, backend="accounts.backends.OneTimeCodeBackend")
    response = close(client, outbox)
    assert response.status_code == 200
    assert "Your account is closed" in response.content.decode()
    assert response["Clear-Site-Data"] == '"cache", "storage"'
    rich.refresh_from_db()
    person.refresh_from_db()
    assert (rich.is_active, rich.last_four_hash, rich.is_staff) == (False, "", False)
    assert person.holder is None
    for model in (PassCode, Device, DeviceKey):
        assert not model.objects.filter(**({"person": person} if model is PassCode else {"account": rich})).exists()
    assert not Identifier.objects.filter(account=rich).exists()
    assert not OneTimeCode.objects.exists()
    assert not Proxy.objects.current().exists()
    assert not Membership.objects.current().exists()
    assert renewer.get(f"/code/{pass_id}/token").status_code == 401
    for browser in (client, other_browser):
        assert browser.get("/me/").url.startswith("/login/")
    actions = set(AuditEntry.objects.filter(actor=rich).values_list("action", flat=True))
    assert actions >= {"close-account", "release-person", "end-proxy", "end-scanner"}


def test_what_must_stay_stays(client, rich, outbox):
    close(client, outbox)
    assert Declaration.objects.filter(account=rich).count() == 2
    assert ColourChange.objects.count() == GateReading.objects.count() == 1
    assert Person.objects.count() == 2


def test_who_comes_back_with_the_same_document_has_a_new_code_and_the_old_facts(client, resident, outbox):
    person, earlier = resident.person, resident.person.pass_code.public_id
    GateReading.objects.create(person=person, temperature="38.2", taken_at=timezone.now())
    claim, answers = claim_of(person), answers_of(person.declarations.get())
    close(client, outbox)
    fresh, now = factories.account(phone=PHONE), timezone.now()
    declaration = declare(account=fresh, claim=claim, answers=answers, by=fresh, at=now)
    assert declaration.person == person and fresh != resident
    pass_id = issue_pass(person=person).public_id
    assert pass_id != earlier
    row = facts.for_page_of(account_id=fresh.pk, pass_id=pass_id, at=now)
    assert show_colour(row=row, at=now).colour == Colour.YELLOW


def test_a_wrong_code_closes_nothing(client, resident, outbox):
    client.post("/me/close/")
    right = code_in(outbox)
    wrong = f"{(int(right) + 1) % 10**6:06}"
    response = client.post("/me/close/code/", {"code": wrong})
    assert "This code is not right" in response.content.decode()
    resident.refresh_from_db()
    assert resident.is_active
    assert client.post("/me/close/code/", {"code": right}).status_code == 200


def test_a_code_for_another_number_closes_nothing(client, resident, outbox):
    client.post("/me/close/")
    right = code_in(outbox)
    other = factories.account(phone=OTHER)
    Identifier.objects.filter(account=resident).update(account=other)
    assert client.post("/me/close/code/", {"code": right}).url == "/me/close/"
    resident.refresh_from_db()
    assert resident.is_active


def test_without_a_code_asked_for_there_is_nothing_to_enter(client, resident):
    code = OneTimeCode.objects.create(
        id="00000000-0000-4000-8000-000000000001",
        kind="phone",
        value=PHONE,
        identifier_hash="x",
        sent_at=timezone.now(),
        expires_at=timezone.now() + DAY,
    )
    OneTimeCode.objects.update(code_hash=code_hash(code.pk, "123456"))
    assert client.post("/me/close/code/", {"code": "123456"}).url == "/me/close/"
    resident.refresh_from_db()
    assert resident.is_active


def test_codes_for_closing_are_limited(client, resident, outbox):
    assert [client.post("/me/close/").status_code for _ in range(6)] == [302] * 5 + [429]


def test_an_account_without_a_phone_is_sent_to_a_desk(client, resident):
    Identifier.objects.all().delete()
    assert "community service desk" in client.get("/me/close/").content.decode()
    assert client.post("/me/close/").status_code == 200


def test_closed_sessions_hold_nothing_personal(client, resident, outbox):
    close(client, outbox)
    for session in Session.objects.all():
        assert PHONE not in str(session.get_decoded())
