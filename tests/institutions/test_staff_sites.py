"""Who may enter the console and the authority's site: everybody else is sent to sign in, on every page."""

import pytest
from django.urls import reverse

from accounts.authority import authority
from institutions.console import console
from tests import factories


def pages(site):
    """Every page of a site that needs no object."""
    lists = [f"{model._meta.app_label}_{model._meta.model_name}" for model in site._registry]
    names = ["index", "autocomplete", "jsi18n", "password_change"]
    names += [f"{name}_{page}" for name in lists for page in ("changelist", "add")]
    return [reverse(f"{site.name}:{name}") for name in names]


PAGES = {site.name: pages(site) for site in (console, authority)}
each_site = pytest.mark.parametrize("site", list(PAGES))


@pytest.fixture
def officer(db):
    return factories.account(phone="+8613700000009", is_officer=True)


def assert_sent_to_sign_in(client, site):
    for path in PAGES[site]:
        response = client.get(path)
        assert (response.status_code, response.url) == (302, f"/{site}/login/?next={path}")


@each_site
def test_anonymous_is_sent_to_the_sites_own_sign_in(client, db, site):
    assert_sent_to_sign_in(client, site)


@each_site
def test_resident_is_sent_to_sign_in(db, site):
    assert_sent_to_sign_in(factories.staff_client(account=factories.account()), site)


@each_site
def test_scanner_is_sent_to_sign_in(school, site):
    assert_sent_to_sign_in(factories.staff_client(account=school.scanner.account), site)


@each_site
def test_staff_without_second_factor_is_sent_to_sign_in(school, officer, site):
    account = school.admin if site == "console" else officer
    assert_sent_to_sign_in(factories.staff_client(account=account, second_factor=False), site)


@each_site
def test_staff_of_the_other_site_is_sent_to_sign_in(school, officer, site):
    assert_sent_to_sign_in(factories.staff_client(account=officer) if site == "console" else school.client, site)


@each_site
def test_staff_gets_its_own_pages(school, officer, site):
    client = school.client if site == "console" else factories.staff_client(account=officer)
    answers = {path: client.get(path).status_code for path in PAGES[site]}
    assert {path for path, status in answers.items() if status == 200} >= {f"/{site}/", f"/{site}/password_change/"}
    assert set(answers.values()) == {200, 403}  # lists of what is only read have no page to add


def test_inactive_officer_is_out(officer):
    client = factories.staff_client(account=officer)
    assert client.get("/admin/").status_code == 200
    officer.is_active = False
    officer.save()
    assert client.get("/admin/").status_code == 302


def test_pages_are_not_stored(school):
    for path in ("/console/", "/console/scanning/scan/", f"/console/scanning/scan/{school.scan.pk}/change/"):
        assert "no-store" in school.client.get(path)["Cache-Control"]


@pytest.mark.parametrize(("site", "header"), [("console", "Institution console"), ("admin", "Health authority")])
def test_sign_in_page_says_of_which_site_it_is(client, db, site, header):
    assert f'<p class="soft">{header}</p>' in client.get(f"/{site}/login/").text
