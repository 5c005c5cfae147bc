"""No photo of a check by a person outlives its check, or a day."""

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from declarations.models import Assurance
from passcodes import document_checks
from passcodes.models import DocumentCheck, DocumentCheckState
from tests import factories
from tests.passcodes.document_check.steps import KEPT, QUEUE, ask, browser, decide, sent, upload

pytestmark = pytest.mark.django_db


def test_after_a_day_the_photo_is_gone_and_the_place_is_kept(
    son, page, proxy, officer, outbox, django_capture_on_commit_callbacks
):
    now = timezone.now()
    check = ask(proxy, at=now - KEPT)
    fresh = ask(factories.relative(account=son, number=factories.DOCUMENTS[2], assurance=Assurance.DECLARED))
    with django_capture_on_commit_callbacks(execute=True):
        assert document_checks.lapse(now) == 1
        assert document_checks.lapse(now) == 0
    check.refresh_from_db(), fresh.refresh_from_db()
    assert (check.state, check.photo) == (DocumentCheckState.LAPSED, None)
    assert (fresh.state, fresh.photo is None) == (DocumentCheckState.WAITING, False)
    assert AuditEntry.objects.get(action="lapse-document-check").actor is None
    assert len(sent(outbox)) == 1
    with pytest.raises(document_checks.NotWaiting):
        decide(check, officer)
    assert "your place in the queue is kept" in browser(son).get(page).text
    again = ask(proxy, at=now)
    assert again.waiting_since == check.waiting_since
    assert document_checks.place(again) == 0


def test_time_over_counts_before_the_worker_has_come(son, page, proxy, officer, admin):
    now = timezone.now()
    check = ask(proxy, at=now - KEPT)
    with pytest.raises(document_checks.NotWaiting):
        decide(check, officer)
    assert admin.get(f"{QUEUE}{check.pk}/photo/").status_code == 404
    assert browser(son).get(page).context["state"] == "lapsed"
    browser(son).post(page, {"photo": upload()})
    check.refresh_from_db()
    assert (check.state, check.photo) == (DocumentCheckState.LAPSED, None)
    assert DocumentCheck.objects.waiting().get().waiting_since == check.waiting_since


def test_no_column_holds_a_photo_of_a_check_that_has_ended(proxy, officer):
    decide(ask(proxy), officer, approved=False)
    document_checks.withdraw(check=ask(proxy), by=proxy.account, at=timezone.now())
    ask(proxy, at=timezone.now() - KEPT)
    document_checks.lapse(timezone.now())
    assert [(check.photo, check.note) for check in DocumentCheck.objects.all()] == [(None, None)] * 3


def test_all_that_are_overdue_lapse_at_once(monkeypatch):
    monkeypatch.setattr(document_checks, "BATCH", 2)
    now = timezone.now()
    for digit in range(4):
        account = factories.account(phone=f"+861391234567{digit}")
        ask(factories.relative(account=account, number=factories.DOCUMENTS[digit], assurance=0), at=now - KEPT)
    assert document_checks.lapse(now) == 4
    assert [check.photo for check in DocumentCheck.objects.all()] == [None] * 4
