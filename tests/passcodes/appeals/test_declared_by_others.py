"""Symptoms that a desk or a relative declared for somebody with an account: they can say that it is not so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import DeskClerk
from declarations import divisions
from passcodes import appeal_judges
from tests import factories
from tests.passcodes.appeals.steps import colour, decide, file, form_address, officer, reasons

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(db):
    account = factories.account(phone="+8613700000009")
    DeskClerk.objects.create(account=account, office=factories.office(name="街道服务台"))
    return account


def say(code, account, ago=0, **symptoms):
    return factories.declaration(
        person=code.person, account=account, made_at=timezone.now() - timedelta(minutes=ago), **symptoms
    )


def test_the_holder_appeals_and_is_free(own, code, holder, clerk, judge):
    say(code, clerk, ago=5, fever=True)
    say(code, holder)  # "I am well" alone does not end it
    assert colour(code) == "yellow"
    page = own.get(f"/code/{code.public_id}/").text
    assert "Somebody else declared for you that you had a fever or a dry cough on" in page
    assert "Is this wrong? Appeal against it" in page
    sent = own.post(form_address(code), {"claim": "other", "text": "我没有去过服务台"})
    assert "/appeal/" in sent.url
    decide(code.person.appeals.get(), judge)
    assert colour(code) == "green"


def test_an_answer_that_is_late_makes_neutral(code, holder, clerk, judge):
    say(code, clerk, fever=True)
    file(code, holder, claim="other")
    assert colour(code, timezone.now() + timedelta(hours=24)) == "neutral"


def test_each_declaration_of_others_is_disputed_for_itself(code, holder, clerk, judge):
    say(code, clerk, ago=5, fever=True)
    decide(file(code, holder, claim="other"), judge)
    say(code, clerk, dry_cough=True)
    assert colour(code) == "yellow"


def test_nobody_disputes_what_they_said_of_themselves(code, holder, clerk):
    say(code, holder, fever=True)
    (reason,) = reasons(code)
    assert (reason.code, reason.fact) == ("symptoms", "")


def test_who_has_no_account_has_nobody_else_to_speak_for_them(code, clerk):
    say(code, clerk, fever=True)
    code.person.holder = None
    code.person.save()
    (reason,) = reasons(code)
    assert reason.fact == ""


def test_the_office_of_the_desk_does_not_answer(code, holder, clerk, judge):
    say(code, clerk, fever=True)
    appeal = file(code, holder, claim="other")
    with pytest.raises(appeal_judges.NotTheirs):
        appeal_judges.check_officer(officer("街道服务台", "+8613700000008"), appeal)
    appeal_judges.check_officer(judge, appeal)


def test_stays_of_others_go_with_the_holder_s_own_declaration(code, holder, clerk):
    factories.stay(declaration=say(code, clerk), division=divisions.ABROAD)
    assert colour(code) == "red"
    say(code, holder)
    assert colour(code) == "green"
