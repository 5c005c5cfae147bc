"""A son who has declared for his mother, whom nobody has checked, and an officer."""

import pytest

from declarations.models import Assurance
from passcodes.actions import issue_pass
from tests import factories
from tests.passcodes.document_check.steps import NUMBER


@pytest.fixture
def outbox(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return tmp_path / "outbox.jsonl"


@pytest.fixture
def son():
    return factories.account(phone="+8613900000001")


@pytest.fixture
def officer():
    return factories.account(phone="+8613700000009", is_officer=True)


@pytest.fixture
def admin(officer):
    return factories.staff_client(account=officer)


@pytest.fixture
def proxy(son):
    """The son has declared for his mother; nobody has checked who she is."""
    return factories.relative(account=son, number=NUMBER, assurance=Assurance.DECLARED, acting=False)


@pytest.fixture
def page(proxy):
    return f"/face/{issue_pass(person=proxy.person).public_id}/ask/"
