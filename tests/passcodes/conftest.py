"""A face check at each of its steps; the national platform."""

import pytest
from django.test import Client

from declarations.models import Assurance
from passcodes import national_questions
from passcodes.actions import issue_pass
from passcodes.findings import PhotoFinding
from passcodes.models import FaceCheck
from passcodes.national import Breaker
from tests import factories
from tests.national_server import NationalServer
from tests.passcodes.face_pages import picture, record_photo, sign_in


@pytest.fixture
def son():
    return factories.account(phone="+8613800000001")


@pytest.fixture
def stranger():
    return sign_in(factories.account(phone="+8613800000002"))


@pytest.fixture
def proxy(son):
    """A relative whom nobody has seen yet."""
    return factories.relative(account=son, acting=False, assurance=Assurance.DECLARED)


@pytest.fixture
def pass_id(proxy) -> str:
    return issue_pass(person=proxy.person).public_id


@pytest.fixture
def phone(son) -> Client:
    """The son's."""
    return sign_in(son)


@pytest.fixture
def check(phone, pass_id) -> FaceCheck:
    """One that waits for a photo."""
    phone.post(f"/face/{pass_id}/consent/")
    return FaceCheck.objects.get()


@pytest.fixture
def ready(phone, pass_id, check) -> FaceCheck:
    """One whose photo is good."""
    phone.post(f"/face/{pass_id}/photo/", {"photo": picture()})
    record_photo(PhotoFinding.FINE)
    check.refresh_from_db()
    return check


@pytest.fixture
def platform(settings, monkeypatch):
    """The national platform, asked by a worker that has just begun."""
    monkeypatch.setattr(national_questions, "breaker", Breaker())
    with NationalServer() as server:
        settings.NATIONAL_URL = server.url
        yield server
