"""Staff come in with phone, password and six digits together; every failure looks the same."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import serializers
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.backends import StaffBackend
from accounts.models import Account, AuditEntry, Device, DeviceKey, Officer
from tests import factories
from tests.accounts.urls import office

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.urls"), pytest.mark.usefixtures("clock")]

PHONE, PASSWORD = "+8613800000001", "correct horse battery"
FAILURE = "Phone number, password and digits do not fit together."


def staff(*, phone=PHONE, **fields):
    """An account with a password and a second factor."""
    account = factories.account(phone=phone, **{"is_officer": True, **fields})
    account.set_password(PASSWORD)
    account.save()
    TOTPDevice.objects.create(user=account, name="phone")
    return account


@pytest.fixture
def officer():
    return staff()


def digits(account):
    return f"{totp(TOTPDevice.objects.get(user=account).bin_key):06}"


def wrong_digits(account):
    """Six digits that are not right now, nor a step before or after."""
    key = TOTPDevice.objects.get(user=account).bin_key
    near = {totp(key, drift=step) for step in (-2, -1, 0, 1, 2)}
    return f"{next(number for number in range(10) if number not in near):06}"


def sign_in(client, account, **changes):
    data = {"phone": "138 0000 0001", "password": PASSWORD, "digits": digits(account), **changes}
    return client.post("/office/login/", data)


def fails(response):
    return response.status_code == 200 and FAILURE in response.text


def test_right_all_three_come_in(client, officer):
    response = sign_in(client, officer)
    assert (response.status_code, response.url) == (302, "/office/")
    assert client.get("/office/").status_code == 200
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.detail) == (officer, "sign-in-staff", {"site": "office"})


def test_staff_session_ends_after_12_hours_used_or_not(client, officer, clock):
    sign_in(client, officer)
    clock.shift(timedelta(hours=11, minutes=59))
    assert client.get("/office/").status_code == 200
    clock.shift(timedelta(minutes=2))
    response = client.get("/office/")
    assert (response.status_code, response.url) == (302, "/office/login/?next=/office/")


def test_each_wrong_part_fails_alike(client, officer):
    factories.account(phone="+8613800000002")  # a resident, without a password
    answers = {
        sign_in(Client(headers={"accept-language": "en"}), officer, **changes)
        .text.partition('<div class="error-summary"')[2]
        .partition("</div>")[0]
        for changes in (
            {"password": "wrong"},
            {"digits": wrong_digits(officer)},
            {"phone": "13800000002"},
            {"phone": "13800000003"},
        )
    }
    assert len(answers) == 1
    assert FAILURE in answers.pop()


def test_who_may_not_enter_this_site_fails_like_everybody(client):
    stranger = staff(is_officer=False)
    assert fails(sign_in(client, stranger))
    assert "_auth_user_id" not in client.session
    assert AccessAttempt.objects.get().failures_since_start == 1
    assert TOTPDevice.objects.get().last_t == -1  # the digits are still good for another site


def test_locked_account_fails(client):
    assert fails(sign_in(client, staff(is_active=False)))


def test_unconfirmed_second_factor_fails(client, officer):
    TOTPDevice.objects.update(confirmed=False)
    assert fails(sign_in(client, officer))


def test_digits_are_good_once(client, officer, clock):
    used = digits(officer)
    sign_in(client, officer)
    clock.shift(timedelta(seconds=10))
    assert fails(sign_in(Client(headers={"accept-language": "en"}), officer, digits=used))


def test_guesses_without_the_password_do_not_block_the_second_factor(client, officer):
    for _ in range(3):
        sign_in(client, officer, password="wrong", digits=wrong_digits(officer))
    assert TOTPDevice.objects.get().throttling_failure_count == 0
    assert sign_in(client, officer).status_code == 302


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password was hashed, which is nearly all the time that a sign-in takes."""

    count = 0

    def encode(self, password, salt):
        CountingHasher.count += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("phone", [PHONE, "+8613800000002", "+8613800000003"])
def test_every_failure_costs_one_password_hash(rf, officer, settings, phone):
    factories.account(phone="+8613800000002")  # a resident; nobody has the third number
    settings.PASSWORD_HASHERS = ["tests.accounts.test_staff.CountingHasher"]
    before = CountingHasher.count
    assert StaffBackend().authenticate(rf.post("/"), phone=phone, password="wrong", digits="000000") is None
    assert CountingHasher.count == before + 1


class TestLockout:
    def fail(self, client, officer, times, **changes):
        for _ in range(times):
            response = sign_in(client, officer, password="wrong", **changes)
        return response

    def test_fifth_failure_locks_for_15_minutes(self, client, officer, clock):
        assert fails(self.fail(client, officer, 4))
        response = self.fail(client, officer, 1)
        assert response.status_code == 429
        assert "Please try again from 12:25 on." in response.text
        assert response["Retry-After"] == "900"
        assert "no-store" in response["Cache-Control"]
        clock.shift(timedelta(minutes=14))
        response = sign_in(client, officer)  # right, but locked; and the lock is not made longer
        assert response.status_code == 429
        assert "12:25" in response.text
        clock.shift(timedelta(minutes=1, seconds=1))
        assert sign_in(client, officer).status_code == 302

    def test_other_spellings_and_browsers_count_together(self, officer):
        for number, typed in enumerate(
            ["13800000001", "+86 138 0000 0001", "１３８００００ ０００１", "138-0000-0001"]
        ):
            client = Client(headers={"accept-language": "en", "user-agent": f"browser {number}"})
            assert fails(sign_in(client, officer, password="wrong", phone=typed))
        assert sign_in(Client(), officer, password="wrong").status_code == 429

    def test_another_address_is_not_locked(self, client, officer):
        self.fail(client, officer, 5)
        data = {"phone": PHONE, "password": PASSWORD, "digits": digits(officer)}
        assert Client().post("/office/login/", data, REMOTE_ADDR="192.0.2.7").status_code == 302

    def test_another_number_is_not_locked(self, client, officer):
        self.fail(client, officer, 5)
        other = staff(phone="+8613800000002")
        assert sign_in(client, other, phone="13800000002").status_code == 302

    def test_unknown_number_is_locked_alike(self, client, officer):
        assert self.fail(client, officer, 5, phone="13800000009").status_code == 429

    def test_resident_with_the_same_number_still_signs_in(self, client, officer, outbox):
        self.fail(client, officer, 5)
        client.post("/login/", {"phone": "13800000001"})
        assert client.post("/login/code/", {"code": outbox.digits}).status_code == 302

    def test_thirty_failures_a_day_lock_the_number_everywhere(self, officer):
        for number in range(30):
            assert fails(self.attempt(officer, number, password="wrong"))
        for number, password in ((30, "wrong"), (31, PASSWORD)):
            response = self.attempt(officer, number, password=password)
            assert response.status_code == 429
            assert "There were too many failed sign-ins for this number." in response.text
            assert "no-store" in response["Cache-Control"]
            assert int(response["Retry-After"]) > 900
        other = staff(phone="+8613800000002")
        assert self.attempt(other, 32, phone="13800000002").status_code == 302

    def test_next_day_the_number_is_open_again(self, officer, clock):
        for number in range(30):
            self.attempt(officer, number, password="wrong")
        assert self.attempt(officer, 30).status_code == 429
        clock.shift(timedelta(days=1))
        assert self.attempt(officer, 31).status_code == 302

    def test_successes_do_not_count(self, officer, clock):
        for number in range(31):
            clock.shift(timedelta(minutes=1))
            assert self.attempt(officer, number).status_code == 302

    def test_locked_address_does_not_use_up_the_day(self, client, officer):
        self.fail(client, officer, 40)
        assert self.attempt(officer, 1).status_code == 302

    def test_own_browser_comes_in_whatever_strangers_try(self, client, officer, clock):
        sign_in(client, officer)
        client.cookies.pop("sessionid")
        for number in range(31):
            response = self.attempt(officer, number, password="wrong")
        assert response.status_code == 429
        clock.shift(timedelta(minutes=1))
        assert sign_in(client, officer).status_code == 302

    def test_unknown_number_is_locked_for_the_day_alike(self, officer):
        for number in range(30):
            assert fails(self.attempt(officer, number, phone="13800000009"))
        assert self.attempt(officer, 30, phone="13800000009").status_code == 429

    def attempt(self, account, number, **changes):
        """One sign-in from an address of its own."""
        client = Client(headers={"accept-language": "en"}, REMOTE_ADDR=f"198.51.100.{number}")
        return sign_in(client, account, **changes)

    def test_success_forgets_the_failures(self, client, officer):
        self.fail(client, officer, 4)
        assert sign_in(client, officer).status_code == 302
        assert not AccessAttempt.objects.exists()


def test_axes_stores_and_logs_nothing_personal(client, officer, caplog):
    caplog.set_level("DEBUG")
    for attempt in range(5):
        client.post(
            f"/office/login/?phone=13800000001&next=/{attempt}",
            {"phone": "138 0000 0001", "password": "my secret", "digits": "123456", "next": "/13800000001"},
        )
    client.post("/office/login/", {"phone": "13900000001", "password": "my secret", "digits": "654321"})
    sign_in(client, staff(phone="+8613700000001"), phone="13700000001")
    assert AccessAttempt.objects.count() == 2
    assert not AccessLog.objects.exists()
    assert not AccessFailureLog.objects.exists()
    stored = serializers.serialize("json", AccessAttempt.objects.all())
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("django.db"))
    for text in (stored, logged):
        for canary in ("8000000", "8 0000", "9000000", "7000000", "secret", "123456", "654321"):
            assert canary not in text
    assert "127.0.0.1" not in logged
    assert len(AccessAttempt.objects.first().username) == 32


def test_settings_fit_the_installed_axes():
    assert [problem.id for problem in run_checks() if problem.id.startswith("axes")] == []


class TestSite:
    def test_stranger_is_sent_to_the_sites_own_sign_in(self, client):
        assert client.get("/office/").url == "/office/login/?next=/office/"

    def test_resident_session_of_staff_does_not_open_it(self, client, officer, outbox):
        client.post("/login/", {"phone": "13800000001"})
        client.post("/login/code/", {"code": outbox.digits})
        assert client.get("/office/").url == "/office/login/?next=/office/"
        assert client.get("/office/login/").status_code == 200

    def test_resident_sign_in_ends_the_staff_session(self, client, officer, outbox):
        sign_in(client, officer)
        client.cookies.pop("sessionid")
        client.post("/login/", {"phone": "13800000001"})
        client.post("/login/code/", {"code": outbox.digits})
        assert "otp_device_id" not in client.session
        assert client.session.get_expiry_age() == 90 * 24 * 3600

    def test_staff_sign_in_ends_another_persons_keys_on_the_browser(self, client, officer, outbox):
        client.post("/login/", {"phone": "13800000002"})
        client.post("/login/code/", {"code": outbox.digits})
        resident = Account.objects.exclude(pk=officer.pk).get()
        factories.device_key(account=resident, subject="00ff00ff00ff00ff")
        sign_in(client, officer)
        assert not DeviceKey.objects.exists()
        assert client.session["_auth_user_id"] == str(officer.pk)
        assert client.session["device"] == Device.objects.get(account=officer).pk

    def test_losing_the_role_closes_it_at_once(self, client, officer):
        sign_in(client, officer)
        Officer.objects.update(ended_at=timezone.now())
        assert client.get("/office/").status_code == 302

    def test_losing_the_device_closes_it_at_once(self, client, officer):
        sign_in(client, officer)
        TOTPDevice.objects.all().delete()
        assert client.get("/office/").status_code == 302

    def test_locking_the_account_closes_it_at_once(self, client, officer):
        sign_in(client, officer)
        Account.objects.update(is_active=False)
        assert client.get("/office/").status_code == 302

    def test_only_own_paths_are_gone_on_to(self, client, officer):
        assert sign_in(client, officer, next="//evil.example/").url == "/office/"
        assert client.get("/office/login/?next=/office/accounts/").url == "/office/accounts/"

    @pytest.mark.parametrize("path", ["/office/", "/office/accounts/", "/office/accounts/auditentry/"])
    def test_admin_pages_work_with_models_that_grant_explicitly(self, client, officer, path):
        sign_in(client, officer)
        response = client.get(path)
        assert response.status_code == 200
        assert "udit entries" in response.text
        assert "13800000001" not in response.text

    def test_nothing_is_granted_without_saying_so(self, officer):
        assert not officer.has_perm("accounts.view_auditentry")
        assert not officer.has_module_perms("accounts")
        assert officer.is_staff
        assert not Account().is_staff

    def test_base_site_is_for_nobody(self, officer):
        assert not super(type(office), office).may_enter(officer)

    def test_sign_out_ends_the_session(self, client, officer):
        sign_in(client, officer)
        assert client.get("/office/logout/").url == "/office/"
        response = client.post("/office/logout/")
        assert response["Clear-Site-Data"] == '"cache", "storage"'
        assert 'href="/office/login/"' in response.text
        assert client.get("/office/").status_code == 302

    def test_password_can_be_changed(self, client, officer):
        sign_in(client, officer)
        assert client.get("/office/password_change/").status_code == 200
        new = {"new_password1": "another long phrase", "new_password2": "another long phrase"}
        response = client.post("/office/password_change/", {"old_password": PASSWORD, **new})
        assert response.url == "/office/password_change/done/"
        assert client.get("/office/").status_code == 200

    @pytest.mark.parametrize("typed", ["", "12345", "abcdef", "1" * 5000, "\x00"])
    def test_what_are_no_digits_comes_back(self, client, officer, typed):
        response = sign_in(client, officer, digits=typed)
        assert response.status_code == 200
        assert 'class="error-summary"' in response.text
        assert PASSWORD not in response.text
        assert 'value="138 0000 0001"' in response.text
