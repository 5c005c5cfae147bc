"""Writes of a desk, where a clerk has seen a person and their document: it proves who they are.

Whatever is refused here is refused because of the clerk or the office, never because of what others have claimed.
"""

from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import IDENTIFIER_REST, Account, Identifier, IdentifierKind, Office
from declarations.actions import append_declaration, displace, end_proxies_of, release, settled, tell, write_claim
from declarations.models import Assurance, Declaration, Person, Proxy, document_hash
from declarations.proxies import agree, end_proxy, prove
from declarations.questions import Answers, Claim


class OtherDesk(Exception):
    """The person last declared from outside the office's division: another desk serves them."""


class OwnDocument(Exception):
    """The clerk would serve themselves, or somebody they act for."""


class HoldsSomebodyElse(Exception):
    """The phone's account is another real-name person's own."""


class HolderDecides(Exception):
    """`person` has an account of their own, which has to agree: by a one-time code, or on its own phone."""

    def __init__(self, person: Person):
        super().__init__(person.pk)
        self.person = person


class NotTheirs(Exception):
    """The relation does not concern this person, or has ended."""


def known_person(*, kind: str, number: str) -> Person | None:
    """The real-name person with this document; `number` as `documents.check` gives it."""
    return Person.objects.real_name().with_document(kind, number).first()


def serves(office: Office, person: Person) -> bool:
    """Whether the person lives in the office's division, by what they themselves or a desk last declared, if anything.

    Whoever acts for them has no say: nobody is to be kept from their own desk.
    """
    trusted = Declaration.objects.filter(Q(account=person.holder_id) | Q(account__desk_roles__isnull=False))
    latest = trusted.latest_of(person)
    return latest is None or office.covers(latest.division)


def last_told(office: Office, person: Person) -> Declaration | None:
    """What the office's clerks were last told for the person: a desk sees no more of earlier answers."""
    return Declaration.objects.filter(account__desk_roles__office=office).latest_of(person)


def phone_to_ask(person: Person, at: datetime) -> str | None:
    """Where the holder's one-time code goes: the number they used last, unless it may have a new owner by now."""
    phones = Identifier.objects.filter(kind=IdentifierKind.PHONE, account=person.holder_id, account__is_active=True)
    latest = phones.filter(used_at__gt=at - IDENTIFIER_REST).order_by("-used_at", "-pk").first()
    return latest and latest.value


def declare_at_desk(
    *, claim: Claim, answers: Answers, office: Office, agreed: int | None = None, by: Account, at: datetime
) -> Person:
    """Record a declaration for whoever has this document: the real-name person there is, or a new one without a holder.

    Name, sex and birth date become those of the document; a holder stays, and is told. `agreed`: the account that has
    read its one-time code to the clerk; nobody else who holds a person is declared for. Raises OtherDesk, OwnDocument
    and HolderDecides.
    """
    return settled(lambda: _declare(claim, answers, office, agreed, by, at))


def _declare(claim: Claim, answers: Answers, office: Office, agreed: int | None, by: Account, at: datetime) -> Person:
    document = document_hash(claim.document_kind, claim.document_number)
    if Person.objects.held_by(by).filter(document_hash=document).exists():
        raise OwnDocument
    if Proxy.objects.current().of_account(by).filter(person__document_hash=document).exists():
        raise OwnDocument
    proven = Person.objects.select_for_update(no_key=True).real_name().filter(document_hash=document)
    person = proven.first() or Person()
    if not office.covers(answers.division) or (person.pk and not serves(office, person)):
        raise OtherDesk
    if person.holder_id not in (None, agreed):
        raise HolderDecides(person)
    was = person.assurance
    person.assurance = Assurance.OFFICER
    write_claim(person, claim)
    subject = f"person:{person.pk}"
    if was < Assurance.OFFICER:
        audit.record(by=by, action="confirm-identity", subject=subject, at=at, assurance=Assurance.OFFICER)
    declaration = append_declaration(person, by, answers, at)
    if person.holder:
        _tell_of_declaration(person.holder, office, at)
    audit.record(
        by=by, action="desk-declare", subject=subject, at=at, office=office.pk, declaration=declaration.pk, was=was
    )
    return person


def _tell_of_declaration(holder: Account, office: Office, at: datetime) -> None:
    """Nobody is declared for in the dark: who was not there can say so."""
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "%(office)s has recorded a health declaration for you at its service desk. If you were not there, please "
            "call it: %(phone)s."
        ) % {"office": office.name, "phone": office.phone}
    for phone in holder.identifiers.filter(kind=IdentifierKind.PHONE):
        tell(phone.value, text, at)


def proxies_of(person: Person) -> list[Proxy]:
    """Everybody who acts for the person or claims the document now, oldest first."""
    current = Proxy.objects.current().concerning(person).select_related("person", "account")
    return list(current.prefetch_related("account__identifiers").order_by("created_at", "pk"))


def confirm_proxy_at_desk(*, proxy: Proxy, person: Person, office: Office, by: Account, at: datetime) -> None:
    """The person is here and agrees: the account acts for them. Raises NotTheirs and OwnDocument.

    Raises HolderDecides for who has an account of their own, as they agree on its phone.
    """

    def write() -> None:
        if Person.objects.select_for_update(no_key=True).get(pk=person.pk).holder_id is not None:
            raise HolderDecides(person)
        current = _concerning(proxy, person)
        if current.account_id == by.pk:
            raise OwnDocument
        proven = prove(proxy=current, assurance=Assurance.OFFICER, by=by, at=at)
        if not proven.is_acting:
            agree(proxy=proven, by=by, at=at)
        subject = f"person:{person.pk}"
        audit.record(by=by, action="desk-confirm-proxy", subject=subject, at=at, office=office.pk, proxy=proven.pk)

    settled(write)


def end_proxy_at_desk(*, proxy: Proxy, person: Person, office: Office, by: Account, at: datetime) -> Proxy:
    """The person is here and wants the account to act no more. The relation that ended. Raises NotTheirs."""

    def write() -> Proxy:
        current = _concerning(proxy, person)
        end_proxy(proxy=current, by=by, at=at)
        subject = f"person:{person.pk}"
        audit.record(by=by, action="desk-end-proxy", subject=subject, at=at, office=office.pk, proxy=proxy.pk)
        return current

    return settled(write)


def _concerning(proxy: Proxy, person: Person) -> Proxy:
    current = Proxy.objects.current().concerning(person).filter(pk=proxy.pk).select_related("person", "account").first()
    if current is None:
        raise NotTheirs
    return current


def is_another_s(*, identifier: Identifier, person: Person, by: Account, at: datetime) -> bool:
    """Whether the account may be that of a former owner of the phone, so that the person must get one of their own.

    Its number has rested, or it acts for others without being anybody's own: the person would see their codes. The
    clerk's account and those of staff keep their numbers, which they sign in to their sites with.
    """
    account = identifier.account
    if account == by or account.is_staff:
        return False
    own = Person.objects.held_by(account).first()
    if own and own.document_hash == person.document_hash:
        return False
    if identifier.used_at < at - IDENTIFIER_REST:
        return True
    others = Proxy.objects.current().of_account(account).exclude(person__document_hash=person.document_hash)
    return not (own and own.is_real_name) and others.exists()


def give_code_to_phone(*, person: Person, account: Account, office: Office, by: Account, at: datetime) -> Person:
    """The account, whose phone the person has in hand, holds the person from now on. An earlier holder is told.

    The account's unproven claims give way, and its relations to the person end: one does not act for oneself. Raises
    HoldsSomebodyElse, OwnDocument for the clerk's own account, and officers.DecidesForOffice.
    """
    return settled(lambda: _give_code(person.pk, account, office, by, at))


def _give_code(person_id: int, account: Account, office: Office, by: Account, at: datetime) -> Person:
    if account.pk == by.pk:
        raise OwnDocument
    rows = Person.objects.select_for_update(no_key=True).filter(Q(pk=person_id) | Q(holder=account)).order_by("pk")
    people = {row.pk: row for row in rows}
    person = people.pop(person_id)
    if person.holder_id == account.pk:
        return person
    own = next(iter(people.values()), None)
    if own and own.is_real_name:
        raise HoldsSomebodyElse
    release(own, by, at)
    earlier = person.holder_id
    displace(person, account, by, at)
    person.holder = account
    person.needs_desk = False
    person.save(update_fields=["holder", "needs_desk"])
    Account.objects.filter(pk=account.pk).update(last_four_hash=person.document_last_four_hash)
    end_proxies_of(account, person, by, at)
    subject = f"person:{person.pk}"
    audit.record(
        by=by, action="desk-give-code", subject=subject, at=at, office=office.pk, account=account.pk, earlier=earlier
    )
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "A community service desk has given your health code to this phone. Sign in with its number to show it."
        )
    for phone in account.identifiers.filter(kind=IdentifierKind.PHONE):
        tell(phone.value, text, at)
    return person
