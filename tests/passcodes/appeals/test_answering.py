"""Answering appeals: which officer may, what is written down, what everybody may know."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.officers import office_of
from healthpass import retention
from passcodes import appeal_judges, appeals, approvals
from passcodes.models import Appeal, AppealDocument, RiskBatch, RiskRecord
from tests import factories
from tests.passcodes.appeals.steps import ANSWER, WORDS, colour, decide, file, officer, picture

pytestmark = pytest.mark.django_db
QUEUE = "/admin/passcodes/appeal/"


@pytest.fixture
def appeal(holder, code, listed):
    return file(code, holder, documents=[picture()])


def test_office_that_coloured_never_answers(appeal, coloured, judge):
    with pytest.raises(appeals.NotTheirs):
        decide(appeal, coloured)
    admin = factories.staff_client(account=coloured)
    assert "Your office cannot answer this" in admin.get(f"{QUEUE}{appeal.pk}/change/").text
    admin.post(f"{QUEUE}{appeal.pk}/decide/", {"decision": "grant", "reason": ANSWER})
    assert Appeal.objects.get().state == "waiting"


@pytest.mark.parametrize("state", ["waiting", "granted"])
def test_office_that_coloured_reads_neither_words_nor_photos(appeal, coloured, judge, state):
    if state == "granted":
        decide(appeal, judge)
    photo = f"{QUEUE}{appeal.pk}/photo/{AppealDocument.objects.get().pk}/"
    for reader, reads in ((coloured, False), (judge, True)):
        admin = factories.staff_client(account=reader)
        page = admin.get(f"{QUEUE}{appeal.pk}/change/").text
        assert (WORDS in page) == (photo in page) == reads
        assert (ANSWER in page) == (reads and state == "granted")
        assert ("does not read its words" in page) != reads
        for known in ("Reason of the colour", "To be answered by", appeal.receipt):
            assert known in page
        assert admin.get(photo).status_code == (200 if reads else 404)
    assert AuditEntry.objects.filter(action="view-appeal-document").count() == 1


def test_words_of_a_second_appeal_are_not_for_who_answered_the_first(appeal, holder, judge, second_judge):
    decide(appeal, judge, granted=False)
    second = appeals.escalate(
        appeal=Appeal.objects.get(), text="请再核对一次", documents=[], by=holder, at=timezone.now()
    )
    photo = AppealDocument.objects.get().pk
    for reader, reads in ((judge, False), (second_judge, True)):
        admin = factories.staff_client(account=reader)
        page = admin.get(f"{QUEUE}{second.pk}/change/").text
        assert ("请再核对一次" in page) == (WORDS in page) == reads
        assert admin.get(f"{QUEUE}{second.pk}/photo/{photo}/").status_code == (200 if reads else 404)


def test_colleague_of_who_entered_the_record_does_not_answer(appeal, listed, judge):
    RiskBatch.objects.filter(pk=listed.batch_id).update(created_by=officer("沈阳市卫健委", "+8613700000005"))
    with pytest.raises(appeals.NotTheirs):
        decide(appeal, judge)


def test_officer_without_office_does_not_answer(appeal):
    with pytest.raises(appeals.NotTheirs):
        decide(appeal, factories.account(phone="+8613700000006"))


def test_neither_office_that_signed_the_colour_answers(holder, code, judge, second_judge):
    now = timezone.now()
    row = RiskRecord(
        document_hash=code.person.document_hash, category="managed", starts_at=now, office="铁西区疾控中心"
    )
    approvals.enter(row=row, basis="cases", by=judge, at=now)
    approvals.approve(batch=row.batch, by=second_judge, at=now)
    disputed = file(code, holder)
    for signed in ("沈阳市卫健委", "辽宁省卫健委"):
        with pytest.raises(appeals.NotTheirs):
            decide(disputed, officer(signed, f"+86137000000{len(signed)}{signed.startswith('沈')}"))
    decide(disputed, officer("大连市卫健委", "+8613700000009"))
    assert colour(code) == "green"


def test_office_that_sends_the_list_does_not_answer_and_is_late(client, holder, code, judge, second_judge, coloured):
    now = timezone.now()
    source = factories.risk_source(office="some older name", deciding_office=office_of(judge))
    batch = factories.risk_batch(source=source, way="push")
    factories.risk_record(category="managed", office="a name that only the list has", batch=batch)
    disputed = file(code, holder)
    Appeal.objects.update(created_at=now - timedelta(hours=30), due_at=now - timedelta(hours=6))
    overdue = {office.name: office.overdue for office in client.get("/offices/").context["offices"]}
    assert overdue == {"沈阳市卫健委": 1, "辽宁省卫健委": 0, "铁西区疾控中心": 0}
    with pytest.raises(appeals.NotTheirs):
        decide(disputed, judge)
    decide(disputed, second_judge)


def test_officer_does_not_answer_their_own(holder, appeal):
    factories.officer(account=holder, office=factories.office(name="大连市卫健委"))
    with pytest.raises(appeal_judges.OwnAppeal):
        decide(appeal, holder)


def test_second_appeal_is_answered_by_a_third_office(holder, code, appeal, judge, second_judge, coloured):
    decide(appeal, judge, granted=False)
    second = appeals.escalate(appeal=Appeal.objects.get(), text=WORDS, documents=[], by=holder, at=timezone.now())
    for nobody in (judge, coloured):
        with pytest.raises(appeals.NotTheirs):
            decide(second, nobody)
    decide(second, second_judge)
    assert colour(code) == "green"


def test_officer_answers_and_the_person_is_told(appeal, judge, outbox, own, code, django_capture_on_commit_callbacks):
    admin = factories.staff_client(account=judge)
    change = admin.get(f"{QUEUE}{appeal.pk}/change/").text
    assert WORDS in change and "This record is not me" in change and "张三丰" not in change
    photo = AppealDocument.objects.get()
    response = admin.get(f"{QUEUE}{appeal.pk}/photo/{photo.pk}/")
    assert (response["Content-Type"], response.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(f"{QUEUE}{appeal.pk}/decide/", {"decision": "grant", "reason": ANSWER})
    assert [message["to"] for message in outbox.messages] == ["+8613900000001"]
    assert appeal.receipt in outbox.messages[0]["text"]
    actions = AuditEntry.objects.filter(actor=judge, subject=f"person:{code.person_id}").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == ["view-appeal", "view-appeal-document", "grant-appeal"]
    status = own.get(f"/code/{code.public_id}/appeal/{appeal.receipt}/").text
    assert ANSWER in status and "沈阳市卫健委" in status


def test_answer_needs_a_reason_and_comes_once(appeal, judge, second_judge):
    admin = factories.staff_client(account=judge)
    assert "Give a reason in a few words." in admin.post(f"{QUEUE}{appeal.pk}/decide/", {"decision": "grant"}).text
    decide(appeal, second_judge, granted=False)
    admin.post(f"{QUEUE}{appeal.pk}/decide/", {"decision": "grant", "reason": ANSWER})
    assert Appeal.objects.get().state == "refused"


def test_photo_of_another_appeal_is_not_found(appeal, judge, holder, code):
    other = factories.pass_code(account=factories.account(phone="+8613900000008"), number=factories.DOCUMENTS[2])
    factories.risk_record(number=factories.DOCUMENTS[2], category="managed")
    theirs = file(other, other.person.holder, documents=[picture()])
    admin = factories.staff_client(account=judge)
    assert admin.get(f"{QUEUE}{appeal.pk}/photo/{theirs.documents.get().pk}/").status_code == 404


def test_first_page_says_what_waits_and_what_is_overdue(appeal, judge):
    admin = factories.staff_client(account=judge)
    assert "1 appeal waits for an answer<" in admin.get("/admin/").text
    Appeal.objects.update(created_at=timezone.now() - timedelta(hours=30), due_at=timezone.now() - timedelta(hours=6))
    assert "1 appeal waits for an answer · 1 overdue" in admin.get("/admin/").text
    decide(appeal, judge)
    assert "waits for an answer" not in admin.get("/admin/").text


def test_overdue_ones_come_first(holder, code, judge):
    now = timezone.now()
    made = []
    for number, hours in ((1, 1), (2, 30), (3, 20)):
        other = factories.pass_code(
            account=factories.account(phone=f"+861390000001{number}"), number=factories.DOCUMENTS[number]
        )
        factories.risk_record(number=factories.DOCUMENTS[number], category="managed", starts_at=now - timedelta(days=3))
        made.append(file(other, other.person.holder, at=now - timedelta(hours=hours)))
    decide(made[0], judge)
    admin = factories.staff_client(account=judge)
    assert list(admin.get(QUEUE).context["cl"].result_list) == [made[1], made[2], made[0]]


def test_everybody_reads_how_the_offices_answer(client, appeal, judge, coloured, listed, django_assert_num_queries):
    Appeal.objects.update(created_at=timezone.now() - timedelta(hours=30), due_at=timezone.now() - timedelta(hours=6))
    RiskBatch.objects.filter(pk=listed.batch_id).update(released_office=office_of(coloured))
    figures = {office.name: office for office in Client().get("/offices/").context["offices"]}
    assert (figures["铁西区疾控中心"].manual, figures["铁西区疾控中心"].overdue) == (1, 1)
    assert figures["沈阳市卫健委"].minutes is None
    decide(appeal, judge)
    cache.clear()
    with django_assert_num_queries(4):
        response = client.get("/offices/")
    figures = {office.name: office for office in response.context["offices"]}
    assert (figures["沈阳市卫健委"].answered, figures["沈阳市卫健委"].hours, figures["沈阳市卫健委"].late) == (
        1,
        30.0,
        1,
    )
    assert response.context["overdue"] == 0
    with django_assert_num_queries(0):
        client.get("/offices/")


def test_a_colour_by_hand_is_the_office_s_that_proposed_it(client, code, judge, coloured):
    now = timezone.now()
    row = RiskRecord(document_hash=code.person.document_hash, category="managed", starts_at=now, office="o")
    approvals.enter(row=row, basis="cases", by=coloured, at=now)
    approvals.approve(batch=row.batch, by=judge, at=now)
    manual = {office.name: office.manual for office in client.get("/offices/").context["offices"]}
    assert (manual["铁西区疾控中心"], manual["沈阳市卫健委"]) == (1, 0)


def test_an_uploaded_list_counts_by_people(client, judge, coloured):
    now = timezone.now()
    batch = factories.risk_batch(source=factories.risk_source(), state="draft", way="upload")
    RiskBatch.objects.update(applied=3)
    approvals.propose(batch=batch, basis="cases", by=coloured, at=now)
    approvals.approve(batch=batch, by=judge, at=now)
    factories.risk_batch(source=batch.source, way="push")
    manual = {office.name: office.manual for office in client.get("/offices/").context["offices"]}
    assert (manual["铁西区疾控中心"], manual["沈阳市卫健委"]) == (3, 0)


def test_photos_go_thirty_days_after_the_answer_and_not_before(holder, code, appeal, judge):
    now = timezone.now()
    retention.run(now + timedelta(days=31))
    assert AppealDocument.objects.count() == 1
    decide(appeal, judge, granted=False, at=now)
    retention.run(now + timedelta(days=29))
    assert AppealDocument.objects.count() == 1
    retention.run(now + timedelta(days=31))
    assert AppealDocument.objects.count() == 0


def test_granted_appeal_stays_as_long_as_its_record(holder, code, appeal, listed, judge):
    decide(appeal, judge)
    retention.run(timezone.now() + timedelta(days=400))
    assert Appeal.objects.exists()
    listed.delete()
    retention.run(timezone.now() + timedelta(days=400))
    assert not Appeal.objects.exists()
