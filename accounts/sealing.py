"""The sealed audit: rows chained so that nobody can change, remove or slip in one unseen.

Each minute the rows that are new get a keyed digest each and become a segment, in the order of their ids; its head
covers the head before. A row that its transaction committed late, under a lower id, goes into the next segment. Old
segments lose their rows as a whole and stay in the chain.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from accounts.models import AuditEntry, AuditSeal, AuditSegment
from healthpass.lib.encryption import keyed_digest

BATCH = 5000  # rows of a segment
LATE = timedelta(days=1)  # a row committed later than this beside sealed ones is not sealed any more
NOTEWORTHY = timedelta(hours=1)  # by which a row is older than the segment before its own
SEALED_WITHIN = timedelta(minutes=15)  # else the sealing stands still: it comes round each minute
LEAST_KEPT = timedelta(days=183)  # the database's triggers have the same

CONTENT = ("pk", "at", "actor_id", "action", "subject", "detail")


@dataclass(frozen=True)
class Finding:
    """What `verify` found: which row or segment, and what is wrong with it. A noteworthy one breaks nothing."""

    where: str
    what: str
    breaks: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Backlog:
    """Rows that have no seal yet, and when the oldest of them was written; None = there are none."""

    count: int
    oldest_at: datetime | None

    def is_late(self, at: datetime) -> bool:
        """Whether nobody has sealed for so long that rows could go without a trace meanwhile."""
        return self.oldest_at is not None and self.oldest_at < at - SEALED_WITHIN


def seal(at: datetime) -> AuditSegment | None:
    """Seal what is not sealed yet, BATCH rows at the most; None if there is nothing.

    Of two that seal at once one raises IntegrityError: both would make the same number.
    """
    with transaction.atomic():
        last = AuditSegment.objects.newest()
        rows = list(unsealed(last).values_list(*CONTENT)[:BATCH])
        if not rows:
            return None
        digests = [digest_of(row) for row in rows]
        segment = AuditSegment(
            number=last.number + 1 if last else 1,
            sealed_at=at,
            newest_at=max(row[1] for row in rows),
            last_id=max(rows[-1][0], last.last_id if last else 0),
            count=len(rows),
            total=len(rows) + (last.total if last else 0),
            root=root_of(digests),
        )
        segment.head = head_of(segment, last.head if last else "")
        segment.save(force_insert=True)
        AuditSeal.objects.bulk_create(
            AuditSeal(entry_id=row[0], segment=segment, digest=digest)
            for row, digest in zip(rows, digests, strict=True)
        )
        return segment


def unsealed(last: AuditSegment | None) -> QuerySet:
    """Rows without a seal, in the order of their ids; also those that came late beside rows sealed within LATE."""
    return AuditEntry.objects.filter(seal=None, pk__gt=_floor(last)).order_by("pk")


def backlog() -> Backlog:
    """What waits behind the last sealed row: one statement, by the primary key. Late rows are left out."""
    last = AuditSegment.objects.order_by("-number").values("last_id")[:1]
    return _backlog(AuditEntry.objects.filter(pk__gt=Coalesce(last, 0)))


def _backlog(rows: QuerySet) -> Backlog:
    return Backlog(**rows.order_by().aggregate(count=Count("pk"), oldest_at=Min("at")))


def _floor(last: AuditSegment | None) -> int:
    """The id up to which nothing is sealed any more. Counted from the last segment, so that a pause loses no row."""
    settled = last and AuditSegment.objects.filter(sealed_at__lt=last.sealed_at - LATE).newest()
    return settled.last_id if settled else 0


def digest_of(row: tuple) -> bytes:
    """The keyed digest of a row, given as CONTENT."""
    pk, at, *rest = row
    content = json.dumps([pk, _exact(at), *rest], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return keyed_digest("audit-row", content.encode())


def root_of(digests: list[bytes]) -> str:
    """What a segment says of its rows when they are gone."""
    return hashlib.sha256(b"".join(digests)).hexdigest()


def head_of(segment: AuditSegment, previous: str) -> str:
    """The head that a segment has after the head `previous` ("" before the first)."""
    moments = [_exact(segment.sealed_at), _exact(segment.newest_at)]
    content = [previous, segment.number, *moments, segment.last_id, segment.count, segment.total, segment.root]
    return keyed_digest("audit-head", json.dumps(content).encode()).hex()


def drop_seal_of(segment: AuditSegment) -> bytes:
    """The keyed digest of when a segment lost its rows: its head was made before that."""
    content = [segment.number, segment.head, _exact(segment.dropped_at)]
    return keyed_digest("audit-drop", json.dumps(content).encode())


def _exact(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def verify(*, at: datetime, progress: Callable[[AuditSegment], None] = lambda segment: None) -> Iterator[Finding]:
    """Walk the chain from its beginning: what is broken by now (`at`), the first in the chain first.

    A segment whose head does not follow from the one before is named once; the walk goes on with the head it has.
    """
    previous = None
    for segment in AuditSegment.objects.order_by("number").iterator():
        yield from _check_place(segment, previous)
        yield from _check_dropped(segment, previous, at) if segment.dropped_at else _check_rows(segment, previous)
        progress(segment)
        previous = segment
    slipped_in = AuditEntry.objects.filter(seal=None, pk__lte=_floor(previous)).order_by("pk")
    for pk in slipped_in.values_list("pk", flat=True).iterator():
        yield Finding(f"row {pk}", "slipped in beside rows that had been sealed")
    waits = _backlog(unsealed(previous))
    if waits.is_late(at):
        what = f"{waits.count} have no seal, the oldest of {waits.oldest_at:%F %T}: the sealing stands still"
        yield Finding("rows not sealed yet", what)


def _check_place(segment: AuditSegment, previous: AuditSegment | None) -> Iterator[Finding]:
    number, total, head = (previous.number, previous.total, previous.head) if previous else (0, 0, "")
    if segment.number != number + 1:
        yield Finding(f"segment {number + 1}", "missing")
    elif segment.total != total + segment.count or segment.head != head_of(segment, head):
        yield Finding(f"segment {segment.number}", "its head does not follow from the one before")


def _check_dropped(segment: AuditSegment, previous: AuditSegment | None, at: datetime) -> Iterator[Finding]:
    """The mark alone says that rows may be gone, and who owns the tables can set it: hence the seal, and the rest."""
    where = f"segment {segment.number}"
    if segment.dropped_at > at or segment.newest_at > segment.dropped_at - LEAST_KEPT:
        yield Finding(where, "dropped too early")
    elif previous and previous.dropped_at is None:
        yield Finding(where, "dropped before the one that precedes it")
    elif segment.dropped_seal is None or bytes(segment.dropped_seal) != drop_seal_of(segment):
        yield Finding(where, "marked as dropped by somebody without the key")


def _check_rows(segment: AuditSegment, previous: AuditSegment | None) -> Iterator[Finding]:
    seals = dict(segment.seals.order_by("entry_id").values_list("entry_id", "digest"))
    rows = {row[0]: row for row in AuditEntry.objects.filter(seal__segment=segment).values_list(*CONTENT)}
    for pk, digest in seals.items():
        row = rows.get(pk)
        if row is None:
            yield Finding(f"row {pk}", "removed")
        elif digest_of(row) != bytes(digest):
            yield Finding(f"row {pk}", "changed")
        elif previous and row[1] < previous.sealed_at - NOTEWORTHY:
            yield Finding(f"row {pk}", f"older than its segment, which was sealed {segment.sealed_at:%F %T}", False)
    if root_of([bytes(digest) for digest in seals.values()]) != segment.root:
        yield Finding(f"segment {segment.number}", f"its {segment.count} seals are not those it was made of")


def heads_of_days(*, at: datetime, days: int) -> list[AuditSegment]:
    """The last segment of each day on which something was sealed, newest first, of that many days up to `at`."""
    newest = (
        AuditSegment.objects.filter(sealed_at__gt=at - timedelta(days=days), sealed_at__lte=at)
        .annotate(day=TruncDate("sealed_at"))
        .order_by()
        .values("day")
        .annotate(number_of_last=Max("number"))
        .values("number_of_last")
    )
    segments = list(AuditSegment.objects.filter(pk__in=newest).order_by("-number"))
    return segments or list(AuditSegment.objects.order_by("-number")[:1])


def drop(*, before: datetime, at: datetime, most: int = 100) -> int:
    """Delete the rows of the oldest segments, whole ones alone, whose rows are all older than `before`.

    How many segments lost their rows, `most` at a time. The database refuses what is younger than LEAST_KEPT.
    """
    old = AuditSegment.objects.filter(dropped_at=None).order_by("number")[:most]
    dropped = 0
    for segment in old:
        if segment.newest_at >= min(before, at - LEAST_KEPT):
            break
        with transaction.atomic():
            segment.dropped_at = at
            segment.dropped_seal = drop_seal_of(segment)
            segment.save(update_fields=["dropped_at", "dropped_seal"])
            AuditEntry.objects.filter(seal__segment=segment).delete()
            segment.seals.all().delete()
        dropped += 1
    return dropped
