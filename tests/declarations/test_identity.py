"""The authority's answer is taken for what it is, and anything else as no answer."""

import pytest

from declarations import identity
from declarations.identity import Result
from healthpass.lib import signed_json
from tests.identity_server import FAULTS

PERSON = {"kind": "01", "number": "210102199001010015", "name": "张三丰", "phone": "+8613800000001"}


def test_known_person_matches(authority):
    authority.know(number=PERSON["number"])
    assert identity.check(**PERSON) is Result.MATCH
    assert authority.asked == [
        {"type": "01", "number": "210102199001010015", "name": "张三丰", "phone": "+8613800000001"}
    ]


@pytest.mark.parametrize(
    "other", [{"name": "李四"}, {"phone": "+8613800000002"}, {"number": "210102199001010023"}, {"kind": "02"}]
)
def test_anything_else_does_not(authority, other):
    authority.know(number=PERSON["number"])
    assert identity.check(**PERSON | other) is Result.NO_MATCH


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_no_answer(authority, monkeypatch, fault):
    monkeypatch.setattr(signed_json, "TIMEOUT", (0.5, 0.5))
    authority.know(number=PERSON["number"])
    authority.fault = fault
    assert identity.check(**PERSON) is Result.UNAVAILABLE


def test_unreachable_server_is_no_answer(settings):
    settings.IDENTITY_URL = "http://key@127.0.0.1:9/identity"
    assert identity.check(**PERSON) is Result.UNAVAILABLE


def test_wrong_key_is_no_answer(authority, settings):
    settings.IDENTITY_URL = authority.url.replace("identity-key", "another-key")
    assert identity.check(**PERSON) is Result.UNAVAILABLE
    assert authority.asked == []


def test_accept_confirms_everybody(settings):
    settings.IDENTITY_URL = "accept:"
    assert identity.check(**PERSON) is Result.MATCH
