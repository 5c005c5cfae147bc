"""What the desk records, of whom, and what it prints."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AuditEntry
from declarations import desk as writes
from declarations.models import Assurance, Declaration, Person
from declarations.questions import Answers
from passcodes import desk_views, keys, tokens
from passcodes.models import PassCode
from tests import factories
from tests.passcodes.desk.steps import ANSWERS, CLAIM, HEALTHY, LOOK, NUMBER, audited, sent, served

pytestmark = pytest.mark.django_db


# Declaring


def test_walk_in_is_declared_with_the_document_seen(desk, clerk, office):
    assert desk.post("/desk/", LOOK).status_code == 200
    response = desk.post("/desk/declare/", ANSWERS)
    person = Person.objects.get()
    assert response.url == f"/desk/person/{person.pk}/"
    assert (person.name, person.document_number, person.sex, person.birth_date) == ("李小花", NUMBER, "2", "1990-01-01")
    assert (person.assurance, person.holder) == (Assurance.OFFICER, None)
    declaration = Declaration.objects.get()
    assert (declaration.person, declaration.account, declaration.phone) == (person, clerk, "")
    assert audited(subject=f"person:{person.pk}") == ["confirm-identity", "desk-declare"]
    text = desk.get(response.url).text
    assert "Green code" in text


def test_document_that_was_not_seen_is_not_declared_for(desk):
    desk.post("/desk/", LOOK)
    other = factories.DOCUMENTS[2]
    response = desk.post("/desk/declare/", ANSWERS | {"document_number": other, "sex": "1"})
    assert response.context["form"].errors["document_number"] == [
        "Look this document up first, and confirm that you have seen it."
    ]
    assert not Person.objects.exists()


def test_nothing_typed_is_lost_when_the_half_hour_runs_out(desk, mother):
    with time_machine.travel(datetime.now().astimezone(), tick=False) as clock:
        page = served(desk, mother)
        Person.objects.filter(pk=mother.pk).update(name="李大花")  # of the person, nothing but what was typed is shown
        clock.shift(timedelta(minutes=31))
        for wrong in ({}, {"county": ""}, {"button": "add-travel"}):
            response = desk.post(f"{page}declare/", ANSWERS | {"address": "太原街2号"} | wrong)
            assert response.status_code == 200
            assert "太原街2号" in response.text and NUMBER in response.text and "李小花" in response.text
            assert "李大花" not in response.text and "李**" not in response.text and page not in response.text
        response = desk.post(f"{page}declare/", ANSWERS)
        assert 'href="/desk/" target="_blank"' in response.text and "what you typed stays" in response.text
        assert Declaration.objects.filter(person=mother).count() == 1  # the one from before
        desk.post("/desk/", LOOK)
        assert desk.post("/desk/declare/", ANSWERS).url == page
    assert Declaration.objects.latest_of(mother).account.desk_roles.exists()


def test_residence_outside_the_division_is_another_desk_s(desk):
    desk.post("/desk/", LOOK)
    response = desk.post("/desk/declare/", ANSWERS | {"county": "210202"})
    assert response.context["form"].errors == {"county": ["This place belongs to another desk."]}
    assert not Person.objects.exists()


def declare_agreed(holder, office, clerk) -> Person:
    now = timezone.now()
    return writes.declare_at_desk(claim=CLAIM, answers=HEALTHY, office=office, agreed=holder.pk, by=clerk, at=now)


def test_known_person_keeps_the_holder_and_gets_the_document_s_data(office, clerk):
    holder = factories.account()
    known = factories.person(holder=holder, name="李花", number=NUMBER)
    person = declare_agreed(holder, office, clerk)
    assert (person.pk, person.holder, person.name) == (known.pk, holder, "李小花")
    assert (person.sex, person.assurance) == ("2", Assurance.OFFICER)


def test_holder_is_told_that_a_desk_has_declared(office, clerk, outbox, django_capture_on_commit_callbacks):
    holder = factories.account()
    factories.person(holder=holder, name="李小花", number=NUMBER)
    with django_capture_on_commit_callbacks(execute=True):
        declare_agreed(holder, office, clerk)
    (message,) = sent(outbox)
    assert message["to"] == "+8613800000001"
    assert "和平区服务台" in message["text"] and "024-11111" in message["text"]


def test_claims_to_the_document_stay_what_they_are(office, clerk):
    claimed = factories.person(holder=factories.account(), number=NUMBER, assurance=Assurance.DECLARED)
    person = writes.declare_at_desk(claim=CLAIM, answers=HEALTHY, office=office, by=clerk, at=timezone.now())
    claimed.refresh_from_db()
    assert person != claimed
    assert claimed.assurance == Assurance.DECLARED


def test_desk_writes_refuse_what_is_another_desk_s(office, other_office, mother, clerk):
    now = timezone.now()
    with pytest.raises(writes.OtherDesk):
        writes.declare_at_desk(claim=CLAIM, answers=HEALTHY, office=other_office, by=clerk, at=now)
    elsewhere = Answers("", 210202, "中山路1号", False, False, False, "")
    with pytest.raises(writes.OtherDesk):
        writes.declare_at_desk(claim=CLAIM, answers=elsewhere, office=other_office, by=clerk, at=now)
    assert Declaration.objects.count() == 1


def test_clerk_does_not_serve_themselves(desk, clerk):
    factories.person(holder=clerk, name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    desk.post("/desk/", LOOK)
    response = desk.post("/desk/declare/", ANSWERS)
    assert response.context["form"].non_field_errors() == ["This is your own document. Another clerk has to serve you."]
    assert not Declaration.objects.exists()


def test_declaring_again_starts_from_what_this_desk_was_told(desk, clerk, mother):
    page = served(desk, mother)
    form = desk.get(f"{page}declare/").context["form"]
    assert form["name"].value() == "李小花"
    assert not form["address"].value()  # somebody else's words
    desk.post(f"{page}declare/", ANSWERS | {"address": "太原街2号"})
    assert desk.get(f"{page}declare/").context["form"]["address"].value() == "太原街2号"


def test_buttons_without_javascript_keep_what_was_typed(desk):
    desk.post("/desk/", LOOK)
    response = desk.post("/desk/declare/", ANSWERS | {"button": "add-travel"})
    assert len(response.context["form"].travel_rows()) == 2
    assert NUMBER in response.text and not response.context["form"].errors


def test_limit_of_declarations_a_day(desk, monkeypatch):
    monkeypatch.setattr(desk_views, "DECLARATIONS_A_DAY", 1)
    desk.post("/desk/", LOOK)
    desk.post("/desk/declare/", ANSWERS)
    assert desk.post("/desk/declare/", ANSWERS).status_code == 429
    assert Declaration.objects.count() == 1


def test_declaring_begins_at_the_first_page(desk):
    assert desk.get("/desk/declare/").url == "/desk/"


# Paper


def test_paper_code_is_signed_without_colour_or_end(desk, mother, office):
    text = desk.get(f"{served(desk, mother)}paper/").text
    pass_code = PassCode.objects.get(person=mother)
    now = timezone.now()
    token = tokens.sign(pass_code.public_id, None, keys.signing_key(now), now)
    read = tokens.read(token, keys.ring(), now)
    assert (read.paper, read.pass_id) == (True, pass_code.public_id)
    assert 'class="paper-qr"' in text
    assert office.phone in text and "李**" in text and "every 3 days" in text
    assert "李小花" not in text and NUMBER not in text
    assert AuditEntry.objects.filter(action="desk-print", subject=f"person:{mother.pk}").count() == 1
