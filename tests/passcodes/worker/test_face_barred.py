"""Who was told to stop acting for somebody cannot show that person's face and go on."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from declarations import proxies
from declarations.models import Assurance, Person, Proxy
from passcodes import face_checks
from passcodes.actions import issue_pass
from passcodes.face_checks import Barred, barred_until
from passcodes.models import FaceCheckState
from tests import factories
from tests.declarations.test_proxies import CHILD
from tests.passcodes.face_pages import sign_in
from tests.passcodes.worker.face_steps import begin, judge, relation, wait_for_worker

pytestmark = pytest.mark.django_db

MONTH = timedelta(days=30)


@pytest.fixture
def mother():
    return factories.account(phone="+8613800000003")


def end(proxy, by, at=None):
    proxies.end_proxy(proxy=proxy, by=by, at=at or timezone.now())
    proxy.refresh_from_db()
    return proxy.ended_at


def test_who_was_ended_by_somebody_else_cannot_begin_for_a_month(son, proxy, mother):
    ended = end(proxy, mother)
    claimed = relation(son)  # a new claim, a new pass
    assert barred_until(account=son, person=claimed.person, at=ended) == ended + MONTH
    with pytest.raises(Barred) as barred:
        begin(account=son, person=claimed.person)
    assert barred.value.until == ended + MONTH
    assert barred_until(account=son, person=claimed.person, at=ended + MONTH) is None


def test_who_ended_it_themselves_may_begin_again(son, proxy):
    end(proxy, son)
    assert begin(account=son, person=relation(son).person).state == FaceCheckState.PHOTO


def test_other_accounts_and_documents_are_not_barred(son, proxy, mother):
    end(proxy, mother)
    other = factories.account(phone="+8613800000002")
    now = timezone.now()
    assert barred_until(account=other, person=relation(other).person, at=now) is None
    assert barred_until(account=son, person=relation(son, CHILD).person, at=now) is None


def test_an_open_check_gives_no_challenge_and_no_proof(check, son, proxy, mother):
    """Though the relation was begun anew in between."""
    attempt = wait_for_worker(check)
    end(proxy, mother)
    again = Proxy.objects.create(account=son, person=proxy.person, created_at=timezone.now())
    judge(attempt)
    check.refresh_from_db()
    again.refresh_from_db()
    assert (check.state, again.is_acting) == (FaceCheckState.ENDED, False)
    assert not Person.objects.filter(assurance__gt=Assurance.DECLARED).exists()


def test_no_challenge_once_somebody_ended_it(check, proxy, mother):
    end(proxy, mother)
    with pytest.raises(Barred):
        face_checks.issue_challenge(check=check, at=timezone.now())


def test_an_officer_s_word_lifts_it(son, proxy, mother):
    """And the claims that are ended with it bar nobody."""
    end(proxy, mother, timezone.now() - timedelta(hours=1))
    officer = factories.account(phone="+8613800000009")
    claimed = relation(son)
    proxies.prove(proxy=claimed, assurance=Assurance.OFFICER, by=officer, at=timezone.now())
    assert barred_until(account=son, person=claimed.person, at=timezone.now()) is None


def test_page_says_until_when_and_offers_no_face_check(son, proxy, mother):
    ended = end(proxy, mother)
    page = f"/face/{issue_pass(person=relation(son).person).public_id}/"
    phone: Client = sign_in(son)
    html = phone.get(page).content.decode()
    until = timezone.localtime(ended + MONTH)
    assert f"A face check is not possible until {until:%b. {until.day}, %Y}" in html
    assert "I agree: begin the face check" not in html
    assert "Ask for a check by a person" in html
    assert phone.post(f"{page}consent/", headers={"accept": "application/json"}).status_code == 409
