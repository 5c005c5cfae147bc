"""Batches: loaded whole or not at all, in force and withdrawn in one step, one list of a source at a time."""

import io
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from passcodes import approvals, facts, risk
from passcodes.actions import show_colour
from passcodes.colour import Colour
from passcodes.models import RiskArea, RiskBatch, RiskRecord
from passcodes.risk_rows import RefusedFile
from tests import factories
from tests.passcodes import lists

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    return factories.risk_source()


@pytest.fixture
def holder():
    return factories.account()


@pytest.fixture
def code(holder):
    return factories.pass_code(account=holder)


def load(source, file=None, **changed):
    values = {"name": "1", "way": "command", "by": None, "at": timezone.now()}
    return risk.load(source=source, file=file or lists.text(), **{**values, **changed})


def two_offices(batch) -> None:
    """One proposes it, the other agrees."""
    first = factories.account(phone="+8613700000001", is_officer=True)
    second = factories.account(phone="+8613700000002", office=factories.office())
    approvals.propose(batch=batch, basis="areas", by=first, at=timezone.now())
    approvals.approve(batch=batch, by=second, at=timezone.now())


def colour_of(code) -> Colour:
    now = timezone.now()
    row = facts.for_page_of(account_id=code.person.holder_id, pass_id=code.public_id, at=now)
    return show_colour(row=row, at=now).colour


def test_a_draft_counts_once_released_until_withdrawn(source, code):
    now = timezone.now()
    batch = load(source)
    assert (batch.state, colour_of(code)) == ("draft", Colour.GREEN)
    risk.release(batch=batch, by=None, at=now)
    assert (batch.state, colour_of(code)) == ("visible", Colour.RED)
    risk.withdraw(batch=batch, by=None, at=now)
    assert (batch.state, colour_of(code)) == ("withdrawn", Colour.GREEN)
    assert batch.records.count() == 1
    actions = AuditEntry.objects.filter(subject=f"riskbatch:{batch.pk}").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["load-riskbatch", "release-riskbatch", "withdraw-riskbatch"]


def test_decisions_are_made_once(source):
    now = timezone.now()
    batch = load(source)
    stale = RiskBatch.objects.get()
    risk.refuse(batch=batch, by=None, at=now)
    for decide in (risk.release, risk.refuse, risk.withdraw):
        with pytest.raises(risk.NotWaiting):
            decide(batch=stale, by=None, at=now)
    assert (RiskBatch.objects.get().state, batch.sample) == ("refused", None)


def test_areas_count_with_their_batch(source, code):
    area = b"210102,high,2026-11-01\n"
    batch = load(source, io.BytesIO(b"division,level,starts_on\n" + area + area))
    assert (batch.kind, batch.applied, batch.duplicates, colour_of(code)) == ("areas", 1, 1, Colour.GREEN)
    two_offices(batch)
    assert colour_of(code) == Colour.RED


def test_named_places_come_with_a_list_and_colour_nobody_by_division(source, code):
    rows = ["太原街市场,210102,high,2026-11-01", "太原街市场,210102,high,2026-11-01", "北市场,210102,high,2026-11-01"]
    batch = load(source, io.BytesIO("\n".join(["场所名称,division,level,starts_on", *rows]).encode()))
    assert (batch.applied, batch.duplicates) == (2, 1)
    two_offices(batch)
    assert [area.place for area in batch.areas.order_by("pk")] == ["太原街市场", "北市场"]
    assert colour_of(code) == Colour.GREEN


def test_rows_are_counted_and_repeated_ones_taken_once(source):
    twice = lists.row(lists.number(1))
    rows = [lists.row(), twice, twice, lists.row(lists.number(1), "managed"), lists.row("1"), twice]
    batch = load(source, lists.text(*rows))
    assert risk.counts(batch) == {"rows": 6, "applied": 3, "errors": 1, "duplicates": 2}
    assert batch.problems == [[6, "document_number", "number"]]
    assert RiskRecord.objects.count() == 3


def test_every_value_arrives(source):
    today = timezone.localdate()
    backslash = f"{factories.DOCUMENTS[0]},managed,{today},{today + timedelta(days=1)},\\N 区\\t疾控,024\\1"
    load(source, lists.text(backslash, lists.row()))
    record, other = RiskRecord.objects.order_by("pk")
    start = timezone.datetime.fromisoformat(f"{today}T00:00:00+08:00")
    assert (record.category, record.starts_at, record.ends_at) == ("managed", start, start + timedelta(days=2))
    assert (record.office, record.office_phone, record.source) == ("\\N 区\\t疾控", "024\\1", "")
    assert other.ends_at is None
    assert record.document_hash == factories.risk_record().document_hash


def test_a_list_without_a_good_row_is_refused(source):
    batch = load(source, lists.text(lists.row("1")))
    assert (batch.state, batch.applied, batch.errors, batch.sample) == ("refused", 0, 1, None)


def test_an_unreadable_list_leaves_nothing(source):
    rows = [lists.row(lists.number(n)) for n in range(3_000)]
    with pytest.raises(RefusedFile):
        load(source, lists.text(*rows, '"'))
    assert (RiskBatch.objects.count(), RiskRecord.objects.count()) == (0, 0)


def test_the_same_batch_again_changes_nothing(source):
    first = load(source)
    assert load(source) == first
    with pytest.raises(risk.Conflict) as conflict:
        load(source, lists.text(lists.row(category="managed")))
    assert conflict.value.batch == first
    assert load(factories.risk_source(slug="another")) != first
    assert RiskRecord.objects.count() == 2


def test_a_typed_row_is_a_batch_of_its_own(code, holder):
    record = RiskRecord(document_hash=code.person.document_hash, category="managed", starts_at=timezone.now())
    record.office, record.office_phone = "区疾控", "024-1"
    risk.enter(row=record, by=holder, at=timezone.now())
    risk.enter(row=RiskArea(division=210102, level="high", starts_on="2026-11-01"), by=holder, at=timezone.now())
    assert [batch.applied for batch in RiskBatch.objects.filter(source__slug="manual", state="draft")] == [1, 1]
    assert colour_of(code) == Colour.GREEN
    two_offices(record.batch)
    assert colour_of(code) == Colour.YELLOW


def test_batch_ids_are_unique_within_a_source(source):
    batch = factories.risk_batch(source=source)
    with pytest.raises(IntegrityError, match=r"risk_batch_named_once_by_its_source|source_id, \w+.name"):
        RiskBatch.objects.create(source=source, name=batch.name, kind="people", way="push", created_at=timezone.now())


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"state": "visible"}, "risk_batch_in_force_was_released"),
        ({"state": "withdrawn", "withdrawn_at": timezone.now()}, "risk_batch_withdrawn_was_in_force"),
    ],
)
def test_states_have_their_times(source, values, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        RiskBatch.objects.create(source=source, kind="people", way="push", created_at=timezone.now(), **values)


@pytest.mark.parametrize("percent", [10, 50, 90])
@pytest.mark.django_db(transaction=True)
def test_of_a_killed_import_nothing_stays(source, code, settings, percent):
    length = settings.RISK_ALONE_LIMIT = 6_000
    assert colour_of(code) == Colour.GREEN  # shown before, so that it is not written while SQLite's one writer works
    arguments = [str(length), str(length * percent // 100)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.passcodes.lists", *arguments],
        env={**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "healthpass.settings"},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout.readline() == b"here\n"
        assert colour_of(code) == Colour.GREEN
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert (RiskBatch.objects.count(), RiskRecord.objects.count(), colour_of(code)) == (0, 0, Colour.GREEN)
    batch = loaded_when_free(source, lists.long(length))
    assert (batch.applied, colour_of(code)) == (length, Colour.RED)


def database_url() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    user = f"{settings['USER']}:{settings['PASSWORD']}".rstrip(":")
    return f"postgres://{user}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


def loaded_when_free(source, file):
    """The server takes a moment to notice that a client has died."""
    for _ in range(100):
        try:
            return load(source, file, at_once=True)
        except risk.Busy:
            time.sleep(0.1)
    raise AssertionError


@pytest.mark.parametrize(
    ("message", "raised"), [("database is locked", risk.Busy), ("database or disk is full", OperationalError)]
)
def test_only_a_lock_is_another_list(source, monkeypatch, message, raised):
    def fail(*args):
        raise OperationalError(message)

    monkeypatch.setattr(risk, "_insert", fail)
    with pytest.raises(raised if connection.vendor == "sqlite" else OperationalError):
        load(source)


@pytest.mark.django_db(transaction=True)
def test_of_two_imports_of_a_source_the_second_waits_or_is_refused(source, monkeypatch):
    monkeypatch.setattr(risk, "PROGRESS_ROWS", 10)
    loading, go_on, problems = threading.Event(), threading.Event(), []

    def progress(rows):
        loading.set()
        go_on.wait(10)

    def first():
        try:
            load(source, lists.long(100), name="first", progress=progress)
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert loading.wait(10)
        if connection.vendor == "postgresql":
            with pytest.raises(risk.Busy):
                load(source, name="second")
            assert load(factories.risk_source(slug="another")).applied == 1
        else:
            threading.Timer(0.3, go_on.set).start()
            assert load(source, name="second").applied == 1
    finally:
        go_on.set()
        thread.join()
    assert problems == []
    assert RiskBatch.objects.get(name="first").applied == 100


@pytest.mark.django_db(transaction=True)
def test_the_next_request_after_a_commit_is_red(client, holder, code):
    """On another connection; before its commit the holder's code is green."""
    client.cookies["pass_key"] = factories.device_key(account=holder, subject=code.public_id)
    written, commit = threading.Event(), threading.Event()

    def officer():
        try:
            with transaction.atomic():
                factories.risk_record()
                written.set()
                commit.wait(10)
        finally:
            connection.close()

    def colour():
        return client.get(f"/code/{code.public_id}/token").json()["colour"]

    assert colour() == "green"  # so that showing it again writes nothing: SQLite has one writer at a time
    thread = threading.Thread(target=officer)
    thread.start()
    try:
        assert written.wait(10)
        assert colour() == "green"
    finally:
        commit.set()
        thread.join()
    assert colour() == "red"


@pytest.mark.postgresql
def test_the_facts_look_risks_up_by_two_indexes(source, holder):
    """Whatever the size of lists: by document hash, then the batch by its primary key."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO passcodes_riskbatch (source_id, name, digest, kind, way, state, rows, applied, errors,"
            " duplicates, has_managed, problems, created_at, released_at) SELECT %s, n::text, '', 'people', 'push',"
            " 'visible', 1, 1, 0, 0, false, '[]', now(), now() FROM generate_series(1, 3000) n",
            [source.pk],
        )
        cursor.execute(
            "INSERT INTO passcodes_riskrecord (batch_id, document_hash, category, starts_at, source, office,"
            " office_phone) SELECT b.id, md5(b.id::text || n), 'managed', now(), '', 'o', '1'"
            " FROM passcodes_riskbatch b, generate_series(1, 5) n"
        )
        cursor.execute("ANALYZE passcodes_riskrecord, passcodes_riskbatch")
        given = facts.as_database_values(
            facts.with_dates({"account": holder.pk, "pass_id": "0" * 16, "at": timezone.now()})
        )
        cursor.execute("EXPLAIN " + facts.PAGE_BY_ACCOUNT, given)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using risk_record_document on passcodes_riskrecord" in plan
    assert "Index Scan using passcodes_riskbatch_pkey on passcodes_riskbatch" in plan
    assert "Seq Scan on passcodes_riskrecord" not in plan
    assert "Seq Scan on passcodes_riskbatch" not in plan
