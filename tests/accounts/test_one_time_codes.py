"""One-time codes: six digits, five minutes, five tries, once; counted without a gap between check and count."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import actions, sms
from accounts.limits import LimitReached
from accounts.models import LimitCounter, OneTimeCode

PHONE = "+8613800000001"


@pytest.fixture
def now():
    """Not at the very end of an hour, where a limit's window would change under the test."""
    return timezone.now().replace(minute=10, second=0, microsecond=0)


def ask(now, phone=PHONE, address="192.0.2.1", known=False):
    return actions.request_code(phone=phone, address=address, known=known, at=now)


def wrong(digits):
    return f"{(int(digits) + 1) % 10**6:06}"


@pytest.mark.django_db
class TestUse:
    def test_right_code_works_once(self, outbox, now):
        code = ask(now)
        assert actions.use_code(code_id=code.pk, digits=outbox.digits, at=now).value == PHONE
        with pytest.raises(actions.CodeRefused, match="used already"):
            actions.use_code(code_id=code.pk, digits=outbox.digits, at=now)

    @pytest.mark.parametrize(("seconds", "works"), [(299, True), (300, False), (301, False)])
    def test_code_lives_five_minutes(self, outbox, now, seconds, works):
        code = ask(now)
        at = now + timedelta(seconds=seconds)
        if works:
            assert actions.use_code(code_id=code.pk, digits=outbox.digits, at=at).used_at == at
        else:
            with pytest.raises(actions.CodeRefused, match="expired"):
                actions.use_code(code_id=code.pk, digits=outbox.digits, at=at)

    def test_fifth_try_may_be_right(self, outbox, now):
        code = ask(now)
        for _ in range(4):
            with pytest.raises(actions.CodeRefused, match="not right"):
                actions.use_code(code_id=code.pk, digits=wrong(outbox.digits), at=now)
        assert actions.use_code(code_id=code.pk, digits=outbox.digits, at=now)

    def test_sixth_try_is_refused_though_right(self, outbox, now):
        code = ask(now)
        for _ in range(4):
            with pytest.raises(actions.CodeRefused, match="not right"):
                actions.use_code(code_id=code.pk, digits=wrong(outbox.digits), at=now)
        with pytest.raises(actions.CodeRefused, match="wrongly too often"):
            actions.use_code(code_id=code.pk, digits=wrong(outbox.digits), at=now)
        with pytest.raises(actions.CodeRefused, match="wrongly too often"):
            actions.use_code(code_id=code.pk, digits=outbox.digits, at=now)

    def test_code_of_one_request_does_not_open_another(self, outbox, now):
        first = ask(now)
        digits = outbox.digits
        second = ask(now, phone="+8613800000002")
        if digits != outbox.digits:
            with pytest.raises(actions.CodeRefused):
                actions.use_code(code_id=second.pk, digits=digits, at=now)
        assert first.code_hash != actions.code_hash(second.pk, digits)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_parallel_tries_exactly_one_succeeds(outbox, now):
    code = ask(now)
    digits = outbox.digits

    def attempt(_):
        try:
            actions.use_code(code_id=code.pk, digits=digits, at=now)
            return True
        except actions.CodeRefused:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(attempt, range(20))) == 1
    assert OneTimeCode.objects.get().tries <= 5


@pytest.mark.django_db(transaction=True)
def test_of_twenty_parallel_wrong_tries_five_are_counted(outbox, now):
    code = ask(now)
    digits = wrong(outbox.digits)

    def attempt(_):
        try:
            actions.use_code(code_id=code.pk, digits=digits, at=now)
        except actions.CodeRefused:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(attempt, range(20)))
    assert OneTimeCode.objects.get().tries == 5
    with pytest.raises(actions.CodeRefused):
        actions.use_code(code_id=code.pk, digits=outbox.digits, at=now)


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_at_once_make_one_account(outbox, now):
    codes = [ask(now), ask(now)]

    def enter(code):
        try:
            return actions.find_or_create_identifier(code=code, at=now).account_id
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(enter, codes))) == 1


@pytest.mark.django_db
class TestLimits:
    def test_three_codes_an_hour_for_a_phone_from_one_address(self, outbox, now):
        for _ in range(3):
            ask(now)
        with pytest.raises(LimitReached) as reached:
            ask(now)
        assert reached.value.retry_at == now.replace(minute=0) + timedelta(hours=1)
        assert len(outbox.messages) == 3
        ask(now, phone="+8613800000002")
        ask(now, address="192.0.2.2")
        ask(now + timedelta(hours=1))

    def test_six_codes_a_day_for_a_phone_from_one_address(self, outbox, now):
        midnight = now.replace(hour=0)
        for hour in range(6):
            ask(midnight + timedelta(hours=hour))
        with pytest.raises(LimitReached) as reached:
            ask(midnight + timedelta(hours=6))
        assert reached.value.retry_at == midnight.replace(minute=0) + timedelta(days=1)
        ask(midnight + timedelta(hours=6), address="192.0.2.2")

    def test_one_address_cannot_use_up_a_phones_codes(self, outbox, now):
        for _ in range(20):
            with suppress(LimitReached):
                ask(now)
        ask(now, address="192.0.2.2")
        ask(now, address="192.0.2.2")

    def test_strangers_cannot_use_up_the_codes_of_a_known_browser(self, outbox, now):
        for number in range(20):
            with suppress(LimitReached):
                ask(now, address=f"192.0.2.{number}")
        assert len(outbox.messages) == 5
        for _ in range(5):
            ask(now, address="192.0.2.1", known=True)
        with pytest.raises(LimitReached):
            ask(now, address="192.0.2.1", known=True)

    def test_ten_codes_a_day_for_a_phone_on_known_browsers(self, outbox, now):
        midnight = now.replace(hour=0)
        for hour in range(10):
            ask(midnight + timedelta(hours=hour), known=True)
        with pytest.raises(LimitReached):
            ask(midnight + timedelta(hours=10), known=True)

    def test_five_codes_an_hour_for_a_phone(self, outbox, now):
        for number in range(5):
            ask(now, address=f"192.0.2.{number}")
        with pytest.raises(LimitReached) as reached:
            ask(now, address="192.0.2.5")
        assert reached.value.retry_at == now.replace(minute=0) + timedelta(hours=1)
        assert len(outbox.messages) == 5
        ask(now, phone="+8613800000002")
        ask(now + timedelta(hours=1))

    def test_ten_codes_a_day_for_a_phone(self, outbox, now):
        midnight = now.replace(hour=0)  # UTC: windows are fixed
        for hour in range(5):
            ask(midnight + timedelta(hours=hour), address="192.0.2.1")
            ask(midnight + timedelta(hours=hour), address="192.0.2.2")
        with pytest.raises(LimitReached) as reached:
            ask(midnight + timedelta(hours=6), address="192.0.2.3")
        assert reached.value.retry_at == midnight.replace(minute=0) + timedelta(days=1)

    def test_an_address_has_a_limit_over_all_phones(self, outbox, now, monkeypatch):
        monkeypatch.setattr(actions, "CODES_PER_ADDRESS_AN_HOUR", 2)
        ask(now, phone="+8613800000001")
        ask(now, phone="+8613800000002")
        with pytest.raises(LimitReached):
            ask(now, phone="+8613800000003")
        ask(now, phone="+8613800000003", address="192.0.2.2")

    def test_the_whole_system_has_a_limit(self, outbox, now, monkeypatch):
        monkeypatch.setattr(actions, "CODES_A_MINUTE", 2)
        ask(now, phone="+8613800000001", address="192.0.2.1")
        ask(now, phone="+8613800000002", address="192.0.2.2")
        with pytest.raises(LimitReached) as reached:
            ask(now, phone="+8613800000003", address="192.0.2.3")
        assert reached.value.retry_at == now + timedelta(minutes=1)

    @pytest.mark.parametrize("known", [False, True])
    def test_message_that_could_not_be_sent_does_not_count_against_the_phone(self, settings, now, known):
        settings.SMS_URL = "file:/nonexistent/outbox"
        for _ in range(6):
            with pytest.raises(sms.SmsFailed):
                ask(now, known=known)
        assert not OneTimeCode.objects.exists()
        counts = {counter.key.partition(":")[0]: counter.count for counter in LimitCounter.objects.all()}
        assert {scope: count for scope, count in counts.items() if count} == {"code-address": 6, "code-all": 6}
