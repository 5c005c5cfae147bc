"""The other ways than a face, in real browsers: the desk with its paper code, and the officer who sees a document."""

import pytest
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import Account, DeskClerk, Office
from declarations.models import Assurance, Person, Proxy
from passcodes import keys, tokens
from passcodes.actions import issue_pass
from passcodes.models import DocumentCheck
from scanning.photos import read_code
from tests import factories
from tests.browser import moving_face
from tests.browser.test_main_path import sign_in
from tests.passcodes.people import astronaut

SON, CLERK, OFFICER = "+8613800000001", "+8613800000007", "+8613800000008"
NUMBER = factories.DOCUMENTS[1]
PASSWORD = "a long enough password"


def staff(phone: str, **fields) -> Account:
    """An account with password and second factor."""
    account = factories.account(phone=phone, **fields)
    account.set_password(PASSWORD)
    account.save()
    TOTPDevice.objects.create(user=account, confirmed=True)
    return account


def sign_in_staff(page, account, path) -> None:
    page.goto(path)
    page.locator("[name=phone]").fill(account.identifiers.get().value)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=digits]").fill(f"{TOTP(account.totpdevice_set.get().bin_key).token():06}")
    page.get_by_role("button", name="登录").click()


@pytest.fixture
def clerk(site):
    account = staff(CLERK)
    office = Office.objects.create(name="和平区社区服务台", phone="024-12345", division=210100)
    DeskClerk.objects.create(account=account, office=office)
    return account


@pytest.fixture
def claimed(site):
    """A mother for whom the son has declared, and whom nobody has seen yet."""
    account = factories.account(phone=SON)
    return factories.relative(account=account, acting=False, assurance=Assurance.DECLARED)


def look_up(page) -> None:
    page.locator("[name=document_kind]").select_option("01")
    page.locator("[name=document_number]").fill(NUMBER)
    page.locator("[name=name]").fill("李小花")
    page.locator("[name=seen]").check()
    page.get_by_role("button", name="下一步").click()


def test_walk_in_goes_home_with_a_paper_code(new_phone, clerk, check_accessibility, tmp_path):
    page = new_phone()
    sign_in_staff(page, clerk, "/desk/")
    check_accessibility(page)
    look_up(page)
    page.locator("[name=phone]").fill("13800000001")
    page.locator("[name=sex]").last.check()
    page.locator("[name=county]").select_option("210102")
    page.locator("[name=address]").fill("中山路1号")
    for question in ("travel", "contact"):
        page.locator(f"[name={question}][value=no]").check()
    page.locator("[name=temperature]").first.check()
    page.locator("[name=affirmation]").check()
    page.get_by_role("button", name="提交").click()
    page.get_by_role("heading", name="绿码").wait_for()
    check_accessibility(page)
    person = Person.objects.get()
    assert person.assurance == Assurance.OFFICER
    page.get_by_role("link", name="打印纸质码").click()
    page.locator(".paper-qr").wait_for()
    check_accessibility(page)
    shot = tmp_path / "paper.png"
    page.locator(".paper-qr").screenshot(path=shot)
    with shot.open("rb") as picture:
        text = read_code(picture, shot.stat().st_size)
    token = tokens.read(tokens.extract(text), keys.ring(), timezone.now())
    assert (token.pass_id, token.paper) == (issue_pass(person=person).public_id, True)


def test_desk_ends_a_proxy_for_whoever_is_there(new_phone, clerk, site):
    proxy = factories.relative(account=factories.account(phone=SON))
    page = new_phone()
    sign_in_staff(page, clerk, "/desk/")
    look_up(page)
    page.get_by_role("button", name="结束代办关系").click()
    page.get_by_text("无人代办。").wait_for()
    proxy.refresh_from_db()
    assert proxy.ended_by == clerk


def test_who_has_an_account_reads_out_a_code_before_a_desk_declares(new_phone, clerk, outbox, check_accessibility):
    holder = factories.account(phone=SON)
    owner = factories.person(holder=holder, name="李小花", number=NUMBER)
    factories.declaration(person=owner, account=holder)
    page = new_phone()
    sign_in_staff(page, clerk, "/desk/")
    look_up(page)
    page.get_by_role("link", name="再次申报").click()
    page.get_by_role("heading", name="须先经本人同意").wait_for()
    check_accessibility(page)
    page.get_by_role("button", name="向 138****0001 发送验证码").click()
    check_accessibility(page)
    page.locator("[name=digits]").fill(outbox.code(SON))
    page.get_by_role("button", name="继续申报").click()
    page.get_by_text("本人已同意。").wait_for()
    assert page.locator("[name=document_number]").input_value() == NUMBER


def test_officer_confirms_a_document_and_the_code_appears(new_phone, outbox, claimed, check_accessibility):
    page = new_phone()
    sign_in(page, outbox, SON, f"/face/{issue_pass(person=claimed.person).public_id}/")
    page.get_by_role("link", name="申请由工作人员核验").first.click()
    check_accessibility(page)
    page.locator("[name=photo]").set_input_files(
        {"name": "document.jpg", "mimeType": "image/jpeg", "buffer": moving_face.photo(astronaut)}
    )
    page.get_by_role("button", name="提交审核员核验").click()
    page.get_by_text("等待").first.wait_for()
    check_accessibility(page)

    officer = staff(OFFICER, is_officer=True)
    desktop = new_phone(viewport={"width": 1200, "height": 800})
    sign_in_staff(desktop, officer, "/admin/passcodes/documentcheck/")
    desktop.locator("#result_list tbody a").first.click()
    desktop.locator(".document-photo").wait_for()
    assert desktop.locator(".document-photo").evaluate("image => image.naturalWidth") > 0
    desktop.locator("[name=reason]").fill("证件与本人相符")
    desktop.get_by_role("button", name="相符，通过").click()
    desktop.locator("#result_list, .empty").first.wait_for()
    check = DocumentCheck.objects.get()
    assert (check.state, check.photo, check.decided_by) == ("approved", None, officer)

    page.reload()
    page.get_by_text("证件与本人相符").wait_for()
    page.get_by_role("link", name="出示健康码").click()
    page.get_by_role("heading", name="绿码").wait_for()
    assert Proxy.objects.acting().get().person.assurance == Assurance.OFFICER
