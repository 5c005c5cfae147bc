"""Officers: two of two offices make one, one ends the role, and the first come from the server."""

import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import closing, desk, officers
from accounts.authority import authority
from accounts.models import Account, AuditEntry, Office, Officer
from tests import factories
from tests.passcodes.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return factories.office()


@pytest.fixture
def ours():
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs(city):
    return factories.account(phone="+8613700000002", office=city)


@pytest.fixture
def newcomer():
    account = factories.account(phone="+8613700000003")
    factories.person(holder=account, name="任盈盈")
    return account


def propose(newcomer, office, by) -> Officer:
    return officers.add_officer(account=newcomer, office=office, by=by, at=timezone.now())


def approve(officer, by) -> None:
    officers.approve_officer(officer=officer, by=by, at=timezone.now())


def end(officer, by) -> bool:
    return officers.end_officer(officer=officer, by=by, at=timezone.now())


def is_officer(account) -> bool:
    return Account.objects.get(pk=account.pk).is_officer


def test_officer_begins_when_another_office_agrees_and_ends_at_once(ours, theirs, newcomer, city):
    role = propose(newcomer, city, ours)
    assert not is_officer(newcomer)
    approve(role, theirs)
    assert is_officer(newcomer)
    assert officers.office_of(Account.objects.get(pk=newcomer.pk)) == city
    assert authority.role_since(Account.objects.get(pk=newcomer.pk)) == role.approved_at
    assert end(role, theirs)
    assert not is_officer(newcomer)
    told = AuditEntry.objects.filter(subject=f"officer:{role.pk}").order_by("pk").values_list("action", "actor")
    assert list(told) == [("add-officer", ours.pk), ("approve-officer", theirs.pk), ("end-officer", theirs.pk)]


def test_own_proposal_own_office_and_oneself_are_refused(ours, newcomer, city):
    role = propose(newcomer, city, ours)
    colleague = factories.account(phone="+8613700000004", is_officer=True)
    for by in (ours, colleague):
        with pytest.raises(officers.NotYours):
            approve(role, by)
    for by in (newcomer, factories.account(phone="+8613700000005")):
        with pytest.raises(officers.NotAnOfficer):
            approve(role, by)
    with pytest.raises(officers.NotYours):
        propose(ours, city, ours)
    assert not is_officer(newcomer)


def test_moving_to_another_office_does_not_make_two_of_one(ours, theirs, newcomer, city):
    role = propose(newcomer, city, ours)
    Officer.objects.filter(account=ours).update(ended_at=timezone.now())
    factories.officer(account=ours, office=city)
    for by in (ours, theirs):  # who proposed it; and whose office the proposer is of now
        with pytest.raises(officers.NotYours):
            approve(role, by)


def test_residents_propose_nobody(newcomer, city):
    with pytest.raises(officers.NotAnOfficer):
        propose(newcomer, city, factories.account())


def test_an_account_has_one_office(ours, theirs, newcomer, city):
    role = propose(newcomer, city, ours)
    with pytest.raises(officers.HasOffice):
        propose(newcomer, factories.province(), theirs)
    end(role, theirs)
    with pytest.raises(officers.NotProposed):
        approve(role, theirs)
    assert propose(newcomer, city, theirs)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"added_by": "ours", "approved_by": "ours", "approved_at": 1}, "officer_approved_by_another"),
        ({"added_by": "ours", "approved_by": "newcomer", "approved_at": 1}, "officer_approved_by_another"),
        ({"added_by": "newcomer"}, "officer_proposed_by_another"),
        ({"added_by": "ours", "approved_at": 1}, "officer_approved_by_somebody"),
    ],
)
def test_the_database_refuses_one_for_two(ours, newcomer, city, values, constraint):
    known = {"ours": ours, "newcomer": newcomer, 1: timezone.now()}
    with pytest.raises(IntegrityError, match=constraint):
        Officer.objects.create(account=newcomer, office=city, **{name: known[what] for name, what in values.items()})


def test_the_database_has_one_open_role_for_an_account(ours, city):
    with pytest.raises(IntegrityError, match=r"one_office_at_a_time_for_an_officer|officer\.account_id"):
        Officer.objects.create(account=ours, office=city)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_role_that_ends_meanwhile_approves_nothing(ours, theirs, newcomer, city):
    role, ended, problems = propose(newcomer, city, ours), threading.Event(), []

    def end_meanwhile():
        with transaction.atomic():
            Officer.objects.filter(account=theirs).update(ended_at=timezone.now())
            ended.set()
            threading.Event().wait(0.3)
        connection.close()

    thread = threading.Thread(target=end_meanwhile)
    thread.start()
    assert ended.wait(10)
    try:
        approve(role, theirs)
    except officers.NotAnOfficer as error:
        problems.append(error)
    thread.join()
    assert (len(problems), is_officer(newcomer)) == (1, False)


def test_pages_propose_and_approve(ours, theirs, newcomer, city):
    mine, other = factories.staff_client(account=ours), factories.staff_client(account=theirs)
    page = mine.post("/admin/accounts/officer/add/", {"office": city.pk, "phone": "13700000003"}, follow=True).text
    assert "An officer of another office has to agree." in page
    role = Officer.objects.get(account=newcomer)
    address = f"/admin/accounts/officer/{role.pk}/"
    assert ">Agree<" not in mine.get(f"{address}change/").text
    assert "An officer of another office has to agree." in mine.post(f"{address}approve/", follow=True).text
    assert not is_officer(newcomer)
    assert ">Agree<" in other.get(f"{address}change/").text
    other.post(f"{address}approve/")
    assert is_officer(newcomer)
    assert "ends when officers of two offices have asked for it" in mine.get(f"{address}change/").text
    assert "when an officer of a further office asks" in mine.post(f"{address}end/", follow=True).text
    assert is_officer(newcomer)
    assert "Done." in other.post(f"{address}end/", follow=True).text
    assert not is_officer(newcomer)
    last = f"/admin/accounts/officer/{ours.officer_roles.get().pk}/end/"
    assert "Fewer than two offices would have officers then." in mine.post(last, follow=True).text
    assert is_officer(ours)


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        ("13700000001", "No real-name user has this phone number."),
        ("13700000002", "This person is an officer already, or proposed as one."),
        ("13700000009", "No real-name user has this phone number."),
    ],
)
def test_who_cannot_be_proposed_is_said(ours, theirs, city, phone, said):
    factories.person(holder=theirs)
    mine = factories.staff_client(account=ours)
    assert said in mine.post("/admin/accounts/officer/add/", {"office": city.pk, "phone": phone}).text


@pytest.fixture
def third():
    return factories.account(phone="+8613700000006", office=factories.office(name="第三"))


def test_another_office_s_role_takes_two_to_end(ours, theirs, third, city):
    role = third.officer_roles.get()
    colleague = factories.account(phone="+8613700000007", is_officer=True)
    assert [end(role, by) for by in (ours, ours, colleague)] == [False] * 3
    assert is_officer(third)
    assert end(role, theirs)
    assert not is_officer(third)
    told = AuditEntry.objects.filter(subject=f"officer:{role.pk}").order_by("pk").values_list("action", "actor")
    asked = [("ask-end-officer", account.pk) for account in (ours, ours, colleague)]
    assert list(told) == [*asked, ("end-officer", theirs.pk)]


def test_who_decides_no_more_has_asked_for_nothing(ours, theirs, third):
    fourth = factories.account(phone="+8613700000008", office=factories.office(name="第四"))
    assert not end(third.officer_roles.get(), ours)
    ours.officer_roles.update(ended_at=timezone.now())
    assert not end(third.officer_roles.get(), theirs)
    assert end(third.officer_roles.get(), fourth)


def test_moving_to_another_office_does_not_ask_twice(ours, theirs, third, city):
    assert not end(third.officer_roles.get(), ours)
    ours.officer_roles.update(ended_at=timezone.now())
    factories.officer(account=ours, office=factories.office(name="第四"))
    assert not end(third.officer_roles.get(), ours)


def test_one_officer_ends_nobody_else_s_role_alone(ours, theirs, third):
    for role in Officer.objects.exclude(account=ours):
        end(role, ours)
    assert Officer.objects.current().count() == 3
    assert end(ours.officer_roles.get(), ours)
    with pytest.raises(officers.LastOffices):
        end(theirs.officer_roles.get(), theirs)
    with pytest.raises(officers.LastOffices):
        closing.close(account=theirs, by=theirs, at=timezone.now())
    assert {role.account for role in Officer.objects.current()} == {theirs, third}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_who_leave_at_once_one_stays(ours, theirs, third):
    calls = (lambda by=by: end(by.officer_roles.get(), Account.objects.get(pk=by.pk)) for by in (ours, theirs))
    assert at_once(*calls) == ["LastOffices", "done"]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_their_accounts_at_once_one_stays(ours, theirs, third):
    calls = (lambda by=by: closing.close(account=by, by=by, at=timezone.now()) for by in (ours, theirs))
    assert at_once(*calls) == ["LastOffices", "done"]


def test_clerk_is_not_proposed(ours, newcomer, city):
    desk.add_clerk(account=newcomer, office=city, by=ours, at=timezone.now())
    client = factories.staff_client(account=ours)
    page = client.post("/admin/accounts/officer/add/", {"office": city.pk, "phone": "13700000003"})
    assert "This person works at a desk. End that role first." in page.text
    with pytest.raises(officers.WorksAtDesk):
        propose(newcomer, city, ours)
    with pytest.raises(CommandError, match="works at a desk"):
        first("13700000003", city.name)


def first(phone, office, **options):
    call_command("first_officer", phone, "--office", office, stdout=StringIO(), **options)


def test_the_first_officers_of_two_offices_come_from_the_server():
    for number in range(3):
        factories.account(phone=f"+861380000000{number}")
    new = {"office_phone": "024-1", "division": 210000}
    first("13800000000", "省卫健委", **new)
    with pytest.raises(CommandError, match="This account is an officer already"):
        first("13800000000", "省疾控", **new)
    with pytest.raises(CommandError, match="The office has officers"):
        first("13800000001", "省卫健委")
    first("13800000001", "省疾控", **new)
    with pytest.raises(CommandError, match="or two others have"):
        first("13800000002", "市疾控", **new)
    assert Officer.objects.current().count() == Office.objects.count() == 2
    assert AuditEntry.objects.filter(action="first-officer", actor=None).count() == 2


@pytest.mark.parametrize(
    ("phone", "options", "said"),
    [
        ("1", {}, "not a phone number"),
        ("13800000009", {}, "Nobody has signed in"),
        ("13800000001", {}, "A new office needs"),
        ("13800000001", {"office_phone": "1", "division": 219999}, "A new office needs"),
        (
            "13800000001",
            {"office_phone": "1", "division": 210000, "office": "沈阳市 卫生健康委员会"},
            "written otherwise",
        ),
        ("13800000001", {"office": "沈阳市\u200b卫生健康委员会"}, "cannot be shown"),
        (
            "13800000001",
            {"office_phone": "1", "division": 210000, "office": "卫健委" * 40},
            "too long",
        ),
    ],
)
def test_first_officer_says_what_is_wrong(phone, options, said):
    factories.account()
    factories.office()
    with pytest.raises(CommandError, match=said):
        first(phone, **{"office": "省卫健委", **options})
    assert not Officer.objects.exists()


def test_one_office_that_is_left_gets_another_from_the_server(ours):
    """It could agree to nothing any more."""
    factories.account()
    first("13800000001", "省疾控", office_phone="1", division=210000)
    assert Officer.objects.current().count() == 2
