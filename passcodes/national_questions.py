"""Whom the national platform is asked about, and what comes of its answers. `manage.py work` alone runs this."""

import io
import json
import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.worker import where
from declarations.models import Declaration, Person
from passcodes import national, notice_search, risk
from passcodes.colour import RiskCategory
from passcodes.models import NationalQuery, RiskBatch, RiskRecord, RiskSource
from passcodes.national import Answer, Record, Unreachable, Unusable
from passcodes.risk_models import NATIONAL, BatchState, BatchWay
from passcodes.risk_rows import RefusedFile, lapse_of

log = logging.getLogger(__name__)

DEFAULTS = {"name": "国家平台", "office": "国家平台", "office_phone": "12320"}  # of records that name no office
COLLECTED = 1_000  # declarations at once
OVERLAP = timedelta(minutes=10)  # longer than any transaction that writes a declaration
LOOKED_AT = 200  # questions, to find those that may be asked
UNPROVEN_LEAST, UNPROVEN_MOST = timedelta(seconds=3), timedelta(hours=1)
AT_ONCE = 8  # questions: asking waits for the network
ROUND = 20.0  # seconds, after which other tasks have their turn
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60))  # the last one again and again
# Of one who cannot be answered, so that a few such people take nobody's turn.
UNUSABLE_BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
STANDING = (BatchState.VISIBLE, BatchState.DRAFT)

breaker = national.Breaker()


def ask_due(at: datetime) -> bool:
    """Ask about everybody whose turn it is; whether there is more to do at once."""
    if not settings.NATIONAL_URL:
        return False
    source, _ = RiskSource.objects.get_or_create(slug=NATIONAL, defaults={**DEFAULTS, "agreed_at": at})
    if source.agreed_at is None:  # two offices have ended it: nobody is asked about, and whoever waits stays neutral
        return False
    more = collect(at) == COLLECTED
    end = time.monotonic() + ROUND
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while time.monotonic() < end:
            due = list(_due(timezone.now())[:LOOKED_AT])
            unproven = [query for query in due if not query.declaration.person.is_real_name]
            _put_off(unproven, timezone.now())
            asked = _ask_some([query for query in due if query.declaration.person.is_real_name], source, pool, end)
            if not (asked or unproven):
                return more and breaker.open_until is None
    return True


def _due(at: datetime) -> QuerySet[NationalQuery]:
    """Whose turn it is; while the platform is left alone, first who has been tried least: not they are the cause."""
    due = NationalQuery.objects.due(at)
    return due if breaker.open_until is None else due.order_by("tries", "due_at", "pk")


def collect(at: datetime) -> int:
    """Have a question for each declaration that counts and has none; for how many there was none.

    Declarations are read from the last one on that has long had its question: a number may be given out and written
    some time later. A person's earlier question is moot with the next declaration.
    """
    before = NationalQuery.objects.filter(created_at__lte=at - OVERLAP).order_by("-pk").values_list("pk", flat=True)
    later = Declaration.objects.filter(person=OuterRef("person"), made_at__gt=OuterRef("made_at"))
    new = Declaration.objects.filter(~Exists(later), pk__gt=before.first() or 0, national_query=None)
    found = list(new.order_by("pk").values_list("pk", "person")[:COLLECTED])
    with transaction.atomic():
        NationalQuery.objects.open().filter(declaration__person__in=[person for _, person in found]).delete()
        NationalQuery.objects.bulk_create(
            [NationalQuery(declaration_id=pk, created_at=at, due_at=at) for pk, _ in found], ignore_conflicts=True
        )
    return len(found)


def _put_off(queries: list[NationalQuery], at: datetime) -> None:
    """Of a merely declared person nothing is asked. Look again, ever less often: who proves the identity late is seen
    at the next display of the code (`hurry`).
    """
    for query in queries:
        query.due_at = at + min(max((at - query.created_at) / 4, UNPROVEN_LEAST), UNPROVEN_MOST)
    NationalQuery.objects.bulk_update(queries, ["due_at"])


def _ask_some(queries: list[NationalQuery], source: RiskSource, pool: ThreadPoolExecutor, end: float) -> int:
    """Ask as many as the breaker and the time allow; how many."""
    asked = 0
    while time.monotonic() < end and (some := queries[asked:][: breaker.allows(AT_ONCE, timezone.now())]):
        _ask(source, some, pool, timezone.now())
        asked += len(some)
    return asked


def _ask(source: RiskSource, queries: list[NationalQuery], pool: ThreadPoolExecutor, at: datetime) -> None:
    """Ask about these at once and write down each answer by itself. Only the asking is done in threads."""
    people = [query.declaration.person for query in queries]
    asked = [pool.submit(national.ask, kind=p.document_kind, number=p.document_number, at=at) for p in people]
    answers = 0
    for query, person, future in zip(queries, people, asked, strict=True):
        try:
            answered(query=query, person=person, answer=future.result(), source=source, asked_at=at)
        except (risk.Busy, risk.NotWaiting):
            _later(query, at)
        except Unusable as error:
            _later(query, at, UNUSABLE_BACK_OFF)
            log.error("The national platform's answer to question #%s cannot be used (%s).", query.pk, error)
            breaker.answered()
        except Unreachable as error:
            _later(query, at)
            if breaker.failed(timezone.now()):
                log.error("The national platform does not answer (%s): new declarations stay neutral.", error)
        except Exception as error:  # whatever is wrong with this one, the others have their turn
            log.error("question #%s failed (%s at %s)", query.pk, type(error).__name__, where(error))
            _later(query, at)
        else:
            answers += 1
            if breaker.answered():
                log.warning("The national platform answers again.")
    if answers:
        with transaction.atomic():
            risk.mark_fresh(source=RiskSource.objects.select_for_update(no_key=True).get(pk=source.pk), at=at)


def _later(query: NationalQuery, at: datetime, waits: tuple[timedelta, ...] = BACK_OFF) -> None:
    """Ask again after a while: one that is never answered must not hold up the others."""
    query.due_at = at + waits[min(query.tries, len(waits) - 1)]
    query.tries = min(query.tries + 1, 1_000)
    query.save(update_fields=["due_at", "tries"])


@transaction.atomic
def answered(*, query: NationalQuery, person: Person, answer: Answer, source: RiskSource, asked_at: datetime) -> None:
    """What is known of the person counts from now on, and nothing else of this source; their declarations are answered.

    Raises Busy, and Unusable where the answer cannot be taken whole; then all is as before.
    """
    now = timezone.now()
    covered = Q(pk=query.pk) | Q(declaration__person=person, declaration__made_at__lte=asked_at)
    if not NationalQuery.objects.open().filter(covered).update(answered_at=now):
        return  # another one was faster
    batches = _batches(person, source)
    refused = [batch for batch in batches if batch.withdrawn_by_id]
    standing = [batch for batch in batches if batch.state in STANDING]
    taken = _taken(person, answer, source, now)
    records = {record for record in taken if record.runs(now)}
    records -= _records(person, refused, now)
    # What another office has renewed stays while the platform names the person as managed, whatever its dates are.
    renewed = [batch for batch in standing if hasattr(batch, "renewal")]
    records -= _records(person, renewed, now)
    if not any(record.category == RiskCategory.MANAGED and record.runs(now) for record in answer.records):
        _end(renewed, person, now)
    # Those who are otherwise managed wait for two offices; the others do not wait with them.
    managed = {record for record in records if record.category == RiskCategory.MANAGED}
    for has_managed, some in ((False, records - managed), (True, managed)):
        before = [batch for batch in standing if batch.has_managed == has_managed and batch not in renewed]
        if some == _records(person, before, now):
            continue
        _end(before, person, now)
        if some:
            _load(person, some, source, now)


def _end(batches: list[RiskBatch], person: Person, at: datetime) -> None:
    """What stands of these by now ends, each with its renewals."""
    for pk in [batch.pk for batch in batches]:
        batch = RiskBatch.objects.select_for_update(no_key=True).get(pk=pk)
        if batch.state == BatchState.VISIBLE:
            risk.withdraw(batch=batch, by=None, at=at)
            notice_search.about_person(person_id=person.pk, cause=f"withdrawn:{pk}", at=at, due=at)
        elif batch.state == BatchState.DRAFT:
            risk.refuse(batch=batch, by=None, at=at)


def _load(person: Person, records: set[Record], source: RiskSource, at: datetime) -> None:
    lines = [json.dumps(_row(person, record), ensure_ascii=False) for record in records]
    try:
        batch = risk.load(
            source=source,
            name=secrets.token_hex(8),  # says nothing of whom it is about
            way=BatchWay.NATIONAL,
            file=io.BytesIO("\n".join(lines).encode()),
            by=None,
            at=at,
            at_once=True,
        )
    except RefusedFile as error:
        raise Unusable("not an answer") from error
    if batch.errors:
        raise Unusable("not an answer")
    if batch.state == BatchState.VISIBLE:
        notice_search.about_person(person_id=person.pk, cause=f"released:{batch.pk}", at=at, due=at)


def _row(person: Person, record: Record) -> dict[str, str]:
    return {
        "document_kind": person.document_kind,
        "document_number": person.document_number,
        "category": record.category,
        "starts_at": record.starts_at.isoformat(),
        "ends_at": record.ends_at.isoformat() if record.ends_at else "",
        "office": record.office,
        "office_phone": record.office_phone,
    }


def _taken(person: Person, answer: Answer, source: RiskSource, at: datetime) -> set[Record]:
    """What of the answer may count here: neither what an officer has ended, nor who is to be "otherwise managed" later;
    the next question tells of those.
    """
    records = {_as_taken(record, source, at) for record in answer.records}
    ended = _ended_by_hand(person, source) if records else set()
    return {
        record
        for record in records
        if _measure(record) not in ended and (record.category != RiskCategory.MANAGED or record.starts_at <= at)
    }


def _measure(row: Record | RiskRecord) -> tuple:
    """What makes two records the same measure, whenever it ends."""
    return row.category, row.starts_at, row.office, row.office_phone


def _ended_by_hand(person: Person, source: RiskSource) -> set[tuple]:
    """The measures that an officer has ended."""
    rows = RiskRecord.objects.filter(
        document_hash=person.document_hash,
        batch__source=source,
        batch__way=BatchWay.NATIONAL,
        ended_by__isnull=False,
    )
    return {_measure(row) for row in rows}


def _as_taken(record: Record, source: RiskSource, at: datetime) -> Record:
    """As the list's rows are taken: the source's office where none is named, and "other managed" for 72 hours."""
    is_managed = record.category == RiskCategory.MANAGED
    ends_at = lapse_of(record.starts_at, record.ends_at, listed_at=at) if is_managed else record.ends_at
    office, phone = record.office or source.office, record.office_phone or source.office_phone
    return Record(record.category, record.starts_at, ends_at, office, phone)


def _records(person: Person, batches: list[RiskBatch], at: datetime) -> set[Record]:
    """What these batches say of the person and has not ended by itself."""
    rows = RiskRecord.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at), batch__in=batches)
    columns = rows.filter(document_hash=person.document_hash).values_list(
        "category", "starts_at", "ends_at", "office", "office_phone"
    )
    return {Record(*values) for values in columns}


def _batches(person: Person, source: RiskSource) -> list[RiskBatch]:
    """Those that came of questions about this document: each is about one person. Lists of the source stay apart.

    They stand, or an officer has refused or withdrawn them: the same answer does not bring that back. What offices have
    renewed of them is not the platform's word, and ends with them.
    """
    about = RiskRecord.objects.filter(document_hash=person.document_hash).values("batch")
    found = RiskBatch.objects.filter(source=source, way=BatchWay.NATIONAL, renews=None, pk__in=about)
    decided = Q(state__in=STANDING) | Q(withdrawn_by__isnull=False)
    return list(found.filter(decided).select_related("renewal").order_by("pk"))
