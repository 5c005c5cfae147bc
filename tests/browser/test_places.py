"""Somebody is asked about a market in their district: the notice, the page, an error, the answer, the colour."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from passcodes.models import PlaceAnswer
from tests import factories
from tests.browser.test_main_path import sign_in

PHONE = "+8613800000001"


@pytest.fixture
def market(site):
    account = factories.account(phone=PHONE)
    factories.pass_code(account=account)
    today = timezone.localdate()
    return factories.risk_area(place="太原街市场", starts_on=today - timedelta(days=5))


def test_a_question_is_answered_on_a_phone(market, new_phone, outbox, check_accessibility):
    page = new_phone(viewport={"width": 320, "height": 640})
    sign_in(page, outbox, PHONE, "/code/")
    code = page.locator("[data-module~=code]")
    expect(code).to_have_attribute("data-colour", "green")
    check_accessibility(page)
    page.get_by_role("link", name="去填报").click()
    page.wait_for_url("**/places/")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        check_accessibility(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_label("我去过那里", exact=True).check()
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_role("alert")).to_contain_text("最后一天")
    expect(page.get_by_label("我去过那里", exact=True)).to_be_checked()
    check_accessibility(page)
    page.locator(f"#id_last_on-{market.pk}").fill(str(timezone.localdate()))
    page.get_by_role("button", name="提交").click()
    expect(code).to_have_attribute("data-colour", "red")
    expect(page.locator(".reasons")).to_contain_text("沈阳市和平区太原街市场")
    assert PlaceAnswer.objects.get().was_there
    page.goto(f"{page.url}places/")
    expect(page.locator("main")).to_contain_text("最后一天")
    check_accessibility(page)
