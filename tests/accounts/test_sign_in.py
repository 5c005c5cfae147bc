"""A resident signs in with a phone and a one-time code."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import actions
from accounts.forms import compact
from accounts.models import Account, AuditEntry, Device, Identifier, LimitCounter, OneTimeCode
from tests import factories
from tests.accounts.browsers import ask, browser, enter, sign_in, wrong
from tests.accounts.gateway import gateway

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
PHONE = "+8613800000001"


def test_first_code_makes_the_account(client, outbox):
    response = ask(client)
    assert (response.status_code, response.url) == (302, "/login/code/")
    assert not Account.objects.exists()
    response = enter(client, outbox.digits)
    assert (response.status_code, response.url) == (302, "/")
    account = Account.objects.get()
    assert client.session["_auth_user_id"] == str(account.pk)
    assert client.session["device"] == account.devices.get().pk
    assert account.identifiers.get().value == PHONE
    assert not account.is_staff
    assert AuditEntry.objects.get().action == "create-account"


def test_second_sign_in_finds_the_account(client, outbox):
    sign_in(client, outbox)
    sign_in(browser(), outbox, phone="+86 138 0000 0001")
    assert Account.objects.count() == 1
    assert Device.objects.count() == 2


def test_message_is_in_the_language_of_the_page(outbox):
    browser().post("/login/", {"phone": "13800000001"})
    assert re.fullmatch(
        r"Your Health Pass code is \d{6}, valid for 5 minutes. Nobody from us will ever ask you for it.",
        outbox.messages[0]["text"],
    )
    assert outbox.messages[0]["to"] == PHONE


def test_resident_stays_signed_in_for_90_days(client, outbox):
    sign_in(client, outbox)
    assert client.session.get_expiry_age() == 90 * 24 * 3600
    assert client.cookies["sessionid"]["max-age"] == 90 * 24 * 3600


def test_residents_session_ends_after_90_days_used_or_not(client, outbox, clock):
    sign_in(client, outbox)
    ends = client.session.get_expiry_date()
    clock.shift(timedelta(days=89))
    session = client.session
    session["visited"] = True  # what would make an ordinary session last longer
    session.save()
    assert client.get("/logout/").status_code == 200
    assert client.session.get_expiry_date() == ends
    clock.shift(timedelta(days=1, seconds=1))
    assert client.get("/logout/").url == "/"


def test_session_key_changes_at_sign_in(client, outbox):
    ask(client)
    before = client.session.session_key
    enter(client, outbox.digits)
    assert client.session.session_key != before
    assert not Session.objects.filter(pk=before).exists()


def test_device_cookie_is_long_lived_and_kept_from_scripts(client, outbox):
    sign_in(client, outbox)
    cookie = client.cookies["device"]
    assert cookie["max-age"] == 730 * 24 * 3600
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert Device.objects.get().hash == actions.device_hash(cookie.value)
    assert cookie.value not in Device.objects.get().hash


def test_device_cookie_is_the_same_for_everybody_on_the_browser(client, outbox):
    sign_in(client, outbox)
    secret = client.cookies["device"].value
    client.post("/logout/")
    sign_in(client, outbox, phone="13800000002")
    assert client.cookies["device"].value == secret
    assert Device.objects.count() == 2


@pytest.mark.parametrize(
    "typed", ["12345678901", "", "abc", "138\x000000001", "+1 900 555 0100", "<script>", "9" * 3000]
)
def test_what_is_no_phone_comes_back_as_typed(client, outbox, typed):
    response = ask(client, typed)
    assert response.status_code == 200
    assert response.context["form"]["phone"].value() == typed
    assert 'class="error-summary"' in response.text
    assert "<title>Error: " in response.text
    assert not outbox.messages


@pytest.mark.usefixtures("short_texts")
def test_very_long_text_comes_back_without_being_normalised(client, outbox):
    long = "1" + "\u0323\u0307" * 100_000
    assert ask(client, long).context["form"]["phone"].value() == long
    assert compact(long) == long
    ask(client)
    assert 'class="error-summary"' in enter(client, long).text


def test_wrong_code_comes_back_as_typed(client, outbox):
    ask(client)
    typed = wrong(outbox.digits)
    response = enter(client, typed)
    assert "This code is not right." in response.text
    assert f'value="{typed}"' in response.text
    assert "_auth_user_id" not in client.session
    assert enter(client, outbox.digits).status_code == 302


@pytest.mark.parametrize("typed", ["12345", "1234567", "abcdef", "", "12\x003456"])
def test_what_is_no_code_does_not_use_up_a_try(client, outbox, typed):
    ask(client)
    assert enter(client, typed).status_code == 200
    assert OneTimeCode.objects.get().tries == 0


def test_full_width_digits_and_blanks_are_understood(client, outbox):
    ask(client)
    digits = outbox.digits.translate({ord("0") + i: ord("０") + i for i in range(10)})
    assert enter(client, f" {digits[:3]} {digits[3:]} ").url == "/"


def test_expired_code_says_so(client, outbox, clock):
    ask(client)
    clock.shift(timedelta(minutes=5))
    assert "This code has expired" in enter(client, outbox.digits).text


def test_no_tries_left_says_so(client, outbox):
    ask(client)
    for _ in range(5):
        response = enter(client, wrong(outbox.digits))
    assert "wrongly too often" in response.text
    assert "wrongly too often" in enter(client, outbox.digits).text


def test_code_belongs_to_the_browser_that_asked(client, outbox):
    ask(client)
    digits = outbox.digits
    other = browser()
    response = enter(other, digits)
    assert (response.status_code, response.url) == (302, "/login/")
    assert OneTimeCode.objects.get().tries == 0
    ask(other, "13800000002")
    if digits != outbox.digits:
        assert enter(client, outbox.digits).status_code == 200  # the code that went to the other phone
    assert enter(client, digits).url == "/"


def test_code_page_without_a_code_goes_back(client):
    assert client.get("/login/code/").url == "/login/"
    assert client.post("/login/code/again/").url == "/login/"
    assert client.get("/login/check/").url == "/login/"


def test_code_page_masks_the_phone_and_is_not_stored(client, outbox):
    ask(client)
    response = client.get("/login/code/")
    assert "138****0001" in response.text
    assert "13800000001" not in response.text
    assert "no-store" in response["Cache-Control"]
    assert 'autocomplete="one-time-code"' in response.text
    assert 'inputmode="numeric"' in response.text


def test_resend_within_a_minute_says_when(client, outbox, clock):
    ask(client)
    page = client.get("/login/code/")
    assert 'data-seconds="60"' in page.text
    assert "You can ask for another code from 12:11:00 on." in page.text
    clock.shift(timedelta(seconds=59))
    response = client.post("/login/code/again/", follow=True)
    assert "You can ask for another from 12:11:00 on." in response.text
    assert len(outbox.messages) == 1


def test_resend_after_a_minute_replaces_the_code(client, outbox, clock):
    ask(client, next="/code/")
    first = outbox.digits
    clock.shift(timedelta(seconds=60))
    assert 'data-seconds="0"' in client.get("/login/code/").text
    response = client.post("/login/code/again/", follow=True)
    assert "A new code is on its way." in response.text
    assert len(outbox.messages) == 2
    if first != outbox.digits:
        assert "This code is not right." in enter(client, first).text
    assert enter(client, outbox.digits).url == "/code/"


def test_second_tap_sends_no_second_message(client, outbox):
    ask(client)
    assert ask(client, next="/scan/").url == "/login/code/"
    assert len(outbox.messages) == 1
    assert enter(client, outbox.digits).url == "/scan/"


def test_phone_limit_answers_when_to_try_again(client, outbox):
    for _ in range(3):
        ask(browser())
    response = ask(client)
    assert response.status_code == 429
    assert "Please try again from 13:00 on." in response.text
    assert 'value="13800000001"' in response.text
    assert response["Retry-After"] == "3000"
    assert len(outbox.messages) == 3


def test_browser_of_the_account_gets_a_code_whatever_strangers_ask(client, outbox):
    sign_in(client, outbox)
    client.post("/logout/")
    for _ in range(4):
        stranger = browser()
        response = ask(stranger)
    assert response.status_code == 429
    assert sign_in(client, outbox).url == "/"


def test_browser_of_another_account_counts_as_a_strangers(client, outbox):
    sign_in(client, outbox, phone="13800000002")
    client.post("/logout/")
    for _ in range(3):
        ask(browser())
    assert ask(client).status_code == 429


def test_limit_does_not_tell_whether_a_number_is_registered(client, outbox):
    sign_in(client, outbox, phone="13800000002")
    factories.account(phone="+8613800010001")

    def answers(phone):
        """Of a browser that another account knows: the statuses, and the queries."""
        for _ in range(4):
            stranger = browser()
            stranger.cookies["device"] = client.cookies["device"].value
            with CaptureQueriesContext(connection) as queries:
                response = ask(stranger, phone)
            yield response.status_code, len(queries)

    told = list(answers("13800010001"))
    assert told == list(answers("13800020001"))
    assert [status for status, _ in told] == [302, 302, 302, 429]


def test_limit_at_resend_answers_on_the_code_page(client, outbox, clock):
    ask(client)
    for _ in range(2):
        ask(browser())
    clock.shift(timedelta(minutes=2))
    response = client.post("/login/code/again/")
    assert response.status_code == 429
    assert "Please try again from 13:00 on." in response.text
    assert enter(client, outbox.digits).status_code == 200


def test_limit_of_another_day_names_the_day(client, outbox, clock):
    for _ in range(6):
        clock.shift(timedelta(hours=1))
        ask(browser())
    response = ask(client)
    assert response.status_code == 429
    assert re.search(r"from \d\d/\d\d/\d{4} 8 a.m. on", response.text)


def test_gateway_failure_loses_nothing(client, settings):
    with gateway((500, b"")) as server:
        settings.SMS_URL = f"http://key@127.0.0.1:{server.server_port}/"
        response = ask(client, next="/code/")
    assert response.status_code == 503
    assert "We could not send the message. Please try again in a minute." in response.text
    assert 'value="13800000001"' in response.text
    assert 'name="next" value="/code/"' in response.text


def test_gateway_failure_at_resend_keeps_the_earlier_code(client, settings, outbox, clock):
    ask(client)
    digits = outbox.digits
    clock.shift(timedelta(minutes=1))
    settings.SMS_URL = "file:/nonexistent/outbox"
    response = client.post("/login/code/again/")
    assert response.status_code == 503
    assert "We could not send the message." in response.text
    assert enter(client, digits).url == "/"


def test_answer_does_not_tell_whether_a_number_is_registered(outbox):
    factories.account(phone="+8613800010001", last_four_hash="0" * 32)

    def pages(phone):
        visitor = browser()
        asked = ask(visitor, phone)
        texts = [asked.content, visitor.get("/login/code/").content, enter(visitor, wrong(outbox.digits)).content]
        typed = wrong(outbox.digits).encode()
        cookies = sorted(asked.cookies)
        texts = [re.sub(rb'(csrfmiddlewaretoken" value=)"[^"]+"', rb"\1", text).replace(typed, b"") for text in texts]
        return asked.status_code, asked.url, cookies, texts

    assert pages("13800010001") == pages("13800020001")


@pytest.mark.parametrize(
    ("path", "goes_to"),
    [
        ("/code/", "/code/"),
        ("/c/TOKEN?x=1", "/c/TOKEN?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("///evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("code/", "/"),
        ("/" + "a" * 500, "/"),
        ("", "/"),
    ],
)
def test_only_own_paths_are_gone_on_to(client, outbox, path, goes_to):
    assert sign_in(client, outbox, next=path).url == goes_to
    assert client.get("/login/", {"next": path}).url == goes_to


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/code/", "Your code belongs to you alone"),
        ("/declare/", "Your declaration is kept under your phone number"),
        ("/scan/", "Every scan records who made it"),
        ("/C/ABC", "Only people who have signed in can check a code"),
    ],
)
def test_page_says_why_it_asks(client, path, words):
    assert words in client.get("/login/", {"next": path}).text


def test_page_without_a_cause_gives_no_reason(client):
    assert 'class="notice"' not in client.get("/login/").text


def test_locked_account_does_not_come_in(client, outbox):
    factories.account(is_active=False)
    response = sign_in(client, outbox)
    assert "This account is locked." in response.text
    assert "_auth_user_id" not in client.session
    assert Account.objects.count() == 1


def test_account_locked_later_is_signed_out(client, outbox):
    sign_in(client, outbox)
    Account.objects.update(is_active=False)
    assert client.get("/logout/").url == "/"  # as for strangers
    assert client.get("/login/").status_code == 200


BY_CHANCE = re.compile(r"[0-9a-f]{32,}|\b\d{10}\.\d+")  # hashes and moments, which have any digits in them


def test_phone_is_nowhere_in_plain(client, outbox, caplog):
    """The canary: sessions, counters, columns, logs and addresses, after a whole sign-in."""
    caplog.set_level("DEBUG", "accounts")
    caplog.set_level("INFO")
    canary = "13912345678"
    addresses = []

    def note(response):
        addresses.append(response.get("Location", ""))
        addresses.append(response.wsgi_request.get_full_path())
        return response

    sessions = []
    note(ask(client, canary, next="/code/"))
    sessions.append(dict(client.session))
    digits = outbox.digits
    note(client.get("/login/code/"))
    note(enter(client, wrong(digits)))
    note(enter(client, digits))
    sessions.append(dict(client.session))
    stored = [
        *OneTimeCode.objects.values_list("id", "kind", "identifier_hash", "code_hash"),
        *LimitCounter.objects.values_list("key", "count"),
        *Identifier.objects.values_list("kind", "hash"),
        *Device.objects.values_list("hash"),
        *AuditEntry.objects.values_list("action", "subject", "detail"),
        *(session.get_decoded() for session in Session.objects.all()),
    ]
    for text in (repr(sessions), repr(addresses), repr(stored), caplog.text):
        assert canary not in text
        plain = BY_CHANCE.sub("", text.replace(str(OneTimeCode.objects.get().pk), ""))
        assert "5678" not in plain
        assert digits not in re.sub(r"[0-9a-f-]{32,}", "", text)
