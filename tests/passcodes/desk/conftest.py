"""Two offices, their clerks, and somebody whom one of them serves."""

import pytest

from accounts.models import DeskClerk, Office
from declarations.models import Assurance
from tests import factories
from tests.passcodes.desk.steps import NUMBER, clerk_at


@pytest.fixture
def outbox(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return tmp_path / "outbox.jsonl"


@pytest.fixture
def office():
    return Office.objects.create(name="和平区服务台", phone="024-11111", division=210102)


@pytest.fixture
def other_office():
    return Office.objects.create(name="大连市服务台", phone="0411-22222", division=210200)


@pytest.fixture
def clerk(office):
    return clerk_at(office, "+8613700000001")


@pytest.fixture
def desk(clerk):
    return factories.staff_client(account=clerk)


@pytest.fixture
def other_desk(other_office):
    return factories.staff_client(account=clerk_at(other_office, "+8613700000002"))


@pytest.fixture
def mother():
    """A real-name person from the office's division, as another desk there has declared, whom nobody holds."""
    person = factories.person(name="李小花", number=NUMBER, assurance=Assurance.FACE)
    account = factories.account(phone="+8613800000009")
    DeskClerk.objects.create(
        account=account, office=Office.objects.create(name="另一服务台", phone="024-54321", division=210100)
    )
    factories.declaration(person=person, account=account)
    return person
