"""A role belongs to the person who was given it, not to whoever has the number later."""

import pytest

from accounts.models import AuditEntry
from declarations.models import Person
from institutions.actions import add_member
from institutions.models import Institution, Membership
from scanning.entrances import open_to
from tests import factories

ADD = "/console/institutions/scanner/add/"
LIST = "/console/institutions/scanner/"


@pytest.fixture
def successor(school) -> Person:
    """The scanner declares with a new number; the old account is another real-name person's by now."""
    guard = school.scanner.account
    Person.objects.filter(holder=guard).update(holder=factories.account(phone="+8613912345678"))
    return factories.person(holder=guard, name="令狐冲", number=factories.DOCUMENTS[3])


def test_scanner_scans_while_the_account_holds_the_person(school):
    assert list(open_to(school.scanner.account)) == [school.entrance]


def test_another_person_on_the_account_has_no_entrances(school, successor):
    assert not open_to(successor.holder).exists()
    mover = school.scanner.person
    mover.refresh_from_db()
    assert not open_to(mover.holder).exists()  # the role is not carried over: an admin gives it anew


def test_role_of_nobody_in_particular_opens_no_entrance(school):
    account = factories.account(phone="+8613912345678")
    member = factories.member(institution=school.institution, account=account)
    assert member.person is None
    factories.person(holder=account, number=factories.DOCUMENTS[3])
    assert not open_to(account).exists()


def test_console_shows_who_was_appointed_and_that_it_has_no_effect(school, successor):
    text = school.client.get(LIST).text
    assert "张**" in text and "令**" not in text
    assert "Without effect: the person has left this account" in text


def test_successor_can_be_appointed_and_the_earlier_role_ends(school, successor):
    response = school.client.post(ADD, {"phone": "13800000001"}, follow=True)
    assert "Added: 令**" in response.text
    earlier, later = Membership.objects.filter(account=successor.holder).order_by("pk")
    assert (earlier.pk, earlier.ended_at is None) == (school.scanner.pk, False)
    assert (later.person, later.ended_at) == (successor, None)
    assert AuditEntry.objects.get(subject=f"membership:{earlier.pk}").action == "end-scanner"
    assert list(open_to(successor.holder)) == [school.entrance]


@pytest.mark.parametrize("role", ["scanner", "admin"])
def test_appointed_is_the_person_that_the_account_holds(school, role):
    account = factories.account(phone="+8613912345678")
    person = factories.person(holder=account, number=factories.DOCUMENTS[3])
    values = {"institution": school.institution, "account": account, "role": role, "by": school.admin}
    member = add_member(**values, at=school.scan.received_at)
    assert member.person == person
    assert add_member(**values, at=school.scan.received_at) == member


def test_admin_with_a_person_is_out_when_the_account_is_somebody_elses(school, factory):
    account = factories.account(phone="+8613912345678")
    person = factories.person(holder=account, number=factories.DOCUMENTS[3])
    factories.member(institution=school.institution, account=account, role="admin")
    client = factories.staff_client(account=account)
    assert client.get("/console/").status_code == 200
    assert list(Institution.objects.administered_by(account)) == [school.institution]
    person.holder = None
    person.save()
    assert not Institution.objects.administered_by(account).exists()
    assert client.get("/console/").status_code == 302
    assert list(Institution.objects.administered_by(school.admin)) == [school.institution]  # has no pass
