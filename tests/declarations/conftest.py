"""The authority's identity check, and residents who are signed in."""

import pytest
from django.test import Client

from accounts.models import Account
from tests import factories
from tests.identity_server import IdentityServer


@pytest.fixture
def authority(settings):
    """A running identity check that knows nobody yet."""
    with IdentityServer() as server:
        settings.IDENTITY_URL = server.url
        yield server


@pytest.fixture
def account() -> Account:
    return factories.account()


@pytest.fixture
def resident(client, account) -> Client:
    """The account's browser."""
    return signed_in(client, account)


def signed_in(client: Client, account: Account) -> Client:
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    return client
