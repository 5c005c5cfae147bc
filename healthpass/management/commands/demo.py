"""Made-up people to try everything with: residents in every colour, an institution, its staff, the authority."""

import base64
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import (
    Account,
    DeskClerk,
    Identifier,
    IdentifierKind,
    Office,
    Officer,
    identifier_hash,
    last_four_hash,
)
from declarations import documents
from declarations.documents import DocumentKind
from declarations.models import (
    Assurance,
    Declaration,
    Person,
    Proxy,
    Relation,
    document_hash,
    name_hash,
)
from institutions.actions import add_member
from institutions.models import Entrance, Institution, InstitutionKind, Membership, MembershipRole
from passcodes import approvals
from passcodes.colour import RiskCategory
from passcodes.legal import LegalBasis
from passcodes.models import Approval, ColourChange, GateReading, PassCode, RiskBatch, RiskRecord
from passcodes.risk_models import BatchWay

PASSWORD = "liaoning-demo-2026"
DIVISION = 210102  # 沈阳市和平区
SOURCE = "demo"
CREDIT_CODE = "12210100000000099L"
ENTRANCES = ("东门", "西门")
DECLARED_AGO = timedelta(minutes=10)


@dataclass(frozen=True)
class Actor:
    """One who can sign in; `manage.py demo --json` prints these fields. Only staff have password and secret."""

    role: str
    phone: str
    name: str
    document: str | None = None
    colour: str | None = None
    password: str | None = None
    totp_secret: str | None = None  # base32, as authenticator apps take it
    note: str = ""


ACTORS = (
    Actor("resident", "+8613800000001", "演示绿", "21010219900101901X", "green", note="healthy"),
    Actor("resident", "+8613800000002", "演示黄", "210102199001019028", "yellow", note="declared a dry cough"),
    Actor("resident", "+8613800000003", "演示红", "210102199001019036", "red", note="listed as a confirmed case"),
    Actor("resident", "+8613800000004", "演示灰", "210102199001019044", "grey", note="declared four days ago"),
    Actor("resident", "+8613800000005", "演示未核", "210102199001019052", "neutral", note="identity only declared"),
    Actor("scanner", "+8613800000006", "演示门卫", "210102199001019060", "green", note="scans for the demo school"),
    Actor(
        "institution_admin",
        "+8613800000007",
        "演示校长",
        password=PASSWORD,
        totp_secret="LIAONINGDEMOSCHOOLADMIN23456ABCD",
        note="/console/login/",
    ),
    Actor(
        "authority",
        "+8613800000008",
        "演示疾控",
        password=PASSWORD,
        totp_secret="LIAONINGDEMOHEALTHAUTHORITY2345A",
        note="/admin/login/",
    ),
    Actor(
        "authority",
        "+8613800000009",
        "演示卫健",
        password=PASSWORD,
        totp_secret="LIAONINGDEMOSECONDOFFICER234567B",
        note="/admin/login/, of another office: agrees to what the first has proposed",
    ),
    Actor(
        "authority",
        "+8613800000010",
        "演示复核",
        password=PASSWORD,
        totp_secret="LIAONINGDEMOTHIRDOFFICER2345677C",
        note="/admin/login/, of a third office: answers appeals against what the two have signed",
    ),
    Actor(
        "desk_clerk",
        "+8613800000011",
        "演示社工",
        password=PASSWORD,
        totp_secret="LIAONINGDEMODESKCLERK2345672345D",
        note="/desk/login/",
    ),
)


@dataclass(frozen=True)
class Relative:
    """Somebody without a phone, for whom the first resident acts."""

    name: str
    document: str
    relation: Relation


RELATIVES = (
    Relative("演示母亲", "210102196001019024", Relation.PARENT),
    Relative("演示孩子", "210102201801019018", Relation.CHILD),
)
OFFICE = {"name": "演示社区服务台", "phone": "024-12345", "division": 210100}
OFFICES = (  # of those who decide
    {"name": "演示疾病预防控制中心", "phone": "024-12320", "division": 210000},
    {"name": "演示卫生健康委员会", "phone": "024-12321", "division": 210100},
    {"name": "演示申诉复核办公室", "phone": "024-12322", "division": 210000},
)


class Command(BaseCommand):
    help = (
        "Make the demo data, or put it back as it was: everybody's colour, passwords and second factors."
        " Refuses when DEBUG is off, because its secrets are public."
    )

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print who can sign in as JSON")
        parser.add_argument("--totp", metavar="PHONE", help="only print the present six digits of this staff member")
        parser.add_argument("--force", action="store_true", help="even when DEBUG is off")

    def handle(self, **options):
        if options["totp"]:
            self.stdout.write(present_digits(options["totp"]))
            return
        if not (settings.DEBUG or options["force"]):
            raise CommandError("DEBUG is off, and the demo's passwords are public: nothing done. --force overrides.")
        restore(at=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps([asdict(actor) for actor in ACTORS], ensure_ascii=False, indent=1))
        else:
            self.stdout.write(table())


def present_digits(phone: str) -> str:
    """The six digits that the staff member with this phone number would read off an authenticator now."""
    wanted = phone if phone.startswith("+") else f"+86{phone}"
    for actor in ACTORS:
        if actor.phone == wanted and actor.totp_secret:
            return f"{totp(base64.b32decode(actor.totp_secret)):06d}"
    raise CommandError(f"No demo staff member has the phone number {phone}.")


def table() -> str:
    """How to sign in as each, for people."""
    lines = ["Demo people:"]
    for actor in ACTORS:
        what = actor.colour or actor.role.replace("_", " ")
        document = actor.document or "password " + str(actor.password)
        lines.append(f"  {actor.phone[3:]}  {what:18}{document:32}{actor.note}")
    for relative in RELATIVES:
        lines.append(
            f"  {'':11}  {'green':18}{relative.document:32}{relative.name}: {ACTORS[0].phone[3:]} acts for them"
        )
    staff = next(actor for actor in ACTORS if actor.totp_secret)
    return "\n".join(
        [
            *lines,
            "Residents and the scanner sign in with the phone number and a one-time code, which the server prints",
            "(SMS_URL=console:); on a new browser also with the last four characters of the document number above.",
            "Staff sign in with phone number, password and six digits; these are printed by",
            f"  DEBUG=true .venv/bin/python manage.py demo --totp {staff.phone[3:]}",
        ]
    )


@transaction.atomic
def restore(*, at: datetime) -> None:
    """Make what is missing and put back what was changed. Scans and audit rows stay."""
    accounts = {actor: _account(actor, at) for actor in ACTORS}
    deciding = [account for actor, account in accounts.items() if actor.role == "authority"]
    for account, office in zip(deciding, OFFICES, strict=True):
        _officer(account, office, at)
    for actor in ACTORS:
        if actor.document:
            _resident(actor, accounts[actor], deciding, at)
        if actor.totp_secret:
            _staff(actor, accounts[actor])
        if actor.role == "desk_clerk":
            _desk(accounts[actor])
    for relative in RELATIVES:
        _relative(relative, accounts[ACTORS[0]], at)
    school, _ = Institution.objects.update_or_create(
        credit_code=CREDIT_CODE,
        defaults={
            "name": "演示中学",
            "kind": InstitutionKind.SCHOOL,
            "division": DIVISION,
            "address": "演示路1号",
            "is_active": True,
        },
    )
    for name in ENTRANCES:
        Entrance.objects.update_or_create(institution=school, name=name, defaults={"is_active": True})
    roles = {"scanner": MembershipRole.SCANNER, "institution_admin": MembershipRole.ADMIN}
    for actor, account in accounts.items():
        if actor.role in roles:
            add_member(institution=school, account=account, role=roles[actor.role], by=None, at=at)


def _account(actor: Actor, at: datetime) -> Account:
    """The account of the actor's phone number, unlocked, with the actor's powers only."""
    account = Account.objects.filter(
        identifiers__kind=IdentifierKind.PHONE,
        identifiers__hash=identifier_hash(IdentifierKind.PHONE, actor.phone),
    ).first()
    if account is None:
        account = Account()
        account.set_unusable_password()
    account.is_active = True
    account.save()
    if actor.role != "authority":
        Officer.objects.open().filter(account=account).update(ended_at=at)
    Identifier.objects.update_or_create(
        kind=IdentifierKind.PHONE,
        hash=identifier_hash(IdentifierKind.PHONE, actor.phone),
        defaults={"account": account, "value": actor.phone, "used_at": at},
    )
    return account


def _staff(actor: Actor, account: Account) -> None:
    """Password and second factor, usable at once."""
    if not account.check_password(actor.password):
        account.set_password(actor.password)
        account.save(update_fields=["password"])
    TOTPDevice.objects.filter(user=account).exclude(name=SOURCE).delete()
    TOTPDevice.objects.update_or_create(
        user=account,
        name=SOURCE,
        defaults={
            "key": base64.b32decode(actor.totp_secret).hex(),
            "confirmed": True,
            "last_t": -1,
            "throttling_failure_count": 0,
            "throttling_failure_timestamp": None,
        },
    )


def _desk(account: Account) -> None:
    """The account works at the demo's desk, and at no other."""
    office, _ = Office.objects.update_or_create(name=OFFICE["name"], defaults=OFFICE)
    DeskClerk.objects.current().filter(account=account).exclude(office=office).update(ended_at=timezone.now())
    DeskClerk.objects.current().get_or_create(account=account, office=office)


def _officer(account: Account, values: dict, at: datetime) -> None:
    """The account decides for this office, and for no other."""
    office, _ = Office.objects.update_or_create(name=values["name"], defaults=values)
    DeskClerk.objects.current().filter(account=account).update(ended_at=at)
    others = Officer.objects.open().filter(account=account)
    others.exclude(office=office, approved_at__isnull=False).update(ended_at=at)
    Officer.objects.current().get_or_create(account=account, office=office, defaults={"approved_at": at})
    account.__dict__.pop("officer_role", None)  # as it was before


def _relative(relative: Relative, account: Account, at: datetime) -> None:
    """A green person without an account, whose face has been checked, and the account that acts for them alone."""
    kind = DocumentKind.RESIDENT_ID
    Person.objects.with_document(kind, relative.document).exclude(assurance=Assurance.FACE, holder=None).delete()
    known = Person.objects.with_document(kind, relative.document).first()
    person = known or Person(assurance=Assurance.FACE)
    for name, value in _identity(relative.name, relative.document).items():
        setattr(person, name, value)
    person.save()
    PassCode.objects.get_or_create(person=person)
    Proxy.objects.filter(person=person).exclude(account=account).delete()
    proxy, _ = Proxy.objects.current().get_or_create(
        account=account, person=person, defaults={"relation": relative.relation, "created_at": at}
    )
    proxy.relation, proxy.confirmed_at, proxy.confirmed_by = relative.relation, proxy.confirmed_at or at, account
    proxy.save()
    _declared(person, account, at - DECLARED_AGO, phone=ACTORS[0].phone)


def _identity(name: str, document: str) -> dict:
    """The fields of a person with a resident ID."""
    kind = DocumentKind.RESIDENT_ID
    born_on, sex = documents.birth_date_and_sex(document)
    return {
        "name": name,
        "name_hash": name_hash(name),
        "document_kind": kind,
        "document_number": document,
        "document_hash": document_hash(kind, document),
        "document_last_four_hash": last_four_hash(document),
        "sex": sex,
        "birth_date": born_on.isoformat(),
        "needs_desk": False,
    }


def _resident(actor: Actor, account: Account, deciding: list[Account], at: datetime) -> None:
    """A person with a code, and facts that give the colour."""
    # Whoever else was declared with this document while trying things out gives way, also who closed their account.
    others = Person.objects.with_document(DocumentKind.RESIDENT_ID, actor.document).exclude(holder=account)
    Membership.objects.filter(person__in=others).delete()
    others.delete()
    assurance = Assurance.DECLARED if actor.colour == "neutral" else Assurance.AUTHORITY
    person, _ = Person.objects.update_or_create(
        holder=account, defaults=_identity(actor.name, actor.document) | {"assurance": assurance}
    )
    PassCode.objects.get_or_create(person=person)
    account.last_four_hash = last_four_hash(actor.document)
    account.save(update_fields=["last_four_hash"])
    _facts(actor, account, person, deciding, at)


def _facts(actor: Actor, account: Account, person: Person, deciding: list[Account], at: datetime) -> None:
    """Only the facts that give the actor's colour."""
    made_at = at - (timedelta(days=4) if actor.colour == "grey" else DECLARED_AGO)
    _declared(person, account, made_at, phone=actor.phone, dry_cough=actor.colour == "yellow")
    if actor.colour == "red":
        record = RiskRecord(
            document_hash=person.document_hash,
            category=RiskCategory.CONFIRMED,
            starts_at=at - timedelta(days=1),
            source=SOURCE,
        )
        first, second, _third = deciding
        enter = {"basis": LegalBasis.CASES, "reason": "演示：医院报告的确诊病例", "by": first, "at": at}
        approvals.approve(batch=approvals.enter(row=record, **enter).batch, by=second, at=at)


def _declared(person: Person, account: Account, made_at: datetime, *, phone: str, dry_cough: bool = False) -> None:
    """One declaration, and no other facts."""
    for model in (Declaration, GateReading, ColourChange):
        model.objects.filter(person=person).delete()
    _unlist(person)
    Declaration.objects.create(
        person=person,
        account=account,
        made_at=made_at,
        form_version=1,
        phone=phone,
        division=DIVISION,
        address="演示路2号",
        fever=False,
        dry_cough=dry_cough,
        fatigue=False,
        other_symptoms="",
    )


def _unlist(person: Person) -> None:
    """No risk record of the person, and no batch that was only for one."""
    records = RiskRecord.objects.filter(document_hash=person.document_hash)
    batches = list(records.filter(batch__way=BatchWay.MANUAL).values_list("batch", flat=True))
    Approval.objects.filter(batch__in=batches).delete()
    records.delete()
    RiskBatch.objects.filter(pk__in=batches).delete()
