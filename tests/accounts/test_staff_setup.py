"""Setting up staff sign-in: once, by whoever has a role and has just proved the account's phone."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import AuditEntry, DeskClerk, Office
from institutions.models import Membership
from tests import factories

PASSWORD = "four plain words here"

pytestmark = pytest.mark.django_db


@pytest.fixture
def outbox(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return tmp_path / "outbox.jsonl"


def browser(account, *, minutes_ago=1) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    session = client.session
    session["since"] = (timezone.now() - timedelta(minutes=minutes_ago)).timestamp()
    session.save()
    return client


@pytest.fixture
def clerk():
    office = Office.objects.create(name="和平区服务台", phone="024-11111", division=210102)
    account = factories.account(phone="+8613700000001")
    DeskClerk.objects.create(account=account, office=office)
    return account


@pytest.fixture
def officer():
    return factories.account(phone="+8613700000009", is_officer=True)


def digits(account) -> str:
    device = TOTPDevice.objects.get(user=account)
    return f"{totp(device.bin_key):06}"


def set_up(client, account, site="desk", **fields):
    client.get(f"/{site}/setup/")
    data = {"password": PASSWORD, "again": PASSWORD, "digits": digits(account)} | fields
    return client.post(f"/{site}/setup/", data)


def test_clerk_sets_up_and_signs_in(clerk, outbox, django_capture_on_commit_callbacks):
    client = browser(clerk)
    with django_capture_on_commit_callbacks(execute=True):
        assert set_up(client, clerk).url == "/desk/login/"
    clerk.refresh_from_db()
    assert clerk.is_staff and clerk.check_password(PASSWORD)
    entry = AuditEntry.objects.get(action="set-up-staff")
    assert (entry.actor, entry.subject, entry.detail) == (clerk, f"account:{clerk.pk}", {"site": "desk"})
    assert json.loads(outbox.read_text(encoding="utf-8"))["to"] == "+8613700000001"
    device = TOTPDevice.objects.get()
    assert device.confirmed
    later = f"{totp(device.bin_key, t0=-30):06}"  # each code is good once: the next one
    data = {"phone": "13700000001", "password": PASSWORD, "digits": later}
    assert Client().post("/desk/login/", data).url == "/desk/"


def test_page_shows_the_key_to_nobody_else(clerk, officer):
    text = browser(clerk).get("/desk/setup/").text
    assert 'class="setup-qr"' in text
    for site, account in (("admin", clerk), ("console", clerk), ("desk", officer), ("desk", factories.account())):
        assert browser(account).get(f"/{site}/setup/").status_code == 404
    assert Client().get("/desk/setup/").url == "/login/?next=/desk/setup/"
    assert browser(officer).get("/admin/setup/").status_code == 200


def test_sign_in_must_be_fresh(clerk):
    response = browser(clerk, minutes_ago=31).get("/desk/setup/")
    assert "sign in again with a one-time code" in response.text
    assert not TOTPDevice.objects.exists()


def test_who_has_a_password_or_a_second_factor_sets_up_nothing(clerk, officer):
    clerk.set_password(PASSWORD)
    clerk.save()
    TOTPDevice.objects.create(user=officer, name="app", confirmed=True)
    for account, site in ((clerk, "desk"), (officer, "admin")):
        response = browser(account).post(f"/{site}/setup/", {"password": "x", "again": "x", "digits": "123456"})
        assert response.url == f"/{site}/login/"
    officer.refresh_from_db()
    assert not officer.is_staff


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"again": "something else"}, "again"),
        ({"password": "short", "again": "short"}, "password"),
        ({"password": "123456789012", "again": "123456789012"}, "password"),
        ({"digits": "12"}, "digits"),
    ],
)
def test_what_does_not_fit_is_refused(clerk, fields, wrong):
    response = set_up(browser(clerk), clerk, **fields)
    assert list(response.context["form"].errors) == [wrong]
    clerk.refresh_from_db()
    assert not clerk.is_staff


def test_wrong_digits_confirm_nothing(clerk):
    client = browser(clerk)
    client.get("/desk/setup/")
    right = {f"{totp(TOTPDevice.objects.get().bin_key, t0=-30 * step):06}" for step in (-1, 0, 1)}
    wrong = next(code for code in ("000000", "000001", "000002", "000003") if code not in right)
    response = set_up(client, clerk, digits=wrong)
    assert list(response.context["form"].errors) == ["digits"]
    device = TOTPDevice.objects.get()
    assert not device.confirmed and device.throttling_failure_count == 1
    clerk.refresh_from_db()
    assert not clerk.is_staff


def test_setting_up_ends_the_account_s_other_sessions(clerk):
    elsewhere = browser(clerk)
    assert elsewhere.get("/desk/setup/").status_code == 200
    set_up(browser(clerk), clerk)
    assert elsewhere.get("/desk/setup/").url == "/login/?next=/desk/setup/"


def test_sign_in_page_leads_here():
    assert 'href="/desk/setup/"' in Client().get("/desk/login/").text


def key_shown(client):
    return client.get("/desk/setup/").context["secret"]


def test_key_is_new_for_each_session_and_stays_within_it(clerk, outbox):
    earlier = browser(clerk)
    seen = key_shown(earlier)
    assert key_shown(earlier) == seen
    later = browser(clerk)
    assert key_shown(later) != seen
    assert TOTPDevice.objects.count() == 1
    assert key_shown(earlier) != seen


def test_digits_of_a_key_that_another_session_has_seen_set_nothing_up(clerk, outbox):
    earlier = browser(clerk)
    earlier.get("/desk/setup/")
    known = TOTPDevice.objects.get()
    later = browser(clerk)
    later.get("/desk/setup/")
    data = {"password": PASSWORD, "again": PASSWORD, "digits": f"{totp(known.bin_key):06}"}
    assert list(later.post("/desk/setup/", data).context["form"].errors) == ["digits"]
    assert not TOTPDevice.objects.filter(confirmed=True).exists()


@pytest.mark.parametrize(("days", "late"), [(6, False), (8, True)])
def test_role_is_set_up_within_a_week(clerk, officer, days, late):
    given = timezone.now() - timedelta(days=days)
    DeskClerk.objects.update(created_at=given)
    school = factories.institution()
    factories.member(institution=school, account=clerk, role="admin")
    Membership.objects.update(created_at=given)
    for site in ("desk", "console"):
        text = browser(clerk).get(f"/{site}/setup/").text
        assert ("ask the office to give you the role anew" in text) is late
        assert ('class="setup-qr"' in text) is not late
    assert TOTPDevice.objects.exists() is not late
