"""Plain functions that make what a test needs. Keyword-only, no randomness."""

from datetime import date, datetime, timedelta

from django.test import Client
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import purposes
from accounts.actions import issue_device_key
from accounts.models import Account, Device, Identifier, Office, Officer, identifier_hash, last_four_hash
from declarations.documents import DocumentKind
from declarations.models import (
    Assurance,
    Declaration,
    Person,
    Proxy,
    Relation,
    Sex,
    Stay,
    document_hash,
    name_hash,
)
from institutions.models import Entrance, Institution, InstitutionKind, Membership, MembershipRole
from passcodes import rule_drafts, rules
from passcodes.models import Approval, PassCode, RiskArea, RiskBatch, RiskRecord, RiskSource, RuleSet
from scanning.ids import new_id
from scanning.models import Scan

# Valid by GB 11643; nobody's: Shenyang's Heping district, born 1990-01-01.
DOCUMENTS = ["210102199001010015", "210102199001010023", "210102199001010031", "21010219900101004X"]


def office(*, name: str = "沈阳市卫生健康委员会", division: int = 210100) -> Office:
    """A deciding body of the authority, made once."""
    return Office.objects.get_or_create(name=name, defaults={"phone": "024-12320", "division": division})[0]


def province() -> Office:
    """The office of whatever officer does not need another."""
    return office(name="省卫生健康委员会", division=210000)


def officer(*, account: Account, office: Office | None = None) -> Officer:
    """A role that nobody had to agree to, as the first of an installation; of the province's office unless told."""
    account.__dict__.pop("officer_role", None)  # which may have been read before
    return Officer.objects.create(account=account, office=office or province(), approved_at=timezone.now())


def account(
    *, phone: str = "+8613800000001", is_officer: bool = False, office: Office | None = None, **fields
) -> Account:
    """An account that signs in with this phone number; an officer, of the province's office unless one is given."""
    account = Account(**fields)
    account.set_unusable_password()
    account.save()
    Identifier.objects.create(
        account=account, kind="phone", value=phone, hash=identifier_hash("phone", phone), used_at=timezone.now()
    )
    if is_officer or office:
        officer(account=account, office=office)
    return account


def device(*, account: Account, secret: str = "device") -> Device:
    """A browser that the account has signed in on."""
    return Device.objects.create(account=account, hash=secret, seen_at=timezone.now())


def device_key(*, account: Account, subject: str = "", at: datetime | None = None) -> str:
    """The secret of a device key: for a pass (`subject`), or for scanning."""
    browser = account.devices.first() or device(account=account)
    at = at or timezone.now()
    return issue_device_key(
        account=account, device_id=browser.pk, subject=subject, at=at, until=at + timedelta(days=90)
    )


def person(
    *,
    holder: Account | None = None,
    name: str = "张三丰",
    number: str = DOCUMENTS[0],
    kind: str = DocumentKind.RESIDENT_ID,
    assurance: int = Assurance.AUTHORITY,
) -> Person:
    """A person with a checked identity, unless `assurance` says otherwise."""
    return Person.objects.create(
        holder=holder,
        name=name,
        name_hash=name_hash(name),
        document_kind=kind,
        document_number=number,
        document_hash=document_hash(kind, number),
        document_last_four_hash=last_four_hash(number),
        sex=Sex.MALE,
        birth_date=date(1990, 1, 1).isoformat(),
        assurance=assurance,
    )


def declaration(*, person: Person, account: Account, made_at: datetime | None = None, **fields) -> Declaration:
    """A healthy declaration from Heping district, unless `fields` say otherwise."""
    values = {
        "form_version": 1,
        "phone": "+8613800000001",
        "division": 210102,
        "address": "中山路1号",
        "fever": False,
        "dry_cough": False,
        "fatigue": False,
        "other_symptoms": "",
    }
    return Declaration.objects.create(
        person=person, account=account, made_at=made_at or timezone.now(), **{**values, **fields}
    )


def stay(*, declaration: Declaration, division: int = 110105, kind: str = "travel", days_ago: int = 1) -> Stay:
    """One day somewhere, some days before the declaration."""
    day = (declaration.made_at - timedelta(days=days_ago)).date()
    return Stay.objects.create(declaration=declaration, kind=kind, division=division, from_on=day, to_on=day)


def pass_code(*, account: Account, number: str = DOCUMENTS[0], made_at: datetime | None = None, **fields) -> PassCode:
    """The code of a real-name person who has declared; green unless the test adds something."""
    holder = person(holder=account, number=number, **fields)
    declaration(person=holder, account=account, made_at=made_at)
    return PassCode.objects.create(person=holder)


def risk_record(*, number: str = DOCUMENTS[0], category: str = "confirmed", **fields) -> RiskRecord:
    """A line of the epidemic database, in force since yesterday without an end."""
    values = {
        "starts_at": timezone.now() - timedelta(days=1),
        "source": "province",
        "office": "沈阳市疾病预防控制中心",
        "office_phone": "024-12320",
    }
    return RiskRecord.objects.create(
        batch=fields.pop("batch", None) or risk_batch(),
        document_hash=document_hash(DocumentKind.RESIDENT_ID, number),
        category=category,
        **{**values, **fields},
    )


def risk_area(*, division: int = 210102, level: str = "high", starts_on: date | None = None, **fields) -> RiskArea:
    """An area at that level from today on."""
    starts_on = starts_on or timezone.localdate()
    batch = risk_batch(kind="areas")
    return RiskArea.objects.create(
        batch=batch, division=division, level=level, starts_on=starts_on, source="s", **fields
    )


def risk_batch(
    *, source: RiskSource | None = None, state: str = "visible", kind: str = "people", way: str = "manual"
) -> RiskBatch:
    """A batch of one row, in force unless `state` says otherwise; of the manual source unless one is given."""
    now = timezone.now()
    values = {"name": "人工登记", "agreed_at": now}
    source = source or RiskSource.objects.get_or_create(slug="manual", defaults=values)[0]
    return RiskBatch.objects.create(
        source=source,
        name=f"entry-{source.batches.count() + 1}",
        kind=kind,
        way=way,
        state=state,
        rows=1,
        applied=1,
        created_at=now,
        released_at=None if state in ("draft", "refused") else now,
        withdrawn_at=now if state == "withdrawn" else None,
    )


def risk_source(*, slug: str = "province", **fields) -> RiskSource:
    """Who sends lists, agreed to by two offices, with a key, without a freshness limit."""
    values = {"name": "省疾控", "key": "key-of-the-province", "agreed_at": timezone.now()}
    decides = fields.pop("deciding_office", None) or office(name="辽宁省疾控中心", division=210000)
    names = {"deciding_office": decides, "office": decides.name, "office_phone": "024-23388"}
    return RiskSource.objects.create(slug=slug, **{**values, **names, **fields})


def rule_draft(*, at: datetime | None = None, **fields) -> RuleSet:
    """A copy of the rules in force that could be released; `fields` go to every rule of it."""
    draft = rule_drafts.new_draft(by=None, at=at or timezone.now())
    draft.rules.update(**{"office": "省疾控中心", "office_phone": "024-23388", **fields})
    return draft


def agreed(*, rule_set: RuleSet, does: str = "release", at: datetime | None = None) -> Approval:
    """What two offices have agreed to do with a set of rules: `rules.release` and `withdraw` take it then."""
    at = at or timezone.now()
    first, second = Account.objects.create(), Account.objects.create()
    return Approval.objects.create(
        rule_set=rule_set,
        does=does,
        basis="emergency",
        reason="",
        proposed_by=first,
        proposer_office=province(),
        proposed_at=at,
        approved_by=second,
        approver_office=office(),
        approved_at=at,
    )


def released_rules(*, rule_set: RuleSet, at: datetime | None = None) -> RuleSet:
    """The draft, put in force by two offices."""
    at = at or timezone.now()
    agreed(rule_set=rule_set, at=at)
    rules.release(rule_set=rule_set, by=None, at=at)
    return rule_set


def institution(*, name: str = "沈阳市第一中学", credit_code: str = "12210100000000001J") -> Institution:
    """A school."""
    return Institution.objects.create(
        name=name, credit_code=credit_code, kind=InstitutionKind.SCHOOL, division=210102, address="青年大街1号"
    )


def entrance(*, institution: Institution, name: str = "东门") -> Entrance:
    """A door of an institution."""
    return Entrance.objects.create(institution=institution, name=name)


def member(*, institution: Institution, account: Account, role: str = MembershipRole.SCANNER) -> Membership:
    """A scanner of the institution, unless `role` says otherwise; the person whom the account holds by now."""
    held = Person.objects.held_by(account).first()
    return Membership.objects.create(institution=institution, account=account, role=role, person=held)


def scan(
    *,
    institution: Institution,
    entrance: Entrance,
    scanner: Account,
    person: Person | None = None,
    at: datetime | None = None,
    **fields,
) -> Scan:
    """A scan of a green code, now and without a temperature unless `fields` say otherwise."""
    at = at or timezone.now()
    values = {"outcome": "green", "digest": b"12345678", "received_at": at}
    return Scan.objects.create(
        id=new_id(at),
        institution=institution,
        entrance=entrance,
        scanner=scanner,
        person=person,
        **{**values, **fields},
    )


def staff_client(*, account: Account, second_factor: bool = True, looks_because: str = "identity") -> Client:
    """A browser on which this member of staff has signed in, with the six digits unless told otherwise.

    `looks_because`: the LookReason that they have just given; "" = none yet.
    """
    client = Client(headers={"accept-language": "en"})
    client.force_login(account, backend="accounts.backends.StaffBackend")
    if second_factor:
        device, _ = TOTPDevice.objects.get_or_create(user=account, name="app", confirmed=True)
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        session[purposes.SESSION_KEY] = [looks_because, timezone.now().timestamp()]
        session.save()
    return client


def relative(
    *, account: Account, number: str = DOCUMENTS[1], name: str = "李小花", acting: bool = True, **fields
) -> Proxy:
    """A person without an account whom this account acts for, proven by a face unless `fields` say otherwise."""
    now = timezone.now()
    someone = person(name=name, number=number, **{"assurance": Assurance.FACE, **fields})
    declaration(person=someone, account=account)
    return Proxy.objects.create(
        account=account,
        person=someone,
        relation=Relation.PARENT,
        created_at=now,
        confirmed_at=now if acting else None,
        confirmed_by=account if acting else None,
    )
