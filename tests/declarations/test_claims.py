"""Whose identity: who holds whom after a claim, and what nobody can learn by one."""

import json
import threading

import pytest
from django.db import connection
from django.utils import timezone

from accounts import officers
from accounts.models import AuditEntry, DeskClerk, Officer, last_four_hash
from declarations import actions
from declarations.models import Assurance, Declaration, Person, Proxy, document_hash
from declarations.questions import Answers, Claim
from tests import factories
from tests.declarations.numbers import resident_number

pytestmark = pytest.mark.django_db

NUMBER, OTHER = factories.DOCUMENTS[0], factories.DOCUMENTS[2]
ANSWERS = Answers("+8613800000001", 210102, "中山路1号", False, False, False, "")


@pytest.fixture
def outbox(settings, tmp_path):
    """Reads what was sent: a list of (to, text)."""
    path = tmp_path / "outbox.jsonl"
    settings.SMS_URL = f"file:{path}"

    def read() -> list[tuple[str, str]]:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [(message["to"], message["text"]) for message in map(json.loads, lines)]

    return read


def claim(number=NUMBER, name="张三丰", **fields) -> Claim:
    values = {"document_kind": "01", "sex": "1", "birth_date": timezone.localdate().replace(1990, 1, 1)}
    return Claim(name=name, document_number=number, **{**values, **fields})


def declare(account, claim) -> Person:
    declaration = actions.declare(account=account, claim=claim, answers=ANSWERS, by=account, at=timezone.now())
    return Person.objects.get(pk=declaration.person_id)


def held(account) -> Person | None:
    return Person.objects.held_by(account).first()


@pytest.fixture
def other():
    """A second resident."""
    return factories.account(phone="+8613800000002")


def test_confirmed_claim_makes_a_real_name_person(authority, account):
    authority.know(number=NUMBER)
    person = declare(account, claim())
    assert (person.holder, person.assurance, person.needs_desk) == (account, Assurance.AUTHORITY, False)
    assert (person.name, person.document_number, person.birth_date) == ("张三丰", NUMBER, "1990-01-01")
    assert AuditEntry.objects.get(action="confirm-identity").subject == f"person:{person.pk}"
    account.refresh_from_db()
    assert account.last_four_hash == last_four_hash(NUMBER)


def test_the_phone_asked_about_is_the_proved_one_not_the_typed_one(authority, account, other):
    """Else whoever knows somebody's name, number and phone would take their code."""
    authority.know(number=NUMBER)
    answers = Answers("+8613800000001", 210102, "中山路1号", False, False, False, "")
    actions.declare(account=other, claim=claim(), answers=answers, by=other, at=timezone.now())
    assert authority.asked[0]["phone"] == "+8613800000002"
    assert held(other).assurance == Assurance.DECLARED


def test_unconfirmed_claim_is_the_accounts_own_neutral_person(authority, account, other):
    owner = factories.person(holder=other)
    person = declare(account, claim(name="李四"))
    assert (person.holder, person.assurance, person.needs_desk) == (account, Assurance.DECLARED, False)
    owner.refresh_from_db()
    assert (owner.holder, owner.name, owner.assurance) == (other, "张三丰", Assurance.AUTHORITY)
    assert not AuditEntry.objects.exists()


def test_two_accounts_may_claim_one_document_without_proof(authority, account, other):
    assert declare(account, claim()) != declare(other, claim())
    assert Person.objects.with_document("01", NUMBER).count() == 2


def test_declaring_again_keeps_the_unproven_person(authority, account):
    first = declare(account, claim())
    again = declare(account, claim(name="张三", sex="2"))
    assert (again, again.name, again.sex) == (first, "张三", "2")


def test_another_document_releases_the_unproven_person(authority, account):
    first = declare(account, claim())
    second = declare(account, claim(OTHER))
    first.refresh_from_db()
    assert (first.holder, held(account)) == (None, second)
    account.refresh_from_db()
    assert account.last_four_hash == last_four_hash(OTHER)
    assert AuditEntry.objects.get().action == "release-person"


def test_confirmation_lifts_the_unproven_person(authority, account):
    first = declare(account, claim(name="张"))
    authority.know(number=NUMBER)
    person = declare(account, claim())
    assert (person, person.assurance, person.name) == (first, Assurance.AUTHORITY, "张三丰")


@pytest.mark.parametrize("holder_has_own", [False, True])
def test_confirmed_claim_displaces_the_holder_who_is_told(
    authority, account, other, outbox, django_capture_on_commit_callbacks, holder_has_own
):
    owner = factories.person(holder=other, name="旧名")
    other.last_four_hash = last_four_hash(NUMBER)
    other.save()
    mine = factories.person(holder=account, number=OTHER, assurance=0) if holder_has_own else None
    authority.know(number=NUMBER)
    with django_capture_on_commit_callbacks(execute=True):
        person = declare(account, claim())
        assert outbox() == []
    assert (person, person.holder, person.name) == (owner, account, "张三丰")
    assert held(other) is None
    [(to, text)] = outbox()
    assert to == "+8613800000002"
    assert NUMBER not in text and "张" not in text
    entry = AuditEntry.objects.get(action="displace-holder")
    assert (entry.actor, entry.subject, entry.detail) == (account, f"person:{owner.pk}", {"previous": other.pk})
    other.refresh_from_db()
    assert other.last_four_hash == ""
    if mine:
        mine.refresh_from_db()
        assert mine.holder is None


@pytest.mark.parametrize("way", ["displaced", "moved by oneself"])
@pytest.mark.parametrize("role", [DeskClerk, Officer])
def test_roles_end_with_the_person_they_were_given_to(authority, account, other, role, way):
    """A desk's, and what was only proposed. Whoever decides for an office stays: see test_officers_stay."""
    know_both(authority)
    declare(account, claim())
    role.objects.create(account=account, office=factories.office())
    declare(*(other, claim()) if way == "displaced" else (account, claim(OTHER, "李小花")))
    assert role.objects.filter(account=account, ended_at=None).count() == 0
    ended = AuditEntry.objects.get(action=f"end-{role._meta.model_name}")
    assert ended.actor == (other if way == "displaced" else account)


def know_both(authority) -> None:
    for phone in ("+8613800000001", "+8613800000002"):
        authority.know(number=NUMBER, phone=phone)
    authority.know(number=OTHER, name="李小花")


def test_roles_outlast_a_claim_that_was_never_proven(authority, account):
    declare(account, claim())
    factories.officer(account=account)
    authority.know(number=OTHER, name="李小花")
    declare(account, claim(OTHER, "李小花"))
    assert officers.decides(account)


def test_displaced_holder_is_asked_for_the_first_relative_from_then_on(authority, account, other):
    factories.person(holder=other)
    ended = factories.relative(account=other, number=factories.DOCUMENTS[1])
    Proxy.objects.filter(pk=ended.pk).update(ended_at=timezone.now())
    first = factories.relative(account=other, number=OTHER)
    factories.relative(account=other, number=factories.DOCUMENTS[3])
    authority.know(number=NUMBER)
    declare(account, claim())
    other.refresh_from_db()
    assert other.last_four_hash == first.person.document_last_four_hash


def test_sms_that_cannot_be_sent_undoes_nothing(
    authority, account, other, settings, django_capture_on_commit_callbacks
):
    settings.SMS_URL = "http://key@127.0.0.1:9/sms"
    factories.person(holder=other)
    authority.know(number=NUMBER)
    with django_capture_on_commit_callbacks(execute=True):
        person = declare(account, claim())
    assert held(account) == person


def test_the_displaced_account_starts_anew(authority, account, other, outbox):
    factories.person(holder=other)
    authority.know(number=NUMBER)
    owner = declare(account, claim())
    person = declare(other, claim())
    assert (person.assurance, person.holder) == (Assurance.DECLARED, other)
    assert held(account) == owner


@pytest.mark.parametrize("assurance", [Assurance.FACE, Assurance.OFFICER])
def test_higher_assurance_is_not_displaced_but_sent_to_the_desk(authority, account, other, outbox, assurance):
    owner = factories.person(holder=other, assurance=assurance)
    authority.know(number=NUMBER)
    person = declare(account, claim())
    assert (person.holder, person.assurance, person.needs_desk) == (account, Assurance.DECLARED, True)
    owner.refresh_from_db()
    assert owner.holder == other
    assert AuditEntry.objects.get().action == "send-to-desk"


def test_who_holds_a_real_name_person_is_told_instead_of_losing_it_to_the_desk(authority, account, other):
    mine = factories.person(holder=account, number=OTHER)
    factories.person(holder=other, assurance=Assurance.OFFICER)
    authority.know(number=NUMBER)
    with pytest.raises(actions.HeldElsewhere):
        declare(account, claim())
    assert held(account) == mine
    assert not Declaration.objects.exists()


@pytest.mark.parametrize("fault", ["", "500"])
def test_real_name_holder_does_not_lose_it_by_an_unconfirmed_claim(authority, account, fault):
    mine = factories.person(holder=account, number=OTHER)
    authority.fault = fault
    with pytest.raises(actions.NotConfirmed):
        declare(account, claim())
    assert held(account) == mine
    assert Person.objects.count() == 1


def test_real_name_holder_may_change_to_another_confirmed_document(authority, account):
    mine = factories.person(holder=account, number=OTHER)
    authority.know(number=NUMBER)
    person = declare(account, claim())
    mine.refresh_from_db()
    assert (mine.holder, mine.assurance) == (None, Assurance.AUTHORITY)
    assert (person.holder, person.assurance) == (account, Assurance.AUTHORITY)


def test_released_real_name_person_goes_to_whom_the_authority_confirms(authority, account, outbox):
    orphan = factories.person(holder=None)
    authority.know(number=NUMBER)
    assert declare(account, claim()) == orphan
    assert held(account) == orphan
    assert outbox() == []


@pytest.mark.parametrize("assurance", [Assurance.AUTHORITY, Assurance.OFFICER])
@pytest.mark.parametrize("known", [False, True])
def test_same_document_keeps_its_assurance(authority, account, assurance, known):
    factories.person(holder=account, assurance=assurance)
    if known:
        authority.know(number=NUMBER)
    else:
        authority.fault = "500"
    assert declare(account, claim()).assurance == assurance


def test_name_of_a_real_name_person_changes_only_when_confirmed(authority, account):
    factories.person(holder=account)
    with pytest.raises(actions.NotConfirmed):
        declare(account, claim(name="李四"))
    authority.know(number=NUMBER, name="李四")
    assert declare(account, claim(name="李四")).name == "李四"


def test_passport_is_asked_about_with_the_phone_too(authority, account):
    authority.know(number="E12345678", kind="03")
    person = declare(account, claim("E12345678", document_kind="03"))
    assert person.assurance == Assurance.AUTHORITY


def test_household_register_takes_the_same_person_as_the_id_card(authority, account):
    first = factories.person(holder=account)
    authority.know(number=NUMBER, kind="02")
    assert declare(account, claim(document_kind="02")) == first


def test_declaring_again_does_not_ask_about_a_real_name_person(authority, account):
    person = factories.person(holder=account)
    authority.fault = "500"
    actions.declare_again(account=account, answers=ANSWERS, by=account, at=timezone.now())
    assert (authority.asked, person.declarations.count()) == ([], 1)


def test_declaring_again_asks_about_a_neutral_person(authority, account):
    declare(account, claim())
    authority.know(number=NUMBER)
    actions.declare_again(account=account, answers=ANSWERS, by=account, at=timezone.now())
    assert held(account).assurance == Assurance.AUTHORITY


def test_declaring_again_needs_somebody(authority, account):
    with pytest.raises(actions.NobodyYet):
        actions.declare_again(account=account, answers=ANSWERS, by=account, at=timezone.now())


def test_unavailable_leaves_the_way_to_the_desk_open(authority, account, other):
    factories.person(holder=other, assurance=Assurance.OFFICER)
    authority.know(number=NUMBER)
    declare(account, claim())
    authority.fault = "500"
    assert declare(account, claim()).needs_desk


def test_at_most_one_person_of_a_document_is_real_name():
    factories.person()
    factories.person(assurance=Assurance.DECLARED)
    with pytest.raises(actions.IntegrityError), actions.transaction.atomic():
        factories.person()


def test_an_account_holds_one_person(account):
    factories.person(holder=account)
    with pytest.raises(actions.IntegrityError), actions.transaction.atomic():
        factories.person(holder=account, number=OTHER)


def in_parallel(*jobs) -> list[Exception]:
    """Run all at once, each on its own connection; the exceptions they ended in."""
    errors = []

    def run(job):
        try:
            job()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.django_db(transaction=True)
def test_two_confirmed_claims_at_once_leave_one_real_name_person(authority, outbox):
    accounts = [factories.account(phone=f"+861380000000{i}") for i in (1, 2)]
    authority.know(number=NUMBER, phone="+8613800000001")
    authority.know(number=NUMBER, phone="+8613800000002")
    authority.barrier = threading.Barrier(2)
    assert in_parallel(*[lambda account=account: declare(account, claim()) for account in accounts]) == []
    person = Person.objects.real_name().get()
    assert person.holder in accounts
    assert person.document_hash == document_hash("01", NUMBER)
    assert Declaration.objects.filter(person=person).count() == 2
    assert len(outbox()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_accounts_that_swap_documents_do_not_lock_each_other_out(authority, outbox):
    accounts = [factories.account(phone=f"+861380000000{i}") for i in (1, 2)]
    numbers = [resident_number(1), resident_number(3)]
    for account, number in zip(accounts, numbers, strict=True):
        factories.person(holder=account, number=number)
    authority.know(number=numbers[1], phone="+8613800000001")
    authority.know(number=numbers[0], phone="+8613800000002")
    authority.barrier = threading.Barrier(2)
    jobs = [
        lambda account=account, number=number: declare(account, claim(number))
        for account, number in zip(accounts, reversed(numbers), strict=True)
    ]
    assert in_parallel(*jobs) == []
    assert Person.objects.real_name().count() == 2


@pytest.mark.django_db(transaction=True)
def test_one_account_declaring_twice_at_once_holds_one_person(authority, account):
    authority.barrier = threading.Barrier(2)
    assert in_parallel(*[lambda: declare(account, claim())] * 2) == []
    assert Person.objects.held_by(account).count() == 1
    assert Declaration.objects.count() == 2
