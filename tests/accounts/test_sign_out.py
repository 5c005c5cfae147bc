"""Signing out ends what this browser can do, and nothing else."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts import actions
from accounts.models import Account, DeviceKey
from tests.accounts.browsers import browser, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


class TestSignOut:
    def test_ends_session_and_keys_of_this_browser_only(self, client, outbox):
        sign_in(client, outbox)
        account = Account.objects.get()
        actions.issue_device_key(
            account=account, device_id=client.session["device"], subject="00ff00ff00ff00ff", at=timezone.now()
        )
        elsewhere = browser()
        sign_in(elsewhere, outbox)
        actions.issue_device_key(account=account, device_id=elsewhere.session["device"], subject="", at=timezone.now())
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
