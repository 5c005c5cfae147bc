"""Whose an appeal is: who reads its words, who withdraws it, who takes it to another office."""

import pytest
from django.utils import timezone

from declarations.models import Person, Proxy
from passcodes import appeals
from passcodes.actions import issue_pass
from passcodes.models import Appeal, AppealDocument
from tests import factories
from tests.passcodes.appeals.steps import ANSWER, WORDS, browser, decide, file, file_before, form_address, picture

pytestmark = pytest.mark.django_db
NOT_THEIRS = "Somebody else has filed this appeal."


@pytest.fixture
def helper():
    return factories.account(phone="+8613900000002")


@pytest.fixture
def acts(code, helper):
    """From now on somebody else acts for the holder of the code."""

    def begin(account=helper, person=code.person):
        now = timezone.now()
        values = {"relation": "parent", "created_at": now, "confirmed_at": now, "confirmed_by": account}
        return Proxy.objects.create(account=account, person=person, **values)

    return begin


def address(code, appeal) -> str:
    return f"/code/{code.public_id}/appeal/{appeal.receipt}/"


def export(account) -> str:
    return browser(account).post("/me/export/").text


def test_who_acts_sees_that_there_is_an_appeal_and_not_its_words(holder, code, listed, helper, acts, judge):
    appeal = file(code, holder, documents=[picture()])
    acts()
    client = browser(helper)
    assert appeal.receipt in client.get(f"/code/{code.public_id}/appeal/").text
    text = client.get(address(code, appeal)).text
    assert NOT_THEIRS in text and "Answered at the latest by" in text and 'role="timer"' in text
    for hidden in (WORDS, "This record is not me", "1 photo", "Withdraw the appeal", "You get a message"):
        assert hidden not in text
    assert WORDS not in export(helper)
    decide(appeal, judge, granted=False)
    text = client.get(address(code, appeal)).text
    assert ANSWER in text and WORDS not in text


def test_who_acts_does_not_withdraw_another_s_appeal(holder, code, listed, helper, acts):
    appeal = file(code, holder, documents=[picture()])
    acts()
    response = browser(helper).post(f"{address(code, appeal)}withdraw/", follow=True)
    assert "Only the person can withdraw this" in response.text
    assert Appeal.objects.get().state == "waiting" and AppealDocument.objects.count() == 1
    with pytest.raises(appeals.NotYours):
        appeals.withdraw(appeal=appeal, by=helper, at=timezone.now())


def test_the_person_reads_and_withdraws_what_somebody_filed_for_them(own, holder, code, listed, helper, acts):
    acts()
    appeal = file_before(code, helper, documents=[picture()])
    text = own.get(address(code, appeal)).text
    assert WORDS in text and "Withdraw the appeal" in text and "You get a message" not in text
    assert WORDS in export(holder)
    own.post(f"{address(code, appeal)}withdraw/")
    assert Appeal.objects.get().state == "withdrawn"


def test_who_appealed_reads_their_own_and_the_person_withdraws_it(code, listed, helper, acts):
    acts()
    appeal = file_before(code, helper, documents=[picture()])
    client = browser(helper)
    text = client.get(address(code, appeal)).text
    assert WORDS in text and "1 photo" in text and "You get a message" in text and "Withdraw the appeal" not in text
    client.post(f"{address(code, appeal)}withdraw/")
    assert Appeal.objects.get().state == "waiting"
    Person.objects.update(holder=None)
    client.post(f"{address(code, appeal)}withdraw/")
    assert Appeal.objects.get().state == "withdrawn"


def test_who_acts_appeals_for_nobody_who_has_an_account(own, code, listed, helper, acts):
    acts()
    client = browser(helper)
    device = client.session
    device["device"] = factories.device(account=helper).pk
    device.save()
    elsewhere = "This person has an account of their own: the appeal is filed there."
    for page in ("", "appeal/"):
        text = client.get(f"/code/{code.public_id}/{page}").text
        assert elsewhere in text and "?about=" not in text
    form = form_address(code)
    for response in (client.get(form), client.post(form, {"claim": "other", "text": WORDS})):
        assert response.url == f"/code/{code.public_id}/appeal/"
    with pytest.raises(appeals.NotYours):
        file(code, helper)
    assert not Appeal.objects.exists()
    appeal = file(code, own_account(code))
    assert "See the appeal" in client.get(f"/code/{code.public_id}/").text
    assert client.get(form).url == address(code, appeal)


def own_account(code):
    return Person.objects.get(pk=code.person_id).holder


def test_a_relative_spends_no_appeal_of_who_has_an_account(own, code, listed, helper, acts, judge):
    """Filed and refused before, while there was none."""
    acts()
    first = file_before(code, helper)
    decide(first, judge, granted=False)
    assert "Appeal once more" not in browser(helper).get(address(code, first)).text
    own.post(f"{address(code, first)}again/", {"text": WORDS})
    assert Appeal.objects.get(escalation_of=first).account == own_account(code)


def test_the_second_appeal_is_not_spent_by_somebody_else(own, holder, code, listed, helper, acts, judge):
    appeal = file(code, holder)
    decide(appeal, judge, granted=False)
    acts()
    client = browser(helper)
    assert "Appeal once more" not in client.get(address(code, appeal)).text
    response = client.post(f"{address(code, appeal)}again/", {"text": WORDS}, follow=True)
    assert "by whoever acts for somebody without an account of their own" in response.text
    refused = Appeal.objects.get()
    with pytest.raises(appeals.NoSecond):
        appeals.escalate(appeal=refused, text=WORDS, documents=[], by=helper, at=timezone.now())
    own.post(f"{address(code, appeal)}again/", {"text": WORDS})
    assert Appeal.objects.get(escalation_of=refused).account == holder


def test_for_a_child_whoever_acts_now_takes_it_to_another_office(holder, helper, acts, judge):
    relation = factories.relative(account=holder)
    code = issue_pass(person=relation.person)
    factories.risk_record(number=factories.DOCUMENTS[1], category="managed")
    appeal = file(code, holder)
    decide(appeal, judge, granted=False)
    Proxy.objects.update(ended_at=timezone.now())
    acts(person=Person.objects.get(pk=relation.person_id))
    client = browser(helper)
    text = client.get(address(code, appeal)).text
    assert WORDS not in text and "Appeal once more" in text
    text = client.get(f"{address(code, appeal)}again/").text
    assert ANSWER in text and WORDS not in text
    client.post(f"{address(code, appeal)}again/", {"text": "孩子那天在学校"})
    assert Appeal.objects.get(escalation_of=appeal).account == helper
