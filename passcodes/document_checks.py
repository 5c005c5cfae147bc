"""人工核验: asking an officer to compare a document with what was claimed, and deciding it.

Photo and note are gone with the decision, with the withdrawal, and after a day whatever happens.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Account, IdentifierKind
from declarations import actions as declarations
from declarations import proxies
from declarations.models import Assurance, Person, Proxy
from healthpass.lib.encryption import keyed_hash
from passcodes import face_checks
from passcodes.models import DocumentCheck, DocumentCheckState, PassCode

# Looked after every ten minutes, so that a photo is never kept longer than a day.
DECIDED_WITHIN = timedelta(hours=23, minutes=45)
BATCH = 200  # checks that are read at once


class NothingToAsk(Exception):
    """The account neither holds the person nor acts for them any more, or their identity is settled."""


class AlreadyWaiting(Exception):
    """The account has asked, and nobody has decided yet."""


class NotWaiting(Exception):
    """Somebody has decided it, or the time is over."""


class OwnCheck(Exception):
    """The officer would decide for themselves, or for somebody they act for."""


class Changed(Exception):
    """What was claimed is no longer what the officer was shown."""


def may_ask(*, account: Account, person: Person) -> bool:
    """Whether a check could tell anything new of this person, whom the account holds or wants to act for."""
    if person.holder_id == account.pk:
        return not person.is_real_name or face_checks.is_due(account=account, person_id=person.pk)
    return not person.is_real_name and _relation(account, person) is not None


def _relation(account: Account, person: Person) -> Proxy | None:
    return Proxy.objects.current().of_account(account).filter(person=person).first()


def latest(*, account: Account, pass_code: PassCode) -> DocumentCheck | None:
    """The account's latest check for this pass, without its photo."""
    checks = DocumentCheck.objects.filter(pass_code=pass_code, account=account)
    return checks.defer("photo").select_related("decided_by").order_by("-pk").first()


def due_at(check: DocumentCheck) -> datetime:
    """By when it is decided, or lapses."""
    return check.asked_at + DECIDED_WITHIN


def place(check: DocumentCheck) -> int:
    """How many are looked at before this one; 0 when it is the next."""
    before = Q(waiting_since__lt=check.waiting_since) | Q(waiting_since=check.waiting_since, pk__lt=check.pk)
    return DocumentCheck.objects.waiting().filter(before).count()


def shown(person: Person) -> str:
    """A digest of everything that an officer compares: it changes with any of it."""
    claim = (person.name, person.document_kind, person.document_number, person.sex, person.birth_date)
    return keyed_hash("document-check", "\n".join(claim))


def ask(*, account: Account, pass_code: PassCode, photo: bytes, note: str, by: Account, at: datetime) -> DocumentCheck:
    """Queue a photo (a JPEG) for an officer. After a check that lapsed, its place in the queue is kept.

    Raises NothingToAsk and AlreadyWaiting.
    """
    person = Person.objects.get(pk=pass_code.person_id)
    if not may_ask(account=account, person=person):
        raise NothingToAsk
    before = latest(account=account, pass_code=pass_code)
    if before and before.state == DocumentCheckState.WAITING and due_at(before) <= at:
        _lapse(before, at)  # the worker has not been there yet
        before.refresh_from_db(fields=["state"])
    kept = before.waiting_since if before and before.state == DocumentCheckState.LAPSED else at
    try:
        with transaction.atomic():
            check = DocumentCheck.objects.create(
                pass_code=pass_code, account=account, photo=photo, note=note or None, asked_at=at, waiting_since=kept
            )
            _record("ask", check, by, at)
    except IntegrityError as error:
        raise AlreadyWaiting from error
    return check


@transaction.atomic
def withdraw(*, check: DocumentCheck, by: Account | None, at: datetime) -> None:
    """Nobody looks at it any more, and the photo is gone. Raises NotWaiting."""
    current = _locked(check)
    if current.state != DocumentCheckState.WAITING:
        raise NotWaiting
    _end(current, DocumentCheckState.WITHDRAWN)
    _record("withdraw", current, by, at)


@transaction.atomic
def decide(*, check: DocumentCheck, approved: bool, reason: str, shown_claim: str, by: Account, at: datetime) -> None:
    """What an officer found: approved, the person is who they are said to be; the account is told either way.

    `shown_claim` is `shown()` of what the officer compared. Raises NotWaiting, OwnCheck, Changed, NothingToAsk, and
    officers.DecidesForOffice where an officer's own account has the document.
    """
    current = _locked(check)
    if current.state != DocumentCheckState.WAITING or due_at(current) <= at:
        raise NotWaiting
    person = _locked_person(current)
    if concerns(by, current):
        raise OwnCheck
    if approved:
        if shown_claim != shown(person):
            raise Changed
        _prove(current.account, person, by, at)
    current.decided_at, current.decided_by, current.reason = at, by, reason
    _end(current, DocumentCheckState.APPROVED if approved else DocumentCheckState.REFUSED)
    _record("approve" if approved else "refuse", current, by, at)
    _tell(current, approved, at)


def concerns(officer: Account, check: DocumentCheck) -> bool:
    """Whether an officer is no impartial judge of it: it is their own, or of somebody they act for or claim to be."""
    person = check.pass_code.person
    return (
        officer.pk in (check.account_id, person.holder_id)
        or Person.objects.held_by(officer).filter(document_hash=person.document_hash).exists()
        or Proxy.objects.current().of_account(officer).concerning(person).exists()
    )


def _prove(account: Account, person: Person, by: Account, at: datetime) -> None:
    if person.holder_id == account.pk:
        declarations.prove_own(account=account, assurance=Assurance.OFFICER, by=by, at=at)
        return
    proxy = _relation(account, person)
    if proxy is None or proxy.awaits_consent:
        raise NothingToAsk
    proxies.prove(proxy=proxy, assurance=Assurance.OFFICER, by=by, at=at)


def lapse(at: datetime) -> int:
    """End checks that nobody decided in time, their photos deleted, their accounts told; how many there were."""
    overdue = DocumentCheck.objects.waiting().filter(asked_at__lte=at - DECIDED_WITHIN).defer("photo").order_by("pk")
    lapsed = 0
    while batch := list(overdue[:BATCH]):  # each that is looked at waits no more: none is met twice
        lapsed += sum(_lapse(check, at) for check in batch)
    return lapsed


@transaction.atomic
def _lapse(check: DocumentCheck, at: datetime) -> bool:
    waits = DocumentCheck.objects.waiting().filter(pk=check.pk)
    if not waits.update(state=DocumentCheckState.LAPSED, photo=None, note=None):
        return False
    _record("lapse", check, None, at)
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "Liaoning Health Pass: no officer could look at your document in time, and the photo has been deleted. We "
            "are sorry. Please send it again on the same page: your place is kept."
        )
    _tell_account(check.account, text, at)
    return True


def _locked(check: DocumentCheck) -> DocumentCheck:
    rows = DocumentCheck.objects.select_for_update(of=("self",)).defer("photo")
    return rows.select_related("pass_code__person", "account").get(pk=check.pk)


def _locked_person(check: DocumentCheck) -> Person:
    """The person as they are said to be until the transaction ends, locked with everybody of the document."""
    document = Person.objects.filter(pk=check.pass_code.person_id).values("document_hash")
    people = Person.objects.select_for_update(no_key=True).filter(document_hash__in=document).order_by("pk")
    return next(person for person in people if person.pk == check.pass_code.person_id)


def _end(check: DocumentCheck, state: DocumentCheckState) -> None:
    check.state, check.photo, check.note = state, None, None
    check.save(update_fields=["state", "photo", "note", "decided_at", "decided_by", "reason"])


def _record(verb: str, check: DocumentCheck, by: Account | None, at: datetime) -> None:
    subject = f"person:{check.pass_code.person_id}"
    action = f"{verb}-document-check"
    audit.record(by=by, action=action, subject=subject, at=at, check=check.pk, account=check.account_id)


def _tell(check: DocumentCheck, approved: bool, at: datetime) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        if approved:
            text = _(
                "Liaoning Health Pass: an officer has looked at the document and confirmed it. Open “My people”, or "
                "your own code, to see the code."
            )
        else:
            text = _(
                "Liaoning Health Pass: an officer has looked at the document and could not confirm it. Open “My "
                "people”, or your own code, to read why and what to do next."
            )
    _tell_account(check.account, text, at)


def _tell_account(account: Account, text: str, at: datetime) -> None:
    for phone in account.identifiers.filter(kind=IdentifierKind.PHONE):
        declarations.tell(phone.value, text, at)
