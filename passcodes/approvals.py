"""Two offices agree: one officer proposes with a legal basis, one of another office approves. Then it counts."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import audit, officers
from accounts.models import Account, Office, Officer
from passcodes import appeals, risk, rules, second_office, sources
from passcodes.approval_models import Approval, Deed
from passcodes.colour import RiskCategory
from passcodes.legal import LegalBasis
from passcodes.models import RiskArea, RiskBatch, RiskRecord, RiskSource, RuleSet
from passcodes.risk_models import BatchState
from passcodes.risk_rows import MANAGED_FOR
from passcodes.rule_models import RuleSetState

RENEWED_WITHIN = timedelta(hours=24)  # before the lapse
UNDECIDED_AT_ONCE = 500


@dataclass(frozen=True)
class Step:
    """What two offices do: to what stands in `state` and passes `check`, by `act`, which says no with `too_late`.

    `noted`: of what is to change, what is kept until then.
    """

    model: type[RiskBatch | RuleSet | RiskSource]
    state: str | None
    act: Callable[..., None]
    too_late: type[Exception]
    check: Callable[[RiskBatch | RuleSet | RiskSource], None] = lambda thing: None
    noted: Callable[[RiskBatch | RuleSet | RiskSource, dict], dict] = lambda thing, changes: changes


STEPS = {
    ("batch", Deed.RELEASE): Step(RiskBatch, BatchState.DRAFT, risk.release, risk.NotWaiting),
    ("rule_set", Deed.RELEASE): Step(RuleSet, RuleSetState.DRAFT, rules.release, rules.NotDraft, rules.check),
    ("rule_set", Deed.WITHDRAW): Step(RuleSet, RuleSetState.RELEASED, rules.withdraw, rules.NotDraft),
    ("risk_source", Deed.RELEASE): Step(
        RiskSource, None, sources.agree, second_office.NeedsSecond, noted=sources.noted
    ),
    ("risk_source", Deed.WITHDRAW): Step(
        RiskSource, None, sources.end, second_office.NeedsSecond, sources.check_in_use
    ),
}


class NoBasis(Exception):
    """The legal basis is none of the list."""


class NotYours(Exception):
    """Somebody of another office than the one that proposed it has to agree."""


class NotProposed(Exception):
    """Nobody has proposed it, or it was decided before."""


class TooEarly(Exception):
    """Nothing of the batch lapses within the hours in which it may be renewed."""


@transaction.atomic
def propose(
    *,
    basis: str,
    reason: str = "",
    does: str = Deed.RELEASE,
    changes: dict | None = None,
    by: Account,
    at: datetime,
    **thing: RiskBatch | RuleSet | RiskSource,
) -> Approval:
    """Ask another office to put a draft in force, to withdraw or end; `thing`: `batch=`, `rule_set=` or `risk_source=`.

    `changes`: what a source is to become, see `sources.agree`. A set of rules cannot be edited while it waits. Raises
    NoBasis, NotAnOfficer, NotProposed, rules.Incomplete, sources.NotInUse.
    """
    if basis not in LegalBasis.values:
        raise NoBasis
    office = officers.office_deciding(by)
    [(field, proposed)] = thing.items()
    step = STEPS[field, does]
    locked = _lock(proposed)
    if step.state and locked.state != step.state:
        raise NotProposed
    step.check(locked)
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                **thing,
                does=does,
                changes=step.noted(locked, changes or {}),
                basis=basis,
                reason=reason,
                proposed_by=by,
                proposer_office=office,
                proposed_at=at,
            )
    except IntegrityError as error:
        raise NotProposed from error
    fields = {"fields": sorted(changes)} if changes else {}
    _record("propose", approval, by, at, basis=basis, office=office.pk, **fields)
    return approval


@transaction.atomic
def end_source(*, risk_source: RiskSource, by: Account, at: datetime) -> None:
    """Nothing more is taken from the source, and what was proposed for it is refused; one officer is enough.

    Raises second_office.NeedsSecond where it is not: then the end is proposed.
    """
    with suppress(NotProposed):
        refuse(risk_source=risk_source, by=by, at=at)
    sources.end(risk_source=risk_source, by=by, at=at)


@transaction.atomic
def enter(*, row: RiskRecord | RiskArea, basis: str, reason: str = "", by: Account, at: datetime) -> Approval:
    """Save one row that an officer has typed, and ask another office for it. Raises NoBasis, NotAnOfficer.

    The colour is the proposing office's: the row names that one, whatever it named.
    """
    office = officers.office_deciding(by)
    row.office, row.office_phone = office.name, office.phone
    risk.enter(row=row, by=by, at=at)
    return propose(batch=row.batch, basis=basis, reason=reason, by=by, at=at)


def may_approve(approval: Approval, account: Account) -> bool:
    """Whether `approve` would take it from this account now."""
    office = officers.office_of(account)
    return bool(office) and Approval.objects.waiting_for(account, office).filter(pk=approval.pk).exists()


def has_proposer(approval: Approval) -> bool:
    """Whether who proposed it decides for that office still: else nobody can agree to it, and it is to be refused."""
    role = Officer.objects.current().filter(account=approval.proposed_by_id, office=approval.proposer_office_id)
    return role.exists()


@transaction.atomic
def approve(
    *, by: Account, at: datetime, seen: int | None = None, **thing: RiskBatch | RuleSet | RiskSource
) -> Approval:
    """What was proposed is done. `thing`: `batch=`, `rule_set=` or `risk_source=`.

    `seen`: the approval that the officer has read, where the thing could have been refused, edited and proposed anew.

    Raises NotAnOfficer; NotYours for who proposed or made it, or is of an office that did, and where who proposed it
    decides no more; NotProposed; rules.Incomplete.
    """
    office = officers.office_deciding(by)
    [(field, proposed)] = thing.items()
    _lock(proposed)
    approval = Approval.objects.waiting().select_for_update(no_key=True).filter(**thing).first()
    if approval is None or seen not in (None, approval.pk):
        raise NotProposed
    if not Approval.objects.waiting_for(by, office).filter(pk=approval.pk).exists():
        raise NotYours
    # Conditional: where rows are not locked, of two at once one is too late.
    values = {"approved_by": by, "approver_office": office, "approved_at": at}
    if not Approval.objects.waiting().filter(pk=approval.pk).update(**values):
        raise NotProposed
    for name, value in values.items():
        setattr(approval, name, value)
    _record("approve", approval, by, at, basis=approval.basis, office=office.pk)
    step = STEPS[field, approval.does]
    try:
        step.act(**thing, by=by, at=at)
    except step.too_late as error:
        raise NotProposed from error
    return approval


@transaction.atomic
def refuse(*, by: Account | None, at: datetime, **thing: RiskBatch | RuleSet | RiskSource) -> None:
    """What waits is not done; one officer is enough, also of those who proposed it.

    `thing`: `batch=`, `rule_set=` or `risk_source=`. A batch never counts then, proposed or not. A set of rules and a
    source stand as before: a draft can be edited again. Raises risk.NotWaiting, NotProposed.
    """
    [proposed] = thing.values()
    _lock(proposed)
    waiting = Approval.objects.waiting().filter(**thing)
    approval = waiting.first()
    refused = approval and waiting.filter(pk=approval.pk).update(refused_by=by, refused_at=at)
    if refused:
        _record("refuse", approval, by, at)
    if "batch" in thing:
        risk.refuse(**thing, by=by, at=at)
    elif not refused:
        raise NotProposed


def refuse_undecided(at: datetime) -> bool:
    """Refuse the drafts that nobody has decided for too long, some at a time; whether there may be more.

    So that their rows go in time, which name people whom nobody wanted to colour. A proposal begins the time anew.
    """
    before = at - timedelta(days=settings.RISK_DRAFT_DAYS)
    asked = Approval.objects.waiting().filter(batch=OuterRef("pk"), proposed_at__gt=before)
    old = RiskBatch.objects.filter(state=BatchState.DRAFT, created_at__lte=before).exclude(Exists(asked))
    batches = list(old.order_by("pk")[:UNDECIDED_AT_ONCE])
    for batch in batches:
        with suppress(risk.NotWaiting):  # decided at this moment
            refuse(batch=batch, by=None, at=at)
    return len(batches) == UNDECIDED_AT_ONCE


def may_renew(batch: RiskBatch, account: Account, at: datetime) -> bool:
    """Whether `renew` would take it from this account then."""
    office = officers.office_of(account)
    is_open = batch.has_managed and batch.state == BatchState.VISIBLE and not hasattr(batch, "renewal")
    return bool(is_open and office) and not _is_own(batch, account, office) and _lapses_soon(_running(batch, at), at)


@transaction.atomic
def renew(*, batch: RiskBatch, by: Account, at: datetime) -> RiskBatch:
    """Another 72 hours for the "other managed" people of a batch whose measure still runs: a batch of its own.

    Once for each batch, from 24 hours before its first measure lapses on, so that nobody's colour ever reaches further
    than 96 hours from the last decision. By another office than the one whose colour it is: than the one that proposed
    the batch or sends the list or, of a renewal, than the one that renewed last. So two offices can go on for as long
    as the measure is needed, but each has to look again within three days of the other. Whom an appeal has freed is
    left out.

    Raises NotAnOfficer, NotYours, NotProposed, TooEarly.
    """
    office = officers.office_deciding(by)
    batch = _lock(batch)
    if _is_own(batch, by, office):
        raise NotYours
    running = _running(batch, at)
    if batch.state != BatchState.VISIBLE or RiskBatch.objects.filter(renews=batch).exists() or not running.exists():
        raise NotProposed
    if not _lapses_soon(running, at):
        raise TooEarly
    renewal = RiskBatch.objects.create(
        source=batch.source,
        name=secrets.token_hex(8),
        kind=batch.kind,
        way=batch.way,
        has_managed=True,
        renews=batch,
        created_by=by,
        created_at=at,
    )
    renewal.applied = 0
    freed = appeals.freed(running)
    reach = at + RENEWED_WITHIN  # what lapses later, as of a list with many beginnings, gains less
    for record in running.filter(ends_at__lt=reach + MANAGED_FOR).iterator(chunk_size=2_000):
        if record.pk in freed:
            continue
        record.begun_at = record.begun_at or record.starts_at
        record.pk, record.batch, record.starts_at = None, renewal, record.ends_at
        record.ends_at = min(record.ends_at, reach) + MANAGED_FOR
        record.save(force_insert=True)
        renewal.applied += 1
    renewal.rows = renewal.applied
    renewal.save(update_fields=["applied", "rows"])
    subject = f"riskbatch:{renewal.pk}"
    audit.record(by=by, action="renew-riskbatch", subject=subject, at=at, renews=batch.pk, office=office.pk)
    risk.release(batch=renewal, by=by, at=at)
    return renewal


def _lock(thing: RiskBatch | RuleSet | RiskSource) -> RiskBatch | RuleSet | RiskSource:
    """The row as it is now, nobody else's until the transaction ends.

    Everybody locks in one order, else two who decide at once could wait for each other: the officer's role, what is
    decided, its approval, the queue of releases (`risk.release`), the batch's source.
    """
    return type(thing).objects.select_for_update(no_key=True).get(pk=thing.pk)


def _running(batch: RiskBatch, at: datetime) -> QuerySet[RiskRecord]:
    """Its "other managed" people whose measure has not lapsed, and whom no officer has let go before it began."""
    return batch.records.filter(category=RiskCategory.MANAGED, ends_at__gt=at, ended_by=None)


def _lapses_soon(running: QuerySet[RiskRecord], at: datetime) -> bool:
    return running.filter(ends_at__lte=at + RENEWED_WITHIN).exists()


def _is_own(batch: RiskBatch, account: Account, office: Office) -> bool:
    """Whether the colour is this account's or office's own: who proposed or last renewed it, or sends the list."""
    if account.pk == batch.created_by_id or batch.source.deciding_office_id == office.pk:
        return True
    if batch.renews_id:
        return batch.released_office_id == office.pk
    return batch.approvals.filter(Q(proposed_by=account) | Q(proposer_office=office)).exists()


def _record(verb: str, approval: Approval, by: Account, at: datetime, **detail) -> None:
    subjects = {
        "batch": approval.batch_id,
        "rule_set": approval.rule_set_id,
        "risk_source": approval.risk_source_id,
    }
    about = {name: key for name, key in subjects.items() if key}
    does = {} if approval.does == Deed.RELEASE else {"does": approval.does}
    subject = f"approval:{approval.pk}"
    audit.record(by=by, action=f"{verb}-approval", subject=subject, at=at, **about, **does, **detail)
