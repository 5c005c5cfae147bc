"""The demo's people: everybody can sign in, and everybody has the colour that is promised."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.actions import device_key_hash
from accounts.models import Account, DeskClerk
from declarations import documents
from declarations.models import Assurance, Declaration, Person, Proxy
from healthpass.management.commands.demo import ACTORS, RELATIVES
from institutions.models import Entrance, Institution, Membership
from passcodes import appeals, approvals, facts
from passcodes.colour import DEFAULT_RULES, assess
from passcodes.models import PassCode, RiskBatch
from tests import factories
from tests.passcodes.appeals import steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(settings, capsys):
    """Run the command; its JSON."""
    settings.DEBUG = True

    def run():
        call_command("demo", "--json")
        return json.loads(capsys.readouterr().out)

    return run


def account_of(actor) -> Account:
    return Account.objects.by_identifier("phone", actor["phone"])


def colour_of(actor) -> str:
    """The colour that the actor's code shows now."""
    account = account_of(actor)
    code = PassCode.objects.filter(person__holder=account).get()
    key = factories.device_key(account=account, subject=code.public_id)
    row = facts.for_renewal(key_hash=device_key_hash(key), pass_id=code.public_id, at=timezone.now())
    return assess(facts.facts_of(row), DEFAULT_RULES, timezone.now()).colour.name.lower()


def test_prints_the_agreed_fields_and_roles(demo):
    actors = demo()
    assert {tuple(actor) for actor in actors} == {
        ("role", "phone", "name", "document", "colour", "password", "totp_secret", "note")
    }
    assert {actor["role"] for actor in actors} == {
        "resident",
        "scanner",
        "institution_admin",
        "authority",
        "desk_clerk",
    }
    staff = {actor["role"] for actor in actors if actor["password"] or actor["totp_secret"]}
    assert staff == {"institution_admin", "authority", "desk_clerk"}


def test_every_colour_is_there_and_true(demo):
    residents = [actor for actor in demo() if actor["colour"]]
    assert {actor["colour"] for actor in residents} == {"green", "yellow", "red", "grey", "neutral"}
    assert [colour_of(actor) for actor in residents] == [actor["colour"] for actor in residents]


def test_first_resident_acts_for_two_relatives_again_after_ending_it(demo):
    first = demo()[0]
    account = account_of(first)
    assert Proxy.objects.acting().of_account(account).count() == 2
    Proxy.objects.update(ended_at=timezone.now())
    demo()
    acting = Proxy.objects.acting().of_account(account)
    assert acting.count() == 2
    for proxy in acting:
        row = facts.for_page_of(account_id=account.pk, pass_id=proxy.person.pass_code.public_id, at=timezone.now())
        assert assess(facts.facts_of(row), DEFAULT_RULES, timezone.now()).colour.name == "GREEN"


def test_clerk_alone_works_at_the_desk_again_after_a_change(demo):
    actors = {actor["role"]: account_of(actor) for actor in demo()}
    DeskClerk.objects.update(account=actors["authority"])
    demo()
    assert DeskClerk.objects.current().get().account == actors["desk_clerk"]


def test_documents_are_valid():
    numbers = [actor.document for actor in (*ACTORS, *RELATIVES) if actor.document]
    assert [documents.check("01", number) for number in numbers] == numbers


def test_running_again_adds_nothing(demo):
    def counts():
        return [model.objects.count() for model in (Account, Person, PassCode, Declaration, Membership, TOTPDevice)]

    demo()
    before = counts()
    demo()
    assert counts() == before


def test_running_again_restores_colours(demo, time_machine):
    actors = demo()
    time_machine.move_to(timezone.now() + timedelta(days=5))
    green = next(actor for actor in actors if actor["colour"] == "green")
    assert colour_of(green) == "grey"
    factories.risk_record(number=green["document"])
    demo()
    assert [colour_of(actor) for actor in actors if actor["colour"]] == [a["colour"] for a in actors if a["colour"]]


def test_document_that_another_account_took_comes_back(demo):
    green = demo()[0]
    Person.objects.filter(holder=account_of(green)).update(holder=None, assurance=Assurance.DECLARED)
    factories.pass_code(account=factories.account(phone="+8613900000001"), number=green["document"])
    demo()
    assert colour_of(green) == "green"


def test_staff_can_sign_in_with_password_and_digits(demo, capsys):
    for actor in demo():
        if actor["password"]:
            assert account_of(actor).check_password(actor["password"])
            call_command("demo", "--totp", actor["phone"][3:])
            digits = capsys.readouterr().out.strip()
            assert len(digits) == 6
            assert TOTPDevice.objects.get(user=account_of(actor)).verify_token(digits)


def test_powers_are_as_told(demo):
    actors = {actor["role"]: account_of(actor) for actor in demo()}
    school = Institution.objects.get()
    assert sorted(Entrance.objects.filter(institution=school).values_list("name", flat=True)) == ["东门", "西门"]
    assert Institution.objects.administered_by(actors["institution_admin"]).get() == school
    assert not Institution.objects.administered_by(actors["scanner"]).exists()
    assert Membership.objects.current().get(account=actors["scanner"]).role == "scanner"
    assert actors["authority"].is_officer
    assert not actors["institution_admin"].is_officer


def test_the_ways_into_and_out_of_a_colour_that_the_readme_tells(demo):
    people = {actor["phone"]: account_of(actor) for actor in demo()}
    first, second, third = (people[f"+86138000000{number}"] for number in ("08", "09", "10"))
    red = PassCode.objects.get(person__holder=people["+8613800000003"])
    appeal = steps.file(red, red.person.holder)
    for officer in (first, second):
        with pytest.raises(appeals.NotTheirs):
            steps.decide(appeal, officer)
    steps.decide(appeal, third)
    assert steps.colour(red) == "green"

    green = PassCode.objects.get(person__holder=people["+8613800000001"])
    typed = {"category": "managed", "starts_at_0": f"{timezone.localdate()}", "starts_at_1": "00:00"}
    document = {"document_kind": "01", "document_number": green.person.document_number}
    page = factories.staff_client(account=first).post(
        "/admin/passcodes/riskrecord/add/", {**typed, **document, "basis": "cases", "reason": "r"}
    )
    assert page.status_code == 302 and steps.colour(green) == "green"
    approvals.approve(batch=RiskBatch.objects.latest("pk"), by=second, at=timezone.now())
    assert steps.colour(green) == "yellow"


def test_plain_output_tells_how_to_sign_in(settings, capsys):
    settings.DEBUG = True
    call_command("demo")
    output = capsys.readouterr().out
    assert [actor.phone for actor in ACTORS if actor.phone[3:] not in output] == []
    assert "manage.py demo --totp" in output


def test_refuses_in_production(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG is off"):
        call_command("demo")
    assert not Account.objects.exists()


def test_force_overrides(settings):
    settings.DEBUG = False
    call_command("demo", "--force")
    assert Account.objects.count() == len(ACTORS)


def test_digits_of_a_resident_do_not_exist():
    with pytest.raises(CommandError, match="13800000001"):
        call_command("demo", "--totp", "13800000001")
