"""A son who acts for his mother, and their face check."""

import pytest

from passcodes.models import FaceCheckState
from tests import factories
from tests.identity_server import IdentityServer
from tests.passcodes.worker.face_steps import begin, put_photo, relation


@pytest.fixture
def son():
    return factories.account(phone="+8613800000001")


@pytest.fixture
def proxy(son):
    return relation(son)


@pytest.fixture
def check(son, proxy):
    """A check whose photo is good."""
    check = put_photo(begin(account=son, person=proxy.person))
    assert check.state == FaceCheckState.READY
    return check


@pytest.fixture
def authority(settings):
    with IdentityServer() as server:
        settings.IDENTITY_URL = server.url
        yield server
