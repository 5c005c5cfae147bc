"""What goes when an account acts for somebody no more."""

import pytest
from django.utils import timezone

from declarations import proxies
from declarations.models import Assurance
from passcodes import document_checks, face_checks, relations
from passcodes.models import DocumentCheck, FaceCheck, FaceImage, PassCode
from tests import factories
from tests.passcodes.face_pages import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def daughter():
    return factories.account(phone="+8613800000002")


def test_removing_a_relative_ends_their_checks_and_deletes_the_pictures(son):
    proxy = factories.relative(account=son, acting=False, assurance=Assurance.DECLARED)
    code = PassCode.objects.create(person=proxy.person)
    now = timezone.now()
    check = face_checks.begin(pass_code=code, account=son, by=son, at=now)
    FaceImage.objects.create(check_of=check, kind="photo", data=b"a face", created_at=now)
    document_checks.ask(account=son, pass_code=code, photo=b"a document", note="", by=son, at=now)
    sign_in(son).post(f"/people/{proxy.pk}/end/")
    assert FaceImage.objects.count() == 0
    assert DocumentCheck.objects.get().state == "withdrawn"
    assert DocumentCheck.objects.get().photo is None
    check.refresh_from_db()
    assert check.state == "ended"


def test_checks_of_a_relation_that_an_officer_ended_go_with_the_next_sweep(son, daughter):
    proxy = factories.relative(account=son, acting=False, assurance=Assurance.DECLARED)
    code = PassCode.objects.create(person=proxy.person)
    now = timezone.now()
    face_checks.begin(pass_code=code, account=son, by=son, at=now)
    relations.sweep(now)
    assert FaceCheck.objects.open().count() == 1
    proxies.end_proxy(proxy=proxy, by=daughter, at=now)
    relations.sweep(now)
    assert FaceCheck.objects.open().count() == 0
