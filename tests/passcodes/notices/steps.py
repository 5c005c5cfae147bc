"""What coloured somebody, and what they were told."""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Officer
from declarations.models import Assurance, Person, document_hash, name_hash
from passcodes import approvals, facts
from passcodes.actions import show_colour
from passcodes.colour import BEIJING
from passcodes.legal import LegalBasis
from passcodes.models import RiskRecord
from passcodes.risk import withdraw
from tests import factories

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=BEIJING)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
CHANGED = "Before you go out, open the Health Pass"
WITHDRAWN = "has been withdrawn"


def texts(messages):
    return [CHANGED if CHANGED in text else WITHDRAWN if WITHDRAWN in text else text for _to, text in messages]


def listed(number=factories.DOCUMENTS[0], category="confirmed", **fields):
    """A record that two officers put in force now."""
    now = timezone.now()
    row = RiskRecord(
        document_hash=document_hash("01", number),
        category=category,
        office="沈阳市疾控中心",
        office_phone="024-12320",
        **{"starts_at": now - HOUR, **fields},
    )
    proposer, second = two_officers()
    approvals.enter(row=row, basis=LegalBasis.CASES, by=proposer, at=now)
    approvals.approve(batch=row.batch, by=second, at=now)
    return row


def two_officers():
    """Of two offices; made once."""
    if not Officer.objects.exists():
        factories.account(phone="+8613700000001", is_officer=True)
        factories.account(phone="+8613700000002", office=factories.office())
    return [officer.account for officer in Officer.objects.order_by("pk")]


def take_back(row):
    row.batch.refresh_from_db()
    withdraw(batch=row.batch, by=None, at=timezone.now())


def shown(code, account=None):
    """The colour, as this account's page shows it, or to somebody else."""
    now = timezone.now()
    row = facts.for_person(person_id=code.person_id, at=now)
    if account:
        row = facts.for_page_of(account_id=account.pk, pass_id=code.public_id, at=now)
    return show_colour(row=row, at=now).colour.name.lower()


def resident(number):
    """One of many who have declared, with a phone of their own."""
    account = factories.account(phone=f"+86139{number:08}")
    text = f"made up {number}"
    person = Person.objects.create(
        holder=account,
        name="张三丰",
        name_hash=name_hash("张三丰"),
        document_kind="01",
        document_number=text,
        document_hash=document_hash("01", text),
        document_last_four_hash="",
        sex="1",
        birth_date="1990-01-01",
        assurance=Assurance.AUTHORITY,
    )
    factories.declaration(person=person, account=account)
    return person
