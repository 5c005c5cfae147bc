"""The audit can be added to and nothing else; what was done to it all the same is found."""

import importlib
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from accounts import audit, sealing
from accounts.models import AuditEntry, AuditSeal, AuditSegment
from healthpass import tasks
from tests import audit_doors, factories

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


def entry(at, subject="person:1", **detail):
    return audit.record(by=None, action="view-person", subject=subject, at=at, **detail)


@pytest.fixture
def chain(now):
    """Two segments of three rows each, after an id that no row has: its transaction was rolled back."""
    tamper("DELETE FROM accounts_auditentry WHERE id = %s", entry(now).pk)
    rows = []
    for minute in (2, 1):
        rows += [entry(now - minute * MINUTE, subject=f"person:{len(rows) + number}") for number in (1, 2, 3)]
        sealing.seal(now - minute * MINUTE)
    return rows


def findings():
    return [str(finding) for finding in sealing.verify(at=timezone.now()) if finding.breaks]


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def tamper(statement, *parameters):
    with audit_doors.opened():
        sql(statement, *parameters)


def verified(**options):
    out = io.StringIO()
    call_command("verify_audit", stdout=out, **options)
    return out.getvalue()


# The database's own guard


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET subject = 'person:9'",
        "DELETE FROM accounts_auditentry",
        "UPDATE accounts_auditseal SET digest = ''",
        "DELETE FROM accounts_auditseal",
        "UPDATE accounts_auditsegment SET head = ''",
        "UPDATE accounts_auditsegment SET dropped_at = CURRENT_TIMESTAMP",
        "DELETE FROM accounts_auditsegment",
    ],
)
def test_the_database_refuses_everything_but_inserting(chain, statement):
    with pytest.raises(DatabaseError, match="inserted only"), transaction.atomic():
        sql(statement)
    assert (AuditEntry.objects.count(), AuditSeal.objects.count(), AuditSegment.objects.count()) == (6, 6, 2)


@pytest.mark.postgresql  # SQLite has no TRUNCATE
@pytest.mark.parametrize("table", audit_doors.TABLES)
def test_postgresql_refuses_truncate_too(chain, table):
    with pytest.raises(DatabaseError, match="inserted only"), transaction.atomic():
        sql(f"TRUNCATE {table} CASCADE")
    assert AuditEntry.objects.count() == 6


def test_the_orm_is_refused_too(chain):
    chain[0].subject = "person:9"
    with pytest.raises(DatabaseError, match="inserted only"), transaction.atomic():
        chain[0].save()
    with pytest.raises(DatabaseError, match="inserted only"), transaction.atomic():
        AuditEntry.objects.filter(pk=chain[0].pk).delete()


# Sealing


def test_each_sealing_takes_what_is_new_and_follows_from_the_one_before(chain, now):
    assert sealing.seal(now) is None
    first, second = AuditSegment.objects.order_by("number")
    assert (first.number, first.count, first.total, first.last_id) == (1, 3, 3, chain[2].pk)
    assert (second.number, second.count, second.total, second.last_id) == (2, 3, 6, chain[5].pk)
    assert second.head == sealing.head_of(second, first.head) != sealing.head_of(second, "")
    assert list(first.seals.order_by("pk").values_list("pk", flat=True)) == [row.pk for row in chain[:3]]
    assert findings() == []


def test_a_row_that_was_committed_late_goes_into_the_next_segment(chain, now):
    late = AuditEntry(pk=chain[0].pk - 1, at=now - MINUTE, action="view-person", subject="person:7")
    late.save(force_insert=True)
    assert sealing.seal(now).number == 3
    assert late.seal.segment_id == 3
    assert AuditSegment.objects.get(pk=3).last_id == chain[-1].pk
    assert findings() == []


@pytest.mark.postgresql  # SQLite writes one transaction after the other
@pytest.mark.django_db(transaction=True)
def test_a_long_transaction_is_sealed_when_it_is_committed(now):
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO accounts_auditentry (at, action, subject, detail)"
                " VALUES (now(), 'view-person', 'person:1', '{}') RETURNING id"
            )
            (slow,) = cursor.fetchone()
        quick = entry(now).pk
        assert quick > slow
        assert sealing.seal(now).last_id == quick
        assert sealing.seal(now) is None
        other.commit()
    finally:
        other.close()
    assert sealing.seal(now).number == 2
    assert AuditSeal.objects.get(pk=slow).segment_id == 2
    assert list(sealing.verify(at=timezone.now())) == []


def test_a_large_number_of_rows_is_cut_into_segments(now, monkeypatch):
    monkeypatch.setattr(sealing, "BATCH", 2)
    for _ in range(5):
        entry(now)
    assert [sealing.seal(now).count for _ in range(3)] == [2, 2, 1]
    assert findings() == []


def test_sealing_asks_the_same_few_questions_however_many_rows(now, django_assert_num_queries):
    entry(now)
    sealing.seal(now)
    for count in (1, 30):
        for _ in range(count):
            entry(now)
        with django_assert_num_queries(7):
            sealing.seal(now)


def test_details_of_every_kind_are_sealed_as_the_database_gives_them_back(now):
    entry(now, found=["1", "2"], ratio=0.1, big=10**15, word="辽宁", nested={"b": None, "a": True})
    sealing.seal(now)
    assert findings() == []


# Tampering


@pytest.mark.parametrize(
    "change",
    [
        "subject = 'person:9'",
        "action = 'x'",
        'detail = \'{"reason": "tracing"}\'',
        "at = '2026-01-01 00:00:00+00:00'",
    ],
)
def test_a_changed_row_is_named(chain, change):
    tamper(f"UPDATE accounts_auditentry SET {change} WHERE id = %s", chain[1].pk)
    assert findings() == [f"row {chain[1].pk}: changed"]


def test_a_changed_actor_is_named(chain):
    officer = factories.account()
    tamper("UPDATE accounts_auditentry SET actor_id = %s WHERE id = %s", officer.pk, chain[4].pk)
    assert findings() == [f"row {chain[4].pk}: changed"]


def test_a_removed_row_is_named(chain):
    tamper("DELETE FROM accounts_auditentry WHERE id = %s", chain[3].pk)
    assert findings() == [f"row {chain[3].pk}: removed"]


def test_a_row_removed_with_its_seal_leaves_a_broken_segment(chain):
    tamper("DELETE FROM accounts_auditentry WHERE id = %s", chain[3].pk)
    tamper("DELETE FROM accounts_auditseal WHERE entry_id = %s", chain[3].pk)
    assert findings() == ["segment 2: its 3 seals are not those it was made of"]


def test_rows_that_changed_places_are_named(chain):
    first, second = chain[0].pk, chain[1].pk
    swap = "UPDATE accounts_auditentry SET id = %s WHERE id = %s"
    with audit_doors.opened():
        for new, old in ((0, first), (first, second), (second, 0)):
            sql(swap, new, old)
    assert findings() == [f"row {first}: changed", f"row {second}: changed"]


def test_a_row_slipped_in_with_a_seal_of_its_own_is_named(chain, now):
    pk = chain[0].pk - 1
    AuditEntry(pk=pk, at=now - 2 * MINUTE, action="view-person", subject="person:7").save(force_insert=True)
    AuditSeal.objects.create(entry_id=pk, segment_id=1, digest=b"x" * 32)
    assert findings() == [f"row {pk}: changed", "segment 1: its 3 seals are not those it was made of"]


def test_a_row_slipped_in_beside_rows_of_another_day_is_named(now):
    old = entry(now - 3 * DAY)
    sealing.seal(now - 3 * DAY)
    entry(now - DAY)
    sealing.seal(now - DAY)
    pk = old.pk - 1
    AuditEntry(pk=pk, at=now - 3 * DAY, action="view-person", subject="person:7").save(force_insert=True)
    assert sealing.seal(now) is None
    assert findings() == [f"row {pk}: slipped in beside rows that had been sealed"]


def test_a_row_that_says_it_is_older_than_its_segment_is_noticed(chain, now):
    backdated = entry(now - 2 * timedelta(hours=1))
    sealing.seal(now)
    (finding,) = sealing.verify(at=timezone.now())
    assert (finding.where, finding.breaks) == (f"row {backdated.pk}", False)


def test_a_rewritten_or_missing_segment_is_named(chain):
    tamper("UPDATE accounts_auditsegment SET total = 4 WHERE number = 1")
    assert findings()[0] == "segment 1: its head does not follow from the one before"
    with audit_doors.opened():
        sql("DELETE FROM accounts_auditseal WHERE segment_id = 1")
        sql("DELETE FROM accounts_auditsegment WHERE number = 1")
    assert findings()[0] == "segment 1: missing"


def test_the_command_names_the_first_broken_row(chain):
    tamper("UPDATE accounts_auditentry SET action = 'x' WHERE id IN (%s, %s)", chain[1].pk, chain[5].pk)
    with pytest.raises(CommandError, match=f"^The audit is broken, first at row {chain[1].pk}: changed.$"):
        verified()


def test_the_command_says_that_all_is_well(chain):
    head = AuditSegment.objects.newest().head
    assert verified() == f"The audit is whole: 6 rows in 2 segments, head {head}.\n"


# A sealing that stands still


def test_rows_that_wait_for_a_minute_are_counted_and_break_nothing(chain, now):
    with time_machine.travel(now, tick=False):
        entry(now - MINUTE)
        entry(now)
        assert verified().endswith(". Not sealed yet: 2 rows, the oldest 60 s old.\n")


def test_rows_that_nobody_seals_make_the_command_fail(chain, now):
    for minutes in (20, 18, 0):
        entry(now - minutes * MINUTE)
    said = f"3 have no seal, the oldest of {now - 20 * MINUTE:%F %T}: the sealing stands still"
    assert findings() == [f"rows not sealed yet: {said}"]
    with pytest.raises(CommandError, match=said):
        verified()
    sealing.seal(now)
    assert findings() == []


@pytest.mark.parametrize(("minutes", "told"), [(14, False), (16, True)])
def test_operators_and_officers_are_told_that_nobody_seals(now, caplog, minutes, told):
    officer = factories.account(is_officer=True)
    entry(now - minutes * MINUTE)
    tasks.announce_unsealed_rows(None, timezone.now())
    assert ("1 audit rows have no seal" in caplog.text) == told
    page = factories.staff_client(account=officer).get("/admin/").text
    assert ("The audit is not sealed: 1 row has waited for" in page) == told


def test_asking_for_rows_without_a_seal_is_one_statement(chain, now, django_assert_num_queries):
    entry(now)
    with django_assert_num_queries(1):
        assert sealing.backlog() == sealing.Backlog(1, now)


# The published head


def test_the_newest_head_and_the_last_of_each_day_are_published(client, now):
    noon = now.replace(hour=4, minute=0, second=0, microsecond=0)  # in Beijing
    for at in (noon - 2 * DAY, noon - DAY, noon - DAY + MINUTE, noon):
        entry(at)
        sealing.seal(at)
    heads = dict(AuditSegment.objects.values_list("number", "head"))
    with time_machine.travel(noon, tick=False):
        response = client.get("/.well-known/health-pass/audit-head.json")
    days = [(noon - back * DAY).date().isoformat() for back in (0, 1, 2)]
    assert response.json() == {
        "date": days[0],
        "head": heads[4],
        "count": 4,
        "segment": 4,
        "days": [
            {"date": days[1], "head": heads[3], "count": 3, "segment": 3},
            {"date": days[2], "head": heads[1], "count": 1, "segment": 1},
        ],
    }
    assert response["Cache-Control"] == "public, max-age=60"
    assert "Vary" not in response or "Cookie" not in response["Vary"]


def test_before_anything_is_sealed_there_is_no_head(client):
    at = datetime(2026, 11, 25, 17, tzinfo=UTC)  # the 26th in Beijing
    with time_machine.travel(at, tick=False):
        answer = client.get("/.well-known/health-pass/audit-head.json").json()
    assert answer == {"date": "2026-11-26", "head": None, "count": 0, "segment": 0, "days": []}


def test_a_chain_made_anew_does_not_have_the_published_head(chain, client, now, tmp_path):
    copy = tmp_path / "audit-head.json"
    copy.write_text(client.get("/.well-known/health-pass/audit-head.json").content.decode())
    assert "is whole" in verified(published=[copy])
    with audit_doors.opened():
        for table in ("accounts_auditseal", "accounts_auditsegment"):
            sql(f"DELETE FROM {table}")
        sql("DELETE FROM accounts_auditentry WHERE id = %s", chain[2].pk)
    sealing.seal(now)
    assert findings() == []
    with pytest.raises(CommandError, match="segment 2: not the one whose head was published"):
        verified(published=[copy])
    copy.write_text(json.dumps({"head": "x"}))
    with pytest.raises(CommandError, match="is not a copy of the published heads"):
        verified(published=[copy])


# Dropping


def test_old_segments_lose_their_rows_as_a_whole_and_the_chain_holds(now):
    for days in (300, 250, 100):
        entry(now - days * DAY)
        entry(now - days * DAY + MINUTE)
        sealing.seal(now - days * DAY + MINUTE)
    heads = list(AuditSegment.objects.order_by("number").values_list("head", flat=True))
    assert sealing.drop(before=now - 200 * DAY, at=now) == 2
    assert sealing.drop(before=now - 200 * DAY, at=now) == 0
    assert (AuditEntry.objects.count(), AuditSeal.objects.count()) == (2, 2)
    assert list(AuditSegment.objects.order_by("number").values_list("head", flat=True)) == heads
    assert findings() == []


def test_a_segment_with_one_young_row_stays_whole(now):
    entry(now - 300 * DAY)
    entry(now - 100 * DAY)
    sealing.seal(now - 100 * DAY)
    assert sealing.drop(before=now - 200 * DAY, at=now) == 0


def test_nothing_younger_than_six_months_is_dropped_whatever_is_asked(now):
    entry(now - 100 * DAY)
    sealing.seal(now - 100 * DAY)
    assert sealing.drop(before=now - DAY, at=now) == 0
    with pytest.raises(DatabaseError, match="inserted only"), transaction.atomic():
        sql("UPDATE accounts_auditsegment SET dropped_at = %s", timezone.now().isoformat(" "))


def test_a_segment_dropped_too_early_is_named(chain, now):
    with audit_doors.opened():
        AuditSegment.objects.filter(pk=1).update(dropped_at=now)
        sql("DELETE FROM accounts_auditentry WHERE id = %s", chain[0].pk)
    assert findings() == ["segment 1: dropped too early"]


def test_a_segment_said_to_be_dropped_in_the_future_is_named(chain, now):
    marked(2, now + 200 * DAY)
    assert findings() == ["segment 2: dropped too early"]
    with pytest.raises(CommandError, match="segment 2: dropped too early"):
        verified()


def test_who_has_the_tables_but_no_key_drops_nothing_unseen(now):
    old_chain(now)
    marked(1, now)
    said = "marked as dropped by somebody without the key"
    assert findings() == [f"segment 1: {said}"]
    marked(1, now, seal=b"x" * 32)
    assert findings() == [f"segment 1: {said}"]


def test_a_seal_of_another_segment_or_time_is_not_taken(now):
    old_chain(now)
    sealing.drop(before=now - 280 * DAY, at=now - DAY)
    seal = bytes(AuditSegment.objects.get(pk=1).dropped_seal)
    assert findings() == []
    marked(2, now - DAY, seal=seal)
    assert findings() == ["segment 2: marked as dropped by somebody without the key"]
    marked(1, now)
    assert findings()[0] == "segment 1: marked as dropped by somebody without the key"


def test_a_segment_dropped_out_of_order_is_named(now):
    old_chain(now)
    segment = AuditSegment.objects.get(pk=2)
    segment.dropped_at = now
    marked(2, now, seal=sealing.drop_seal_of(segment))
    assert findings() == ["segment 2: dropped before the one that precedes it"]


def test_the_database_takes_no_mark_without_a_seal(now):
    old_chain(now)
    with pytest.raises(DatabaseError, match="inserted only"), transaction.atomic():
        AuditSegment.objects.filter(pk=1).update(dropped_at=now)
    AuditSegment.objects.filter(pk=1).update(dropped_at=now, dropped_seal=b"x" * 32)
    with pytest.raises(DatabaseError, match="inserted only"), transaction.atomic():
        AuditSegment.objects.filter(pk=1).update(dropped_seal=b"y" * 32)


def test_segments_dropped_before_there_were_seals_get_theirs_if_they_were_old_enough(now):
    old_chain(now)
    for number, at in ((1, now), (2, now + 200 * DAY), (3, now)):
        marked(number, at)
    migration = importlib.import_module("accounts.migrations.0007_dropped_seals")
    with audit_doors.opened():
        migration.seal_dropped(apps, None)
    assert findings() == [
        "segment 2: dropped too early",
        "segment 3: marked as dropped by somebody without the key",
    ]


def old_chain(now):
    """Three segments of one row each, all old enough to be dropped."""
    for days in (300, 250, 200):
        entry(now - days * DAY)
        sealing.seal(now - days * DAY)


def marked(number, at, seal=None):
    """As the tables' owner marks it; the rows and seals go with it."""
    with audit_doors.opened():
        AuditSegment.objects.filter(pk=number).update(dropped_at=at, **({"dropped_seal": seal} if seal else {}))
        AuditEntry.objects.filter(seal__segment=number).delete()
        AuditSeal.objects.filter(segment=number).delete()
