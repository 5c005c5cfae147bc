"""A document that comes to another account: what the holder before wrote stays theirs."""

import pytest
from django.utils import timezone

from accounts import closing
from declarations.models import Assurance, Proxy
from passcodes import appeals, document_checks
from passcodes.actions import issue_pass
from passcodes.models import Appeal, AppealDocument
from tests import factories
from tests.passcodes.appeals.steps import ANSWER, WORDS, browser, decide, file, file_before, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def appeal(code, holder, listed):
    return file(code, holder, documents=[picture()])


@pytest.fixture
def taker(code, coloured, appeal):
    """Holds the code from now on: one officer has approved their check by a person."""
    account = factories.account(phone="+8613900000077")
    claimed = factories.person(holder=account, assurance=Assurance.DECLARED)
    now = timezone.now()
    check = document_checks.ask(
        account=account, pass_code=issue_pass(person=claimed), photo=b"x", note="", by=account, at=now
    )
    shown = document_checks.shown(claimed)
    document_checks.decide(check=check, approved=True, reason="", shown_claim=shown, by=coloured, at=now)
    code.person.refresh_from_db()
    assert code.person.holder == account
    return account


@pytest.fixture
def address(code, appeal):
    return f"/code/{code.public_id}/appeal/{appeal.receipt}/"


def test_its_words_are_not_read(taker, address):
    client = browser(taker)
    text = client.get(address).text
    assert "filed from another account that had this code before" in text
    assert WORDS not in text and "1 photo" not in text and "Withdraw the appeal" not in text
    assert WORDS not in client.get("/me/").text
    (row,) = client.post("/me/export/").json()["appeals"]
    assert (row["text"], row["photos"], row["by"]) == (None, None, "another")


def test_it_is_not_withdrawn_and_is_answered(taker, holder, code, address, appeal, judge):
    client = browser(taker)
    assert "Only the person can withdraw this" in client.post(f"{address}withdraw/", follow=True).text
    with pytest.raises(appeals.NotYours):
        appeals.withdraw(appeal=appeal, by=taker, at=timezone.now())
    assert AppealDocument.objects.count() == 1
    decide(appeal, judge)
    assert ANSWER in client.get(address).text
    assert WORDS in browser(holder).post("/me/export/").text


def test_closing_the_new_account_withdraws_nothing_of_it(taker, appeal):
    closing.close(account=taker, by=taker, at=timezone.now())
    assert (Appeal.objects.get().state, AppealDocument.objects.count()) == ("waiting", 1)


def test_closing_one_s_own_withdraws_one_s_own_and_what_relatives_filed(code, holder, listed):
    helper, now = factories.account(phone="+8613900000002"), timezone.now()
    Proxy.objects.create(account=helper, person=code.person, relation="parent", created_at=now, confirmed_at=now)
    file_before(code, helper, documents=[picture()])
    closing.close(account=holder, by=holder, at=now)
    assert (Appeal.objects.get().state, AppealDocument.objects.count()) == ("withdrawn", 0)
