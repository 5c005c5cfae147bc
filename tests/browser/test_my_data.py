"""My data, in a browser: read it, take it away, close the account."""

import json

import pytest

from accounts import audit
from tests import factories
from tests.browser.test_main_path import sign_in

PHONE = "+8613800000001"


@pytest.fixture
def resident(site):
    account = factories.account(phone=PHONE)
    code = factories.pass_code(account=account)
    officer = factories.account(phone="+8613800000009", is_officer=True)
    audit.record(by=officer, action="view-person", subject=f"person:{code.person_id}", at=code.created_at)
    return account


def test_everything_is_read_taken_away_and_closed(resident, new_phone, outbox, check_accessibility):
    phone = new_phone()
    sign_in(phone, outbox, PHONE, "/me/")
    for scheme in ("light", "dark"):
        phone.emulate_media(color_scheme=scheme)
        check_accessibility(phone)
    looks = phone.locator("details", has_text="谁查看过您的数据")
    looks.locator("summary").click()
    assert "省卫生健康委员会" in looks.inner_text()
    check_accessibility(phone)
    with phone.expect_download() as download:
        phone.get_by_role("button", name="下载我的数据（JSON）").click()
    document = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert document["person"][0]["document_number"] == factories.DOCUMENTS[0]

    phone.get_by_role("link", name="注销账号").click()
    check_accessibility(phone)
    phone.get_by_role("button", name="发送验证码").click()
    phone.wait_for_url("**/me/close/code/")
    check_accessibility(phone)
    phone.locator("[name=code]").fill(outbox.code(PHONE))
    phone.get_by_role("button", name="确认永久注销").click()
    assert phone.locator("h1").inner_text() == "账号已注销"
    check_accessibility(phone)
    phone.goto("/me/")
    assert "/login/" in phone.url
    assert "关于您的信息只给您本人查看" in phone.locator("main").inner_text()


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
def test_what_is_kept_is_accessible_and_fits_the_smallest_phone(new_phone, check_accessibility, colour_scheme):
    phone = new_phone(viewport={"width": 320, "height": 568}, color_scheme=colour_scheme)
    for path in ("/guide/", "/agreement/"):
        phone.goto(path)
        assert phone.evaluate("document.documentElement.scrollWidth") == 320
        check_accessibility(phone)
