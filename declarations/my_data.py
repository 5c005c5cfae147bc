"""What the declarations app keeps of an account and its person."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.me import Fact, Remainder, Row, closes, deleted_on, remains, section
from accounts.models import Account, AuditEntry, DeskClerk, IdentifierKind, Officer
from accounts.purposes import LookReason
from accounts.wording import action_words
from declarations import actions, divisions, proxies
from declarations.models import Declaration, Person, Proxy
from healthpass.lib.masks import mask_phone
from healthpass.lib.retention import period

DESK_LOOKS = ("desk-look-up", "desk-view", "desk-print")


@section(
    "person", gettext_lazy("Who you are"), order=20, correct=("declarations:declare", gettext_lazy("Declare my health"))
)
def person(account: Account, at: datetime) -> Iterator[Row]:
    """The person that the account holds."""
    for own in Person.objects.held_by(account):
        yield [
            Fact("name", _("full name"), own.name, own.masked_name),
            Fact("document_kind", _("document"), own.document_kind, own.get_document_kind_display()),
            Fact("document_number", _("document number"), own.document_number, own.masked_document),
            Fact("sex", _("sex"), own.sex, own.get_sex_display()),
            Fact("birth_date", _("birth date"), own.birth_date, f"{own.born_on.year}-**-**"),
            Fact("assurance", _("assurance"), own.assurance, own.get_assurance_display()),
            Fact("created_at", _("created"), own.created_at),
        ]


@section("declarations", gettext_lazy("Health declarations about you"), order=40)
def own_declarations(account: Account, at: datetime) -> Iterator[Row]:
    """By oneself and, of a real-name person, by whoever acted for it, whose own phone is not shown."""
    for made in Declaration.objects.about_holder(account).prefetch_related("stays").order_by("-made_at"):
        mine = made.account_id == account.pk
        stays = [
            {"kind": stay.kind, "division": stay.division, "from": stay.from_on, "to": stay.to_on}
            for stay in made.stays.all()
        ]
        where = [
            f"{stay.get_kind_display()} {divisions.full_name(stay.division)} {stay.from_on} – {stay.to_on}"
            for stay in made.stays.all()
        ]
        yield [
            Fact("made_at", _("made"), made.made_at),
            Fact("by", _("declared by"), "me" if mine else "another", _("me") if mine else _("somebody else for me")),
            Fact("phone", _("phone number"), made.phone if mine else None, mask_phone(made.phone) if mine else None),
            Fact("division", _("division of residence"), made.division, divisions.full_name(made.division)),
            Fact("address", _("address"), made.address),
            Fact("fever", _("37.3 °C or more"), made.fever),
            Fact("dry_cough", _("dry cough"), made.dry_cough),
            Fact("fatigue", _("fatigue"), made.fatigue),
            Fact("other_symptoms", _("other symptoms"), made.other_symptoms),
            Fact("stays", _("travel and contacts"), stays, " · ".join(where) or "—"),
        ]


@section("who_acts_for_me", gettext_lazy("Who acts or acted for you"), order=50)
def who_acts_for_me(account: Account, at: datetime) -> Iterator[Row]:
    """Only for a real-name person: whoever claims a stranger's document learns nothing."""
    own = Person.objects.held_by(account).real_name().first()
    rows = Proxy.objects.concerning(own) if own else Proxy.objects.none()
    for proxy in rows.exclude(account=account).prefetch_related("account__identifiers").order_by("-created_at", "-pk"):
        phones = [i.value for i in proxy.account.identifiers.all() if i.kind == IdentifierKind.PHONE]
        yield [
            Fact("phone", _("phone number"), mask_phone(phones[0]) if phones else None),
            Fact("relation", _("relation, as they said it"), proxy.relation, proxy.get_relation_display()),
            *_dates(proxy),
        ]


@section("for_others", gettext_lazy("Whom you act or acted for"), order=55)
def for_others(account: Account, at: datetime) -> Iterator[Row]:
    """The relatives, masked also in the file: it is about oneself."""
    for proxy in Proxy.objects.of_account(account).select_related("person").order_by("-created_at", "-pk"):
        yield [
            Fact("name", _("full name"), proxy.person.masked_name),
            Fact("relation", _("relation"), proxy.relation, proxy.get_relation_display()),
            *_dates(proxy),
        ]


def _dates(proxy: Proxy) -> Row:
    return [
        Fact("since", _("since"), proxy.created_at),
        Fact("confirmed_at", _("confirmed"), proxy.confirmed_at),
        Fact("ended_at", _("ended"), proxy.ended_at),
    ]


@section("looks", gettext_lazy("Who looked at your data"), order=30)
def looks(account: Account, at: datetime) -> Iterator[Row]:
    """Which office or institution searched for the account or its real-name person, or opened a page, and why; never
    who.
    """
    subjects = [f"account:{account.pk}"]
    if own := Person.objects.held_by(account).real_name().first():
        subjects.append(f"person:{own.pk}")
    looked = Q(action__startswith="view-") | Q(action__startswith="find-") | Q(action__in=DESK_LOOKS)
    rows = AuditEntry.objects.filter(looked, subject__in=subjects).exclude(actor=account)
    entries = list(rows.select_related("actor").order_by("-at", "-pk"))
    offices = _offices({entry.actor_id for entry in entries})
    for entry in entries:
        office = offices(entry.actor_id, entry.at)
        reason = entry.detail.get("reason")
        yield [
            Fact("at", _("time"), entry.at),
            Fact("by", _("by"), office or _("An institution that you visited or work for")),
            Fact("what", _("what"), entry.action, action_words(entry.action)),
            *([Fact("reason", _("reason"), reason, _label(reason))] if reason else []),
        ]


def _label(reason: str) -> str:
    return str(LookReason(reason).label) if reason in LookReason.values else reason


def _offices(accounts: set[int]) -> Callable[[int, datetime], str]:
    """Which office an account decided for, or at whose desk it was, at some time; "" if it never did."""
    officers = Officer.objects.filter(account__in=accounts, approved_at__isnull=False).select_related("office")
    clerks = DeskClerk.objects.filter(account__in=accounts).select_related("office")
    roles = [(role.account_id, role.approved_at, role) for role in officers]
    roles += [(role.account_id, role.created_at, role) for role in clerks]

    def then(account: int, at: datetime) -> str:
        own = [
            (since <= at and (role.ended_at is None or at <= role.ended_at), since, role.office.name)
            for who, since, role in roles
            if who == account
        ]
        return max(own, default=(False, at, ""))[2]

    return then


# Closing


@closes(order=40)
def let_go(*, account: Account, by: Account, at: datetime) -> None:
    """Nobody holds the person any more, nobody acts for it, and the account acts for nobody."""
    own = Person.objects.held_by(account).first()
    concerned = Q(account=account)
    if own:
        concerned |= Q(person=own)
    for proxy in Proxy.objects.current().filter(concerned).order_by("pk"):
        proxies.end_proxy(proxy=proxy, by=by, at=at)
    if own:
        actions.release(own, by, at)


@remains(order=10)
def what_remains(account: Account, at: datetime) -> list[Remainder]:
    """The declarations."""
    own = Person.objects.held_by(account).first()
    last = own and own.declarations.order_by("-made_at").first()
    if not last:
        return []
    until = deleted_on(last.made_at, period("declarations.Declaration"))
    return [Remainder(_("Your health declarations, for tracing contacts"), until)]
