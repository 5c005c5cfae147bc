"""The officer's way with a list of risk data and what its people see, in real browsers; my data and its way out."""

import json

import pytest
from django.core.management import call_command

from accounts.models import Account
from passcodes.models import RiskBatch, RiskSource
from tests import factories
from tests.browser.test_main_path import sign_in
from tests.browser.test_staff_help import sign_in_staff, staff

HOLDER, OFFICER, OTHER = "+8613800000001", "+8613800000008", "+8613800000009"
LIST = (
    "证件类型,证件号码,人员类别,管控开始时间,管控结束时间,机关,机关电话\r\n"
    f"身份证,{factories.DOCUMENTS[0]},密接,2026-11-01,2099-01-01,和平区疾控中心,024-12345\r\n"
    "身份证,210102199001010000,密接,2026-11-01,2099-01-01,和平区疾控中心,024-12345\r\n"
)


@pytest.fixture
def holder(site):
    account = factories.account(phone=HOLDER)
    return factories.pass_code(account=account, number=factories.DOCUMENTS[0])


def test_a_list_colours_and_its_withdrawal_frees(phone, new_phone, outbox, holder, check_accessibility, tmp_path):
    sign_in(phone, outbox, HOLDER)
    phone.goto("/code/")
    phone.get_by_role("heading", name="绿码").wait_for()

    path = tmp_path / "名单.csv"
    path.write_text(LIST, encoding="gb18030", newline="")  # as Excel in China writes it
    source = factories.risk_source()
    desk = new_phone(viewport={"width": 1100, "height": 740})
    sign_in_staff(desk, staff(OFFICER, is_officer=True), "/admin/passcodes/riskbatch/upload/")
    desk.get_by_role("heading", name="上传名单").wait_for()
    check_accessibility(desk)
    desk.get_by_label("来源").select_option(label=source.name)
    desk.locator("[name=file]").set_input_files(path)
    desk.get_by_role("button", name="预览名单").click()
    desk.get_by_role("heading", name="有错误的行").wait_for()
    check_accessibility(desk)
    assert desk.locator(".preview tbody tr").first.inner_text().split("\t")[0] == "3"
    phone.reload()
    phone.get_by_role("heading", name="绿码").wait_for()  # a draft counts for nobody
    tried(desk, 1, check_accessibility)

    assert not desk.get_by_role("button", name="确认生效").count()  # nobody puts an upload in force alone
    desk.get_by_label("法律依据").select_option(value="cases")
    desk.get_by_label("理由").fill("学校有四例")
    desk.get_by_role("button", name="提请另一机关同意").click()
    desk.get_by_text("已提请").first.wait_for()
    check_accessibility(desk)
    phone.reload()
    phone.get_by_role("heading", name="绿码").wait_for()

    other = new_phone(viewport={"width": 1100, "height": 740})
    sign_in_staff(other, staff(OTHER, office=factories.office()), "/admin/")
    other.get_by_role("link", name="1 个批次待您同意").click()
    other.get_by_role("button", name="同意并生效").click()
    other.get_by_text("名单已生效").wait_for()
    desk.reload()
    phone.reload()
    phone.get_by_role("heading", name="红码").wait_for()
    assert "和平区疾控中心" in phone.locator("main").inner_text()

    desk.get_by_role("button", name="撤回本批次").click()
    desk.get_by_text("名单已撤回").wait_for()
    check_accessibility(desk)
    phone.reload()
    phone.get_by_role("heading", name="绿码").wait_for()
    assert RiskBatch.objects.get().state == "withdrawn"


def tried(desk, turning: int, check_accessibility) -> None:
    """The list is tried on the present population: who would turn is seen before it counts."""
    batch = desk.url
    desk.locator("form[action$='/dry-run/'] button").click()
    desk.get_by_role("status").wait_for()
    call_command("work", "--once", verbosity=0)
    desk.locator(".effect .headline").wait_for()
    check_accessibility(desk)
    assert f"将有{turning}人变码" in desk.locator(".headline").inner_text()
    assert not desk.locator(".effect table").count()  # of so few nothing more is told
    assert not RiskBatch.objects.get().released_at
    desk.goto(batch)


def test_two_offices_let_a_source_in(site, new_phone, check_accessibility):
    first = new_phone(viewport={"width": 1100, "height": 740})
    second = new_phone()
    sign_in_staff(first, staff(OFFICER, is_officer=True), "/admin/passcodes/risksource/add/")
    for name, value in (("name", "市疾控"), ("slug", "city"), ("fresh_hours", "24")):
        first.locator(f"[name={name}]").fill(value)
    first.locator("[name=deciding_office]").select_option(label=factories.province().name)
    first.locator("[name=basis]").select_option(value="cases")
    first.locator("[name=reason]").fill("市里自己统计")
    check_accessibility(first)
    first.locator("[name=_save]").click()
    first.locator('form[action$="/refuse/"]').wait_for()
    check_accessibility(first)
    assert not first.locator('form[action$="/approve/"]').count()

    sign_in_staff(second, staff(OTHER, office=factories.office()), "/admin/")
    second.get_by_role("link", name="市疾控").click()
    check_accessibility(second)
    second.locator('form[action$="/approve/"] button').click()
    second.locator('form[action$="/key/"]').wait_for()
    assert RiskSource.objects.get().fresh_hours == 24

    halves = []
    for page, verb in ((second, "key"), (first, "finish-key")):
        page.reload()
        page.locator(f'form[action$="/{verb}/"] button').click()
        halves.append(page.locator(".key").inner_text())
        check_accessibility(page)
    assert RiskSource.objects.get().key == "".join(halves)


def test_my_data_is_read_taken_away_and_the_account_closed(phone, outbox, holder, check_accessibility):
    sign_in(phone, outbox, HOLDER)
    phone.goto("/me/")
    check_accessibility(phone)
    with phone.expect_download() as download:
        phone.get_by_role("button", name="下载我的数据").or_(phone.get_by_role("link", name="下载我的数据")).click()
    taken = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert factories.DOCUMENTS[0] in json.dumps(taken, ensure_ascii=False)

    phone.get_by_role("link", name="注销账号").click()
    phone.get_by_role("heading", name="注销账号").wait_for()
    check_accessibility(phone)
    phone.get_by_role("button", name="发送验证码").click()
    phone.locator("[name=code]").fill(outbox.code(HOLDER))
    phone.locator("main button").first.click()
    phone.get_by_role("heading", name="账号已注销").wait_for()
    phone.goto(f"/code/{holder.public_id}/")
    assert "/login/" in phone.url
    assert not Account.objects.get().is_active
