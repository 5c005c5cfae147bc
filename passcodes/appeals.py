"""申诉: appealing against what coloured somebody, answering it, once more to another office.

The clock needs no job: `colour.assess` sees an appeal that nobody answered in time by itself.
"""

import logging
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
from accounts.models import Account
from declarations.models import Person, Proxy
from passcodes import addresses, appeal_judges, facts, notice_search, rules
from passcodes.actions import reason_as_json
from passcodes.appeal_judges import NotTheirs
from passcodes.appeal_models import ANSWERED_WITHIN, Appeal, AppealDocument, AppealState
from passcodes.appeal_reach import as_reason, concerns, disputed, exemption
from passcodes.colour import Reason, assess
from passcodes.evidence import Exemption
from passcodes.reasons import address_key
from passcodes.risk_models import RiskArea, RiskRecord

log = logging.getLogger(__name__)

PEOPLE_AT_ONCE = 300
MOST_WAITING = 3  # of a person: whoever declares many stays shall not fill the queue with appeals against each


class AlreadyAppealed(Exception):
    """Somebody has appealed against this for the person. `appeal` is that one."""

    def __init__(self, appeal: Appeal):
        super().__init__(appeal.receipt)
        self.appeal = appeal


class EnoughWait(Exception):
    """No more of one person's are taken at a time. `waiting` are those that wait."""

    def __init__(self, waiting: list[Appeal]):
        super().__init__(len(waiting))
        self.waiting = waiting


class NotWaiting(Exception):
    """It has been answered or withdrawn."""


class NoSecond(Exception):
    """There is nothing to appeal against once more: it was not refused, or it was the second, or is another's."""


class NotYours(Exception):
    """It is another's: somebody else has appealed, or the person has an account of their own."""


def of_person(person_id: int) -> QuerySet[Appeal]:
    """The person's appeals, the latest first."""
    return Appeal.objects.filter(person=person_id).select_related("decided_office").order_by("-pk")


def check_room(person_id: int) -> None:
    """Raise EnoughWait where so many of the person's appeals wait that no more are taken."""
    waiting = list(of_person(person_id).waiting())
    if len(waiting) >= MOST_WAITING:
        raise EnoughWait(waiting)


def is_own(appeal: Appeal, account: Account) -> bool:
    """Whether the account reads the words: who appealed, and who holds the person, of what was said on their behalf.

    What the holder before them wrote is not theirs: a document can come to another account by the word of one desk or
    officer. Whoever else acts for the person sees where the appeal stands, and the answer.
    """
    if account.pk == appeal.account_id:
        return True
    return account.pk == appeal.person.holder_id and acted_for(account).filter(account=appeal.account_id).exists()


def acted_for(account: Account) -> QuerySet[Proxy]:
    """The relations, also those that have ended, of whoever has acted for the person that the account holds."""
    return Proxy.objects.filter(person__holder=account)


def speaks_for(person: Person, account: Account) -> bool:
    """Whether the account appeals for the person: their own alone; whoever acts for somebody who has none."""
    return person.holder_id in (None, account.pk)


def standing(person_id: int, reason: Reason) -> Appeal | None:
    """The latest appeal that was not withdrawn and is about this reason: also about its copy in another list."""
    found = of_person(person_id).exclude(state=AppealState.WITHDRAWN)
    return next((appeal for appeal in found if concerns(appeal, [reason])), None)


def named(person_id: int, key: str) -> Appeal | None:
    """The same of what this `reasons.address_key` names, whether or not it still colours the code."""
    found = of_person(person_id).exclude(state=AppealState.WITHDRAWN)
    return next((appeal for appeal in found if address_key(disputed(appeal), person_id) == key), None)


def counting(rows: Iterable[Appeal], at: datetime) -> set[int]:
    """Of appeals that wait the ids of those that concern their person's colour now. One statement for 300 people."""
    rows, found = list(rows), set()
    for first in range(0, len(rows), PEOPLE_AT_ONCE):
        some = rows[first : first + PEOPLE_AT_ONCE]
        people = facts.for_people(person_ids={appeal.person_id for appeal in some}, at=at)
        for appeal in some:
            if _counts(appeal, people[appeal.person_id], at):
                found.add(appeal.pk)
    return found


def _counts(appeal: Appeal, row: dict, at: datetime) -> bool:
    """Whether it concerns what colours this facts' row. One that cannot be told is looked at, and holds up no other."""
    try:
        return concerns(appeal, assess(facts.facts_of(row), rules.in_force(row["rules"]), at).reasons)
    except Exception as error:
        log.error("appeal #%s: person %s has no colour (%s)", appeal.pk, appeal.person_id, type(error).__name__)
        return True


def unanswerable(rows: Iterable[Appeal], at: datetime) -> set[int]:
    """Of appeals that wait the ids of those that no officer of today may answer, though they concern a colour now.

    Every office with officers has coloured, or has refused before: another one has to be given an officer.
    """
    rows = list(rows)
    nobody = appeal_judges.without_judge(rows)
    return counting([appeal for appeal in rows if appeal.pk in nobody], at)


def all_unanswerable(at: datetime) -> int:
    """How many of them there are in all."""
    return len(unanswerable(Appeal.objects.waiting().defer("text"), at))


def freed(records: QuerySet[RiskRecord]) -> set[int]:
    """Of risk records the ids of those that do not count for their person, as an appeal was granted."""
    granted = Appeal.objects.filter(state=AppealState.GRANTED, fact__startswith="risk:")
    granted = granted.filter(person__document_hash__in=records.values("document_hash")).select_related("person")
    said: dict[str, list[Exemption]] = defaultdict(list)
    for appeal in granted:
        said[appeal.person.document_hash].append(exemption(appeal))
    concerned = records.filter(document_hash__in=list(said)).select_related("batch")
    return {
        record.pk
        for record in concerned
        if any(frees.covers(as_reason(record)) for frees in said[record.document_hash])
    }


def file(
    *, person: Person, reason: Reason, claim: str, text: str, documents: Iterable[bytes], by: Account, at: datetime
) -> Appeal:
    """An appeal against a reason that the person's colour has (with a `fact`).

    Raises NotYours, AlreadyAppealed, EnoughWait.
    """
    try:
        with transaction.atomic():
            # Of two against copies of a record one is later.
            if not speaks_for(Person.objects.select_for_update(no_key=True).get(pk=person.pk), by):
                raise NotYours
            if earlier := standing(person.pk, reason):
                raise AlreadyAppealed(earlier)
            check_room(person.pk)
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
        raise AlreadyAppealed(standing(person.pk, reason)) from error
    return appeal


def may_escalate(appeal: Appeal, by: Account) -> bool:
    """Whether another office can be asked: it was refused, and it was the first. By whoever `speaks_for` the person."""
    return (
        appeal.state == AppealState.REFUSED
        and speaks_for(appeal.person, by)
        and appeal.escalation_of_id is None
        and not Appeal.objects.filter(escalation_of=appeal).exists()
    )


def escalate(*, appeal: Appeal, text: str, documents: Iterable[bytes], by: Account, at: datetime) -> Appeal:
    """A refused appeal to another office, with its photos and 24 hours of its own. Raises NoSecond, EnoughWait."""
    if not may_escalate(appeal, by):
        raise NoSecond
    try:
        with transaction.atomic():
            Person.objects.select_for_update(no_key=True).get(pk=appeal.person_id)
            check_room(appeal.person_id)
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


def may_withdraw(appeal: Appeal, account: Account) -> bool:
    """Whose it is: the person's own, as long as they read it; of who has no account whoever appealed."""
    return speaks_for(appeal.person, account) and is_own(appeal, account)


@transaction.atomic
def withdraw(*, appeal: Appeal, by: Account, at: datetime) -> None:
    """Nobody answers it any more; its photos are gone. Raises NotWaiting, NotYours."""
    current = _waiting(appeal)
    if not may_withdraw(current, by):
        raise NotYours
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
    appeal_judges.check(by, office, current)
    current.state = AppealState.GRANTED if granted else AppealState.REFUSED
    current.decided_at, current.decided_by, current.decided_office, current.answer = at, by, office, answer
    current.save(update_fields=["state", "decided_at", "decided_by", "decided_office", "answer"])
    pictures = AppealDocument.objects.filter(appeal__in=[current.pk, current.escalation_of_id or current.pk])
    pictures.update(decided_at=at)
    _record("grant" if granted else "refuse", current, by, at, office=current.decided_office_id)
    _tell(current)


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
