"""Signing out ends what this browser can do, and nothing else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import actions
from accounts.models import Account, DeviceKey
from scanning import ids
from tests import factories
from tests.accounts.browsers import browser, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def issue(account, device_id, subject=""):
    now = timezone.now()
    actions.issue_device_key(
        account=account, device_id=device_id, subject=subject, at=now, until=now + timedelta(days=1)
    )


class TestSignOut:
    def test_ends_session_and_keys_of_this_browser_only(self, client, outbox):
        sign_in(client, outbox)
        account = Account.objects.get()
        issue(account, client.session["device"], "00ff00ff00ff00ff")
        elsewhere = browser()
        sign_in(elsewhere, outbox)
        issue(account, elsewhere.session["device"])
        response = client.post("/logout/")
        assert response.status_code == 200
        assert response["Clear-Site-Data"] == '"cache", "storage"'
        assert "You are signed out" in response.text
        assert "js/forget.js" in response.text
        assert "no-store" in response["Cache-Control"]
        assert "_auth_user_id" not in client.session
        assert DeviceKey.objects.get().device_id == elsewhere.session["device"]
        assert client.cookies["device"].value

    def test_get_asks_first(self, client, outbox):
        sign_in(client, outbox)
        response = client.get("/logout/")
        assert "Clear-Site-Data" not in response
        assert "_auth_user_id" in client.session

    def test_stranger_is_sent_home(self, client):
        assert client.get("/logout/").url == "/"
        assert client.post("/logout/").status_code == 200

    def test_needs_the_csrf_token(self, outbox):
        client = Client(enforce_csrf_checks=True)
        assert client.post("/logout/").status_code == 403


def scans(client) -> bool:
    """Whether the browser's key still checks scans."""
    body = {"id": str(ids.new_id(timezone.now())), "token": "none"}
    answer = client.post("/scan/check", body, content_type="application/json", headers={"origin": "http://testserver"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


class TestSharedBrowser:
    """One phone, two people, one after the other."""

    PHONES = ("13800000001", "13800000002")

    @pytest.fixture
    def code(self, client, outbox):
        """The first person's code page, open in this browser; they also scan."""
        sign_in(client, outbox, phone=self.PHONES[0])
        account = Account.objects.get()
        code = factories.pass_code(account=account)
        institution = factories.institution()
        factories.member(institution=institution, account=account)
        factories.entrance(institution=institution)
        path = f"/code/{code.public_id}/"
        client.get(path)
        client.get("/scan/")
        assert client.get(f"{path}token").status_code == 200
        assert scans(client)
        assert set(DeviceKey.objects.values_list("subject", flat=True)) == {"", code.public_id}
        return path

    def test_another_persons_sign_in_ends_code_page_renewal_and_scans(self, client, code, outbox):
        client.cookies.pop("sessionid")
        assert client.get(code).status_code == 200  # the key alone
        sign_in(client, outbox, phone=self.PHONES[1])
        assert client.get(code).status_code == 404
        assert client.get(f"{code}token").status_code == 401
        assert not scans(client)

    def test_sign_out_without_a_session_does_too(self, client, code):
        client.cookies.pop("sessionid")
        assert client.post("/logout/").status_code == 200
        assert client.get(code).status_code == 302
        assert client.get(f"{code}token").status_code == 401
        assert not scans(client)

    def test_keys_of_everybody_who_was_on_the_browser_end(self, client, code, outbox):
        second = factories.account(phone=f"+86{self.PHONES[1]}")
        earlier = actions.remember_device(account=second, secret=client.cookies["device"].value, at=timezone.now())
        issue(second, earlier.pk)
        client.post("/logout/")
        assert not DeviceKey.objects.exists()

    def test_other_browsers_keep_theirs(self, code, client, outbox):
        sign_in(browser(), outbox, phone=self.PHONES[1])
        browser().post("/logout/")
        assert client.get(f"{code}token").status_code == 200

    def test_keys_end_with_the_session(self, client, code, clock):
        clock.shift(timedelta(days=60))
        assert client.get(code).status_code == 200
        DeviceKey.objects.all().delete()
        client.get(code)
        client.get("/scan/")
        ends = timezone.now() + timedelta(days=30)
        assert [key.expires_at for key in DeviceKey.objects.all()] == [ends, ends]
        clock.shift(timedelta(days=30, seconds=1))
        assert client.get(code).status_code == 302
        assert client.get(f"{code}token").status_code == 401
        assert not scans(client)
