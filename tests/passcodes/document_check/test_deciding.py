"""Deciding a check by a person, and the officers' queue."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import DeskClerk, Office
from declarations.models import Assurance, Person, Proxy
from passcodes import document_checks
from passcodes.models import DocumentCheck, DocumentCheckState
from tests import factories
from tests.passcodes.document_check.steps import NUMBER, QUEUE, REASON, actions_on, ask, browser, decide, sent

pytestmark = pytest.mark.django_db


# Deciding


def test_approval_proves_the_person_and_deletes_the_photo(
    son, proxy, officer, outbox, page, django_capture_on_commit_callbacks
):
    check = ask(proxy)
    with django_capture_on_commit_callbacks(execute=True):
        decide(check, officer)
    check.refresh_from_db(), proxy.refresh_from_db(), proxy.person.refresh_from_db()
    assert (check.state, check.photo, check.decided_by, check.reason) == (
        DocumentCheckState.APPROVED,
        None,
        officer,
        REASON,
    )
    assert proxy.is_acting and proxy.person.assurance == Assurance.OFFICER
    assert actions_on(proxy.person)[-1] == "approve-document-check"
    told = [message["text"] for message in sent(outbox) if message["to"] == "+8613900000001"]
    assert len(told) == 1 and "健康通行码" in told[0]
    text = browser(son).get(page).text
    assert "The document has been confirmed" in text and f"#{officer.pk}" in text and REASON in text


def test_refusal_changes_nobody_and_says_why(son, proxy, officer, outbox, page, django_capture_on_commit_callbacks):
    check = ask(proxy)
    with django_capture_on_commit_callbacks(execute=True):
        decide(check, officer, approved=False, reason="照片看不清号码")
    check.refresh_from_db(), proxy.person.refresh_from_db()
    assert (check.state, check.photo) == (DocumentCheckState.REFUSED, None)
    assert proxy.person.assurance == Assurance.DECLARED
    assert len(sent(outbox)) == 1
    response = browser(son).get(page)
    assert "照片看不清号码" in response.text and f"#{officer.pk}" in response.text
    assert 'type="file"' in response.text  # a clearer photo may follow


def test_asker_reads_whom_to_ask_about_the_decision(son, proxy, officer, page):
    decide(ask(proxy), officer, approved=False)
    text = browser(son).get(page).text
    assert f"<dd>#{officer.pk}</dd>" in text and 'href="tel:12320"' in text
    office = Office.objects.create(name="和平区服务台", phone="024-11111", division=210102)
    DeskClerk.objects.create(account=officer, office=office)
    text = browser(son).get(page).text
    assert f"#{officer.pk} · 和平区服务台" in text
    assert 'href="tel:024-11111"' in text and "12320" not in text


def test_second_officer_is_told_that_the_first_has_decided(proxy, officer, admin):
    check = ask(proxy)
    other = factories.staff_client(account=factories.account(phone="+8613700000008", is_officer=True))
    data = {"decision": "approve", "reason": REASON, "shown": document_checks.shown(proxy.person)}
    assert admin.post(f"{QUEUE}{check.pk}/decide/", data).url == QUEUE
    response = other.post(f"{QUEUE}{check.pk}/decide/", data | {"decision": "refuse"}, follow=True)
    assert "Another officer has decided this meanwhile" in response.text
    check.refresh_from_db()
    assert (check.state, check.decided_by) == (DocumentCheckState.APPROVED, officer)


def test_officer_decides_nothing_that_concerns_themselves(proxy, officer, admin):
    Person.objects.filter(pk=proxy.person_id).update(holder=None)
    Proxy.objects.create(account=officer, person=proxy.person, relation="parent", created_at=timezone.now())
    for check in (ask(proxy, account=officer), ask(proxy)):
        with pytest.raises(document_checks.OwnCheck):
            decide(check, officer)
        text = admin.get(f"{QUEUE}{check.pk}/change/").text
        assert "Another officer has to decide it." in text and 'name="decision"' not in text
    assert DocumentCheck.objects.waiting().count() == 2


def test_claim_that_changed_after_the_look_is_not_approved(proxy, officer):
    check = ask(proxy)
    before = document_checks.shown(proxy.person)
    Person.objects.filter(pk=proxy.person_id).update(name="王五")
    with pytest.raises(document_checks.Changed):
        decide(check, officer, shown_claim=before)
    check.refresh_from_db()
    assert check.state == DocumentCheckState.WAITING


@pytest.mark.parametrize("decision", ["approve", ""])
def test_officer_keeps_the_reason_when_the_claim_has_changed(proxy, admin, decision):
    check = ask(proxy)
    data = {"decision": decision, "reason": REASON, "shown": document_checks.shown(proxy.person)}
    Person.objects.filter(pk=proxy.person_id).update(name="王五")
    response = admin.post(f"{QUEUE}{check.pk}/decide/", data)
    assert "What was claimed has been changed meanwhile." in response.text
    assert REASON in response.text and "王五" in response.text
    shown = re.search(r'name="shown" value="(\w+)"', response.text)[1]
    assert admin.post(f"{QUEUE}{check.pk}/decide/", data | {"decision": "approve", "shown": shown}).url == QUEUE


def test_relation_that_has_ended_is_not_approved_but_can_be_refused(proxy, officer, admin):
    check = ask(proxy)
    Proxy.objects.update(ended_at=timezone.now())
    with pytest.raises(document_checks.NothingToAsk):
        decide(check, officer)
    data = {"decision": "approve", "reason": REASON, "shown": document_checks.shown(proxy.person)}
    response = admin.post(f"{QUEUE}{check.pk}/decide/", data)
    assert "there is nothing to approve" in response.text and f">\n{REASON}</textarea>" in response.text
    decide(check, officer, approved=False)


FEW = "Give a reason in a few words."


@pytest.mark.parametrize(
    ("reason", "error"),
    [("", FEW), ("  ", FEW), ("ok", FEW), ("字" * 501, "At most 500 characters; you entered 501.")],
)
def test_reason_is_required_and_comes_back_as_it_was_typed(proxy, admin, reason, error):
    check = ask(proxy)
    data = {"decision": "refuse", "reason": reason, "shown": document_checks.shown(proxy.person)}
    response = admin.post(f"{QUEUE}{check.pk}/decide/", data)
    assert response.context["decision_form"].errors == {"reason": [error]}
    assert error in response.text and f">\n{reason}</textarea>" in response.text
    assert "李小花" in response.text and 'aria-invalid="true"' in response.text
    assert "Please correct the error below." in response.text
    assert "has been changed meanwhile" not in response.text
    assert actions_on(proxy.person) == ["ask-document-check", "view-documentcheck"]
    check.refresh_from_db()
    assert check.state == DocumentCheckState.WAITING


@pytest.mark.parametrize("decision", ["", "maybe"])
def test_decision_is_one_of_two(proxy, admin, decision):
    check = ask(proxy)
    admin.post(f"{QUEUE}{check.pk}/decide/", {"decision": decision, "reason": REASON, "shown": "x"})
    check.refresh_from_db()
    assert check.state == DocumentCheckState.WAITING


# The queue


def test_officer_sees_the_claim_in_full_with_the_photo_and_every_look_is_written_down(proxy, admin, officer):
    check = ask(proxy)
    listed = admin.get(QUEUE).text
    assert "李**" in listed and "李小花" not in listed and NUMBER not in listed
    text = admin.get(f"{QUEUE}{check.pk}/change/").text
    assert "李小花" in text and NUMBER in text and "1990-01-01" in text
    assert ">parent<" in text and "my parent" not in text
    assert f"{QUEUE}{check.pk}/photo/" in text
    photo = admin.get(f"{QUEUE}{check.pk}/photo/")
    assert (photo["Content-Type"], photo.content == bytes(check.photo)) == ("image/jpeg", True)
    assert "no-store" in photo["Cache-Control"]
    assert actions_on(proxy.person) == ["ask-document-check", "view-documentcheck", "view-document-photo"]
    assert "img-src 'self'" in photo["Content-Security-Policy"]


def test_decided_check_is_masked_and_has_no_photo(proxy, admin, officer):
    check = ask(proxy)
    decide(check, officer)
    text = admin.get(f"{QUEUE}{check.pk}/change/").text
    assert "李小花" not in text and NUMBER not in text and REASON in text
    assert admin.get(f"{QUEUE}{check.pk}/photo/").status_code == 404


def test_only_officers_have_the_queue(proxy, son):
    check = ask(proxy)
    for account in (son, factories.account(phone="+8613900000007")):
        client = factories.staff_client(account=account)
        for path in (QUEUE, f"{QUEUE}{check.pk}/change/", f"{QUEUE}{check.pk}/photo/"):
            assert client.get(path).url == f"/admin/login/?next={path}"
        assert client.post(f"{QUEUE}{check.pk}/decide/", {"decision": "approve"}).status_code == 302
    check.refresh_from_db()
    assert check.state == DocumentCheckState.WAITING


def test_oldest_comes_first_and_decided_last(admin, officer, django_assert_num_queries):
    now = timezone.now()

    def asked(number, hours, **fields):
        account = factories.account(phone=f"+861391234567{number}")
        relative = factories.relative(account=account, number=factories.DOCUMENTS[number], assurance=0, **fields)
        return ask(relative, at=now - timedelta(hours=hours))

    done = asked(0, 9, name="赵一")
    decide(done, officer, approved=False)
    admin.get(QUEUE)
    with django_assert_num_queries(7):
        admin.get(QUEUE)
    asked(1, 1, name="钱二"), asked(2, 3, name="孙三")
    with django_assert_num_queries(7):
        text = admin.get(QUEUE).text
    assert re.findall(r"[赵钱孙]\*", text) == ["孙*", "钱*", "赵*"]
    assert re.findall(r"[赵钱孙]\*", admin.get(f"{QUEUE}?state=waiting").text) == ["孙*", "钱*"]


def test_nothing_is_edited_or_deleted(proxy, admin):
    check = ask(proxy)
    assert admin.post(f"{QUEUE}{check.pk}/change/", {"state": "approved"}).status_code == 403
    assert admin.post(f"{QUEUE}{check.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get(f"{QUEUE}add/").status_code == 403
    assert admin.get(f"{QUEUE}{check.pk}/decide/").status_code == 405
