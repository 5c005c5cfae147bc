"""The one way into the epidemic database, whatever way a list came: load it as a draft, release it, withdraw it.

A list is loaded in one transaction, so of one that is killed nothing stays. Its rows begin to count when its batch
turns visible, and cease to when it is withdrawn: one row is written, whatever the size.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Min

from accounts import audit, officers
from accounts.models import Account
from declarations.models import document_hasher
from passcodes import risk_files, second_office
from passcodes.colour import RiskCategory
from passcodes.models import RiskArea, RiskBatch, RiskRecord, RiskSource
from passcodes.risk_files import Content
from passcodes.risk_models import MANUAL, SENT, BatchKind, BatchState, BatchWay
from passcodes.risk_rows import AreaRow, Listing, Measure, PersonRow, Raw, lapse_of

ADVISORY = 0x7269736B  # "risk": names our locks among PostgreSQL's advisory ones
ROWS_AT_ONCE = 2_000
LARGE = 10_000  # rows, from which on PostgreSQL's statistics are renewed at once
PROGRESS_ROWS = 20_000


class Busy(Exception):
    """Another list of the source is being loaded."""


class Conflict(Exception):
    """The source has a batch of this id already, with other content. `batch` is that one."""

    def __init__(self, batch: RiskBatch):
        super().__init__(batch.name)
        self.batch = batch


class NotAgreed(Exception):
    """Two offices have not agreed to the source, or an officer has ended it: nothing is taken from it."""


class NotWaiting(Exception):
    """The batch does not stand where it would have to for this: it was decided before."""


def examine(file: BinaryIO) -> Content:
    """Digest and encoding of a file, for `load`. The digest is keyed, as a list of one row could be guessed."""
    return risk_files.examine(file, settings.LOOKUP_KEY.encode())


def load(
    *,
    source: RiskSource,
    name: str,
    way: BatchWay,
    file: BinaryIO,
    by: Account | None,
    at: datetime,
    at_once: bool = False,
    content: Content | None = None,
    progress: Callable[[int], None] | None = None,
) -> RiskBatch:
    """The batch of a list, as a draft of which nothing counts yet; refused if it has no row that can be taken.

    `at_once`: released in the same transaction, if that does not take two offices: then it stays a draft. A batch of
    that name and content that is there already is returned as it stands. `progress` is called with the number of rows
    read, now and then. Raises NotAgreed, RefusedFile, Busy, Conflict; then nothing is kept.
    """
    content = content or examine(file)
    with _alone(source):
        if not RiskSource.objects.agreed().filter(pk=source.pk).exists():
            raise NotAgreed
        if known := RiskBatch.objects.filter(source=source, name=name).first():
            if known.digest != content.digest:
                raise Conflict(known)
            return known
        rows = risk_files.rows_of(file, content.encoding)
        listing = Listing(
            _told(rows, progress) if progress else rows,
            hasher=document_hasher,
            at=at,
            office=source.office,
            office_phone=source.office_phone,
        )
        batch = RiskBatch.objects.create(
            source=source,
            name=name,
            digest=content.digest,
            kind=listing.kind,
            way=way,
            created_by=by,
            created_at=at,
        )
        seen = Seen()
        taken = _insert(batch, listing.records(), seen)
        _count(batch, listing, taken, seen, at)
        audit.record(by=by, action="load-riskbatch", subject=f"riskbatch:{batch.pk}", at=at, **counts(batch), way=way)
        if at_once and batch.state == BatchState.DRAFT:
            with suppress(second_office.NeedsSecond):
                release(batch=batch, by=by, at=at)
    return batch


@transaction.atomic
def release(*, batch: RiskBatch, by: Account | None, at: datetime) -> None:
    """The rows of a draft begin to count, at the next display or scan.

    Raises NotWaiting; second_office.NeedsSecond; officers.NotAnOfficer where somebody does it who decides for no
    office.
    Every way in comes through here, so this is where a batch that takes two offices is held back.
    """
    office = officers.office_deciding(by) if by else None
    RiskBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)  # in the order that `approvals._lock` tells
    _one_at_a_time()
    held_back = batch.state == BatchState.DRAFT and second_office.needs_second(batch, office=office, at=at)
    if held_back and not second_office.has_second(batch=batch):
        raise second_office.NeedsSecond
    values = {"released_by": by, "released_office": office, "released_at": at, "sample": None}
    _move(batch, BatchState.DRAFT, BatchState.VISIBLE, **values)
    source = RiskSource.objects.select_for_update(no_key=True).get(pk=batch.source_id)
    mark_fresh(source=source, at=batch.created_at)
    audit.record(by=by, action="release-riskbatch", subject=f"riskbatch:{batch.pk}", at=at, applied=batch.applied)


@transaction.atomic
def withdraw(*, batch: RiskBatch, by: Account | None, at: datetime) -> None:
    """The rows of a visible batch cease to count, at the next display or scan. They stay. Raises NotWaiting.

    What renews it is withdrawn with it; whoever renews at the same moment comes before or too late.
    """
    RiskBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if renewal := RiskBatch.objects.filter(renews=batch, state=BatchState.VISIBLE).first():
        withdraw(batch=renewal, by=by, at=at)
    _move(batch, BatchState.VISIBLE, BatchState.WITHDRAWN, withdrawn_by=by, withdrawn_at=at)
    audit.record(by=by, action="withdraw-riskbatch", subject=f"riskbatch:{batch.pk}", at=at, applied=batch.applied)


@transaction.atomic
def refuse(*, batch: RiskBatch, by: Account | None, at: datetime) -> None:
    """A draft that is not to count ever. Raises NotWaiting."""
    _move(batch, BatchState.DRAFT, BatchState.REFUSED, withdrawn_by=by, withdrawn_at=at, sample=None)
    if batch.way in SENT:
        _settle(RiskSource.objects.select_for_update(no_key=True).get(pk=batch.source_id))
    audit.record(by=by, action="refuse-riskbatch", subject=f"riskbatch:{batch.pk}", at=at, applied=batch.applied)


@transaction.atomic
def enter(*, row: RiskRecord | RiskArea, by: Account | None, at: datetime) -> None:
    """Save one row that an officer has typed, as a draft of its own: it is one decision, and withdrawn by itself.

    It counts when two offices agree: see `approvals.enter`.
    """
    has_managed = isinstance(row, RiskRecord) and row.category == RiskCategory.MANAGED
    if has_managed:
        row.ends_at = lapse_of(row.starts_at, row.ends_at, listed_at=at)
    source, _ = RiskSource.objects.get_or_create(slug=MANUAL, defaults={"name": "人工登记", "agreed_at": at})
    row.batch = RiskBatch.objects.create(
        source=source,
        name=secrets.token_hex(8),
        kind=BatchKind.PEOPLE if isinstance(row, RiskRecord) else BatchKind.AREAS,
        way=BatchWay.MANUAL,
        has_managed=has_managed,
        rows=1,
        applied=1,
        created_by=by,
        created_at=at,
    )
    row.save(force_insert=True)
    audit.record(by=by, action="load-riskbatch", subject=f"riskbatch:{row.batch.pk}", at=at, way=BatchWay.MANUAL)


def mark_fresh(*, source: RiskSource, at: datetime) -> None:
    """The source has been heard at that time: what it sent then counts, or it was asked about somebody and answered."""
    source.heard_at = max(at, source.heard_at or at)
    _settle(source)


def mark_nothing_new(*, source: RiskSource, at: datetime) -> None:
    """The source was asked and had nothing new. Before its first data this means nothing: its limit has not begun."""
    if source.heard_at:
        mark_fresh(source=source, at=at)


def _settle(source: RiskSource) -> None:
    """How fresh the data are that count: from when it was last heard, but not from after a list of its that waits.

    Uploads that wait do not matter: an officer has left them, the source has sent nothing that is missing.
    """
    if source.heard_at is None:
        return
    waiting = source.batches.filter(state=BatchState.DRAFT, way__in=SENT).aggregate(first=Min("created_at"))
    fresh_at = min(source.heard_at, waiting["first"] or source.heard_at)
    source.last_fresh_at = max(fresh_at, source.last_fresh_at or fresh_at)
    source.stale_from = source.stale_after(source.last_fresh_at)
    source.save(update_fields=["heard_at", "last_fresh_at", "stale_from"])


def counts(batch: RiskBatch) -> dict[str, int]:
    """How many rows were read, and what became of them."""
    return {name: getattr(batch, name) for name in ("rows", "applied", "errors", "duplicates")}


@contextmanager
def _alone(source: RiskSource) -> Iterator[None]:
    """A transaction in which no other list of the source is loaded. Raises Busy.

    PostgreSQL: an advisory lock that ends with the transaction. SQLite has one writer at a time anyway; here it waits.
    """
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql" and not _locked(source):
                raise Busy
            yield
    except OperationalError as error:
        if connection.vendor == "sqlite" and "locked" in str(error):  # the other one took longer than we wait
            raise Busy from error
        raise


def _locked(source: RiskSource) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [ADVISORY, source.pk])
        return cursor.fetchone()[0]


def _one_at_a_time() -> None:
    """Of releases at the same time each counts the one before: until the transaction ends, no other begins."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [ADVISORY])


def _move(batch: RiskBatch, before: BatchState, after: BatchState, **values) -> None:
    """One conditional UPDATE: of two who decide at once, one is too late."""
    values["state"] = after
    if not RiskBatch.objects.filter(pk=batch.pk, state=before).update(**values):
        raise NotWaiting
    for name, value in values.items():
        setattr(batch, name, value)


def _told(rows: Iterator[Raw], progress: Callable[[int], None]) -> Iterator[Raw]:
    """The rows, the header before the first; tells how many have been read, good or not."""
    number = 0
    for number, row in enumerate(rows):
        if number and number % PROGRESS_ROWS == 0:
            progress(number)
        yield row
    progress(number)


def _insert(batch: RiskBatch, records: Iterator[PersonRow | AreaRow], seen: "Seen") -> int:
    """Store the records under the batch; how many."""
    if batch.kind == BatchKind.PEOPLE and connection.vendor == "postgresql":
        return _copy(batch, records, seen)
    seen.again = None  # of short lists all are compared
    taken = 0
    while rows := list(islice(records, ROWS_AT_ONCE)):
        if batch.kind == BatchKind.PEOPLE:
            RiskRecord.objects.bulk_create(
                RiskRecord(batch=batch, document_hash=row.document_hash, **asdict(row.measure)) for row in rows
            )
        else:
            RiskArea.objects.bulk_create(RiskArea(batch=batch, **row._asdict()) for row in rows)
        taken += len(rows)
    return taken


def _copy(batch: RiskBatch, records: Iterator[PersonRow], seen: "Seen") -> int:
    """The same by COPY, in text written by hand: psycopg takes five times as long to adapt each value."""
    columns = ", ".join(("batch_id", "document_hash", *(field.name for field in fields(Measure))))
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {RiskRecord._meta.db_table} ({columns}) FROM STDIN") as copy:
            while rows := list(islice(records, ROWS_AT_ONCE)):
                seen.add(row.document_hash for row in rows)
                copy.write("".join([f"{batch.pk}\t{hashed}\t{measure.copied}\n" for hashed, measure in rows]))
        return cursor.rowcount


class Seen:
    """Which document hashes may have come before in a list: so that few rows need comparing, not a million sorted.

    A bit for each of the first 27 of a hash: 16 MB whatever the length. It may take a new one for an old one, never the
    other way round. `again` is None when there are so many that all rows may as well be compared.
    """

    MOST = 100_000

    def __init__(self):
        self.bits = bytearray(1 << 24)
        self.again: set[str] | None = set()

    def add(self, hashes: Iterable[str]) -> None:
        """Take note of these."""
        bits, again = self.bits, self.again
        if again is None:
            return
        for hashed in hashes:
            place, bit = divmod(int(hashed[:7], 16) >> 1, 8)
            if bits[place] >> bit & 1:
                again.add(hashed)
            else:
                bits[place] |= 1 << bit
        if len(again) > self.MOST:
            self.again = None


# Rows that say the same of the same person or place as an earlier one of the batch. `+ 0` keeps PostgreSQL from the
# BRIN index: of a list just loaded it would read everything, and compare each row with each hash in question.
DROP_REPEATED = """
DELETE FROM {table} WHERE id IN (
    SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY {same} ORDER BY id) AS place
                      FROM {table} WHERE batch_id + 0 = %s {among}) AS numbered
     WHERE place > 1)
"""
SAME = {
    # By bytes: the order of the database's language would take three times as long.
    BatchKind.PEOPLE: 'document_hash COLLATE "C", category, starts_at, ends_at, office, office_phone',
    BatchKind.AREAS: "division, place, level, starts_on, ends_on",
}


def _count(batch: RiskBatch, listing: Listing, taken: int, seen: Seen, at: datetime) -> None:
    """Drop repeated rows and write down what came of the list."""
    table = (RiskRecord if batch.kind == BatchKind.PEOPLE else RiskArea)._meta.db_table
    same = SAME[batch.kind]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL work_mem = '64MB'")
        else:
            same = same.replace(' COLLATE "C"', "")
        among = ("", []) if seen.again is None else ("AND document_hash = ANY(%s)", [list(seen.again)])
        cursor.execute(DROP_REPEATED.format(table=table, same=same, among=among[0]), [batch.pk, *among[1]])
        batch.duplicates = cursor.rowcount
        if connection.vendor == "postgresql" and taken >= LARGE:
            # Plans made when the table was small would read all of it. They are made anew after this.
            cursor.execute(f"ANALYZE {table}")
    tally = listing.tally
    batch.rows, batch.errors, batch.applied = tally.rows, tally.errors, taken - batch.duplicates
    batch.problems = tally.problems
    batch.has_managed = listing.has_managed
    if batch.applied:
        batch.sample = json.dumps(tally.sample, ensure_ascii=False)
    else:
        batch.state, batch.withdrawn_at = BatchState.REFUSED, at
    batch.save()
