"""Writes of the declarations app: who holds which person, and what was declared."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import audit, officers, sms
from accounts.models import Account, IdentifierKind, last_four_hash
from declarations import identity, questions
from declarations.identity import Result
from declarations.models import Assurance, Declaration, Person, Proxy, Stay, document_hash, name_hash
from declarations.questions import Answers, Claim

Written = TypeVar("Written")


class NotConfirmed(Exception):
    """A real-name holder claimed another document, or another name, that the authority did not confirm."""


class HeldElsewhere(Exception):
    """The document is confirmed but held with a higher assurance: only a desk can settle it."""


class NobodyYet(Exception):
    """The account holds no person yet, so there is nobody to declare for without a claim."""


def declare(*, account: Account, claim: Claim, answers: Answers, by: Account, at: datetime) -> Declaration:
    """Record a declaration of the account's own person, who may become another one by this claim.

    The authority is asked first, outside the transaction and always, so that neither queries nor time tell whether a
    document is taken. Raises NotConfirmed, HeldElsewhere or officers.DecidesForOffice where the account would lose its
    real-name person.
    """
    verdict = _ask(account, claim)
    return settled(lambda: append_declaration(_claim(account, claim, verdict, by, at), account, answers, at))


def declare_again(*, account: Account, answers: Answers, by: Account, at: datetime) -> Declaration:
    """Record a declaration of the account's own person as known. Asks the authority again only while it is neutral.

    Raises NobodyYet.
    """
    person = Person.objects.held_by(account).first()
    if person is None:
        raise NobodyYet
    if not person.is_real_name:
        return declare(account=account, claim=claim_of(person), answers=answers, by=by, at=at)

    def write() -> Declaration:
        # Taken anew under lock: the document may have been displaced a moment ago.
        own = Person.objects.select_for_update(no_key=True).held_by(account).first()
        if own is None:
            raise NobodyYet
        return append_declaration(own, account, answers, at)

    return settled(write)


def verify(*, account: Account, by: Account, at: datetime) -> tuple[Person, Result]:
    """Ask the authority again about the account's own person. Raises NobodyYet."""
    person = Person.objects.held_by(account).first()
    if person is None:
        raise NobodyYet
    if person.is_real_name:
        return person, Result.MATCH
    claim = claim_of(person)
    verdict = _ask(account, claim)
    return settled(lambda: _claim(account, claim, verdict, by, at)), verdict


def prove_own(*, account: Account, assurance: Assurance, by: Account, at: datetime) -> Person:
    """The account's own person is who they claim to be, as a face or an officer has shown.

    Who holds the document with the same or a lower assurance is displaced. Raises NobodyYet; DecidesForOffice where an
    officer says so of who holds the document of another one.
    """
    person = Person.objects.held_by(account).first()
    if person is None:
        raise NobodyYet
    claim = claim_of(person)
    return settled(lambda: _claim(account, claim, Result.MATCH, by, at, assurance))


def claim_of(person: Person) -> Claim:
    """What was claimed when this person was made."""
    return Claim(person.name, person.document_kind, person.document_number, person.sex, person.born_on)


def answers_of(declaration: Declaration) -> Answers:
    """What a declaration answered."""
    return Answers(
        phone=declaration.phone,
        division=declaration.division,
        address=declaration.address,
        fever=declaration.fever,
        dry_cough=declaration.dry_cough,
        fatigue=declaration.fatigue,
        other_symptoms=declaration.other_symptoms,
        stays=tuple(stay.answer for stay in declaration.stays.order_by("pk")),
    )


def _ask(account: Account, claim: Claim) -> Result:
    """The phone is the one that the account proved by a one-time code, never the one typed into the form."""
    phones = account.identifiers.filter(kind=IdentifierKind.PHONE).order_by("-used_at")
    phone = next((identifier.value for identifier in phones), "")
    return identity.check(kind=claim.document_kind, number=claim.document_number, name=claim.name, phone=phone)


def _claim(
    account: Account,
    claim: Claim,
    verdict: Result,
    by: Account,
    at: datetime,
    assurance: Assurance = Assurance.AUTHORITY,
) -> Person:
    """The person that this account holds after the claim, with `assurance` if the verdict is MATCH.

    Who is not confirmed gets a neutral person of their own, and no row of anybody else is looked at. A real-name person
    whom no account holds (a relative has declared for them) is taken over as they are. Rows are locked in one order, so
    two accounts that displace each other wait instead of dying.
    """
    document = document_hash(claim.document_kind, claim.document_number)
    mine = Q(holder=account)
    proven = Q(document_hash=document, assurance__gt=Assurance.DECLARED)
    rows = list(
        Person.objects.select_for_update(no_key=True)
        .filter(mine | proven if verdict is Result.MATCH else mine)
        .order_by("pk")
    )
    own = next((person for person in rows if person.holder_id == account.pk), None)
    if verdict is not Result.MATCH:
        return _claim_unconfirmed(own, account, claim, by, at)
    known = next((person for person in rows if person.is_real_name and person.document_hash == document), None)
    if known is None:
        person = own if own and own.document_hash == document else _new_person(own, account, by, at)
        return _confirm(person, account, claim, by, at, assurance)
    if known == own:
        return _confirm(known, account, claim, by, at, assurance)
    if known.holder_id is not None and (known.assurance > assurance or _stays(known, assurance)):
        if own and own.is_real_name:
            raise HeldElsewhere
        return _keep_declared(own, account, claim, by, at, needs_desk=True)
    release(own, by, at)
    displace(known, account, by, at)
    return _confirm(known, account, claim, by, at, assurance)


def _stays(known: Person, assurance: Assurance) -> bool:
    """Whether the person is an officer's, whose code goes to no other account before that role has ended.

    Raises DecidesForOffice for an officer, who can be told; others are sent to a desk.
    """
    decides = officers.decides(known.holder)
    if decides and assurance == Assurance.OFFICER:
        raise officers.DecidesForOffice
    return decides


def _claim_unconfirmed(own: Person | None, account: Account, claim: Claim, by: Account, at: datetime) -> Person:
    same = own is not None and claim_of(own) == claim
    if own and own.is_real_name:
        if not same:
            raise NotConfirmed
        return own
    return _keep_declared(own, account, claim, by, at, needs_desk=same and own.needs_desk)


def _keep_declared(
    own: Person | None, account: Account, claim: Claim, by: Account, at: datetime, *, needs_desk: bool = False
) -> Person:
    """The account's unproven person, a new one if it claimed another document before: neutral whatever the facts."""
    document = document_hash(claim.document_kind, claim.document_number)
    person = own if own and own.document_hash == document else _new_person(own, account, by, at)
    if needs_desk and not person.needs_desk:
        audit.record(by=by, action="send-to-desk", subject=f"account:{account.pk}", at=at)
    person.needs_desk = needs_desk
    return _save_claim(person, account, claim)


def _new_person(own: Person | None, account: Account, by: Account, at: datetime) -> Person:
    """An unsaved person in place of the account's earlier one."""
    release(own, by, at)
    return Person(holder=account)


def release(own: Person | None, by: Account, at: datetime) -> None:
    """The account's earlier person is held by nobody now; its declarations stay.

    With a real-name person the account loses its roles, which were given to who that is: nobody becomes two officers.
    Raises DecidesForOffice while it is one.
    """
    if own:
        if own.holder and own.is_real_name:
            if officers.decides(own.holder):
                raise officers.DecidesForOffice
            officers.end_roles(account=own.holder, by=by, at=at)
        own.holder = None
        own.save(update_fields=["holder"])
        audit.record(by=by, action="release-person", subject=f"person:{own.pk}", at=at)


def _confirm(person: Person, account: Account, claim: Claim, by: Account, at: datetime, assurance: Assurance) -> Person:
    """The person as it is confirmed, held by this account."""
    was = person.assurance
    person.assurance = max(was, assurance)
    person.holder = account
    person.needs_desk = False
    person = _save_claim(person, account, claim)
    if was < assurance:
        audit.record(by=by, action="confirm-identity", subject=f"person:{person.pk}", at=at)
    end_proxies_of(account, person, by, at)
    return person


def end_proxies_of(account: Account, person: Person, by: Account, at: datetime) -> None:
    """Nobody acts for themselves, nor on for somebody whose code has been taken from them."""
    for proxy in Proxy.objects.current().of_account(account).concerning(person):
        if Proxy.objects.current().filter(pk=proxy.pk).update(ended_at=at, ended_by=by):
            audit.record(by=by, action="end-proxy", subject=f"person:{proxy.person_id}", at=at, proxy=proxy.pk)


def displace(person: Person, account: Account, by: Account, at: datetime) -> None:
    """Take a confirmed person from its holder, who is told once this is certain and loses the roles given to them.

    Raises DecidesForOffice: one officer or desk must not end whom two offices made.
    """
    previous = person.holder
    if previous and officers.decides(previous):
        raise officers.DecidesForOffice
    audit.record(
        by=by, action="displace-holder", subject=f"person:{person.pk}", at=at, previous=previous and previous.pk
    )
    _tell_of_proxies(person, account, at)
    if previous is None:
        return
    officers.end_roles(account=previous, by=by, at=at)
    end_proxies_of(previous, person, by, at)
    Account.objects.filter(pk=previous.pk).update(last_four_hash=_last_four_of_first_relative(previous))
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "Your document in the Liaoning Health Pass is now used with another phone number, as the authority or a "
            "service desk has confirmed. Your earlier code no longer works. If this was not you, please contact the "
            "health authority."
        )
    for phone in previous.identifiers.filter(kind=IdentifierKind.PHONE):
        tell(phone.value, text, at)


def _tell_of_proxies(person: Person, account: Account, at: datetime) -> None:
    """Who takes over their code learns that others show it too."""
    others = Proxy.objects.acting().filter(person=person).exclude(account=account).count()
    if not others:
        return
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "Other phones show your health code too and declare for you in the Liaoning Health Pass: %(number)d. See "
            "them under “My people”, and end there what you do not want."
        )
    for phone in account.identifiers.filter(kind=IdentifierKind.PHONE):
        tell(phone.value, text % {"number": others}, at)


def _last_four_of_first_relative(account: Account) -> str:
    """What an account is asked for that has no person of its own, as a keyed hash; "" if it acts for nobody."""
    first = Proxy.objects.current().of_account(account).select_related("person").order_by("created_at", "pk").first()
    return first.person.document_last_four_hash if first else ""


def _save_claim(person: Person, account: Account, claim: Claim) -> Person:
    """Write who the person is said to be, and what the account is asked for when its number has a new owner."""
    write_claim(person, claim)
    Account.objects.filter(pk=account.pk).update(last_four_hash=person.document_last_four_hash)
    return person


def write_claim(person: Person, claim: Claim) -> None:
    """Save who the person is said to be."""
    person.name = claim.name
    person.name_hash = name_hash(claim.name)
    person.document_kind = claim.document_kind
    person.document_number = claim.document_number
    person.document_hash = document_hash(claim.document_kind, claim.document_number)
    person.document_last_four_hash = last_four_hash(claim.document_number)
    person.sex = claim.sex
    person.birth_date = claim.birth_date.isoformat()
    person.save()


def settled(write: Callable[[], Written]) -> Written:
    """`write` in a transaction; once more when another request took the same rows at the same moment."""
    try:
        with transaction.atomic():
            return write()
    except (IntegrityError, OperationalError):
        with transaction.atomic():
            return write()


def append_declaration(person: Person, account: Account, answers: Answers, at: datetime) -> Declaration:
    """The declaration's rows. They say who and when themselves, so they need no audit row."""
    declaration = Declaration.objects.create(
        person=person,
        account=account,
        made_at=at,
        form_version=questions.FORM_VERSION,
        phone=answers.phone,
        division=answers.division,
        address=answers.address,
        fever=answers.fever,
        dry_cough=answers.dry_cough,
        fatigue=answers.fatigue,
        other_symptoms=answers.other_symptoms,
    )
    Stay.objects.bulk_create(Stay.of(declaration, stay) for stay in answers.stays)
    return declaration


def tell(phone: str, text: str, at: datetime) -> None:
    """Send when the transaction stands. That it cannot be sent undoes nothing."""
    transaction.on_commit(lambda: sms.send(phone, text, at=at), robust=True)
