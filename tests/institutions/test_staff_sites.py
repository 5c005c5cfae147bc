"""Who may enter the console and the authority's site: everybody else is sent to sign in, on every page."""

import html
import re

import pytest
from django.urls import reverse

from accounts.authority import authority
from accounts.models import AuditEntry
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


OLD, NEW = "correct horse battery", "another long phrase"


@pytest.fixture
def with_password(school, officer):
    """An account for each site, with a password."""

    def account(site):
        account = school.admin if site == "console" else officer
        account.set_password(OLD)
        account.save()
        return account

    return account


def change_password(client, site, old):
    data = {"old_password": old, "new_password1": NEW, "new_password2": NEW}
    return client.post(f"/{site}/password_change/", data)


@each_site
def test_password_change_ends_other_sessions_and_is_written_down(with_password, site):
    account = with_password(site)
    here, elsewhere = (factories.staff_client(account=account) for _ in range(2))
    assert change_password(here, site, OLD).url == f"/{site}/password_change/done/"
    assert here.get(f"/{site}/password_change/done/").status_code == 200
    assert elsewhere.get(f"/{site}/").url.startswith(f"/{site}/login/")
    account.refresh_from_db()
    assert account.check_password(NEW)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.subject) == (account, "change-password", f"account:{account.pk}")
    assert entry.detail == {"site": site}


@each_site
@pytest.mark.parametrize("old", ["", "wrong", NEW])
def test_password_change_demands_the_old_password(with_password, site, old):
    account = with_password(site)
    response = change_password(factories.staff_client(account=account), site, old)
    assert response.status_code == 200 and "errorlist" in response.text
    account.refresh_from_db()
    assert account.check_password(OLD)
    assert not AuditEntry.objects.exists()


@each_site
def test_password_page_is_chinese_and_has_nothing_inline(with_password, site):
    client = factories.staff_client(account=with_password(site))
    response = client.get(f"/{site}/password_change/", headers={"accept-language": "zh-hans"})
    labels = [html.unescape(label) for label in re.findall(r"<label[^>]*>([^<]*)</label>", response.text)]
    assert labels == ["旧密码:", "新密码:", "新密码确认:"]
    assert "script-src 'self'" in response["Content-Security-Policy"]
    assert not re.search(r" style=|<style|<script>| on[a-z]+=", response.text)


def test_chinese_of_lists_and_pages_reads_well(school):
    def look(path):
        return school.client.get(f"/console/{path}", headers={"accept-language": "zh-hans"}).text

    scans, doors = look("scanning/scan/"), look("institutions/entrance/")
    assert "退出登录" in scans and "注销" not in scans
    assert re.search(r'<p class="paginator">\s*共 1 条\s*</p>', scans)
    assert re.search(r"\s添加出入口\s", doors)
    assert "<h1>添加出入口</h1>" in look("institutions/entrance/add/")
    assert "<h1>修改出入口</h1>" in look(f"institutions/entrance/{school.entrance.pk}/change/")
    assert "<h1>查看扫码记录</h1>" in look(f"scanning/scan/{school.scan.pk}/change/")


@pytest.mark.parametrize(("site", "header"), [("console", "Institution console"), ("admin", "Health authority")])
def test_sign_in_page_says_of_which_site_it_is(client, db, site, header):
    assert f'<p class="soft">{header}</p>' in client.get(f"/{site}/login/").text
