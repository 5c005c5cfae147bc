"""A code whose account is closed."""

import io

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts import closing
from accounts.models import Account
from declarations.models import Person
from institutions.models import Membership
from scanning.models import Scan
from tests.scanning.steps import live_token, scan

pytestmark = pytest.mark.django_db


def test_a_code_shown_a_moment_ago_is_unknown(device, code, door):
    token = live_token(code)
    assert scan(device, code, door, token=token).json()["outcome"] == "green"
    account = code.person.holder
    closing.close(account=account, by=account, at=timezone.now())
    assert scan(device, code, door, token=token).json()["outcome"] == "unknown"
    assert Scan.objects.filter(person=code.person).count() == 1


def test_a_scanner_whose_account_is_closed_scans_no_more(device, scanner, code, door):
    closing.close(account=scanner, by=scanner, at=timezone.now())
    assert scan(device, code, door).status_code == 401
    assert not Membership.objects.current().exists()


def test_the_demo_is_restored_after_its_people_have_closed_their_accounts(db):
    call_command("demo", force=True, stdout=io.StringIO())
    for account in Account.objects.filter(person__isnull=False):
        closing.close(account=account, by=account, at=timezone.now())
    call_command("demo", force=True, stdout=io.StringIO())
    assert Person.objects.filter(holder__is_active=True).count() == 6
