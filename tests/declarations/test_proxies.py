"""Acting for others: whom it touches, who has to agree, and how it ends."""

from dataclasses import replace
from datetime import date

import pytest
from django.utils import timezone

from accounts.models import Account
from declarations import actions, proxies
from declarations.models import Assurance, Declaration, Person, Proxy
from declarations.questions import Answers, Claim
from passcodes import facts
from passcodes.actions import issue_pass
from tests import factories

MOTHER = Claim("李小花", "01", factories.DOCUMENTS[1], "2", date(1990, 1, 1))
HEALTHY = Answers(
    phone="+8613800000009",
    division=210102,
    address="中山路1号",
    fever=False,
    dry_cough=False,
    fatigue=False,
    other_symptoms="",
)
CHILD = Claim("王小明", "01", "210102201601010011", "1", date(2016, 1, 1))

pytestmark = pytest.mark.django_db


@pytest.fixture
def son():
    return factories.account(phone="+8613800000001")


@pytest.fixture
def daughter():
    return factories.account(phone="+8613800000002")


def declare(account, claim=MOTHER, answers=HEALTHY):
    return proxies.declare_for(
        account=account, claim=claim, relation="parent", answers=answers, by=account, at=timezone.now()
    )


def prove(proxy, assurance=Assurance.FACE, by=None):
    return proxies.prove(proxy=proxy, assurance=assurance, by=by or proxy.account, at=timezone.now())


def may_show(account, person) -> bool:
    pass_code = issue_pass(person=person)
    return facts.for_page_of(account_id=account.pk, pass_id=pass_code.public_id, at=timezone.now()) is not None


def test_declaration_for_a_known_adult_changes_nothing_of_theirs(son):
    mother = factories.person(holder=factories.account(phone="+8613800000003"), number=factories.DOCUMENTS[1])
    proxy = declare(son)
    assert proxy.person != mother
    assert not proxy.person.is_real_name
    assert not Declaration.objects.filter(person=mother).exists()


def test_declaring_twice_for_one_document_makes_one_relative(son):
    assert declare(son) == declare(son)
    assert Declaration.objects.made_by(son).count() == 2


def test_account_without_a_document_is_asked_for_the_first_relative_s(son):
    first = declare(son)
    declare(son, CHILD)
    son.refresh_from_db()
    assert son.last_four_hash == first.person.document_last_four_hash


def test_own_document_is_asked_for_before_a_relative_s(son):
    own = factories.person(holder=son)
    Account.objects.filter(pk=son.pk).update(last_four_hash=own.document_last_four_hash)
    declare(son)
    son.refresh_from_db()
    assert son.last_four_hash == own.document_last_four_hash


def test_own_document_is_no_relative_s(son):
    factories.person(holder=son, number=factories.DOCUMENTS[1])
    with pytest.raises(proxies.OwnDocument):
        declare(son)
    assert not Proxy.objects.exists()


def test_twenty_relatives_and_no_more(son, monkeypatch):
    monkeypatch.setattr(proxies, "RELATIVES", 1)
    declare(son)
    with pytest.raises(proxies.TooManyRelatives):
        declare(son, CHILD)
    assert Person.objects.count() == 1


def test_adult_s_code_waits_for_a_check(son):
    proxy = declare(son)
    assert not may_show(son, proxy.person)
    proxies.show_live(proxy=proxy, by=son, at=timezone.now())
    assert may_show(son, proxy.person)
    assert not proxy.person.is_real_name


def test_child_s_neutral_code_is_shown_at_once(son):
    proxy = declare(son, CHILD)
    assert may_show(son, proxy.person)
    assert not proxy.person.is_real_name


def test_stranger_may_not_show_the_code(son, daughter):
    proxy = prove(declare(son))
    assert may_show(son, proxy.person)
    assert not may_show(daughter, proxy.person)


def test_proof_makes_the_claim_a_real_name_person(son):
    proxy = prove(declare(son))
    assert proxy.is_acting
    assert proxy.person.assurance == Assurance.FACE
    assert proxy.person.holder is None


def test_adult_without_an_account_is_shown_by_whoever_proves_them(son, daughter):
    mother = prove(declare(son)).person
    second = prove(declare(daughter))
    assert second.person == mother
    assert second.is_acting
    assert not Proxy.objects.current().filter(account=daughter).exclude(pk=second.pk).exists()


def test_adult_with_an_account_is_asked(son):
    mother = factories.person(
        holder=factories.account(phone="+8613800000003"), number=factories.DOCUMENTS[1], name="李小花"
    )
    asked = prove(declare(son))
    assert asked.person == mother
    assert asked.awaits_consent
    assert not may_show(son, mother)
    assert proxies.may_decide(asked, mother.holder)
    assert not proxies.may_decide(asked, son)
    declare(son)
    assert not Declaration.objects.filter(person=mother).exists()
    proxies.agree(proxy=asked, by=mother.holder, at=timezone.now())
    assert may_show(son, mother)
    declare(son)
    assert Declaration.objects.filter(person=mother).count() == 1


def test_officer_s_look_at_the_document_does_not_agree_for_an_adult(son):
    factories.person(holder=factories.account(phone="+8613800000003"), number=factories.DOCUMENTS[1])
    asked = prove(declare(son), Assurance.OFFICER, by=factories.account(phone="+8613800000008"))
    assert asked.awaits_consent


def test_first_guardian_agrees_to_the_next(son, daughter):
    prove(declare(son, CHILD))
    second = prove(declare(daughter, CHILD))
    assert second.awaits_consent
    assert proxies.may_decide(second, son)
    assert not proxies.may_decide(second, daughter)
    proxies.agree(proxy=second, by=son, at=timezone.now())
    assert may_show(daughter, second.person)


def test_officer_confirms_another_guardian(son, daughter):
    child = prove(declare(son, CHILD)).person
    second = prove(declare(daughter, CHILD), Assurance.OFFICER)
    assert second.person == child
    assert second.is_acting


def test_ended_relation_shows_nothing(son):
    proxy = prove(declare(son))
    proxies.end_proxy(proxy=proxy, by=son, at=timezone.now())
    assert not may_show(son, proxy.person)
    with pytest.raises(proxies.NotActing):
        proxies.declare_again_for(proxy=proxy, answers=HEALTHY, by=son, at=timezone.now())
    with pytest.raises(proxies.NotActing):
        prove(proxy)


def texts(outbox) -> list[tuple[str, str]]:
    """To whom, and what."""
    return [(message["to"], message["text"]) for message in outbox.messages]


@pytest.mark.django_db(transaction=True)
def test_person_with_a_phone_is_told_of_each_proven_proxy(son, daughter, outbox):
    holder = factories.account(phone="+8613800000003")
    factories.person(holder=holder, number=factories.DOCUMENTS[1], name="李小花")
    for account in (son, daughter, *(factories.account(phone=f"+861380000001{n}") for n in range(3))):
        asked = prove(declare(account))
        proxies.agree(proxy=asked, by=holder, at=timezone.now())
    told = [text for to, text in texts(outbox) if to == "+8613800000003"]
    assert len(told) == 10  # each asked for, and each agreed to
    assert "138****0001" in told[0]


@pytest.mark.django_db(transaction=True)
def test_strangers_cannot_flood_a_phone_with_unproven_claims(son, daughter, outbox):
    for number in range(5):
        account = factories.account(phone=f"+861380000002{number}")
        declare(account, CHILD)
    told = [text for to, text in texts(outbox) if to == HEALTHY.phone]
    assert len(told) == proxies.MESSAGES_A_DAY
    assert "待核验" in told[0]


def told(outbox, phone) -> int:
    return len([message for message in outbox.messages if message["to"] == phone])


@pytest.mark.django_db(transaction=True)
def test_second_proxy_is_told_to_the_phone_that_the_first_declared(son, daughter, outbox):
    prove(declare(son))
    assert told(outbox, HEALTHY.phone) == 1
    prove(declare(daughter, answers=replace(HEALTHY, phone="+8613800000002")))
    assert told(outbox, HEALTHY.phone) == 2


def test_no_proof_takes_the_place_of_consent(son):
    factories.person(holder=factories.account(phone="+8613800000003"), number=factories.DOCUMENTS[1])
    asked = prove(declare(son))
    assert not prove(asked, Assurance.OFFICER).is_acting


def test_taking_over_one_s_code_ends_acting_for_oneself_and_tells_of_the_others(son, daughter, outbox):
    mother = prove(declare(son)).person
    prove(declare(daughter))
    claim = replace(MOTHER, name="李小花")
    actions.declare(account=daughter, claim=claim, answers=HEALTHY, by=daughter, at=timezone.now())
    mother.refresh_from_db()
    assert mother.holder == daughter
    assert [proxy.account for proxy in Proxy.objects.current()] == [son]


def test_ended_while_the_proxy_declares_stays_ended(son):
    """`_usable` read the relation without a lock, and saving it undid the end."""
    proxy = prove(declare(son))
    stale = Proxy.objects.get(pk=proxy.pk)
    proxies.end_proxy(proxy=proxy, by=son, at=timezone.now())
    assert declare(son) != stale
    stale.refresh_from_db()
    assert stale.ended_at
