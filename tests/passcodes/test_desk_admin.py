"""Offices and desk clerks on the authority's site: added by phone number, masked, ended, never deleted."""

import html
import re
from datetime import datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import desk, officers
from accounts.models import AuditEntry, DeskClerk, Office, Officer, identifier_hash
from accounts.office_models import DeskClerkQuerySet
from tests import factories
from tests.passcodes.threads import at_once

OFFICES = "/admin/accounts/office/"
CLERKS = "/admin/accounts/deskclerk/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    return factories.account(phone="+8613700000009", is_officer=True)


@pytest.fixture
def admin(officer):
    return factories.staff_client(account=officer)


@pytest.fixture
def office():
    return Office.objects.create(name="和平区服务台", phone="024-11111", division=210102)


@pytest.fixture
def newcomer():
    account = factories.account(phone="+8613912345678")
    factories.person(holder=account, name="令狐冲", number=factories.DOCUMENTS[1])
    return account


def errors(response):
    return re.findall(r'<ul class="errorlist[^>]*><li>(.*?)</li>', html.unescape(response.content.decode()))


def actions_on(subject) -> list[str]:
    return list(AuditEntry.objects.filter(subject=subject).order_by("pk").values_list("action", flat=True))


def test_office_is_added_for_a_division_that_exists(admin, officer):
    data = {"name": "和平区服务台", "phone": "024-11111", "division": "219999"}
    assert errors(admin.post(f"{OFFICES}add/", data)) == ["There is no division with this code."]
    assert errors(admin.post(f"{OFFICES}add/", data | {"division": "990000"})) != []
    admin.post(f"{OFFICES}add/", data | {"division": "210102"})
    office = Office.objects.exclude(officers__account=officer).get()
    assert (office.name, office.division) == ("和平区服务台", 210102)
    assert actions_on(f"office:{office.pk}") == ["add-office"]
    assert "和平区 210102" in admin.get(OFFICES).text


def test_office_s_name_and_phone_change_but_not_its_division(admin, office):
    admin.post(f"{OFFICES}{office.pk}/change/", {"name": "新名", "phone": "024-22222", "division": "210200"})
    office.refresh_from_db()
    assert (office.name, office.phone, office.division) == ("新名", "024-22222", 210102)
    assert AuditEntry.objects.get(action="change-office").detail == {"fields": ["name", "phone"]}


@pytest.mark.parametrize("name", ["和平区服务台", "和平区 服务台", "和平区　服务台"])
def test_office_s_name_is_another_s_never(admin, office, name):
    data = {"name": name, "phone": "024-11111", "division": "210102"}
    assert errors(admin.post(f"{OFFICES}add/", data)) == ["There is an office with this name."]
    with pytest.raises(IntegrityError, match="office_named_once"), transaction.atomic():
        Office.objects.create(name=name, phone="1", division=210102)


def test_office_that_has_had_officers_keeps_its_name(admin, office, newcomer):
    Officer.objects.create(account=newcomer, office=office, approved_at=timezone.now(), ended_at=timezone.now())
    admin.post(f"{OFFICES}{office.pk}/change/", {"name": "新名", "phone": "024-22222"})
    office.refresh_from_db()
    assert (office.name, office.phone) == ("和平区服务台", "024-22222")


def test_an_officer_changes_the_phone_of_their_own_office_alone(admin, officer, office, newcomer):
    factories.officer(account=newcomer, office=office)
    page = f"{OFFICES}{office.pk}/change/"
    text = admin.get(page).text
    assert "Only the officers of this office change its phone number." in text
    assert 'name="phone"' not in text
    assert admin.post(page, {"phone": "024-22222"}).status_code == 403
    own = factories.staff_client(account=newcomer)
    assert "Only the officers" not in own.get(page).text
    own.post(page, {"phone": "024-33333"})
    office.refresh_from_db()
    assert (office.name, office.phone) == ("和平区服务台", "024-33333")


@pytest.mark.parametrize(
    "sign", ["\u200b", "\u2060", "\u202e", "\u2066", "\u00ad", "\u3164", "\u2800", "\ufe0f", "\u034f"]
)
def test_a_name_holds_nothing_that_is_not_seen(admin, office, sign):
    data = {"name": f"和平区{sign}服务台", "phone": "024-11111", "division": "210102"}
    for page in ("add", f"{office.pk}/change"):
        said = errors(admin.post(f"{OFFICES}{page}/", data))
        assert said == ["This holds characters that cannot be shown. Please type it again."]
    assert Office.objects.filter(division=210102).count() == 1


def test_a_name_is_kept_in_its_plain_form(admin, office):
    data = {"phone": "024-11111", "division": "210102"}
    admin.post(f"{OFFICES}add/", data | {"name": " ＡＢ街道（一）  服务台"})
    assert Office.objects.filter(name="AB街道(一) 服务台").exists()
    same = errors(admin.post(f"{OFFICES}add/", data | {"name": "ab街道（一）服务台"}))
    assert same == ["There is an office with this name."]
    assert errors(admin.post(f"{OFFICES}add/", data | {"name": "ﷺ" * 9})) == ["This name is too long."]


def test_a_name_from_before_is_another_s_never_either(admin):
    Office.objects.create(name="省卫健委（\u200b北）", phone="1", division=210000)
    said = errors(admin.post(f"{OFFICES}add/", {"name": "省卫健委(北)", "phone": "1", "division": "210000"}))
    assert said == ["There is an office with this name."]


def test_clerk_is_added_by_phone_number_and_shown_masked(admin, officer, office, newcomer):
    response = admin.post(f"{CLERKS}add/", {"phone": "139 1234 5678", "office": office.pk}, follow=True)
    assert "Added: 令**" in response.text
    clerk = DeskClerk.objects.get()
    assert (clerk.account, clerk.office, clerk.added_by, clerk.ended_at) == (newcomer, office, officer, None)
    assert actions_on(f"deskclerk:{clerk.pk}") == ["add-deskclerk"]
    for page in (CLERKS, f"{CLERKS}{clerk.pk}/change/"):
        text = admin.get(page).text
        assert "令**" in text and "139****5678" in text
        assert "令狐冲" not in text and "13912345678" not in text
    assert AuditEntry.objects.filter(action="view-deskclerk", subject=f"account:{newcomer.pk}").count() == 1


def test_clerk_whom_another_officer_adds_at_the_same_instant_is_on_the_list_already(
    admin, office, newcomer, monkeypatch
):
    current, asked = DeskClerkQuerySet.current, []

    def not_there_yet(rows):
        """The other officer's row is not seen when the form is checked, and is there when it is written."""
        asked.append(rows)
        return rows.none() if len(asked) == 1 else current(rows)

    DeskClerk.objects.create(account=newcomer, office=office)
    monkeypatch.setattr(DeskClerkQuerySet, "current", not_there_yet)
    response = admin.post(f"{CLERKS}add/", {"phone": "13912345678", "office": office.pk})
    assert errors(response) == ["This person works at a desk already. End that role first."]
    assert DeskClerk.objects.count() == 1
    assert not AuditEntry.objects.filter(action="add-deskclerk").exists()


def test_number_of_nobody_is_refused_and_written_down_as_its_hash(admin, office):
    response = admin.post(f"{CLERKS}add/", {"phone": "13912345678", "office": office.pk})
    assert errors(response)[0].startswith("No real-name user has this phone number.")
    entry = AuditEntry.objects.get(action="miss-deskclerk")
    assert entry.detail == {"identifier": identifier_hash("phone", "+8613912345678")}


@pytest.mark.parametrize("phone", ["123", "abc", "", "+", "1391234567\0"])
def test_malformed_number_is_refused(admin, office, phone):
    assert len(errors(admin.post(f"{CLERKS}add/", {"phone": phone, "office": office.pk}))) == 1


def test_account_works_at_one_desk_at_a_time(admin, office, newcomer):
    other = Office.objects.create(name="大连服务台", phone="0411-1", division=210200)
    admin.post(f"{CLERKS}add/", {"phone": "13912345678", "office": office.pk})
    response = admin.post(f"{CLERKS}add/", {"phone": "13912345678", "office": other.pk})
    assert errors(response) == ["This person works at a desk already. End that role first."]
    with pytest.raises(IntegrityError), transaction.atomic():
        DeskClerk.objects.create(account=newcomer, office=other)


def test_officer_works_at_no_desk(admin, officer, office, newcomer):
    factories.person(holder=officer)
    theirs = factories.account(phone="+8613700000002", office=factories.office())
    officers.add_officer(account=newcomer, office=office, by=theirs, at=timezone.now())
    for phone in ("13700000009", "13912345678"):  # oneself, and who is proposed
        response = admin.post(f"{CLERKS}add/", {"phone": phone, "office": office.pk})
        assert errors(response) == ["An officer of the authority cannot work at a desk too."]
    with pytest.raises(desk.IsOfficer):
        desk.add_clerk(account=officer, office=office, by=theirs, at=timezone.now())
    assert not DeskClerk.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_both_roles_at_once_one_is_too_late(officer, office, newcomer):
    now = timezone.now()
    theirs = factories.account(phone="+8613700000002", office=factories.office())
    ends = at_once(
        lambda: officers.add_officer(account=newcomer, office=office, by=theirs, at=now),
        lambda: desk.add_clerk(account=newcomer, office=office, by=officer, at=now),
    )
    assert ends in (["IsOfficer", "done"], ["WorksAtDesk", "done"])


def test_clerk_is_ended_and_stays_on_the_list(admin, office, newcomer):
    clerk = DeskClerk.objects.create(account=newcomer, office=office)
    assert "Ended 1" not in admin.post(f"{CLERKS}{clerk.pk}/end/", follow=True).text
    clerk.refresh_from_db()
    assert isinstance(clerk.ended_at, datetime) and clerk.ended_at <= timezone.now()
    assert actions_on(f"deskclerk:{clerk.pk}") == ["end-deskclerk"]
    assert "令**" in admin.get(f"{CLERKS}?state=ended").text
    assert "令**" not in admin.get(f"{CLERKS}?state=current").text
    assert admin.post(f"{CLERKS}{clerk.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.post(f"{OFFICES}{office.pk}/delete/", {"post": "yes"}).status_code == 403


def test_list_takes_as_many_queries_for_three_as_for_one(admin, office, django_assert_num_queries):
    def add(number):
        account = factories.account(phone=f"+861391234567{number}")
        factories.person(holder=account, number=factories.DOCUMENTS[number])
        DeskClerk.objects.create(account=account, office=office)

    add(0)
    admin.get(CLERKS)
    with django_assert_num_queries(8):
        admin.get(CLERKS)
    add(1), add(2)
    with django_assert_num_queries(8):
        admin.get(CLERKS)
