"""How many appeals are taken, and what becomes of what was typed when no more are."""

from datetime import timedelta

import pytest
from django.utils import timezone

from passcodes import appeals
from passcodes.actions import issue_pass
from passcodes.models import Appeal, AppealDocument
from tests import factories
from tests.passcodes.appeals.steps import WORDS, browser, decide, file, form_address, picture, reasons, upload
from tests.passcodes.threads import at_once

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def stays(code):
    """Five declared contacts, each of which can be appealed against."""
    made = code.person.declarations.get()
    return [factories.stay(declaration=made, kind="contact", days_ago=days) for days in range(1, 6)]


@pytest.fixture
def sent(code):
    """What the browser gets that appeals against the next reason without an appeal."""

    def send(client, **more):
        reason = next(reason for reason in reasons(code) if not appeals.standing(code.person_id, reason))
        return client.post(form_address(code, reason), {"claim": "was_not_there", "text": WORDS, **more})

    return send


def test_three_of_a_person_wait_and_a_fourth_is_told_which(own, code, stays, sent, judge):
    for _number in range(3):
        assert sent(own).status_code == 302
    receipts = [appeal.receipt for appeal in Appeal.objects.order_by("-pk")]
    told = f"3 appeals wait for an answer, and no more are taken for one person at a time: {' · '.join(receipts)}."
    response = sent(own, documents=[upload()])
    assert response.status_code == 429 and told in response.text
    assert WORDS in response.text and 'value="was_not_there"' in response.text
    assert "Please choose the photos again" in response.text
    waits = next(reason for reason in reasons(code) if not appeals.standing(code.person_id, reason))
    assert told in own.get(form_address(code, waits)).text
    assert (Appeal.objects.count(), AppealDocument.objects.count()) == (3, 0)
    decide(Appeal.objects.first(), judge)
    assert sent(own).status_code == 302
    assert Appeal.objects.waiting().count() == 3


def test_no_photo_is_looked_at_for_what_is_not_taken(own, stays, sent):
    broken = b"%PDF-1.7 " * 50
    assert "documents" in sent(own, documents=[upload(broken)]).context["form"].errors
    for _number in range(3):
        sent(own)
    response = sent(own, documents=[upload(broken)])
    assert (response.status_code, response.context["form"].errors) == (429, {})


def test_another_person_s_appeals_do_not_count(own, holder, code, stays, sent):
    for _number in range(3):
        sent(own)
    relation = factories.relative(account=holder)
    theirs = issue_pass(person=relation.person)
    factories.risk_record(number=factories.DOCUMENTS[1], category="managed")
    browser(holder).post(form_address(theirs), {"claim": "not_me", "text": WORDS})
    assert Appeal.objects.filter(person=relation.person).count() == 1


def test_a_second_appeal_counts_too(own, holder, code, stays, sent, judge):
    decide(file(code, holder, claim="other"), judge, granted=False)
    first = Appeal.objects.get()
    for _number in range(3):
        sent(own)
    address = f"/code/{code.public_id}/appeal/{first.receipt}/again/"
    assert "no more are taken for one person at a time" in own.get(address).text
    response = own.post(address, {"text": "请再看一次，我那天在家"})
    assert response.status_code == 429 and "请再看一次，我那天在家" in response.text
    with pytest.raises(appeals.EnoughWait) as raised:
        appeals.escalate(appeal=first, text=WORDS, documents=[], by=holder, at=timezone.now())
    assert len(raised.value.waiting) == 3 and not Appeal.objects.filter(escalation_of=first).exists()


def test_ten_a_day_are_filed_by_an_account(own, holder, code, stays, sent, time_machine):
    at = timezone.now().replace(hour=4, minute=0)  # limits' days are those of UTC
    time_machine.move_to(at)
    factories.declaration(person=code.person, account=holder, made_at=at)
    for stay in stays:
        stay.pk, stay.declaration = None, code.person.declarations.latest("made_at")
        stay.save()
    for _number in range(10):
        response = sent(own)
        assert response.status_code == 302
        own.post(f"{response.url}withdraw/")
    response = sent(own)
    assert response.status_code == 429 and WORDS in response.text
    assert "You have asked often today. Please try again after" in response.text
    assert Appeal.objects.count() == 10
    time_machine.move_to(at + 21 * HOUR)
    assert sent(own).status_code == 302


def test_what_was_not_filed_does_not_count(own, holder, code, stays, sent):
    for _number in range(12):
        assert sent(own, text="  ").status_code == 200
    assert sent(own).status_code == 302


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_the_third_waits_and_the_fourth_is_not_taken(holder, code, stays):
    for reason in reasons(code)[:2]:
        appeals.file(person=code.person, reason=reason, **given(holder))
    last = reasons(code)[2:4]
    ends = at_once(
        *(lambda reason=reason: appeals.file(person=code.person, reason=reason, **given(holder)) for reason in last)
    )
    assert (ends, Appeal.objects.count()) == (["EnoughWait", "done"], 3)


def given(account) -> dict:
    return {"claim": "other", "text": WORDS, "documents": [], "by": account, "at": timezone.now()}


@pytest.fixture
def refused(holder, code, listed, judge) -> Appeal:
    decide(file(code, holder, documents=[picture()]), judge, granted=False)
    return Appeal.objects.get()


def test_pages_say_what_becomes_of_the_photos_of_two_appeals(own, code, refused):
    address = f"/code/{code.public_id}/appeal/{refused.receipt}/"
    assert "they stay until the second answer and for 30 days after it" in own.get(address).text
    text = own.get(f"{address}again/").text
    assert "Those of the first appeal that are still kept stay until this one is answered" in text
    assert "deleted 30 days after the answer." not in text
    second = own.post(f"{address}again/", {"text": WORDS, "documents": [upload()]}).url
    assert AppealDocument.objects.filter(decided_at=None).count() == 2
    assert "those of the first appeal are deleted 30 days later" in own.get(second).text
    text = own.post(f"{second}withdraw/", follow=True).text
    assert "Those of the first are deleted in 30 days." in text
    assert "those of the first appeal are deleted 30 days after it was withdrawn" in text
    assert "the photos have been deleted." not in text
    kept = AppealDocument.objects.get()
    assert kept.appeal == refused and kept.decided_at is not None


def test_the_page_of_a_first_appeal_says_that_withdrawing_deletes_its_photos(own, holder, code, listed):
    appeal = file(code, holder, documents=[picture()])
    address = f"/code/{code.public_id}/appeal/{appeal.receipt}/"
    text = own.get(address).text
    assert "Who withdraws it deletes its photos at once." in text and "first appeal" not in text
    text = own.post(f"{address}withdraw/", follow=True).text
    assert "Withdrawn: the photos have been deleted." in text and not AppealDocument.objects.exists()
