"""The main job in real browsers: declare -> code -> scan -> record."""

from datetime import timedelta

import pytest
import time_machine
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from institutions.models import MembershipRole
from scanning.models import Scan
from tests import factories

SCANNER, ADMIN = "+8613800000009", "+8613800000008"
PASSWORD = "a long enough password"


def sign_in(page, outbox, phone, path="/"):
    """By phone number and one-time code, as everybody does."""
    page.goto(f"/login/?next={path}")
    page.get_by_label("手机号码").fill(phone.removeprefix("+86"))
    page.get_by_role("button", name="获取验证码").click()
    page.locator("[name=code]").fill(outbox.code(phone))
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"**{path}**")


def declare(page, number=factories.DOCUMENTS[0]):
    """Fill in the form as a healthy resident."""
    page.locator("[name=name]").fill("张三丰")
    page.locator("[name=document_kind]").select_option("01")
    page.locator("[name=document_number]").fill(number)
    page.locator("[name=document_number]").press("Tab")
    page.locator("[name=county]").select_option("210102")
    page.locator("[name=address]").fill("中山路1号")
    for question in ("travel", "contact"):
        page.locator(f"[name={question}][value=no]").check()
    page.locator("[name=temperature]").first.check()
    page.locator("[name=affirmation]").check()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url("**/code/*/")


@pytest.fixture
def door(site):
    """An entrance with a scanner and an institution's admin, who has a second factor."""
    institution = factories.institution()
    for phone, number, role in [
        (SCANNER, factories.DOCUMENTS[1], MembershipRole.SCANNER),
        (ADMIN, factories.DOCUMENTS[2], MembershipRole.ADMIN),
    ]:
        account = factories.account(phone=phone)
        factories.pass_code(account=account, number=number)
        factories.member(institution=institution, account=account, role=role)
        account.set_password(PASSWORD)
        account.save()
        TOTPDevice.objects.create(user=account, confirmed=True)
    return factories.entrance(institution=institution)


@pytest.fixture
def resident(phone, outbox):
    """A phone that shows a fresh green code."""
    sign_in(phone, outbox, "+8613800000001", "/declare/")
    declare(phone)
    return phone


@pytest.fixture
def scan(door, outbox, camera_phone, film):
    """Hold a code in front of a scanner's camera; the scanner's page once the result shows."""

    def hold(resident, meanwhile=lambda: None):
        screenshot = film(resident.locator(".code-body").screenshot())
        meanwhile()
        scanner = camera_phone(screenshot)
        sign_in(scanner, outbox, SCANNER, "/scan/")
        scanner.locator("[data-overlay]:not([data-shown=checking])[data-shown]").wait_for()
        return scanner

    return hold


def shown(scanner):
    return scanner.locator("[data-overlay]").get_attribute("data-shown")


def test_green_code_is_scanned_with_a_temperature_and_found_in_the_console(resident, scan, new_phone):
    assert resident.get_by_role("heading", level=1).inner_text() == "绿码"
    scanner = scan(resident)
    assert shown(scanner) == "green"
    assert scanner.get_by_text("绿码·请测温").is_visible()
    assert scanner.get_by_text("张**").is_visible()
    for key in "365":
        scanner.locator(f"[data-key='{key}']").click()
    scanner.locator("[data-key=enter]").click()
    scanner.locator("[data-shown=pass]").wait_for()
    scanner.get_by_text("✓ 已记录").wait_for()

    desktop = new_phone(viewport={"width": 1200, "height": 800})
    desktop.goto("/console/")
    device = TOTPDevice.objects.get(user__identifiers__hash=factories.identifier_hash("phone", ADMIN))
    desktop.locator("[name=phone]").fill(ADMIN)
    desktop.locator("[name=password]").fill(PASSWORD)
    desktop.locator("[name=digits]").fill(f"{TOTP(device.bin_key).token():06}")
    desktop.get_by_role("button", name="登录").click()
    desktop.goto("/console/scanning/scan/")
    row = desktop.locator("#result_list tbody tr")
    assert row.count() == 1
    text = row.inner_text()
    for part in ("东门", "绿码", "36.5", "张**"):
        assert part in text
    assert "张三丰" not in desktop.content()


def test_person_listed_a_second_ago_is_red(resident, scan):
    scanner = scan(resident, meanwhile=factories.risk_record)
    assert shown(scanner) == "red"
    assert "确诊" not in scanner.content()
    resident.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    resident.locator(".colour-red").wait_for()
    assert "确诊" in resident.locator(".reasons").inner_text()


def test_screenshot_older_than_the_token_s_life_is_expired(resident, door, outbox, camera_phone, film):
    screenshot = film(resident.locator(".code-body").screenshot())
    with time_machine.travel(factories.timezone.now() + timedelta(seconds=91)):
        scanner = camera_phone(screenshot)
        sign_in(scanner, outbox, SCANNER, "/scan/")
        scanner.locator("[data-shown=expired]").wait_for()
        assert scanner.get_by_text("此码已过期").first.is_visible()
        scanner.locator("[data-overlay]").wait_for(state="hidden")  # back to the camera by itself, for the live code
    assert Scan.objects.get().outcome == "expired"


def test_every_page_of_the_path_is_accessible(phone, outbox, scan, check_accessibility):
    phone.goto("/login/?next=/code/")
    check_accessibility(phone)
    sign_in(phone, outbox, "+8613800000001", "/declare/")
    check_accessibility(phone)
    phone.get_by_role("button", name="提交").click()
    check_accessibility(phone)
    declare(phone)
    check_accessibility(phone)
    for path in ("/", "/declare/", "/agreement/"):
        phone.goto(path)
        check_accessibility(phone)
    phone.goto("/code/")
    scanner = scan(phone)
    check_accessibility(scanner)


def test_pages_fit_the_smallest_phone(new_phone, outbox):
    phone = new_phone(viewport={"width": 320, "height": 568})
    for path in ("/login/", "/declare/", "/code/"):
        if path == "/declare/":
            sign_in(phone, outbox, "+8613800000001", path)
        phone.goto(path)
        assert phone.evaluate("document.documentElement.scrollWidth") == 320, path


def test_last_code_survives_without_network(resident, faults):
    faults.ignore("net::ERR_INTERNET_DISCONNECTED")
    resident.evaluate("navigator.serviceWorker.ready")
    resident.locator("[data-part=state]", has_text="更新于").wait_for()
    resident.context.set_offline(True)
    resident.goto("/code/")
    resident.locator("article.colour-green").wait_for()
    assert "已不是实时状态" in resident.locator("[data-part=state]").inner_text()
    assert resident.locator("[data-part=name]").nth(0).inner_text() == "张**"


def test_last_code_is_gone_after_sign_out(resident, faults):
    faults.ignore("net::ERR_INTERNET_DISCONNECTED")
    resident.goto("/")
    resident.get_by_role("button", name="退出登录").click()
    if resident.url.endswith("/logout/") and resident.get_by_role("button", name="退出登录").count():
        resident.get_by_role("button", name="退出登录").click()
    assert resident.evaluate("localStorage.length") == 0


def test_code_is_renewed_without_a_reload(resident):
    before = resident.locator("[data-part=qr] path").get_attribute("d")
    resident.evaluate("window.stayed = true")
    with resident.expect_response("**/token") as renewal:
        resident.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert renewal.value.ok
    resident.wait_for_timeout(200)
    assert resident.locator("[data-part=qr] path").get_attribute("d") != before
    assert resident.evaluate("window.stayed") is True


def test_code_page_works_without_javascript(new_phone, outbox):
    phone = new_phone(java_script_enabled=False)
    sign_in(phone, outbox, "+8613800000001", "/declare/")
    declare(phone)
    assert phone.locator(".code.colour-green").is_visible()
    assert phone.locator("noscript meta").count() == 1 or 'http-equiv="refresh"' in phone.content()
