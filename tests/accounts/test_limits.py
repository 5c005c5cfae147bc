"""Counts that guard against misuse, looked at without counting."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import limits
from accounts.models import LimitCounter


@pytest.mark.django_db
def test_a_limit_that_is_reached_is_told_without_counting():
    use = {"scope": "x", "value": "a phone", "limit": 2, "per": timedelta(hours=1)}
    now = timezone.now().replace(minute=10)
    for _number in range(2):
        assert limits.reached(**use, at=now) is None
        limits.take(**use, at=now)
    ends = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    assert limits.reached(**use, at=now) == ends
    assert limits.reached(**use, at=ends) is None
    assert limits.reached(**use | {"value": "another phone"}, at=now) is None
    assert LimitCounter.objects.get().count == 2
