"""What is deleted when nobody needs it any more, and what stays."""

import uuid
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import purge
from accounts.models import DeviceKey, LimitCounter, OneTimeCode, Task
from tests import factories

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


def code(sent_at):
    return OneTimeCode.objects.create(
        id=uuid.uuid4(), kind="phone", value="+8613800000001", sent_at=sent_at, expires_at=sent_at
    )


def counter(start, key="x"):
    return LimitCounter.objects.create(key=key, window_start=start, count=1)


def attempt(at):
    row = AccessAttempt.objects.create(username="hash", failures_since_start=1)
    AccessAttempt.objects.filter(pk=row.pk).update(attempt_time=at)
    return row


def session(end):
    return Session.objects.create(session_key=str(end.timestamp()), session_data="", expire_date=end)


def device_key(end):
    account = factories.account(phone=f"+86138{int(end.timestamp() * 10) % 10**8:08}")
    factories.device_key(account=account, at=end)
    DeviceKey.objects.filter(account=account).update(expires_at=end)
    return DeviceKey.objects.get(account=account)


def done_task(at):
    return Task.objects.create(kind="x", run_at=at, done_at=at)


@pytest.mark.parametrize(
    ("make", "kept"),
    [
        (code, DAY),
        (counter, 31 * DAY),
        (device_key, timedelta(0)),
        (session, timedelta(0)),
        (attempt, DAY),
        (done_task, 7 * DAY),
    ],
)
def test_outdated_rows_go_and_others_stay(make, kept, now):
    make(now - kept - SECOND)
    stays = make(now - kept + SECOND)
    assert purge.purge(now) is False
    assert list(type(stays).objects.all()) == [stays]


def test_a_task_that_was_not_done_stays_however_old(now):
    Task.objects.create(kind="x", run_at=now - 30 * DAY)
    purge.purge(now)
    assert Task.objects.count() == 1


def test_a_purge_is_cut_into_batches_and_says_that_some_is_left(now, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(purge, "BATCH", 2)
    monkeypatch.setattr(purge, "BATCHES", 3)
    for number in range(10):
        counter(now - 40 * DAY, key=str(number))
    code(now - 2 * DAY)
    assert purge.purge(now) is True
    assert (LimitCounter.objects.count(), OneTimeCode.objects.count()) == (4, 0)
    assert purge.purge(now) is False
    assert LimitCounter.objects.count() == 0
