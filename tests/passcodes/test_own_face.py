"""FACE_CHECK_FOR_SELF: everybody's face is checked once before their own first code, or their document is."""

import pytest
from django.utils import timezone

from declarations.identity import Result
from declarations.models import Assurance, Person
from passcodes import document_checks
from passcodes.findings import PhotoFinding
from passcodes.models import FaceCheck, PassCode
from tests import factories
from tests.passcodes.face_pages import answer, picture, record_live, record_photo, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def own_pass() -> PassCode:
    return factories.pass_code(account=factories.account())


@pytest.fixture
def phone(own_pass):
    return sign_in(own_pass.person.holder)


@pytest.fixture
def asked(settings):
    settings.FACE_CHECK_FOR_SELF = True


def check_face(phone, pass_id, authority) -> None:
    phone.post(f"/face/{pass_id}/consent/")
    phone.post(f"/face/{pass_id}/photo/", {"photo": picture()})
    record_photo(PhotoFinding.FINE)
    answer(phone, pass_id)
    record_live(authority=authority)


def test_nobody_is_asked_by_default(phone, own_pass):
    assert phone.get(f"/code/{own_pass.public_id}/").status_code == 200


def test_first_own_code_leads_to_the_check(phone, own_pass, asked):
    response = phone.get(f"/code/{own_pass.public_id}/")
    assert response.headers["location"] == f"/face/{own_pass.public_id}/"
    page = phone.get(f"/face/{own_pass.public_id}/")
    assert page.status_code == 200
    assert f"/face/{own_pass.public_id}/ask/" in page.content.decode()


@pytest.mark.parametrize(
    ("authority", "assurance"), [(Result.MATCH, Assurance.FACE), (Result.UNAVAILABLE, Assurance.AUTHORITY)]
)
def test_code_is_shown_after_the_check(phone, own_pass, asked, authority, assurance):
    check_face(phone, own_pass.public_id, authority)
    assert FaceCheck.objects.get().state == "passed"
    assert phone.get(f"/code/{own_pass.public_id}/").status_code == 200
    assert Person.objects.get().assurance == assurance


def test_document_of_an_account_that_an_officer_has_seen_is_settled_at_a_desk():
    factories.person(holder=factories.account(phone="+8613800000002"), assurance=Assurance.OFFICER)
    code = factories.pass_code(account=factories.account(phone="+8613800000003"), assurance=Assurance.DECLARED)
    phone = sign_in(code.person.holder)
    check_face(phone, code.public_id, Result.MATCH)
    html = phone.get(f"/face/{code.public_id}/").content.decode()
    assert "Somebody has shown this document to an officer for another account" in html
    assert "could not compare" not in html


def test_code_is_not_shown_after_the_authority_said_no(phone, own_pass, asked):
    check_face(phone, own_pass.public_id, Result.NO_MATCH)
    assert phone.get(f"/code/{own_pass.public_id}/").status_code == 302


def test_document_seen_by_an_officer_does_as_well(phone, own_pass, asked):
    officer = factories.account(phone="+8613800000008", is_officer=True)
    account = own_pass.person.holder
    now = timezone.now()
    check = document_checks.ask(account=account, pass_code=own_pass, photo=b"jpeg", note="", by=account, at=now)
    document_checks.decide(
        check=check,
        approved=True,
        reason="it fits",
        shown_claim=document_checks.shown(own_pass.person),
        by=officer,
        at=now,
    )
    assert phone.get(f"/code/{own_pass.public_id}/").status_code == 200


def test_browser_that_shows_the_code_already_goes_on(phone, own_pass, settings):
    phone.get(f"/code/{own_pass.public_id}/")
    settings.FACE_CHECK_FOR_SELF = True
    assert phone.get(f"/code/{own_pass.public_id}/").status_code == 200


def test_relatives_are_not_asked_again(phone, own_pass, asked):
    proxy = factories.relative(account=own_pass.person.holder)
    code = PassCode.objects.create(person=proxy.person)
    assert phone.get(f"/code/{code.public_id}/").status_code == 200
