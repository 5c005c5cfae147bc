"""A number that may have a new owner does not open its earlier owner's account."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import actions
from accounts.models import Account, AuditEntry, DeviceKey, Identifier
from tests import factories
from tests.accounts.browsers import ask, browser, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def start_of_window(clock):
    """Ten past the hour, some hours into a window of 30 days: they begin at multiples of it since 1970."""
    days = timedelta(days=30).total_seconds()
    clock.move_to(timezone.now() + timedelta(seconds=days - timezone.now().timestamp() % days, hours=4, minutes=10))


class TestRecycledNumber:
    """After 90 days unused, or on a new browser, the document's last four characters are asked too."""

    @pytest.fixture
    def earlier(self, outbox):
        """A browser that the account has signed in on; its document ends in 004X."""
        earlier = browser()
        sign_in(earlier, outbox)
        Account.objects.update(last_four_hash=actions.last_four_hash(factories.DOCUMENTS[3]))
        return earlier

    def test_known_browser_is_not_asked(self, earlier, outbox):
        earlier.post("/logout/")
        assert sign_in(earlier, outbox).url == "/"

    @pytest.mark.parametrize(("days", "asked"), [(89, False), (90, False), (91, True)])
    def test_long_unused_number_is_asked(self, earlier, outbox, clock, days, asked):
        clock.shift(timedelta(days=days))
        earlier.cookies.pop("sessionid")
        assert sign_in(earlier, outbox).url == ("/login/check/" if asked else "/")

    def test_new_browser_is_asked_and_not_signed_in_yet(self, earlier, client, outbox):
        assert sign_in(client, outbox, next="/code/").url == "/login/check/"
        assert "_auth_user_id" not in client.session
        assert client.get("/login/code/").url == "/login/check/"

    @pytest.mark.parametrize("typed", ["004X", "004x", "００４ｘ", " 0 0-4X "])
    def test_right_characters_sign_in(self, earlier, client, outbox, typed):
        sign_in(client, outbox, next="/code/")
        response = client.post("/login/check/", {"last_four": typed})
        assert response.url == "/code/"
        assert client.session["_auth_user_id"] == earlier.session["_auth_user_id"]
        client.post("/logout/")
        assert sign_in(client, outbox).url == "/"  # the browser is known now

    @pytest.mark.parametrize("typed", ["0041", "", "04X", "1004X", "<b>", "\x00"])
    def test_wrong_characters_come_back(self, earlier, client, outbox, typed):
        sign_in(client, outbox)
        response = client.post("/login/check/", {"last_four": typed})
        assert response.status_code == 200
        assert 'class="error-summary"' in response.text
        assert "_auth_user_id" not in client.session

    def test_sixth_try_has_to_wait_though_right(self, earlier, client, outbox, clock):
        sign_in(client, outbox)
        for _ in range(5):
            client.post("/login/check/", {"last_four": "0041"})
        response = client.post("/login/check/", {"last_four": "004X"})
        assert response.status_code == 429
        assert "Please try again from 13:00 on." in response.text
        clock.shift(timedelta(hours=1))
        sign_in(client, outbox)
        assert client.post("/login/check/", {"last_four": "004X"}).url == "/"

    def test_eleventh_wrong_try_of_a_month_sends_to_a_desk(self, earlier, client, outbox, clock):
        start_of_window(clock)
        for _ in range(2):
            clock.shift(timedelta(hours=1))
            sign_in(client, outbox)
            for _ in range(5):
                client.post("/login/check/", {"last_four": "0041"})
        clock.shift(timedelta(hours=1))
        sign_in(client, outbox)
        response = client.post("/login/check/", {"last_four": "004X"})
        assert response.status_code == 429
        assert "Please take your document to a community service desk." in response.text
        assert "_auth_user_id" not in client.session
        clock.shift(timedelta(days=30))
        sign_in(client, outbox)
        assert client.post("/login/check/", {"last_four": "004X"}).url == "/"

    def test_right_characters_do_not_count_against_the_month(self, earlier, outbox, clock):
        start_of_window(clock)
        for _ in range(11):
            clock.shift(timedelta(days=1))
            private = browser()
            sign_in(private, outbox)
            assert private.post("/login/check/", {"last_four": "004X"}).url == "/"

    def test_check_waits_ten_minutes_after_the_code(self, earlier, client, outbox, clock):
        sign_in(client, outbox)
        clock.shift(timedelta(minutes=10, seconds=1))
        assert client.post("/login/check/", {"last_four": "004X"}).url == "/login/"

    def test_check_needs_the_code_first(self, earlier, client, outbox):
        ask(client)
        assert client.post("/login/check/", {"last_four": "004X"}).url == "/login/"
        assert client.post("/login/check/new-owner/", {"confirm": "on"}).url == "/login/check/"
        assert Account.objects.count() == 1

    def test_new_owner_gets_a_fresh_account(self, earlier, client, outbox):
        old = Account.objects.get()
        factories.device_key(account=old)
        sign_in(client, outbox, next="/declare/")
        response = client.post("/login/check/new-owner/", {"confirm": "on"})
        assert response.url == "/declare/"
        new = Account.objects.exclude(pk=old.pk).get()
        assert client.session["_auth_user_id"] == str(new.pk)
        assert new.last_four_hash == ""
        assert Identifier.objects.get().account == new
        assert not DeviceKey.objects.filter(account=old).exists()
        assert earlier.get("/logout/").status_code == 200  # still signed in
        entry = AuditEntry.objects.get(action="move-identifier")
        assert (entry.actor, entry.subject) == (new, f"account:{old.pk}")
        assert entry.detail == {"identifier": Identifier.objects.get().pk, "to": new.pk}

    def test_new_owner_has_to_confirm(self, earlier, client, outbox):
        sign_in(client, outbox)
        response = client.post("/login/check/new-owner/", {})
        assert 'class="error-summary"' in response.text
        assert "<details open>" in response.text
        assert Account.objects.count() == 1

    def test_language_can_be_changed_after_an_error(self, earlier, client, outbox):
        sign_in(client, outbox)
        assert client.get("/login/check/new-owner/").url == "/login/check/"
        assert client.get("/login/code/again/").url == "/login/code/"

    def test_number_that_moved_meanwhile_is_not_moved_again(self, earlier):
        identifier = Identifier.objects.select_related("account").get()
        actions.move_to_new_owner(identifier=Identifier.objects.get(), at=timezone.now())
        with pytest.raises(actions.NumberMoved):
            actions.move_to_new_owner(identifier=identifier, at=timezone.now())
        assert Account.objects.count() == 2

    def test_long_unused_number_without_a_document_gets_a_fresh_account(self, earlier, client, outbox, clock):
        Account.objects.update(last_four_hash="")
        old = Account.objects.get()
        factories.officer(account=old)
        clock.shift(timedelta(days=91))
        assert sign_in(client, outbox).url == "/"
        new = Identifier.objects.get().account
        assert (new == old, new.is_officer) == (False, False)
        assert client.session["_auth_user_id"] == str(new.pk)
        assert AuditEntry.objects.filter(action="move-identifier", subject=f"account:{old.pk}").exists()

    @pytest.mark.parametrize(("days", "staff"), [(90, False), (91, True)])
    def test_number_in_use_keeps_its_account(self, earlier, client, outbox, clock, days, staff):
        account = Account.objects.get()
        account.last_four_hash = ""
        if staff:
            account.set_password("four plain words here")
        account.save()
        clock.shift(timedelta(days=days))
        assert sign_in(client, outbox).url == "/"
        assert Identifier.objects.get().account == account

    def test_number_that_moves_at_the_same_moment_begins_again(self, earlier, client, outbox, clock, monkeypatch):
        Account.objects.update(last_four_hash="")
        clock.shift(timedelta(days=91))
        identifier = Identifier.objects.select_related("account").get()
        actions.move_to_new_owner(identifier=identifier, at=identifier.used_at)
        monkeypatch.setattr(actions, "find_or_create_identifier", lambda code, at: identifier)
        assert sign_in(client, outbox).url == "/login/"
        assert "_auth_user_id" not in client.session

    def test_foreign_device_cookie_does_not_help(self, earlier, client, outbox):
        client.cookies["device"] = "x" * 43
        assert sign_in(client, outbox).url == "/login/check/"

    def test_another_accounts_browser_does_not_help(self, earlier, client, outbox):
        sign_in(client, outbox, phone="13800000002")
        client.post("/logout/")
        assert sign_in(client, outbox).url == "/login/check/"
