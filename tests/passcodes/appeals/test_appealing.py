"""Appealing: what is taken, from whom, and what is refused."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from PIL import Image

from accounts.models import AuditEntry
from declarations.models import Proxy
from passcodes import appeals, approvals
from passcodes.actions import issue_pass
from passcodes.models import Appeal, AppealDocument, RiskBatch, RiskRecord
from tests import factories
from tests.passcodes.appeals.steps import ANSWER, WORDS, browser, colour, decide, file, form_address, picture, upload
from tests.passcodes.heic_files import heic

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def test_code_page_leads_to_the_appeal_of_each_reason(own, code, page):
    text = own.get(f"/code/{code.public_id}/").text
    assert page in text and "Is this wrong? Appeal against it" in text


def test_appeal_is_kept_encrypted_and_shown_with_its_time_left(own, holder, code, listed, page):
    response = own.post(page, {"claim": "not_me", "text": WORDS, "documents": [upload(), upload()]})
    appeal = Appeal.objects.get()
    assert response.url == f"/code/{code.public_id}/appeal/{appeal.receipt}/"
    assert (appeal.person, appeal.account, appeal.fact) == (code.person, holder, f"risk:{listed.pk}")
    assert (appeal.office, appeal.text, appeal.due_at - appeal.created_at) == (
        "铁西区疾控中心",
        WORDS,
        timedelta(hours=24),
    )
    assert appeal.documents.count() == 2
    raw = Appeal.objects.raw("SELECT id, text AS sealed FROM passcodes_appeal")[0].sealed
    assert WORDS.encode() not in bytes(raw)
    raw = AppealDocument.objects.raw("SELECT id, data AS sealed FROM passcodes_appealdocument")[0].sealed
    assert b"\xff\xd8\xff" not in bytes(raw)[:40]
    with time_machine.travel(appeal.created_at + timedelta(minutes=1), tick=False):
        status = own.get(response.url)
    assert "23:59:00" in status.text and 'data-seconds="86340"' in status.text and appeal.receipt in status.text
    assert "no-store" in status["Cache-Control"]
    assert list(AuditEntry.objects.values_list("action", "subject")) == [("file-appeal", f"person:{code.person_id}")]


def test_second_appeal_shows_the_first(own, page):
    own.post(page, {"claim": "not_me", "text": WORDS})
    receipt = Appeal.objects.get().receipt
    assert receipt in own.post(page, {"claim": "other", "text": WORDS}).url
    assert receipt in own.get(page).url
    assert Appeal.objects.count() == 1


def test_of_two_at_once_one_is_filed(holder, code, listed):
    first = file(code, holder)
    with pytest.raises(appeals.AlreadyAppealed) as raised:
        file(code, holder)
    assert raised.value.appeal == first


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([picture() + b"\0" * 9_000_000], "Photo 1: The file is too large: at most 8 MB."),
        ([picture(), b"%PDF-1.7 " * 50], "Photo 2: This is not a JPEG, PNG or WebP picture."),
        (
            [heic(Image.new("RGB", (96, 96)))],
            "Photo 1: This is a HEIC picture. Save it as JPEG, or take a screenshot of it.",
        ),
        ([picture()] * 6, "At most 5 photos; you chose more."),
        ([picture()] * 9, "At most 5 photos; you chose more."),
    ],
)
def test_wrong_photos_are_refused_at_the_field_and_the_words_stay(own, page, files, message):
    response = own.post(page, {"claim": "not_me", "text": WORDS, "documents": [upload(data) for data in files]})
    assert response.context["form"].errors == {"documents": [message]}
    assert WORDS in response.text and not Appeal.objects.exists()


def test_words_and_claim_are_asked_for(own, page):
    errors = own.post(page, {"text": "  "}).context["form"].errors
    assert set(errors) == {"claim", "text"}


def test_too_large_body_is_told_on_the_page(own, page):
    response = own.post(page, {"claim": "not_me", "text": WORDS}, CONTENT_LENGTH=str(70_000_000))
    assert response.status_code == 413 and "The photos are too large" in response.text


def test_nobody_appeals_for_a_stranger(own, holder, code, page, listed):
    appeal = file(code, holder)
    stranger = browser(factories.account(phone="+8613900000002"))
    below = f"/code/{code.public_id}/appeal/{appeal.receipt}/"
    for path in (page, f"/code/{code.public_id}/appeal/", below, f"{below}again/"):
        assert stranger.get(path).status_code == 404
        assert stranger.post(path, {"claim": "not_me", "text": WORDS}).status_code == 404
    assert stranger.post(f"{below}withdraw/").status_code == 404
    other = factories.pass_code(account=factories.account(phone="+8613900000003"), number=factories.DOCUMENTS[2])
    assert browser(other.person.holder).get(f"/code/{other.public_id}/appeal/{appeal.receipt}/").status_code == 404
    assert Appeal.objects.count() == 1


def test_acting_proxy_appeals_until_the_relation_ends(holder):
    relation = factories.relative(account=holder)
    code = issue_pass(person=relation.person)
    factories.risk_record(number=factories.DOCUMENTS[1], category="managed")
    path = form_address(code)
    browser(holder).post(path, {"claim": "not_me", "text": WORDS})
    assert Appeal.objects.get().account == holder
    Proxy.objects.update(ended_at=timezone.now())
    assert browser(holder).get(path).status_code == 404


def test_what_nobody_decided_is_told_what_to_do_instead(own, holder, code):
    factories.declaration(person=code.person, account=holder, fever=True)
    text = own.get(f"/code/{code.public_id}/appeal/").text
    assert "there is nothing to appeal against" in text and "fever clinic" in text and "?about=" not in text


@pytest.mark.parametrize("about", ["risk:999", "symptoms", "risk:x", "risk:9%00"])
def test_what_does_not_colour_cannot_be_appealed_against(own, code, about):
    path = f"/code/{code.public_id}/appeal/"
    assert own.post(f"{path}?about={about}", {"claim": "other", "text": WORDS}).status_code == 302
    assert not Appeal.objects.exists()


@pytest.mark.parametrize(
    ("category", "before", "after"), [("managed", "yellow", "neutral"), ("close_contact", "red", "red")]
)
def test_missed_deadline_acts_by_itself_to_the_second(own, holder, code, category, before, after):
    factories.risk_record(category=category)
    appeal = file(code, holder)
    assert (colour(code, appeal.due_at - SECOND), colour(code, appeal.due_at)) == (before, after)
    with time_machine.travel(appeal.due_at, tick=False):
        text = own.get(f"/code/{code.public_id}/").text
        assert "See the appeal" in text and "Appeal against it" not in text
        late = "the answer is late. Until it is there, this colour stays"
        assert (late in text) == (after == "red")


def test_late_answer_brings_the_colour_back_or_ends_it(holder, code, listed, judge):
    appeal = file(code, holder)
    late = appeal.due_at + timedelta(hours=1)
    decide(appeal, judge, granted=False, at=late)
    assert (colour(code, late), code.person.colour_changes.count()) == ("yellow", 1)


def test_granted_appeal_leaves_the_record(holder, code, listed, judge):
    appeal = file(code, holder)
    now = timezone.now()
    decide(appeal, judge, at=now)
    assert (colour(code, now - SECOND), colour(code, now)) == ("yellow", "green")
    listed.refresh_from_db()
    assert listed.ends_at is None


def test_the_next_list_does_not_bring_back_what_was_granted(holder, code, listed, judge):
    decide(file(code, holder), judge)
    again = factories.risk_record(category="managed", office=listed.office, starts_at=listed.starts_at)
    assert (again.pk != listed.pk, colour(code)) == (True, "green")
    factories.risk_record(category="managed", office="大东区疾控中心", starts_at=listed.starts_at)
    assert colour(code) == "yellow"


def test_what_was_granted_is_not_renewed(holder, code, listed, judge, second_judge):
    RiskBatch.objects.update(has_managed=True)
    RiskRecord.objects.update(ends_at=timezone.now() + timedelta(hours=1))
    other = factories.risk_record(
        batch=listed.batch,
        number=factories.DOCUMENTS[1],
        category="managed",
        ends_at=timezone.now() + timedelta(hours=1),
    )
    decide(file(code, holder), judge)
    renewal = approvals.renew(batch=listed.batch, by=second_judge, at=timezone.now())
    assert [record.document_hash for record in renewal.records.all()] == [other.document_hash]


def test_withdrawn_appeal_is_forgotten(own, holder, code, page):
    appeal = file(code, holder, documents=[picture()])
    path = f"/code/{code.public_id}/appeal/{appeal.receipt}/"
    own.post(f"{path}withdraw/")
    own.post(f"{path}withdraw/")
    assert not AppealDocument.objects.exists()
    assert colour(code, appeal.due_at) == "yellow"
    own.post(page, {"claim": "other", "text": WORDS})
    assert Appeal.objects.waiting().count() == 1


def test_refusal_is_appealed_against_once_more_only(own, holder, code, listed, judge, second_judge):
    first = file(code, holder)
    path = f"/code/{code.public_id}/appeal/{first.receipt}/"
    assert own.post(f"{path}again/", {"text": WORDS}).url == path
    decide(first, judge, granted=False)
    assert ANSWER in own.get(path).text and "another office" in own.get(path).text
    own.post(f"{path}again/", {"text": WORDS})
    second = Appeal.objects.get(escalation_of=first)
    assert own.post(f"{path}again/", {"text": WORDS}).url == path
    with pytest.raises(appeals.NoSecond):
        appeals.escalate(appeal=first, text=WORDS, documents=[], by=holder, at=timezone.now())
    decide(second, second_judge, granted=False)
    again = f"/code/{code.public_id}/appeal/{second.receipt}/again/"
    own.post(again, {"text": WORDS})
    assert Appeal.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"fact": ""},
        {"state": "granted"},
        {"decided_at": timezone.now()},
        {"due_at": timezone.now() - timedelta(days=9)},
    ],
)
def test_malformed_appeals_are_no_rows(holder, code, listed, change):
    appeal = file(code, holder)
    with pytest.raises(IntegrityError), transaction.atomic():
        Appeal.objects.filter(pk=appeal.pk).update(**change)


def test_photo_has_its_number_once(holder, code, listed):
    appeal = file(code, holder, documents=[b"x"])
    with pytest.raises(IntegrityError), transaction.atomic():
        AppealDocument.objects.create(appeal=appeal, number=1, data=b"y")
