"""The officers' way of two offices and the way out of a wrong colour, in real browsers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from passcodes.models import Appeal, RiskBatch
from tests import factories
from tests.browser.test_main_path import sign_in
from tests.browser.test_staff_help import sign_in_staff, staff
from tests.passcodes.document_check.steps import picture

HOLDER = "+8613800000001"
DESKTOP = {"viewport": {"width": 1100, "height": 740}}
BATCHES, RECORDS, APPEALS = (f"/admin/passcodes/{name}/" for name in ("riskbatch", "riskrecord", "appeal"))


@pytest.fixture
def holder(site):
    return factories.pass_code(account=factories.account(phone=HOLDER), number=factories.DOCUMENTS[0])


@pytest.fixture
def phone(phone, outbox, holder):
    """The holder's, signed in."""
    sign_in(phone, outbox, HOLDER)
    return phone


@pytest.fixture
def desk_of(new_phone):
    """The desktop of an officer of an office of this name, signed in at an address."""

    def signed_in(name: str, address: str = "/admin/"):
        number = f"+861370000000{len(name)}"
        page = new_phone(**DESKTOP)
        sign_in_staff(page, staff(number, office=factories.office(name=name)), address)
        return page

    return signed_in


def show(phone, colour: str) -> None:
    """The code page, as it is now."""
    phone.goto("/code/")
    phone.get_by_role("heading", name=colour).wait_for()


def enter(desk) -> None:
    desk.locator("[name=document_number]").fill(factories.DOCUMENTS[0])
    desk.locator("[name=category]").select_option("managed")
    desk.locator("[name=basis]").select_option("regulation")
    desk.locator("[name=reason]").fill("医院报告")
    desk.locator("[name=_save]").click()
    desk.get_by_text("已登记").wait_for()


def appeal(phone) -> None:
    phone.get_by_role("link", name="有异议？提出申诉").click()
    phone.get_by_role("heading", name="申诉").first.wait_for()
    phone.locator("[name=claim][value=not_me]").check()
    phone.locator("[name=text]").fill("名单上的人不是我，只是同名")
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    phone.locator("[name=documents]").set_input_files([photo])
    phone.get_by_role("button", name="提交申诉").click()
    phone.get_by_role("button", name="撤回申诉").wait_for()


def answer(desk, button: str) -> None:
    desk.goto(APPEALS)
    desk.locator("#result_list tbody a").first.click()
    desk.locator("[name=reason]").fill("核对后确认登记有误")
    desk.get_by_role("button", name=button).click()
    desk.get_by_text("已答复").wait_for()


def test_a_colour_takes_two_offices_and_a_third_takes_it_back(phone, desk_of, check_accessibility):
    show(phone, "绿码")
    first = desk_of("一局", f"{RECORDS}add/")
    check_accessibility(first)
    enter(first)
    batch = RiskBatch.objects.get()
    first.goto(f"{BATCHES}{batch.pk}/change/")
    assert first.get_by_role("button", name="同意并生效").count() == 0
    first.get_by_text("须由另一机关的审核员同意。").wait_for()
    check_accessibility(first)
    show(phone, "绿码")

    second = desk_of("第二局")
    second.locator(".alerts a").first.click()
    second.get_by_text("医院报告").wait_for()  # why the first office asks
    check_accessibility(second)
    second.get_by_role("button", name="同意并生效").click()
    second.get_by_text("名单已生效").wait_for()
    show(phone, "黄码")
    assert "一局" in phone.locator("main").inner_text()
    phone.goto(f"/code/{phone.url.split('/')[-2]}/history/")
    phone.get_by_role("heading", name="码色记录").wait_for()
    check_accessibility(phone)
    phone.get_by_role("link", name="查询某天能否通行").click()
    phone.get_by_role("button", name="查询").wait_for()
    check_accessibility(phone)

    show(phone, "黄码")
    appeal(phone)
    phone.get_by_role("heading", name="须先确定可以答复的机关").wait_for()
    check_accessibility(phone)
    assert ":" in phone.locator(".deadline").inner_text()
    first.goto("/admin/")
    first.get_by_text("1 件申诉没有可答复的机关").wait_for()
    check_accessibility(first)
    for desk in (first, second):  # both have signed the colour
        desk.goto(APPEALS)
        desk.locator("#result_list tbody a").first.click()
        desk.get_by_text("您所在机关不能答复此件").wait_for()
    third = desk_of("第三个局")
    phone.reload()
    phone.get_by_role("heading", name="将由另一机关的工作人员答复").wait_for()
    third.goto(APPEALS)
    check_accessibility(third)
    third.locator("#result_list tbody a").first.click()
    third.get_by_role("button", name="申诉成立").wait_for()
    check_accessibility(third)
    answer(third, "申诉成立")
    phone.reload()
    phone.get_by_role("heading", name="申诉成立").wait_for()
    check_accessibility(phone)
    show(phone, "绿码")


def test_a_missed_deadline_makes_the_code_neutral_and_a_refusal_brings_the_colour_back(
    phone, desk_of, check_accessibility
):
    factories.risk_record(category="managed", office="和平区疾控中心")
    show(phone, "黄码")
    appeal(phone)
    receipt = phone.url
    now = timezone.now()
    Appeal.objects.update(created_at=now - timedelta(hours=25), due_at=now - timedelta(hours=1))
    show(phone, "待核验")
    check_accessibility(phone)
    phone.get_by_role("link", name="查看申诉").click()
    phone.get_by_role("heading", name="答复逾期").wait_for()
    check_accessibility(phone)
    answer(desk_of("一局"), "驳回申诉")
    show(phone, "黄码")
    phone.goto(receipt)
    phone.get_by_role("link", name="向另一机关再次申诉").wait_for()
    phone.goto("/offices/")
    phone.get_by_role("heading", name="一局").wait_for()
    check_accessibility(phone)
