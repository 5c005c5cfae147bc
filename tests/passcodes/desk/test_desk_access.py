"""Who may enter the desk, what the day's list shows, and what must not leak."""

import json
import re
from datetime import timedelta

import pytest
from django.conf import settings as project_settings
from django.utils import timezone

from accounts.models import AuditEntry, DeskClerk
from declarations.models import Declaration
from tests import audit_doors, factories
from tests.passcodes.desk.steps import ANSWERS, LOOK, NUMBER, give, served

pytestmark = pytest.mark.django_db


# Who may enter


def test_only_current_clerks_enter(desk, clerk, client):
    assert desk.get("/desk/").status_code == 200
    for account in (factories.account(), factories.account(phone="+8613700000008", is_officer=True)):
        assert factories.staff_client(account=account).get("/desk/").url == "/desk/login/?next=/desk/"
    assert factories.staff_client(account=clerk, second_factor=False).get("/desk/").url == "/desk/login/?next=/desk/"
    assert client.get("/desk/").url == "/desk/login/?next=/desk/"
    assert client.get("/desk/login/").status_code == 200
    for page in ("/admin/", "/console/"):
        assert desk.get(page).url == f"{page}login/?next={page}"


def test_clerk_is_out_at_the_next_request_after_the_role_has_ended(desk, clerk, mother):
    page = served(desk, mother)
    DeskClerk.objects.update(ended_at=timezone.now())
    for path in ("/desk/", page, "/desk/today/"):
        assert desk.get(path).url == f"/desk/login/?next={path}"
    assert desk.post("/desk/declare/", ANSWERS).url.startswith("/desk/login/")
    assert not Declaration.objects.filter(account=clerk).exists()


def test_nothing_of_django_s_admin_is_there(desk):
    for path in ("autocomplete/", "jsi18n/", "accounts/", "r/1/1/", "accounts/office/"):
        assert desk.get(f"/desk/{path}").status_code == 404


def test_password_page_and_sign_out_work(desk):
    assert desk.get("/desk/password_change/").status_code == 200
    assert desk.get("/desk/logout/").url == "/desk/"
    assert desk.post("/desk/logout/").status_code == 200
    assert desk.get("/desk/").url == "/desk/login/?next=/desk/"


def test_pages_are_never_stored(desk, mother):
    page = served(desk, mother)
    for path in ("/desk/", "/desk/today/", page, f"{page}paper/"):
        assert "no-store" in desk.get(path)["Cache-Control"]


# The day's list


def test_today_lists_what_this_clerk_did_here_masked(desk, other_desk, mother, django_assert_num_queries):
    assert "Nothing yet." in other_desk.get("/desk/today/").text
    page = served(desk, mother)
    desk.get(f"{page}paper/")
    response = desk.get("/desk/today/")
    assert "Desk: paper code printed" in response.text and "李**" in response.text
    assert "李小花" not in response.text
    assert "Nothing yet." in other_desk.get("/desk/today/").text
    with django_assert_num_queries(7):
        desk.get("/desk/today/")
    desk.get(f"{page}paper/"), desk.get(f"{page}paper/")
    with django_assert_num_queries(7):
        desk.get("/desk/today/")


def test_today_begins_at_local_midnight(desk, mother):
    served(desk, mother)
    yesterday = timezone.now() - timedelta(days=1)
    with audit_doors.opened():
        AuditEntry.objects.update(at=yesterday)
    assert "Nothing yet." in desk.get("/desk/today/").text


# What must not leak


def test_nothing_personal_stands_in_addresses_sessions_or_audit(desk, outbox):
    desk.post("/desk/", LOOK)
    url = desk.post("/desk/declare/", ANSWERS | {"address": "金丝雀胡同"}).url
    give(desk, url, outbox)
    session = json.dumps(dict(desk.session), default=str)
    rows = json.dumps(list(AuditEntry.objects.values_list("subject", "detail")), ensure_ascii=False)
    for secret in ("李小花", NUMBER, "13912345678", "金丝雀"):
        assert secret not in url and secret not in session and secret not in rows


def test_pages_have_nothing_inline(desk, mother):
    page = served(desk, mother)
    for path in ("/desk/", page, f"{page}paper/", f"{page}declare/", f"{page}phone/"):
        assert not re.search(r" style=|<style|<script>| on[a-z]+=", desk.get(path).text)
    assert project_settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["style-src"] == ["'self'"]
