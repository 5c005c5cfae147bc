"""The code page while the national platform is being asked: it turns green by itself, some seconds later."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from passcodes import national_questions
from passcodes.national import Breaker
from tests import factories
from tests.browser.test_main_path import sign_in
from tests.national_server import NationalServer

PHONE = "+8613800000001"


@pytest.fixture
def platform(site, settings, monkeypatch):
    monkeypatch.setattr(national_questions, "breaker", Breaker())
    with NationalServer() as server:
        settings.NATIONAL_URL = server.url
        yield server


def test_the_open_page_turns_green_within_seconds(platform, new_phone, outbox, check_accessibility):
    account = factories.account(phone=PHONE)
    factories.pass_code(account=account, made_at=timezone.now() - timedelta(seconds=1))
    phone = new_phone()
    sign_in(phone, outbox, PHONE, "/code/")
    code = phone.locator("[data-module~=code]")
    expect(code).to_have_attribute("data-colour", "neutral")
    for scheme in ("light", "dark"):
        phone.emulate_media(color_scheme=scheme)
        check_accessibility(phone)
    assert national_questions.ask_due(timezone.now()) is False
    expect(code).to_have_attribute("data-colour", "green", timeout=9_000)
