"""An account is told three things in 24 hours, however often colours turn; the rest waits, and is looked at then."""

from datetime import timedelta

import pytest

from declarations.models import Person
from passcodes import notices
from passcodes.colour import Colour
from passcodes.models import Notice, RiskRecord
from tests import factories
from tests.accounts.gateway import gateway
from tests.passcodes.notices.steps import (
    CHANGED,
    DAY,
    HOUR,
    NOON,
    SECOND,
    WITHDRAWN,
    listed,
    resident,
    take_back,
    texts,
)

pytestmark = pytest.mark.django_db

MINUTES = timedelta(minutes=5)


def flip(told, clock, times):
    """A list that is put in force and withdrawn every few minutes; what was told meanwhile."""
    said = []
    for _ in range(times):
        row = listed()
        said += texts(told())
        clock.shift(MINUTES)
        take_back(row)
        said += texts(told())
        clock.shift(MINUTES)
    return said


def record_of(person, batch):
    return RiskRecord(
        batch=batch, document_hash=person.document_hash, category="confirmed", starts_at=NOON - HOUR,
        office="o", office_phone="1", ends_at=NOON + 9 * DAY,
    )  # fmt: skip


def test_a_list_that_comes_and_goes_tells_three_things_in_a_day(told, clock, code):
    assert flip(told, clock, times=4) == [CHANGED, WITHDRAWN, CHANGED]
    waiting = Notice.objects.filter(settled_at=None)
    assert set(waiting.values_list("due_at", "tries")) == {(NOON + DAY, 0)}
    clock.move_to(NOON + DAY - SECOND)
    assert told() == []
    clock.move_to(NOON + DAY)  # green since, and last told of red
    assert texts(told()) == [WITHDRAWN]
    assert (told(), waiting.count()) == ([], 0)
    assert flip(told, clock, times=2) == [CHANGED, WITHDRAWN]  # the next of the three are from ten minutes ago


def test_what_has_turned_back_when_the_day_is_over_is_not_told(told, clock, code):
    flip(told, clock, times=2)
    listed()
    assert told() == []
    clock.move_to(NOON + DAY)
    assert told() == []
    assert not Notice.objects.filter(settled_at=None).exists()


def test_the_three_are_an_account_s_whomever_they_are_about(told, clock, holder):
    other = factories.account(phone="+8613800000002")
    people = [resident(number) for number in range(4)]
    for person in people:
        person.proxies.create(account=holder, relation="parent", created_at=NOON, confirmed_at=NOON)
    people[3].proxies.create(account=other, relation="parent", created_at=NOON, confirmed_at=NOON)
    Person.objects.update(holder=None)
    batch = factories.risk_batch()
    RiskRecord.objects.bulk_create(record_of(person, batch) for person in people)
    assert sorted(to for to, _text in told()) == ["+8613800000001"] * 3 + ["+8613800000002"]
    assert told() == []
    clock.move_to(NOON + DAY)
    assert [to for to, _text in told()] == ["+8613800000001"]
    assert Notice.objects.sent().filter(account=holder).values("person").distinct().count() == 4


def test_a_message_that_never_went_counts_for_nothing(told, clock, code, settings):
    assert flip(told, clock, times=1) == [CHANGED, WITHDRAWN]
    row = listed()
    with gateway((500, b"")) as server:
        settings.SMS_URL, works = f"http://key@127.0.0.1:{server.server_port}/sms", settings.SMS_URL
        assert told() == []
    settings.SMS_URL = works
    clock.shift(2 * MINUTES)
    assert texts(told()) == [CHANGED]
    take_back(row)
    assert told() == []


def test_statements_do_not_grow_with_those_who_were_told_enough(clock, django_assert_num_queries):
    batch = factories.risk_batch()
    counts = []
    for numbers in (range(3), range(3, 30)):
        people = [resident(number) for number in numbers]
        values = {"created_at": NOON, "due_at": NOON}
        for person in people:
            record_of(person, batch).save()
            pair = {"person": person, "account_id": person.holder_id, **values}
            for cause in range(3):
                Notice.objects.create(**pair, cause=cause, settled_at=NOON, sent_at=NOON - HOUR, colour=Colour.GREEN)
            Notice.objects.create(**pair, cause="x")
        with django_assert_num_queries(14):
            notices.send_due(NOON)
        counts.append(Notice.objects.filter(settled_at=None, cause="x", due_at=NOON + 23 * HOUR).count())
    assert counts == [3, 30]
