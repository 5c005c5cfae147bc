"""The officers' way with the colour rules, in real browsers: drafted by one office, agreed to by another."""

import re

import pytest
from django.core.management import call_command

from passcodes.models import RuleSet
from tests import factories
from tests.browser.test_main_path import sign_in
from tests.browser.test_staff_help import sign_in_staff, staff

HOLDER, OURS, THEIRS = "+8613800000001", "+8613800000008", "+8613800000009"
LIST = "/admin/passcodes/ruleset/"


@pytest.fixture
def holder(site):
    code = factories.pass_code(account=factories.account(phone=HOLDER))
    factories.risk_record(number=factories.DOCUMENTS[0], category="managed")
    return code


def test_rules_turn_a_code_when_the_second_office_agrees(phone, new_phone, outbox, holder, check_accessibility):
    sign_in(phone, outbox, HOLDER)
    phone.goto("/code/")
    phone.get_by_role("heading", name="黄码").wait_for()

    desk = new_phone(viewport={"width": 1100, "height": 740})
    sign_in_staff(desk, staff(OURS, is_officer=True), LIST)
    desk.get_by_role("heading", name="赋码规则集").wait_for()
    check_accessibility(desk)
    desk.get_by_role("button", name="新建草稿").click()
    desk.get_by_text("补齐后方可提请").wait_for()
    check_accessibility(desk)
    desk.get_by_role("link", name="填写负责机关").click()
    desk.get_by_label("该机关电话").fill("024-12320")
    check_accessibility(desk)
    desk.get_by_role("button", name="保存").click()
    desk.get_by_role("link", name=re.compile("修改.*其他管控人员")).click()
    desk.get_by_label("码色").select_option(label="红码")
    desk.get_by_label("天数").fill("3")
    desk.get_by_role("button", name="保存").click()
    desk.get_by_text("请更正下面标出的内容").wait_for()
    check_accessibility(desk)
    desk.get_by_label("天数").fill("")
    desk.get_by_role("button", name="保存").click()
    desk.get_by_label("法律依据").select_option(index=3)
    desk.locator("[name=reason]").fill("入冬后病例增多")
    desk.get_by_role("button", name="提请另一机关同意").click()
    desk.get_by_text("已提请").wait_for()
    check_accessibility(desk)
    assert desk.get_by_role("button", name="同意并生效").count() == 0
    phone.reload()
    phone.get_by_role("heading", name="黄码").wait_for()

    other = new_phone()
    account = staff(THEIRS, office=factories.office())
    sign_in_staff(other, account, "/admin/")
    other.get_by_role("link", name="1 套赋码规则待您同意").click()
    other.get_by_role("heading", name="赋码规则 #1").wait_for()
    check_accessibility(other)
    other.get_by_role("button", name="同意并生效").click()
    other.get_by_text("已同意。").wait_for()
    check_accessibility(other)
    assert other.evaluate("document.documentElement.scrollWidth") == 360
    phone.reload()
    phone.get_by_role("heading", name="红码").wait_for()

    other.get_by_label("法律依据").select_option(index=3)
    other.locator("[name=reason]").fill("入冬后病例增多")
    other.get_by_role("button", name="提请撤回").click()
    other.get_by_text("已提请").wait_for()
    desk.reload()
    desk.get_by_role("button", name="同意并撤回").click()
    desk.get_by_text("已同意。").wait_for()
    phone.reload()
    phone.get_by_role("heading", name="黄码").wait_for()
    assert RuleSet.objects.get().state == "withdrawn"


def test_a_draft_is_discarded_and_a_withdrawal_tried_first(site, new_phone, check_accessibility):
    factories.released_rules(rule_set=factories.rule_draft())
    desk = new_phone()
    sign_in_staff(desk, staff(OURS, is_officer=True), LIST)
    desk.get_by_role("button", name="新建草稿").click()
    desk.get_by_role("link", name=re.compile("修改.*申报接触过病例")).click()
    desk.get_by_label("赋码原因（英文）").fill("In %(town)s.")
    desk.get_by_role("button", name="保存").click()
    desk.get_by_text("%(town)s 无法替换。该条件的文字可以使用：%(place)s, %(day)s").wait_for()
    check_accessibility(desk)
    desk.go_back()
    desk.go_back()
    assert desk.get_by_role("button", name="确认作废").count() == 0
    desk.get_by_text("作废该草稿").click()
    check_accessibility(desk)
    assert desk.evaluate("document.documentElement.scrollWidth") == 360
    desk.get_by_role("button", name="确认作废").click()
    desk.get_by_text("已作废。").wait_for()
    check_accessibility(desk)

    desk.goto(LIST)
    desk.get_by_role("link", name="#1").click()
    desk.locator("form[action$='/dry-run/'] button").click()
    desk.get_by_role("status").wait_for()
    call_command("work", "--once", verbosity=0)
    desk.locator(".effect .headline").wait_for()
    check_accessibility(desk)
