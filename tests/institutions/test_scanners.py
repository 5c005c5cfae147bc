"""Scanners in the console: named by phone number, shown masked, ended but kept."""

import html
import re

import pytest

from accounts.models import AuditEntry, identifier_hash
from declarations.models import Assurance
from institutions.admin import LOOK_UPS
from institutions.models import Membership
from tests import factories

ADD = "/console/institutions/scanner/add/"
LIST = "/console/institutions/scanner/"
NOBODY = "No real-name user has this phone number."


@pytest.fixture
def newcomer(db):
    account = factories.account(phone="+8613912345678")
    factories.person(holder=account, name="令狐冲", number=factories.DOCUMENTS[1])
    return account


def errors(response):
    return re.findall(r'<ul class="errorlist[^>]*><li>(.*?)</li>', html.unescape(response.content.decode()))


def test_real_name_user_becomes_scanner_by_phone_number(school, newcomer):
    response = school.client.post(ADD, {"phone": "139 1234 5678"}, follow=True)
    assert "Added: 令**" in response.content.decode()
    member = Membership.objects.get(account=newcomer)
    assert (member.institution, member.role, member.added_by) == (school.institution, "scanner", school.admin)
    entry = AuditEntry.objects.get(subject=f"membership:{member.pk}")
    assert (entry.action, entry.actor) == ("add-scanner", school.admin)


def test_list_is_masked(school, newcomer):
    school.client.post(ADD, {"phone": "13912345678"})
    text = school.client.get(LIST).content.decode()
    assert "令**" in text and "139****5678" in text
    assert "令狐冲" not in text and "13912345678" not in text


def test_unknown_number_and_unproven_name_get_the_same_answer(school, django_assert_num_queries):
    unproven = factories.account(phone="+8613912345678")
    factories.person(holder=unproven, number=factories.DOCUMENTS[1], assurance=Assurance.DECLARED)
    factories.account(phone="+8613912345679")  # has declared nothing
    locked = factories.account(phone="+8613912345670", is_active=False)
    factories.person(holder=locked, number=factories.DOCUMENTS[3])
    school.client.get(ADD)  # Django keeps the content type that the page asks for
    answers = set()
    for phone in ("13912345678", "13912345679", "13912345670", "13912345671"):
        with django_assert_num_queries(11):
            response = school.client.post(ADD, {"phone": phone})
        answers.add(re.sub(r'value="[^"]*"', "", response.content.decode()))
        assert errors(response)[0].startswith(NOBODY)
    assert len(answers) == 1
    assert Membership.objects.filter(role="scanner").count() == 1


def test_number_of_nobody_is_written_down_as_its_hash(school):
    school.client.post(ADD, {"phone": "13912345678"})
    entry = AuditEntry.objects.get(action="miss-scanner")
    assert (entry.actor, entry.subject) == (school.admin, f"institution:{school.institution.pk}")
    assert entry.detail == {"identifier": identifier_hash("phone", "+8613912345678")}


def test_malformed_number_is_refused(school):
    for phone in ("123", "abc", "", "+", "1391234567\0"):
        assert len(errors(school.client.post(ADD, {"phone": phone}))) == 1


def test_number_already_on_the_list_is_refused(school, newcomer):
    school.client.post(ADD, {"phone": "13912345678"})
    assert errors(school.client.post(ADD, {"phone": "13912345678"})) == ["This person is on the list already."]
    assert Membership.objects.filter(account=newcomer).count() == 1


def test_scanner_of_another_institution_can_scan_for_this_one_too(school, factory):
    school.client.post(ADD, {"phone": "13800001001"})
    assert Membership.objects.filter(account=factory.scanner.account).count() == 2


def test_numbers_cannot_be_tried_without_end(school):
    for number in range(LOOK_UPS):
        school.client.post(ADD, {"phone": f"139000000{number:02}"})
    response = school.client.post(ADD, {"phone": "13900000099"})
    assert errors(response) == ["Too many numbers were tried. Please try again later."]


def test_console_makes_no_admins(school, newcomer):
    school.client.post(ADD, {"phone": "13912345678", "role": "admin"})
    assert [member.role for member in Membership.objects.filter(account=newcomer)] == ["scanner"]


def test_button_ends_the_role_and_keeps_the_entry(school):
    response = school.client.post(f"{LIST}{school.scanner.pk}/end/", follow=True)
    school.scanner.refresh_from_db()
    assert school.scanner.ended_at is not None
    assert "Ended on" in response.content.decode()
    entry = AuditEntry.objects.get(subject=f"membership:{school.scanner.pk}")
    assert (entry.action, entry.actor) == ("end-scanner", school.admin)
    assert "End this role" not in school.client.get(f"{LIST}{school.scanner.pk}/change/").content.decode()


def test_action_ends_each_selected_role_once(school, newcomer):
    school.client.post(ADD, {"phone": "13912345678"})
    selected = list(Membership.objects.filter(role="scanner").values_list("pk", flat=True))
    data = {"action": "end_selected", "_selected_action": selected}
    school.client.post(LIST, data)
    school.client.post(LIST, data)
    assert Membership.objects.filter(role="scanner", ended_at=None).count() == 0
    assert AuditEntry.objects.filter(action="end-scanner").count() == 2


def test_ending_by_address_is_refused(school):
    assert school.client.get(f"{LIST}{school.scanner.pk}/end/").status_code == 405


def test_ended_scanner_can_be_added_again(school):
    school.client.post(f"{LIST}{school.scanner.pk}/end/")
    school.client.post(ADD, {"phone": "13800000001"})
    rows = Membership.objects.filter(account=school.scanner.account).order_by("pk")
    assert [row.ended_at is None for row in rows] == [False, True]
    shown = school.client.get(LIST).context["cl"].result_list
    assert [row.ended_at is None for row in shown] == [True, False]
    current = school.client.get(LIST, {"state": "current"}).context["cl"].result_list
    assert [row.pk for row in current] == [rows[1].pk]


def test_list_takes_the_same_queries_with_one_and_three_rows(school, django_assert_num_queries):
    def look():
        with django_assert_num_queries(7):
            return school.client.get(LIST)

    look()
    for number in (1, 3):
        account = factories.account(phone=f"+861391234567{number}")
        factories.person(holder=account, number=factories.DOCUMENTS[number])
        factories.member(institution=school.institution, account=account)
    assert look().context["cl"].result_count == 3
