"""Looking up at the desk: whom it serves, whom it refuses, and for how long."""

import re
from datetime import datetime, timedelta

import pytest
import time_machine

from accounts.models import AuditEntry
from declarations.models import Assurance
from passcodes import desk_views
from tests import factories
from tests.passcodes.desk.steps import ANSWERS, LOOK, NUMBER, audited, clerk_at, pages_of, served

pytestmark = pytest.mark.django_db


def test_nobody_is_looked_up_without_the_affirmation(desk, mother):
    answers = set()
    for number in (NUMBER, factories.DOCUMENTS[2]):
        response = desk.post("/desk/", {**LOOK, "document_number": number, "seen": ""})
        assert response.context["form"].errors == {
            "seen": ["Only who is here with the document can be served at a desk."]
        }
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.text)
        answers.add(text.replace(number, ""))
    assert len(answers) == 1
    assert desk.get(f"/desk/person/{mother.pk}/").status_code == 404
    assert audited() == []


def test_known_person_s_page_opens_for_half_an_hour_for_who_has_seen_the_document(desk, other_desk, mother, office):
    with time_machine.travel(datetime.now().astimezone(), tick=False) as clock:
        page = served(desk, mother)
        entry = AuditEntry.objects.get(action="desk-look-up")
        assert (entry.subject, entry.detail["office"], entry.detail["same_name"]) == (
            f"person:{mother.pk}",
            office.pk,
            True,
        )
        for path in pages_of(mother):
            assert desk.get(path).status_code in (200, 302)
            assert other_desk.get(path).status_code == 404
        clock.shift(timedelta(minutes=30, seconds=-1))
        assert desk.get(page).status_code == 200
        clock.shift(timedelta(seconds=1))
        for path in pages_of(mother):
            response = desk.get(path, follow=True)
            assert response.redirect_chain == [("/desk/", 302)]
            assert "Half an hour has passed since you saw the document." in response.text
            assert other_desk.get(path).status_code == 404
        for path in (f"{page}phone/", f"{page}proxy/1/agree/", f"{page}proxy/1/end/"):
            assert desk.post(path, {"phone": "13912345678"}).url == "/desk/"


def test_page_is_masked(desk, mother):
    text = desk.get(served(desk, mother)).text
    assert "李**" in text and mother.masked_document in text
    assert "李小花" not in text and NUMBER not in text


def test_another_clerk_of_the_same_office_sees_the_document_first(desk, office, mother):
    page = served(desk, mother)
    colleague = factories.staff_client(account=clerk_at(office, "+8613700000003"))
    assert colleague.get(page).status_code == 404


def test_person_of_another_district_is_sent_to_the_other_desk(desk, other_desk, mother):
    response = other_desk.post("/desk/", LOOK)
    assert response.context["form"].non_field_errors() == [
        "This person last declared from another district: please send them to the desk there."
    ]
    assert other_desk.get(f"/desk/person/{mother.pk}/").status_code == 404
    assert audited(subject=f"person:{mother.pk}") == ["desk-refuse"]


def test_person_who_has_declared_elsewhere_meanwhile_is_gone(desk, mother):
    page = served(desk, mother)
    factories.declaration(person=mother, account=mother.declarations.get().account, division=210202)
    assert desk.get(page).status_code == 404


def test_wrong_name_does_not_open_the_page_but_the_document_s_name_can_be_recorded(desk, mother):
    response = desk.post("/desk/", LOOK | {"name": "李大花"})
    assert "has another name" in response.text
    assert desk.get(f"/desk/person/{mother.pk}/").status_code == 404
    desk.post("/desk/declare/", ANSWERS | {"name": "李大花"})
    mother.refresh_from_db()
    assert (mother.name, mother.assurance) == ("李大花", Assurance.OFFICER)


def test_claims_of_others_are_not_found(desk):
    factories.person(holder=factories.account(), name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    response = desk.post("/desk/", LOOK)
    assert response.status_code == 200
    assert 'value="李小花"' in response.text and NUMBER in response.text  # the form, for somebody new


@pytest.mark.parametrize(
    "change",
    [{"document_number": "123"}, {"document_number": "1" * 10_000}, {"name": ""}, {"document_kind": "xx"}],
)
def test_bad_look_up_comes_back_with_what_was_typed(desk, change):
    response = desk.post("/desk/", LOOK | change)
    assert list(response.context["form"].errors) == list(change)
    assert "Error:" in response.text
    assert audited() == []


def test_limit_of_look_ups_a_day(desk, mother, monkeypatch):
    monkeypatch.setattr(desk_views, "LOOK_UPS_A_DAY", 1)
    served(desk, mother)
    response = desk.post("/desk/", LOOK)
    assert response.status_code == 429
    assert response.context["form"].non_field_errors()[0].startswith("The desk's limit for a day is reached.")


def test_whoever_acts_for_a_person_cannot_keep_them_from_their_desk(desk, mother):
    page = served(desk, mother)
    factories.declaration(person=mother, account=factories.account(), division=210202)
    assert desk.get(page).status_code == 200
