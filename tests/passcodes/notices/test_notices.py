"""Who is told that a code has changed: once, by day, and only when it still has."""

from datetime import datetime

import pytest
from django.core import mail
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import Identifier, identifier_hash
from declarations.models import Assurance, Declaration, Person
from passcodes import notice_search, notices
from passcodes.colour import BEIJING, Colour
from passcodes.models import Appeal, Notice, NoticeSearch, RiskRecord
from passcodes.notice_models import NoticeKind
from passcodes.notice_tasks import tell
from tests import factories
from tests.accounts.gateway import OK, gateway
from tests.passcodes.appeals.steps import file
from tests.passcodes.notices.steps import (
    CHANGED,
    DAY,
    HOUR,
    NOON,
    SECOND,
    WITHDRAWN,
    listed,
    resident,
    shown,
    take_back,
    texts,
)

pytestmark = pytest.mark.django_db


def test_holder_is_told_once_without_a_colour_or_reason(told, code):
    listed()
    assert told() == [("+8613800000001", "Health Pass: your health code, or that of a person you act for, has changed."
        " Before you go out, open the Health Pass to see why and what to do.")]  # fmt: skip
    assert told() == []
    listed(category="suspected")  # red again
    assert told() == []
    assert [(notice.kind, notice.colour) for notice in Notice.objects.sent()] == [("turned", Colour.RED)]


def test_who_has_seen_it_already_is_not_told(told, code, holder):
    listed()
    assert shown(code, holder) == "red"
    assert told() == []


def test_withdrawal_is_told_to_those_who_had_been_coloured(told, code):
    row = listed()
    assert texts(told()) == [CHANGED]
    take_back(row)
    assert texts(told()) == [WITHDRAWN]
    assert told() == []
    assert Notice.objects.sent().get(kind="withdrawn").colour == Colour.GREEN


def test_withdrawal_before_anybody_was_told_is_not_told(told, code):
    take_back(listed())
    assert told() == []


def test_withdrawal_of_one_of_two_changes_nothing(told, code):
    row = listed()
    listed(category="suspected")
    assert texts(told()) == [CHANGED]
    take_back(row)
    assert told() == []


@pytest.mark.parametrize(
    ("hour", "minute", "second", "waits"),
    [(20, 59, 59, False), (21, 0, 0, True), (7, 59, 59, True), (8, 0, 0, False)],
)
def test_nobody_is_woken(told, clock, code, hour, minute, second, waits):
    at = NOON.replace(hour=hour, minute=minute, second=second) + (DAY if hour < 12 else 0 * DAY)
    clock.move_to(at)
    listed()
    assert texts(told()) == ([] if waits else [CHANGED])
    if waits:
        clock.move_to(datetime(2026, 11, 26, 7, 59, 59, tzinfo=BEIJING))
        assert told() == []
        clock.move_to(datetime(2026, 11, 26, 8, 0, tzinfo=BEIJING))
        assert texts(told()) == [CHANGED]


def test_what_has_turned_back_before_the_morning_is_not_told(told, clock, code):
    clock.move_to(NOON.replace(hour=22))
    row = listed()
    assert told() == []
    take_back(row)
    clock.move_to(NOON + 21 * HOUR)
    assert told() == []
    assert not Notice.objects.filter(settled_at=None).exists()


def test_the_end_of_a_measure_is_told(told, clock, code):
    ends = NOON + 2 * DAY + HOUR / 2
    listed(ends_at=ends)
    assert texts(told()) == [CHANGED]
    clock.move_to(ends - SECOND)
    assert told() == []
    clock.move_to(ends)
    assert texts(told()) == [CHANGED]
    assert told() == []
    assert Notice.objects.sent().latest("pk").kind == "returned"


def test_the_end_of_a_colour_that_was_shown_is_told(told, clock, code, holder):
    declared = factories.declaration(person=code.person, account=holder, fever=True, made_at=NOON)
    assert shown(code, holder) == "yellow"
    assert told() == []
    clock.move_to(declared.made_at + 72 * HOUR)
    assert texts(told()) == [CHANGED]


def test_a_measure_that_begins_later_is_told_when_it_begins(told, clock, code):
    listed(starts_at=NOON + DAY)
    assert told() == []
    clock.move_to(NOON + DAY)
    assert texts(told()) == [CHANGED]


def test_an_area_tells_who_lives_or_stayed_there(told, code):
    stranger = factories.account(phone="+8613800000002")
    away = factories.pass_code(account=stranger, number=factories.DOCUMENTS[1])
    factories.stay(declaration=away.person.declarations.get(), division=210202, days_ago=0)
    elsewhere = factories.account(phone="+8613800000003")
    other = factories.pass_code(account=elsewhere, number=factories.DOCUMENTS[2])
    Declaration.objects.filter(person=other.person).update(division=110105)
    factories.risk_area(division=210102)
    factories.risk_area(division=210200, level="medium", starts_on=timezone.localdate() - DAY)
    assert sorted(to for to, _text in told()) == ["+8613800000001", "+8613800000002"]


def test_a_declared_only_person_is_never_told(told, clock, holder):
    factories.pass_code(account=holder, assurance=Assurance.DECLARED)
    row = listed()
    assert told() == []
    take_back(row)
    assert (told(), Notice.objects.count()) == ([], 0)


def test_without_a_holder_the_acting_proxies_are_told(told, clock, holder):
    relative = factories.relative(account=holder)
    sister = factories.account(phone="+8613800000002")
    person = relative.person
    person.proxies.create(account=sister, relation="parent", created_at=NOON)  # nobody has agreed
    listed(number=factories.DOCUMENTS[1])
    assert [to for to, _text in told()] == ["+8613800000001"]
    person.proxies.filter(account=holder).update(ended_at=NOON)
    listed(number=factories.DOCUMENTS[1], category="managed")
    assert told() == []


def test_whoever_lost_the_person_over_night_is_not_told(told, clock, code, holder):
    clock.move_to(NOON.replace(hour=22))
    listed()
    assert told() == []
    Person.objects.filter(pk=code.person_id).update(holder=None)
    clock.move_to(NOON + DAY)
    assert told() == []


@pytest.mark.parametrize("gone", ["locked", "rested"])
def test_closed_accounts_and_numbers_that_have_rested_get_nothing(told, code, holder, gone):
    if gone == "locked":
        holder.is_active = False
        holder.save()
    else:
        holder.identifiers.update(used_at=NOON - 91 * DAY)
    listed()
    assert told() == []


def email_of(account, address="zhang@example.org"):
    Identifier.objects.create(
        account=account, kind="email", value=address, hash=identifier_hash("email", address), used_at=NOON
    )


def test_email_goes_to_accounts_that_have_only_that(told, code, holder):
    email_of(holder)
    row = listed()
    assert (texts(told()), mail.outbox) == ([CHANGED], [])
    holder.identifiers.filter(kind="phone").delete()
    take_back(row)
    assert told() == []
    assert [(message.to, message.subject) for message in mail.outbox] == [
        (["zhang@example.org"], "Your health code has changed")
    ]
    assert WITHDRAWN in mail.outbox[0].body


def test_a_failed_message_is_tried_again_a_few_times(settings, clock, code):
    listed()
    with gateway((500, b"")) as server:
        settings.SMS_URL = f"http://key@127.0.0.1:{server.server_port}/sms"
        for _ in range(8):
            tell(None, timezone.now())
            clock.shift(HOUR)
        assert len(server.requests) == notices.TRIES * 2  # each tried twice at once
    notice = Notice.objects.get()
    assert (notice.tries, notice.sent_at, notice.settled_at is None) == (notices.TRIES, None, False)


def test_a_message_that_failed_once_arrives_by_the_same_time(settings, clock, code):
    listed()
    with gateway((500, b""), (500, b""), OK) as server:
        settings.SMS_URL = f"http://key@127.0.0.1:{server.server_port}/sms"
        tell(None, timezone.now())
        clock.shift(HOUR)
        tell(None, timezone.now())
        assert len({body for _path, _headers, body in server.requests}) == 1
    assert Notice.objects.sent().count() == 1


def test_one_whose_facts_cannot_be_read_holds_nobody_up(told, clock, code, holder, caplog):
    factories.pass_code(account=factories.account(phone="+8613800000002"), number=factories.DOCUMENTS[1])
    listed()
    listed(factories.DOCUMENTS[1])
    file(code, holder)
    Appeal.objects.update(disputed={})
    assert [to for to, _text in told()] == ["+8613800000002"]
    waits = Notice.objects.filter(person=code.person)
    pks, said = waits.values_list("pk", flat=True), f"person {code.person_id} has no colour (KeyError)"
    assert caplog.messages == [f"notice #{pk}: {said}" for pk in sorted(pks)]
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert set(waits.values_list("tries", "due_at", "settled_at")) == {(1, NOON + notices.AGAIN_AFTER, None)}
    for _ in range(notices.TRIES):
        clock.shift(HOUR)
        assert told() == []
    assert set(waits.values_list("tries", "sent_at")) == {(notices.TRIES, None)}
    assert not waits.filter(settled_at=None).exists()


def test_a_slow_gateway_holds_nobody_up_and_nothing_is_lost(told, outbox, code):
    listed()
    notice_search.search(NOON)
    assert notices.send_due(NOON, seconds=-1) is True
    assert outbox.messages == []
    assert Notice.objects.due(NOON).get().tries == 0
    assert texts(told()) == [CHANGED]


def test_statements_do_not_grow_with_the_people(told, code, django_assert_num_queries):
    """Of a chunk; and a batch is searched in one statement whatever its size."""
    batch = factories.risk_batch()
    people = [resident(number) for number in range(30)]
    RiskRecord.objects.bulk_create(
        RiskRecord(
            batch=batch, document_hash=person.document_hash, category="confirmed", starts_at=NOON - HOUR, office="o",
            office_phone="1", ends_at=NOON + DAY,
        )
        for person in people
    )  # fmt: skip
    RiskRecord.objects.filter(pk__in=RiskRecord.objects.values("pk")[3:]).update(batch=factories.risk_batch())
    counts = []
    for cause, one in [("released:a", batch), ("released:b", RiskRecord.objects.latest("pk").batch)]:
        with django_assert_num_queries(4):  # savepoint, note, insert, release
            notice_search.search_for(one, cause=cause, at=NOON)
        counts.append(Notice.objects.filter(cause=cause).count())
        with django_assert_num_queries(14):
            notices.send_due(NOON)
    assert counts == [3, 27]
    assert Notice.objects.sent().count() == 30


@pytest.mark.parametrize(
    ("known", "colour", "cause", "kind"),
    [
        (None, Colour.GREEN, "", None),
        (None, Colour.RED, "", NoticeKind.TURNED),
        (Colour.GREEN, Colour.GREY, "", None),
        (Colour.GREEN, Colour.NEUTRAL, "", None),
        (Colour.GREY, Colour.YELLOW, "", NoticeKind.TURNED),
        (Colour.YELLOW, Colour.RED, "", NoticeKind.TURNED),
        (Colour.RED, Colour.RED, "withdrawn:1", None),
        (Colour.RED, Colour.YELLOW, "withdrawn:1", NoticeKind.TURNED),
        (Colour.RED, Colour.GREY, "withdrawn:1", NoticeKind.WITHDRAWN),
        (Colour.YELLOW, Colour.GREEN, "moment:1", NoticeKind.RETURNED),
    ],
)
def test_what_is_told(known, colour, cause, kind):
    assert notices.kind_of(known, colour, cause) == kind


def test_a_notice_is_there_once_for_its_cause(code, holder):
    values = {"person": code.person, "account": holder, "cause": "x", "created_at": NOON, "due_at": NOON}
    Notice.objects.create(**values)
    with pytest.raises(IntegrityError):
        Notice.objects.create(**values)


def test_a_cause_is_searched_once(clock):
    NoticeSearch.objects.create(cause="x", at=NOON)
    with pytest.raises(IntegrityError):
        NoticeSearch.objects.create(cause="x", at=NOON)
