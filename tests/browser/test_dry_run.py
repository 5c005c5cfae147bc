"""What a draft would do, seen by the officer before it counts, in a real browser."""

from django.core.management import call_command

from tests import factories
from tests.browser.test_staff_help import sign_in_staff, staff
from tests.passcodes import lists


def test_the_effect_of_rules_is_seen_before_they_count(site, new_phone, check_accessibility):
    for number in range(10):
        person = factories.person(number=lists.number(number))
        factories.declaration(person=person, account=factories.account(phone=f"+86138000001{number:02}"))
        factories.risk_record(number=lists.number(number), category="managed")
    draft = factories.rule_draft()
    draft.rules.filter(parameter="managed").update(colour=2)
    desk = new_phone(viewport={"width": 1100, "height": 740})
    sign_in_staff(desk, staff("+8613700000001", is_officer=True), f"/admin/passcodes/ruleset/{draft.pk}/change/")
    desk.locator("form[action$='/dry-run/'] button").click()
    desk.get_by_role("status").wait_for()
    check_accessibility(desk)
    call_command("work", "--once", verbosity=0)
    desk.locator("[name=reason]").select_option(value="record")  # people are shown, so it is asked why
    check_accessibility(desk)
    desk.locator("#content-main form button").click()
    desk.locator(".effect .headline").wait_for()
    check_accessibility(desk)
    assert "将有10人变码" in desk.locator(".headline").inner_text()
    first, *_others = desk.locator(".effect table").first.locator("tbody tr").all_inner_texts()
    assert first.split() == ["黄码", "红码", "10"]
    desk.set_viewport_size({"width": 360, "height": 740})
    assert desk.evaluate("document.documentElement.scrollWidth") == 360
