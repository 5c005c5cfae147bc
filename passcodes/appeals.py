"""申诉: appealing against what coloured somebody, answering it, once more to another office.

The clock needs no job: `colour.assess` sees an appeal that nobody answered in time by itself.
"""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Account, IdentifierKind
from accounts.officers import office_of
from declarations import actions as declarations
from declarations.models import Person, Proxy
from passcodes.actions import reason_as_json
from passcodes.appeal_models import ANSWERED_WITHIN, Appeal, AppealDocument, AppealState
from passcodes.colour import Reason
from passcodes.risk_models import RiskArea, RiskBatch, RiskRecord


class AlreadyAppealed(Exception):
    """Somebody has appealed against this for the person. `appeal` is that one."""

    def __init__(self, appeal: Appeal):
        super().__init__(appeal.receipt)
        self.appeal = appeal


class NotWaiting(Exception):
    """It has been answered or withdrawn."""


class NoSecond(Exception):
    """There is nothing to appeal against once more: it was not refused, or it was the second."""


class OwnAppeal(Exception):
    """The officer would decide for themselves, or for somebody they act for."""


class NotTheirs(Exception):
    """The officer's office coloured, or has refused before, or they have no office."""


def of_person(person_id: int) -> QuerySet[Appeal]:
    """The person's appeals, the latest first."""
    return Appeal.objects.filter(person=person_id).select_related("decided_office").order_by("-pk")


def standing(person_id: int, fact: str) -> Appeal | None:
    """The latest appeal against the fact that was not withdrawn."""
    return of_person(person_id).filter(fact=fact).exclude(state=AppealState.WITHDRAWN).first()


def file(
    *, person: Person, reason: Reason, claim: str, text: str, documents: Iterable[bytes], by: Account, at: datetime
) -> Appeal:
    """An appeal against a reason that the person's colour has (with a `fact`). Raises AlreadyAppealed."""
    try:
        with transaction.atomic():
            appeal = Appeal.objects.create(
                person=person,
                account=by,
                fact=reason.fact,
                disputed=reason_as_json(reason),
                office=reason.office,
                claim=claim,
                text=text,
                created_at=at,
                due_at=at + ANSWERED_WITHIN,
            )
            _keep(appeal, documents)
            _record("file", appeal, by, at)
    except IntegrityError as error:
        raise AlreadyAppealed(standing(person.pk, reason.fact)) from error
    return appeal


def may_escalate(appeal: Appeal) -> bool:
    """Whether another office can be asked: it was refused, and it was the first."""
    return (
        appeal.state == AppealState.REFUSED
        and appeal.escalation_of_id is None
        and not Appeal.objects.filter(escalation_of=appeal).exists()
    )


def escalate(*, appeal: Appeal, text: str, documents: Iterable[bytes], by: Account, at: datetime) -> Appeal:
    """A refused appeal to another office, with its photos and 24 hours of its own. Raises NoSecond."""
    if not may_escalate(appeal):
        raise NoSecond
    try:
        with transaction.atomic():
            second = Appeal.objects.create(
                person_id=appeal.person_id,
                account=by,
                fact=appeal.fact,
                disputed=appeal.disputed,
                office=appeal.office,
                claim=appeal.claim,
                text=text,
                created_at=at,
                due_at=at + ANSWERED_WITHIN,
                escalation_of=appeal,
            )
            appeal.documents.update(decided_at=None)
            _keep(second, documents)
            _record("escalate", second, by, at)
    except IntegrityError as error:
        raise NoSecond from error
    return second


@transaction.atomic
def withdraw(*, appeal: Appeal, by: Account, at: datetime) -> None:
    """Nobody answers it any more; its photos are gone. Raises NotWaiting."""
    current = _waiting(appeal)
    current.state = AppealState.WITHDRAWN
    current.save(update_fields=["state"])
    current.documents.all().delete()
    AppealDocument.objects.filter(appeal=current.escalation_of_id).update(decided_at=at)
    _record("withdraw", current, by, at)


@transaction.atomic
def decide(*, appeal: Appeal, granted: bool, answer: str, by: Account, at: datetime) -> None:
    """The answer of an officer of another office; the colour follows at once, and who asked is told.

    Raises NotWaiting, OwnAppeal and NotTheirs.
    """
    current = _waiting(appeal)
    check_officer(by, current)
    current.state = AppealState.GRANTED if granted else AppealState.REFUSED
    current.decided_at, current.decided_by, current.decided_office, current.answer = at, by, office_of(by), answer
    current.save(update_fields=["state", "decided_at", "decided_by", "decided_office", "answer"])
    pictures = AppealDocument.objects.filter(appeal__in=[current.pk, current.escalation_of_id or current.pk])
    pictures.update(decided_at=at)
    _record("grant" if granted else "refuse", current, by, at, office=current.decided_office_id)
    _tell(current)


def check_officer(officer: Account, appeal: Appeal) -> None:
    """Raise OwnAppeal or NotTheirs unless the officer is an impartial judge of it."""
    person = appeal.person
    if (
        officer.pk in (appeal.account_id, person.holder_id)
        or Person.objects.held_by(officer).filter(document_hash=person.document_hash).exists()
        or Proxy.objects.current().of_account(officer).concerning(person).exists()
    ):
        raise OwnAppeal
    office, batch = office_of(officer), _batch_of(appeal.fact)
    if office is None or _plain(office.name) in _colouring_names(appeal, batch):
        raise NotTheirs
    earlier = appeal.escalation_of
    if earlier and (earlier.decided_office_id == office.pk or earlier.decided_by_id == officer.pk):
        raise NotTheirs
    if batch and (officer in _hands(batch) or office.pk in _offices_of(batch)):
        raise NotTheirs


def _hands(batch: RiskBatch) -> list[Account]:
    return [account for account in (batch.created_by, batch.released_by) if account]


def _offices_of(batch: RiskBatch) -> set[int]:
    """Those that put it in force, the second one too, and those that its officers work for now."""
    agreed = batch.approvals.filter(approved_at__isnull=False).values_list("proposer_office", "approver_office")
    works_for = {found.pk for account in _hands(batch) if (found := office_of(account))}
    return {batch.released_office_id, *works_for, *(office for pair in agreed for office in pair)}


def _colouring_names(appeal: Appeal, batch: RiskBatch | None) -> set[str]:
    return {_plain(name) for name in (appeal.office, batch.source.office if batch else "") if name}


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def _batch_of(fact: str) -> RiskBatch | None:
    """The batch that a disputed record or area came in; None for what was declared."""
    kind, _colon, rest = fact.partition(":")
    model = {"risk": RiskRecord, "area": RiskArea}.get(kind)
    if model is None:
        return None
    rows = model.objects.select_related("batch__source", "batch__created_by", "batch__released_by")
    row = rows.filter(pk=rest.partition(":")[0]).first()
    return row and row.batch


def without_use(rows: QuerySet[Appeal], at: datetime) -> QuerySet[Appeal]:
    """Of old appeals those that go: not what a second one rests on, and not a granted one whose fact is still there."""
    granted = rows.filter(state=AppealState.GRANTED).values_list("fact", flat=True).distinct()
    return rows.filter(escalation=None).exclude(fact__in=[fact for fact in granted if _batch_of(fact)])


def _waiting(appeal: Appeal) -> Appeal:
    rows = Appeal.objects.select_for_update(of=("self",)).select_related("person", "account", "escalation_of")
    current = rows.get(pk=appeal.pk)
    if current.state != AppealState.WAITING:
        raise NotWaiting
    return current


def _keep(appeal: Appeal, documents: Iterable[bytes]) -> None:
    AppealDocument.objects.bulk_create(
        AppealDocument(appeal=appeal, number=number, data=data) for number, data in enumerate(documents, start=1)
    )


def _record(verb: str, appeal: Appeal, by: Account, at: datetime, **detail) -> None:
    audit.record(
        by=by, action=f"{verb}-appeal", subject=f"person:{appeal.person_id}", at=at, appeal=appeal.pk, **detail
    )


def _tell(appeal: Appeal) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "Liaoning Health Pass: your appeal %(receipt)s has been answered. Open your code to read the answer."
        ) % {"receipt": appeal.receipt}
    for phone in appeal.account.identifiers.filter(kind=IdentifierKind.PHONE):
        declarations.tell(phone.value, text, appeal.decided_at)
