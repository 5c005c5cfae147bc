"""Two offices agree: one officer proposes with a legal basis, one of another office approves. Then it counts."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts import audit, officers
from accounts.models import Account, Office
from accounts.officers import NotAnOfficer
from passcodes import risk
from passcodes.appeal_models import Appeal, AppealState
from passcodes.approval_models import Approval
from passcodes.colour import RiskCategory
from passcodes.legal import LegalBasis
from passcodes.models import RiskArea, RiskBatch, RiskRecord
from passcodes.risk_models import BatchState
from passcodes.risk_rows import MANAGED_FOR

__all__ = ["NotAnOfficer"]


class NoBasis(Exception):
    """The legal basis is none of the list."""


class NotYours(Exception):
    """Somebody of another office than the one that proposed it has to agree."""


class NotProposed(Exception):
    """Nobody has proposed it, or it was decided before."""


@transaction.atomic
def propose(*, batch: RiskBatch, basis: str, reason: str = "", by: Account, at: datetime) -> Approval:
    """Ask another office to put a draft in force. Raises NoBasis, NotAnOfficer, NotProposed."""
    if basis not in LegalBasis.values:
        raise NoBasis
    office = officers.office_deciding(by)
    if RiskBatch.objects.select_for_update().get(pk=batch.pk).state != BatchState.DRAFT:
        raise NotProposed
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                batch=batch, basis=basis, reason=reason, proposed_by=by, proposer_office=office, proposed_at=at
            )
    except IntegrityError as error:
        raise NotProposed from error
    _record("propose", approval, by, at, basis=basis, office=office.pk)
    return approval


@transaction.atomic
def enter(*, row: RiskRecord | RiskArea, basis: str, reason: str = "", by: Account, at: datetime) -> Approval:
    """Save one row that an officer has typed, and ask another office for it. Raises NoBasis, NotAnOfficer."""
    risk.enter(row=row, by=by, at=at)
    return propose(batch=row.batch, basis=basis, reason=reason, by=by, at=at)


def may_approve(approval: Approval, account: Account) -> bool:
    """Whether `approve` would take it from this account now."""
    office = officers.office_of(account)
    return bool(office) and Approval.objects.waiting_for(account, office).filter(pk=approval.pk).exists()


@transaction.atomic
def approve(*, batch: RiskBatch, by: Account, at: datetime) -> Approval:
    """The batch counts. Raises NotAnOfficer; NotYours for who proposed it or is of the same office; NotProposed."""
    office = officers.office_deciding(by)
    approval = Approval.objects.waiting().select_for_update().filter(batch=batch).first()
    if approval is None:
        raise NotProposed
    if approval.proposed_by_id == by.pk or approval.proposer_office_id == office.pk:
        raise NotYours
    # Conditional: where rows are not locked, of two at once one is too late.
    values = {"approved_by": by, "approver_office": office, "approved_at": at}
    if not Approval.objects.waiting().filter(pk=approval.pk).update(**values):
        raise NotProposed
    for name, value in values.items():
        setattr(approval, name, value)
    _record("approve", approval, by, at, basis=approval.basis, office=office.pk)
    try:
        risk.release(batch=batch, by=by, at=at)
    except risk.NotWaiting as error:
        raise NotProposed from error
    return approval


@transaction.atomic
def refuse(*, batch: RiskBatch, by: Account, at: datetime) -> None:
    """The batch never counts; one officer is enough. Raises risk.NotWaiting."""
    waiting = Approval.objects.waiting().filter(batch=batch)
    approval = waiting.first()
    if approval and waiting.update(refused_by=by, refused_at=at):
        _record("refuse", approval, by, at)
    risk.refuse(batch=batch, by=by, at=at)


def may_renew(batch: RiskBatch, account: Account) -> bool:
    """Whether `renew` would take it from this account now."""
    office = officers.office_of(account)
    is_open = batch.has_managed and batch.state == BatchState.VISIBLE and not hasattr(batch, "renewal")
    return bool(is_open and office) and not _is_own(batch, account, office)


@transaction.atomic
def renew(*, batch: RiskBatch, by: Account, at: datetime) -> RiskBatch:
    """Another 72 hours for the "other managed" people of a batch whose measure still runs: a batch of its own.

    Once for each batch, by another office than the one whose colour it is. Raises NotAnOfficer, NotYours, NotProposed.
    """
    office = officers.office_deciding(by)
    batch = RiskBatch.objects.select_for_update().get(pk=batch.pk)
    if _is_own(batch, by, office):
        raise NotYours
    running = batch.records.filter(category=RiskCategory.MANAGED, ends_at__gt=at)
    if batch.state != BatchState.VISIBLE or RiskBatch.objects.filter(renews=batch).exists() or not running.exists():
        raise NotProposed
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
    freed = _freed(running)
    for record in running.iterator(chunk_size=2_000):
        if (record.document_hash, f"risk:{record.pk}") in freed:
            continue
        record.pk, record.batch, record.starts_at = None, renewal, record.ends_at
        record.ends_at += MANAGED_FOR
        record.save(force_insert=True)
        renewal.applied += 1
    renewal.rows = renewal.applied
    renewal.save(update_fields=["applied", "rows"])
    subject = f"riskbatch:{renewal.pk}"
    audit.record(by=by, action="renew-riskbatch", subject=subject, at=at, renews=batch.pk, office=office.pk)
    risk.release(batch=renewal, by=by, at=at)
    return renewal


def _freed(records: QuerySet) -> set[tuple[str, str]]:
    """Who of these records' people has been told by another office that the record does not count, and of which."""
    granted = Appeal.objects.filter(state=AppealState.GRANTED, fact__startswith="risk:")
    found = granted.filter(person__document_hash__in=records.values("document_hash"))
    return set(found.values_list("person__document_hash", "fact"))


def _is_own(batch: RiskBatch, account: Account, office: Office) -> bool:
    """Whether the colour is this account's or office's own: who proposed or last renewed it, or sends the list."""
    if account.pk == batch.created_by_id or batch.source.office == office.name:
        return True
    if batch.renews_id:
        return batch.released_office_id == office.pk
    return batch.approvals.filter(Q(proposed_by=account) | Q(proposer_office=office)).exists()


def _record(verb: str, approval: Approval, by: Account, at: datetime, **detail) -> None:
    subject = f"approval:{approval.pk}"
    audit.record(by=by, action=f"{verb}-approval", subject=subject, at=at, batch=approval.batch_id, **detail)
