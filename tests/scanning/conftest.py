"""People, doors and a token for the tests of the scanner's pages."""

import pytest

from tests import factories
from tests.scanning.steps import browser, live_token


@pytest.fixture
def code():
    return factories.pass_code(account=factories.account())


@pytest.fixture
def token(code):
    return live_token(code)


@pytest.fixture
def account():
    account = factories.account(phone="+8613800000009")
    factories.pass_code(account=account, number=factories.DOCUMENTS[1], name="王五")
    return account


@pytest.fixture
def scanner(account):
    return account


@pytest.fixture
def device(scanner):
    """The scanner's browser with its key."""
    return browser(factories.device_key(account=scanner))


@pytest.fixture
def institution(account):
    institution = factories.institution()
    factories.member(institution=institution, account=account)
    return institution


@pytest.fixture
def door(institution):
    return factories.entrance(institution=institution)


@pytest.fixture
def other_door():
    """A door of another institution."""
    return factories.entrance(institution=factories.institution(name="沈阳北站", credit_code="12210100000000002J"))


@pytest.fixture
def signed_in(client, account):
    client.force_login(account, "accounts.backends.OneTimeCodeBackend")
    return client
