"""Carries `retention.toml` out: what is older than its line says goes, in batches, and what went is written down."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.apps import apps
from django.db.models import DateField, DateTimeField, Exists, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import audit, sealing
from accounts.models import AuditEntry
from declarations.models import Declaration, Proxy
from healthpass.lib import retention
from healthpass.lib.retention import Line
from institutions.models import Membership
from passcodes import places, rules
from passcodes.appeals import without_use
from passcodes.models import ColourChange, GateReading
from scanning import partitions

log = logging.getLogger(__name__)

BATCH = 500  # rows in one statement, so that no lock is held for long
BATCHES = 20  # of each line at a time, so that other tasks get their turn

# What colours are worked out from: never deleted within the days of any rule, whatever the file says.
COLOUR_FACTS = {
    "declarations.Declaration",
    "declarations.Person",
    "passcodes.GateReading",
    "passcodes.PlaceAnswer",
    "passcodes.RiskArea",
    "passcodes.RiskRecord",
}


def in_use(at: datetime) -> Q:
    """Of people: held by an account, or acted for by one."""
    acted_for = Proxy.objects.current().filter(person=OuterRef("pk"))
    return Q(holder__isnull=False) | Exists(acted_for)


def spare_people(rows: QuerySet, at: datetime) -> QuerySet:
    """People whom nobody holds, acts for, appointed, or whose colour could still be asked about."""
    colours = ColourChange.objects.filter(
        person=OuterRef("pk"), at__gte=at - retention.period("passcodes.ColourChange")
    )
    since = at - retention.period("declarations.Declaration")
    return (
        rows.exclude(in_use(at))
        .exclude(Exists(colours))
        .exclude(Exists(Declaration.objects.filter(person=OuterRef("pk"), made_at__gte=since)))
        .exclude(Exists(GateReading.objects.filter(person=OuterRef("pk"), taken_at__gte=since)))
        .exclude(Exists(Membership.objects.filter(person=OuterRef("pk"))))
    )


def superseded(rows: QuerySet, at: datetime) -> QuerySet:
    """Declarations that a later one has replaced, or of people who have no code any more."""
    later = Declaration.objects.filter(person=OuterRef("person"), made_at__gt=OuterRef("made_at"))
    acted_for = Proxy.objects.current().filter(person=OuterRef("person"))
    nobodys = Q(person__holder=None) & ~Exists(acted_for)
    return rows.filter(Exists(later) | nobodys)


# What age alone does not decide. Given the rows that are old enough.
NARROWED: dict[str, Callable[[QuerySet, datetime], QuerySet]] = {
    "declarations.Person": spare_people,
    "declarations.Declaration": superseded,
    "passcodes.Appeal": without_use,
    "passcodes.PlaceAnswer": places.without_use,
    "passcodes.RiskArea": places.unanswered,
}


def run(at: datetime) -> bool:
    """Delete what is old enough; whether some is left for another time. An audit row and a log line say what went."""
    gone, unfinished = {}, False
    for line in retention.lines():
        if line.days is None:
            continue
        count, more = _carry_out(line, at)
        unfinished |= more
        if count:
            gone[line.model] = gone.get(line.model, 0) + count
    audit.record(by=None, action="run-retention", subject="retention", at=at, gone=gone, unfinished=unfinished)
    log.info(
        "retention: %s", ", ".join(f"{model} {count}" for model, count in gone.items()) or "nothing was old enough"
    )
    return unfinished


def limit(line: Line, at: datetime) -> datetime:
    """The moment before which rows of the line are old enough."""
    kept = timedelta(days=line.days)
    return at - (max(kept, rules_reach()) if line.model in COLOUR_FACTS else kept)


def rules_reach() -> timedelta:
    """How far back a rule may look, of the default ones and of all that were released."""
    return max(timedelta(days=rule.days + 1, hours=rule.hours) for rule in rules.ever_released())


def _carry_out(line: Line, at: datetime) -> tuple[int, bool]:
    """How many rows (or partitions, or segments of the audit) went, and whether there may be more."""
    before = limit(line, at)
    if line.model == AuditEntry._meta.label:
        dropped = sealing.drop(before=before, at=at, most=BATCHES)
        return dropped, dropped == BATCHES
    if line.model == partitions.MODEL:
        return partitions.drop(before=before, most=BATCH * BATCHES)
    rows = outdated(line, before, at)
    return _clear(rows, line) if line.clears else _delete(rows)


def outdated(line: Line, before: datetime, at: datetime) -> QuerySet:
    """The rows of a line that go."""
    model, old = apps.get_model(line.model), Q()
    for since in line.since:
        old |= Q(**{f"{since}__lt": timezone.localdate(before) if _is_day(model, since) else before})
    rows = model._base_manager.filter(old)
    narrow = NARROWED.get(line.model)
    return narrow(rows, at) if narrow else rows


def _is_day(model: type[Model], path: str) -> bool:
    """Whether a field, or one of a related row (`batch__withdrawn_at`), has no time."""
    *way, name = path.split("__")
    for step in way:
        model = model._meta.get_field(step).related_model
    field = model._meta.get_field(name)
    return isinstance(field, DateField) and not isinstance(field, DateTimeField)


def _delete(rows: QuerySet) -> tuple[int, bool]:
    """Found once, as that may read millions of rows; deleted in batches."""
    found = list(rows.order_by().values_list("pk", flat=True)[: BATCH * BATCHES])
    for first in range(0, len(found), BATCH):
        rows.filter(pk__in=found[first : first + BATCH]).delete()
    return len(found), len(found) == BATCH * BATCHES


def _clear(rows: QuerySet, line: Line) -> tuple[int, bool]:
    filled = Q()
    for name in line.fields:
        filled |= Q(**{f"{name}__isnull": False})
    batch = list(rows.filter(filled).order_by().values_list("pk", flat=True)[: BATCH * BATCHES])
    rows.filter(pk__in=batch).update(**dict.fromkeys(line.fields))
    return len(batch), len(batch) == BATCH * BATCHES
