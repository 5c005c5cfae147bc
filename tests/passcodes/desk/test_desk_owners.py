"""Whoever has an account of their own: no desk declares for them without the code that comes to their phone."""

import re
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from declarations import desk as writes
from declarations.models import Declaration
from tests import factories
from tests.passcodes.desk.steps import ANSWERS, CLAIM, HEALTHY, LOOK, NUMBER, agree, audited, give, sent, served

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder():
    return factories.account(phone="+8613800000003")


@pytest.fixture
def owner(holder):
    person = factories.person(holder=holder, name="李小花", number=NUMBER)
    factories.declaration(person=person, account=holder)
    return person


def by_desk(person) -> int:
    return Declaration.objects.filter(person=person, account__desk_roles__isnull=False).count()


def test_a_desk_alone_declares_for_nobody_who_has_an_account(desk, owner, outbox):
    page = served(desk, owner)
    assert desk.get(f"{page}declare/").url == f"{page}owner/"
    fever = ANSWERS | {"temperature": "yes", "address": "太原街2号"}
    for path in (f"{page}declare/", "/desk/declare/"):
        text = desk.post(path, fever).text
        assert "has to agree first. Nothing has been recorded yet" in text
        assert f'href="{page}owner/"' in text and "太原街2号" in text
    assert (by_desk(owner), sent(outbox)) == (0, [])


def test_a_desk_declares_once_for_whoever_reads_out_the_code(desk, owner, outbox):
    page = served(desk, owner)
    assert "138****0003" in desk.get(f"{page}owner/").text
    assert agree(desk, page, outbox).url == f"{page}declare/"
    (message,) = sent(outbox)
    assert message["to"] == "+8613800000003"
    assert "和平区服务台" in message["text"]
    assert desk.get(f"{page}declare/").status_code == 200
    assert desk.post(f"{page}declare/", ANSWERS).url == page
    assert by_desk(owner) == 1
    assert audited(subject=f"person:{owner.pk}")[-3:] == ["desk-view", "confirm-identity", "desk-declare"]
    assert "desk-owner-agrees" in audited(subject=f"person:{owner.pk}")
    assert "has to agree first" in desk.post(f"{page}declare/", ANSWERS).text
    assert by_desk(owner) == 1


def test_the_agreement_lasts_half_an_hour(desk, owner, outbox):
    with time_machine.travel(datetime.now().astimezone(), tick=False) as clock:
        page = served(desk, owner)
        agree(desk, page, outbox)
        clock.shift(timedelta(minutes=29))
        desk.post("/desk/", LOOK)
        clock.shift(timedelta(minutes=1))
        assert "has to agree first" in desk.post(f"{page}declare/", ANSWERS).text
    assert by_desk(owner) == 0


def test_another_name_in_the_document_asks_for_the_code_too(desk, owner, outbox):
    assert desk.post("/desk/", LOOK | {"name": "李大花"}).status_code == 200
    page, typed = f"/desk/person/{owner.pk}/", ANSWERS | {"name": "李大花"}
    assert f'href="{page}owner/"' in desk.post("/desk/declare/", typed).text
    text = desk.get(f"{page}owner/").text
    assert "李" not in text
    assert desk.get(page).status_code == 404
    agree(desk, page, outbox)
    assert desk.post("/desk/declare/", typed).url == page
    owner.refresh_from_db()
    assert owner.name == "李大花"


def test_wrong_digits_and_codes_for_something_else_agree_to_nothing(desk, owner, outbox):
    page = served(desk, owner)
    assert desk.get(f"{page}owner/code/").url == f"{page}owner/"
    desk.post(f"{page}phone/", {"phone": "13912345678"})
    assert desk.get(f"{page}owner/code/").url == f"{page}owner/"
    desk.post(f"{page}owner/")
    digits = re.search(r"\d{6}", sent(outbox)[-1]["text"])[0]
    wrong = f"{(int(digits) + 1) % 10**6:06}"
    assert "digits" in desk.post(f"{page}owner/code/", {"digits": wrong}).context["form"].errors
    assert desk.get(f"{page}declare/").url == f"{page}owner/"


def test_the_code_of_an_earlier_holder_agrees_to_nothing(desk, owner, outbox):
    page = served(desk, owner)
    desk.post(f"{page}owner/")
    digits = re.search(r"\d{6}", sent(outbox)[-1]["text"])[0]
    give(desk, page, outbox)
    assert desk.post(f"{page}owner/code/", {"digits": digits}).url == f"{page}owner/"
    with pytest.raises(writes.HolderDecides):
        declare(owner, desk, agreed=owner.holder_id)


def declare(owner, desk, *, agreed):
    office = desk.get("/desk/").context["office"]
    clerk = office.clerks.get().account
    writes.declare_at_desk(claim=CLAIM, answers=HEALTHY, office=office, agreed=agreed, by=clerk, at=timezone.now())


def test_a_lost_phone_is_replaced_first_and_told_of_it(desk, owner, holder, outbox, django_capture_on_commit_callbacks):
    page = served(desk, owner)
    assert f'href="{page}phone/"' in desk.get(f"{page}owner/").text
    with django_capture_on_commit_callbacks(execute=True):
        give(desk, page, outbox)
    assert "+8613800000003" in [message["to"] for message in sent(outbox)]
    agree(desk, page, outbox)
    assert sent(outbox)[-1]["to"] == "+8613912345678"
    assert desk.post(f"{page}declare/", ANSWERS).url == page


@pytest.mark.parametrize("change", ["rested", "locked"])
def test_a_number_that_may_be_another_s_gets_no_code(desk, owner, holder, outbox, change):
    if change == "rested":
        holder.identifiers.update(used_at=timezone.now() - timedelta(days=91))
    else:
        holder.is_active = False
        holder.save()
    page = served(desk, owner)
    assert "no phone that has been used lately" in desk.get(f"{page}owner/").text
    assert desk.post(f"{page}owner/").status_code == 200
    assert sent(outbox) == []


def test_people_without_an_account_and_other_desks_have_no_such_page(desk, other_desk, owner, mother_of_nobody):
    for person in (owner, mother_of_nobody):
        for page in ("owner", "owner/code"):
            assert other_desk.get(f"/desk/person/{person.pk}/{page}/").status_code == 404
            assert desk.get(f"/desk/person/{person.pk}/{page}/").status_code == 404
    page = served(desk, mother_of_nobody)
    assert desk.get(f"{page}owner/").status_code == 404
    assert desk.get(f"{page}declare/").status_code == 200


@pytest.fixture
def mother_of_nobody():
    return factories.person(name="王五", number=factories.DOCUMENTS[2])
