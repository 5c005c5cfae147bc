"""Clocks of the pages, after a phone has slept: the wall clock has gone on, the page's own has stood still."""

from datetime import timedelta

import pytest
from django.db.models import F

from passcodes.models import Appeal
from tests import factories
from tests.browser.test_main_path import sign_in
from tests.passcodes.appeals.steps import file

HOLDER = "+8613800000001"
SLEEP = """
const now = Date.now;
window.slept = 0;
Date.now = () => now() + window.slept;
window.sleep = (seconds) => { window.slept += seconds * 1000; document.dispatchEvent(new Event("visibilitychange")); };
"""


@pytest.fixture
def phone(phone):
    """`sleep(seconds)` in the page: what it finds when it wakes up."""
    phone.add_init_script(SLEEP)
    return phone


def test_the_time_left_for_an_answer_is_right_after_a_night(phone, outbox, site):
    code = factories.pass_code(account=factories.account(phone=HOLDER))
    factories.risk_record(category="managed")
    file(code, code.person.holder)
    Appeal.objects.update(due_at=F("due_at") - timedelta(minutes=1))  # so that it is 23 hours and some from the first
    sign_in(phone, outbox, HOLDER)
    phone.goto(f"/code/{code.public_id}/appeal/{Appeal.objects.get().receipt}/")
    left = phone.locator(".deadline")
    assert left.inner_text().split(":")[0] == "23"
    phone.evaluate("sleep(8 * 3600)")
    assert left.inner_text().split(":")[0] == "15"
    with phone.expect_event("load"):  # the server says what follows
        phone.evaluate("setTimeout(() => sleep(16 * 3600))")  # later: who is asked while the page goes gets no answer
    assert left.inner_text().split(":")[0] == "23"  # by its clock only a moment has passed


def test_another_code_can_be_asked_for_after_a_minute_of_sleep(phone, site):
    phone.goto("/login/")
    phone.get_by_label("手机号码").fill(HOLDER.removeprefix("+86"))
    phone.get_by_role("button", name="获取验证码").click()
    again = phone.locator("[data-module=countdown]")
    again.wait_for()
    assert again.is_disabled()
    phone.evaluate("sleep(60)")
    assert again.is_enabled()
