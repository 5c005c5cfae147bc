"""Writes for people who act for others: declare for them, prove who they are, agree to it, end it.

What is declared for somebody unproven stays with a neutral Person of the account's own: it changes nobody's colour, and
nothing here tells whether the document is known.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import audit, limits
from accounts.limits import LimitReached
from accounts.models import Account, IdentifierKind, identifier_hash
from declarations import questions
from declarations.actions import append_declaration, settled, tell, write_claim
from declarations.models import Assurance, Declaration, Person, Proxy, document_hash
from declarations.questions import Answers, Claim
from healthpass.lib.masks import mask_phone

RELATIVES = 20  # that an account may act for at a time
MESSAGES_A_DAY = 3  # to one phone, of claims that nobody has proven
DECLARED_PHONES = 5  # of how many others who act for the same person
DAY = timedelta(days=1)


class OwnDocument(Exception):
    """The document is that of the account's own person."""


class TooManyRelatives(Exception):
    """The account acts for as many people as it may."""


class NotActing(Exception):
    """The relation has ended, or nobody has agreed to it yet."""


def declare_for(*, account: Account, claim: Claim, relation: str, answers: Answers, by: Account, at: datetime) -> Proxy:
    """Record a declaration for somebody else; the first one makes the relation, which acts at once for a child.

    Raises OwnDocument and TooManyRelatives.
    """
    return settled(lambda: _declare_for(account, claim, relation, answers, by, at))


def _declare_for(account: Account, claim: Claim, relation: str, answers: Answers, by: Account, at: datetime) -> Proxy:
    # One at a time, so that nobody is added twice. Everywhere rows are locked in this order: account, people, proxies.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    document = document_hash(claim.document_kind, claim.document_number)
    if Person.objects.held_by(account).filter(document_hash=document).exists():
        raise OwnDocument
    proxy = _usable(account, document) or _new_proxy(account, claim, by, at)
    if not proxy.person.is_real_name:
        write_claim(proxy.person, claim)
    proxy.relation = relation
    proxy.save(update_fields=["relation"])
    append_declaration(proxy.person, account, answers, at)
    if not proxy.is_acting and proxy.person.is_child(timezone.localdate(at)):
        _confirm(proxy, by, at)
    return proxy


def _usable(account: Account, document: str) -> Proxy | None:
    """The account's relation to whoever has this document: a proven one before a claim, none that still waits."""
    mine = Proxy.objects.current().of_account(account).filter(person__document_hash=document)
    people = Person.objects.select_for_update(no_key=True).filter(pk__in=mine.values("person")).order_by("pk")
    by_pk = {person.pk: person for person in people}
    found = list(mine.select_for_update(no_key=True, of=("self",)).order_by("pk"))
    for proxy in found:
        proxy.person = by_pk[proxy.person_id]
    found.sort(key=lambda proxy: -proxy.person.assurance)
    return next((proxy for proxy in found if not proxy.awaits_consent), None)


def _new_proxy(account: Account, claim: Claim, by: Account, at: datetime) -> Proxy:
    """A relation to a neutral person of this account's own."""
    if Proxy.objects.current().of_account(account).count() >= RELATIVES:
        raise TooManyRelatives
    person = Person()
    write_claim(person, claim)
    proxy = Proxy.objects.create(account=account, person=person, created_at=at)
    nothing_to_ask = Account.objects.filter(pk=account.pk, last_four_hash="")
    nothing_to_ask.update(last_four_hash=person.document_last_four_hash)  # else the number alone opened their codes
    audit.record(by=by, action="add-proxy", subject=f"person:{person.pk}", at=at, proxy=proxy.pk)
    return proxy


def declare_again_for(*, proxy: Proxy, answers: Answers, by: Account, at: datetime) -> Declaration:
    """Record another declaration for the same person. Raises NotActing."""

    def write() -> Declaration:
        current = _locked(proxy)
        if current.ended_at or current.awaits_consent:
            raise NotActing
        return append_declaration(current.person, current.account, answers, at)

    return settled(write)


def last_declaration(proxy: Proxy) -> Declaration | None:
    """What the proxy's own account last declared for the person, also before the identity was proven."""
    own = Declaration.objects.made_by(proxy.account).filter(person__document_hash=proxy.person.document_hash)
    return own.order_by("-made_at").first()


def may_repeat(last: Declaration | None) -> bool:
    """Whether "nothing has changed" is a fair answer: the questions are the same, and nothing was wrong."""
    return last is not None and last.form_version >= questions.FORM_VERSION and not last.has_symptoms


def show_live(*, proxy: Proxy, by: Account, at: datetime) -> None:
    """The person was seen live, whoever they are: their neutral code may be shown, and they are told."""
    if proxy.is_acting:
        return
    _confirm(proxy, by, at)


def prove(*, proxy: Proxy, assurance: Assurance, by: Account, at: datetime) -> Proxy:
    """The person is who they are said to be, as a face or an officer has shown. The relation that follows from it.

    It acts at once, or `awaits_consent`: where the document is held by an account of its own, and for a child that has
    a guardian already, unless an officer or a desk says so. Raises NotActing if the relation has ended meanwhile.
    """
    return settled(lambda: _prove(proxy.pk, assurance, by, at))


def _prove(proxy_id: int, assurance: Assurance, by: Account, at: datetime) -> Proxy:
    document = Person.objects.filter(proxies=proxy_id).values("document_hash")
    rows = Person.objects.select_for_update(no_key=True).filter(document_hash__in=document)
    people = {person.pk: person for person in rows.order_by("pk")}
    proxy = Proxy.objects.select_for_update(no_key=True, of=("self",)).select_related("account").get(pk=proxy_id)
    if proxy.ended_at:
        raise NotActing
    claimed = proxy.person = people[proxy.person_id]
    if proxy.awaits_consent:
        return proxy  # no proof takes the place of consent
    known = next((person for person in people.values() if person.is_real_name), None)
    if known is None or known == claimed:
        _raise_assurance(claimed, assurance, by, at)
        if not proxy.is_acting:
            _confirm(proxy, by, at)
        return proxy
    proven, created = Proxy.objects.current().get_or_create(
        account=proxy.account,
        person=known,
        defaults={"relation": proxy.relation, "created_at": at},
    )
    if proven.is_acting:
        return proven
    if created:
        audit.record(by=by, action="add-proxy", subject=f"person:{known.pk}", at=at, proxy=proven.pk)
    if _needs_consent(proven, assurance, at):
        _ask_consent(proven, at)
    else:
        _confirm(proven, by, at)
    return proven


def _raise_assurance(person: Person, assurance: Assurance, by: Account, at: datetime) -> None:
    if person.assurance < assurance:
        person.assurance = assurance
        person.save(update_fields=["assurance"])
        audit.record(by=by, action="confirm-identity", subject=f"person:{person.pk}", at=at, assurance=assurance)


def _needs_consent(proxy: Proxy, assurance: Assurance, at: datetime) -> bool:
    """An account that holds the person agrees itself; a child's first guardian does, or an officer."""
    if proxy.person.holder_id is not None:
        return True
    is_child = proxy.person.is_child(timezone.localdate(at))
    return is_child and assurance < Assurance.OFFICER and first_guardian(proxy.person) is not None


def _locked(proxy: Proxy) -> Proxy:
    """The relation as it is now, with its person and account, for this transaction alone."""
    Person.objects.select_for_update(no_key=True).get(pk=proxy.person_id)
    rows = Proxy.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("person", "account").get(pk=proxy.pk)


def first_guardian(person: Person) -> Account | None:
    """The account that has acted longest for a person without an account."""
    first = (
        Proxy.objects.acting().filter(person=person).select_related("account").order_by("confirmed_at", "pk").first()
    )
    return first and first.account


def may_decide(proxy: Proxy, account: Account) -> bool:
    """Whether this account agrees to, or refuses, a relation that awaits consent."""
    person = proxy.person
    if not proxy.awaits_consent:
        return False
    if person.holder_id is not None:
        return person.holder_id == account.pk
    return first_guardian(person) == account


def agree(*, proxy: Proxy, by: Account, at: datetime) -> None:
    """The relation acts from now on. Who may say so, the caller has checked. Raises NotActing if it has ended."""

    def write() -> None:
        current = _locked(proxy)
        if current.ended_at:
            raise NotActing
        if not current.is_acting:
            _confirm(current, by, at)

    settled(write)


def end_proxy(*, proxy: Proxy, by: Account, at: datetime) -> None:
    """The account stops acting for the person: its open code page dies at the next renewal."""

    def write() -> None:
        if Proxy.objects.current().filter(pk=proxy.pk).update(ended_at=at, ended_by=by):
            audit.record(by=by, action="end-proxy", subject=f"person:{proxy.person_id}", at=at, proxy=proxy.pk)

    settled(write)


def _confirm(proxy: Proxy, by: Account, at: datetime) -> None:
    """The relation acts; the account's claims to the same document have served; the person is told."""
    proxy.confirmed_at, proxy.confirmed_by = at, by
    proxy.save(update_fields=["confirmed_at", "confirmed_by"])
    audit.record(by=by, action="confirm-proxy", subject=f"person:{proxy.person_id}", at=at, proxy=proxy.pk)
    others = Proxy.objects.current().of_account(proxy.account).concerning(proxy.person).exclude(pk=proxy.pk)
    for other in others:
        end_proxy(proxy=other, by=by, at=at)
    _tell_person(proxy, at)


def _ask_consent(proxy: Proxy, at: datetime) -> None:
    """Tell whoever decides that there is something to decide."""
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "%(phone)s asks to show a health code that is yours to give, and to declare for its holder. Sign in to the "
            "Liaoning Health Pass and agree or refuse under “My people”."
        )
        text %= {"phone": _phone_of(proxy.account)}
    decider = proxy.person.holder or first_guardian(proxy.person)
    for phone in _phones_of(decider) if decider else ():
        tell(phone, text, at)


def _tell_person(proxy: Proxy, at: datetime) -> None:
    """To the phones of the person's account; without one, to the phone that was declared as the person's own."""
    person = proxy.person
    with translation.override(settings.LANGUAGE_CODE):
        if person.is_real_name:
            text = _(
                "%(phone)s now shows your health code and declares for you in the Liaoning Health Pass. If this is not "
                "right, sign in and end it under “My people”, or ask at a community service desk."
            )
        else:
            text = _(
                "%(phone)s has declared in the Liaoning Health Pass for somebody whose phone is said to be yours, and "
                "shows an unchecked code for them. If this is not right, sign in, declare with your document and end "
                "it under “My people”, or ask at a community service desk."
            )
        text %= {"phone": _phone_of(proxy.account)}
    for phone in _phones_of(person.holder) if person.holder else _declared_phones(proxy):
        if person.is_real_name or _may_be_told(phone, at):
            tell(phone, text, at)


def _declared_phones(proxy: Proxy) -> list[str]:
    """Phones last declared for the person, by this account and whoever acts for them, but not those accounts' own."""
    acting = Proxy.objects.acting().filter(person=proxy.person).exclude(pk=proxy.pk).select_related("account", "person")
    phones = {}
    for other in (proxy, *acting[:DECLARED_PHONES]):
        declaration = last_declaration(other)
        own = {identifier_hash(IdentifierKind.PHONE, phone) for phone in _phones_of(other.account)}
        if declaration and declaration.phone and identifier_hash(IdentifierKind.PHONE, declaration.phone) not in own:
            phones[declaration.phone] = None
    return list(phones)


def _may_be_told(phone: str, at: datetime) -> bool:
    """A few times a day: whoever types a stranger's phone in claims must not flood it."""
    try:
        limits.take("proxy-message", phone, limit=MESSAGES_A_DAY, per=DAY, at=at)
    except LimitReached:
        return False
    return True


def _phones_of(account: Account) -> list[str]:
    return [identifier.value for identifier in account.identifiers.filter(kind=IdentifierKind.PHONE)]


def _phone_of(account: Account) -> str:
    """The account's phone, masked, as other people get to read it."""
    return next((mask_phone(phone) for phone in _phones_of(account)), f"#{account.pk}")
