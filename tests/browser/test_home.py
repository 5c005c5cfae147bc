"""The first page, in a browser."""

import pytest


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
def test_home_is_accessible_and_free_of_faults(new_phone, check_accessibility, colour_scheme):
    phone = new_phone(color_scheme=colour_scheme)
    phone.goto("/")
    assert phone.locator("h1").inner_text() == "辽事通健康通行码"
    check_accessibility(phone)


def test_home_fits_the_smallest_phone(new_phone):
    phone = new_phone(viewport={"width": 320, "height": 568})
    phone.goto("/")
    assert phone.evaluate("document.documentElement.scrollWidth") == 320


def test_language_can_be_changed(new_phone, check_accessibility):
    phone = new_phone()
    phone.goto("/")
    phone.get_by_role("button", name="English").click()
    assert phone.locator("html").get_attribute("lang") == "en"
    assert phone.locator("h1").inner_text() == "Liaoning Health Pass"
    check_accessibility(phone)
