"""Somebody whom one office has put under observation, and officers of that office and of two others."""

import pytest

from tests import factories
from tests.passcodes.appeals.steps import browser, form_address, officer


@pytest.fixture
def holder(db):
    return factories.account(phone="+8613900000001")


@pytest.fixture
def code(holder):
    return factories.pass_code(account=holder)


@pytest.fixture
def listed(code):
    return factories.risk_record(category="managed", office="铁西区疾控中心")


@pytest.fixture
def own(holder):
    client = browser(holder)
    session = client.session
    session["device"] = factories.device(account=holder).pk
    session.save()
    return client


@pytest.fixture
def page(code, listed):
    return form_address(code)


@pytest.fixture
def coloured(db):
    """An officer of the office that coloured."""
    return officer("铁西区疾控中心", "+8613700000001")


@pytest.fixture
def judge(db):
    return officer("沈阳市卫健委", "+8613700000002")


@pytest.fixture
def second_judge(db):
    return officer("辽宁省卫健委", "+8613700000003")
