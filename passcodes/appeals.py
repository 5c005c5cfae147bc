"""申诉: appealing against what coloured somebody, answering it, once more to another office.

The clock needs no job: `colour.assess` sees an appeal that nobody answered in time by itself.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import audit, officers
from accounts.models import Account, Office, Officer
from declarations.models import Person, Proxy
from passcodes import addresses, facts, notice_search, rules
from passcodes.actions import reason_as_json
from passcodes.appeal_models import ANSWERED_WITHIN, Appeal, AppealDocument, AppealState
from passcodes.approval_models import Approval
from passcodes.colour import Colour, Reason, assess, day_of
from passcodes.evidence import Exemption
from passcodes.reasons import address_key
from passcodes.risk_models import BatchWay, RiskArea, RiskBatch, RiskRecord

PEOPLE_AT_ONCE = 300


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


def standing(person_id: int, key: str) -> Appeal | None:
    """The latest appeal that was not withdrawn, against what this `reasons.address_key` names: also in another list."""
    found = of_person(person_id).exclude(state=AppealState.WITHDRAWN)
    return next((appeal for appeal in found if address_key(_disputed(appeal), person_id) == key), None)


def concerns(appeal: Appeal, reasons: Iterable[Reason]) -> bool:
    """Whether what it is about is among the reasons of the person's colour. If not, nothing waits for the answer."""
    exemption = _exemption(appeal)
    return any(exemption.covers(reason) for reason in reasons)


def counting(rows: Iterable[Appeal], at: datetime) -> set[int]:
    """Of appeals that wait the ids of those that concern their person's colour now. One statement for 300 people."""
    rows, found = list(rows), set()
    for first in range(0, len(rows), PEOPLE_AT_ONCE):
        some = rows[first : first + PEOPLE_AT_ONCE]
        people = facts.for_people(person_ids={appeal.person_id for appeal in some}, at=at)
        for appeal in some:
            row = people[appeal.person_id]
            reasons = assess(facts.facts_of(row), rules.in_force(row["rules"]), at).reasons
            if concerns(appeal, reasons):
                found.add(appeal.pk)
    return found


def freed(records: QuerySet[RiskRecord]) -> set[int]:
    """Of risk records the ids of those that do not count for their person, as an appeal was granted."""
    granted = Appeal.objects.filter(state=AppealState.GRANTED, fact__startswith="risk:")
    granted = granted.filter(person__document_hash__in=records.values("document_hash")).select_related("person")
    said: dict[str, list[Exemption]] = defaultdict(list)
    for appeal in granted:
        said[appeal.person.document_hash].append(_exemption(appeal))
    concerned = records.filter(document_hash__in=list(said)).select_related("batch")
    return {
        record.pk
        for record in concerned
        if any(exemption.covers(_as_reason(record)) for exemption in said[record.document_hash])
    }


def file(
    *, person: Person, reason: Reason, claim: str, text: str, documents: Iterable[bytes], by: Account, at: datetime
) -> Appeal:
    """An appeal against a reason that the person's colour has (with a `fact`). Raises AlreadyAppealed."""
    try:
        with transaction.atomic():
            # Of two against copies of a record one is later.
            Person.objects.select_for_update(no_key=True).get(pk=person.pk)
            if earlier := standing(person.pk, address_key(reason, person.pk)):
                raise AlreadyAppealed(earlier)
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
        raise AlreadyAppealed(standing(person.pk, address_key(reason, person.pk))) from error
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
    # Where it was overdue the colour is again what it was: others who may show the code do not know.
    notice_search.about_person(person_id=current.person_id, cause=f"appeal:{current.pk}", at=at, due=at)


@transaction.atomic
def decide(*, appeal: Appeal, granted: bool, answer: str, by: Account, at: datetime) -> None:
    """The answer of an officer of another office; the colour follows at once, and who asked is told.

    Raises NotWaiting, OwnAppeal and NotTheirs.
    """
    current = _waiting(appeal)
    try:
        office = officers.office_deciding(by)
    except officers.NotAnOfficer as error:
        raise NotTheirs from error
    _check(by, office, current)
    current.state = AppealState.GRANTED if granted else AppealState.REFUSED
    current.decided_at, current.decided_by, current.decided_office, current.answer = at, by, office, answer
    current.save(update_fields=["state", "decided_at", "decided_by", "decided_office", "answer"])
    pictures = AppealDocument.objects.filter(appeal__in=[current.pk, current.escalation_of_id or current.pk])
    pictures.update(decided_at=at)
    _record("grant" if granted else "refuse", current, by, at, office=current.decided_office_id)
    _tell(current)


def check_officer(officer: Account, appeal: Appeal) -> None:
    """Raise OwnAppeal or NotTheirs unless the officer is an impartial judge of it."""
    _check(officer, officers.office_of(officer), appeal)


def _check(officer: Account, office: Office | None, appeal: Appeal) -> None:
    person = appeal.person
    if (
        officer.pk in (appeal.account_id, person.holder_id)
        or Person.objects.held_by(officer).filter(document_hash=person.document_hash).exists()
        or Proxy.objects.current().of_account(officer).concerning(person).exists()
    ):
        raise OwnAppeal
    batches = _batches_of(appeal)
    if office is None or office.pk in _offices_of(batches) or _plain(office.name) in _names_of(appeal, batches):
        raise NotTheirs
    earlier = appeal.escalation_of
    if earlier and (earlier.decided_office_id == office.pk or earlier.decided_by_id == officer.pk):
        raise NotTheirs
    if officer.pk in _hands(batches):
        raise NotTheirs


def _batches_of(appeal: Appeal) -> list[RiskBatch]:
    """Those that brought the disputed record or area or a copy of it, and those that they renew. None if declared."""
    reason = _disputed(appeal)
    kind, _colon, value = reason.code.partition("-")
    if kind == "risk":
        rows = RiskRecord.objects.filter(document_hash=appeal.person.document_hash, category=value)
        rows = rows.select_related("batch")
        ids = {row.batch_id for row in rows if concerns(appeal, [_as_reason(row)])}
    else:
        ids = set(_areas_like(reason).values_list("batch", flat=True))
    found: dict[int, RiskBatch] = {}
    while ids:
        batches = RiskBatch.objects.filter(pk__in=ids).select_related("source")
        found |= {batch.pk: batch for batch in batches}
        ids = {batch.renews_id for batch in batches if batch.renews_id} - set(found)
    return list(found.values())


def _hands(batches: Iterable[RiskBatch]) -> set[int]:
    """The accounts that made or released them."""
    return {pk for batch in batches for pk in (batch.created_by_id, batch.released_by_id) if pk}


def _offices_of(batches: list[RiskBatch]) -> set[int]:
    """Those that send them or put them in force, the second ones too, and those that their officers work for now."""
    agreed = Approval.objects.filter(batch__in=batches, approved_at__isnull=False)
    pairs = agreed.values_list("proposer_office", "approver_office")
    work_for = Officer.objects.current().filter(account__in=_hands(batches)).values_list("office", flat=True)
    own = {pk for batch in batches for pk in (batch.released_office_id, batch.source.deciding_office_id) if pk}
    return own | {pk for pair in pairs for pk in pair} | set(work_for)


def _names_of(appeal: Appeal, batches: Iterable[RiskBatch]) -> set[str]:
    """What the lists call their offices, which need not be one that has officers."""
    copies = _areas_like(_disputed(appeal)).values_list("office", flat=True)
    names = (appeal.office, *(batch.source.office for batch in batches), *copies)
    return {_plain(name) for name in names if name}


def _areas_like(reason: Reason) -> QuerySet[RiskArea]:
    """The area of a reason and its copies in other lists; none if the reason is no area."""
    kind, _colon, level = reason.code.partition("-")
    if kind != "area":
        return RiskArea.objects.none()
    rows = RiskArea.objects.filter(division=reason.division, place=reason.place, level=level)
    return rows.filter(starts_on=day_of(reason.since))


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def _disputed(appeal: Appeal) -> Reason:
    return facts.disputed_reason(appeal.fact, appeal.disputed)


def _exemption(appeal: Appeal) -> Exemption:
    columns = appeal.fact, appeal.state, appeal.decided_at, appeal.due_at, appeal.disputed, appeal.claim
    return facts.exemption_of(*columns)


def _as_reason(record: RiskRecord) -> Reason:
    """A risk record as `colour.assess` names it, as far as its likeness goes."""
    batch = record.batch
    return Reason(
        f"risk-{record.category}",
        Colour.NEUTRAL,
        since=record.begun_at or record.starts_at,
        office=record.office,
        fact=f"risk:{record.pk}",
        source=None if batch.way == BatchWay.MANUAL else batch.source_id,
    )


def without_use(rows: QuerySet[Appeal], at: datetime) -> QuerySet[Appeal]:
    """Of old appeals those that go: not what a second one rests on, and not a granted one that may still count.

    It may as long as the person is listed at all, in whatever list, or the area is there.
    """
    granted = rows.filter(state=AppealState.GRANTED)
    named = dict(granted.filter(fact__startswith="area:").values_list("pk", "fact"))
    areas = {pk: int(fact.split(":")[1]) for pk, fact in named.items()}
    there = set(RiskArea.objects.filter(pk__in=set(areas.values())).values_list("pk", flat=True))
    listed = Exists(RiskRecord.objects.filter(document_hash=OuterRef("person__document_hash")))
    in_use = Q(pk__in=[pk for pk, area in areas.items() if area in there])
    in_use |= Q(listed, state=AppealState.GRANTED, fact__startswith="risk:")
    return rows.filter(escalation=None).exclude(in_use)


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
    """When the transaction stands; that it cannot be sent undoes nothing. The answer itself is read beside the code."""
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("Your appeal has been answered")
        text = _(
            "Liaoning Health Pass: your appeal %(receipt)s has been answered. Open your code to read the answer."
        ) % {"receipt": appeal.receipt}
    for address in addresses.of_accounts(_to_tell(appeal), appeal.decided_at).values():
        send = partial(addresses.send, address, subject, text, at=appeal.decided_at)
        transaction.on_commit(send, robust=True)


def _to_tell(appeal: Appeal) -> set[int]:
    """Who asked, if they may still show the code; else its holder, or whoever acts for the person now."""
    holder = {appeal.person.holder_id} - {None}
    acting = set(Proxy.objects.acting().filter(person=appeal.person).values_list("account", flat=True))
    return {appeal.account_id} & (holder | acting) or holder or acting
