"""Two institutions, each with a door, a scanner, an admin, and a scan of somebody: what could leak is there first."""

from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from declarations.models import Person
from institutions.models import Entrance, Institution, Membership
from scanning.models import Scan, ScanEvent
from tests import factories


@dataclass(frozen=True)
class House:
    """An institution and what belongs to it."""

    institution: Institution
    entrance: Entrance
    scanner: Membership
    admin: Account
    person: Person
    scan: Scan
    client: Client  # of its admin

    @property
    def traces(self) -> list[str]:
        """What pages could show of it, each found in no other institution."""
        phone = self.scanner.account.identifiers.get()
        return [
            self.institution.name,
            self.entrance.name,
            str(phone),
            self.scanner.account.person.masked_name,
            self.person.masked_name,
            self.person.masked_document,
            str(self.scan.pk),
        ]


def house(*, name: str, code: str, door: str, scanner: str, visitor: str, digit: int) -> House:
    """An institution whose people's phones and documents have this digit in them."""
    institution = factories.institution(name=name, credit_code=code)
    entrance = factories.entrance(institution=institution, name=door)
    guard = factories.account(phone=f"+861380000{digit}001")
    factories.person(holder=guard, name=scanner, number=factories.DOCUMENTS[digit * 2])
    member = factories.member(institution=institution, account=guard)
    visiting = factories.account(phone=f"+861380000{digit}002")
    person = factories.person(holder=visiting, name=visitor, number=f"{digit}E123456{digit}", kind="03")
    admin = factories.account(phone=f"+861380000{digit}003")
    factories.member(institution=institution, account=admin, role="admin")
    scan = factories.scan(
        institution=institution, entrance=entrance, scanner=guard, person=person, outcome="red", temperature="37.6"
    )
    ScanEvent.objects.create(scan_id=scan.pk, kind="reading", temperature="37.6", by=guard, at=timezone.now())
    return House(institution, entrance, member, admin, person, scan, factories.staff_client(account=admin))


@pytest.fixture
def school(db) -> House:
    return house(
        name="沈阳市第一中学", code="12210100000000001J", door="东门", scanner="张三丰", visitor="赵敏", digit=0
    )


@pytest.fixture
def factory(db) -> House:
    """The other institution."""
    return house(
        name="大连机床厂", code="12210100000000002M", door="北货运口", scanner="欧阳锋", visitor="慕容复", digit=1
    )
