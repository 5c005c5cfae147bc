"""What a draft would do, seen by the officer before it counts, in a real browser."""

from django.core.management import call_command

from tests import factories
from tests.browser.test_staff_help import sign_in_staff, staff


def test_the_effect_of_rules_is_seen_before_they_count(site, new_phone, check_accessibility):
    for number in factories.DOCUMENTS[:2]:
        factories.pass_code(account=factories.account(phone=f"+86138000000{number[-2:-1]}1"), number=number)
        factories.risk_record(number=number, category="managed")
    draft = factories.rule_draft()
    draft.rules.filter(parameter="managed").update(colour=2)
    desk = new_phone(viewport={"width": 1100, "height": 740})
    sign_in_staff(desk, staff("+8613700000001", is_officer=True), f"/admin/passcodes/ruleset/{draft.pk}/change/")
    desk.locator("form[action$='/dry-run/'] button").click()
    desk.get_by_role("status").wait_for()
    check_accessibility(desk)
    call_command("work", "--once", verbosity=0)
    desk.locator(".effect .headline").wait_for()
    check_accessibility(desk)
    assert "将有2人变码" in desk.locator(".headline").inner_text()
    first, *_others = desk.locator(".effect table").first.locator("tbody tr").all_inner_texts()
    assert first.split() == ["黄码", "红码", "2"]
    desk.set_viewport_size({"width": 360, "height": 740})
    assert desk.evaluate("document.documentElement.scrollWidth") == 360
