"""Who acts for the person at the desk, and a phone of their own."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Identifier, identifier_hash
from declarations.models import Assurance, Person, Proxy
from tests import factories
from tests.passcodes.desk.steps import NUMBER, audited, claim_for, give, pages_of, sent, served

pytestmark = pytest.mark.django_db


# Proxies


def test_every_proxy_is_listed_masked_and_can_be_ended(desk, mother, django_assert_num_queries):
    page = served(desk, mother)
    desk.get(page)
    with django_assert_num_queries(10):
        desk.get(page)
    for digit in range(3):
        claim_for(factories.account(phone=f"+861390000000{digit + 1}"), acting=digit == 0)
    with django_assert_num_queries(11):
        response = desk.get(page)
    assert "139****0001" in response.text
    assert "· parent" in response.text and "my parent" not in response.text
    assert [row["acts"] for row in response.context["proxies"]] == [False, False, False]
    assert "13900000001" not in response.text
    proxy = Proxy.objects.current().first()
    assert desk.post(f"{page}proxy/{proxy.pk}/end/").url == page
    proxy.refresh_from_db()
    assert proxy.ended_at is not None
    assert audited(subject=f"person:{mother.pk}")[-1] == "desk-end-proxy"


def test_claim_is_confirmed_by_the_person_who_is_there(desk, mother):
    son = factories.account(phone="+8613900000001")
    proxy = claim_for(son)
    page = served(desk, mother)
    desk.post(f"{page}proxy/{proxy.pk}/agree/")
    (current,) = Proxy.objects.current().of_account(son)
    assert (current.person, current.is_acting) == (mother, True)
    assert "desk-confirm-proxy" in audited(subject=f"person:{mother.pk}")


@pytest.mark.parametrize("claimed", [True, False])
def test_who_has_an_account_agrees_on_its_phone_not_at_the_desk(desk, claimed):
    mother = factories.person(holder=factories.account(phone="+8613800000003"), name="李小花", number=NUMBER)
    son = factories.account(phone="+8613900000001")
    proxy = (
        claim_for(son)
        if claimed
        else Proxy.objects.create(account=son, person=mother, relation="parent", created_at=timezone.now())
    )
    page = served(desk, mother)
    text = desk.get(page).text
    assert "they decide on the phone of their account" in text and f"proxy/{proxy.pk}/agree/" not in text
    assert "they agree on its phone" in desk.post(f"{page}proxy/{proxy.pk}/agree/", follow=True).text
    assert not Proxy.objects.acting().exists()
    desk.post(f"{page}proxy/{proxy.pk}/end/")
    assert not Proxy.objects.current().exists()


def test_clerk_confirms_nobody_for_their_own_account(desk, clerk, mother):
    proxy = claim_for(clerk)
    desk.post(f"{served(desk, mother)}proxy/{proxy.pk}/agree/")
    proxy.refresh_from_db()
    assert proxy.confirmed_at is None


def test_proxies_of_other_people_are_out_of_reach(desk, mother):
    stranger = factories.relative(account=factories.account(), number=factories.DOCUMENTS[2])
    page = served(desk, mother)
    for verb in ("end", "agree"):
        response = desk.post(f"{page}proxy/{stranger.pk}/{verb}/", follow=True)
        assert "This relation has ended." in response.text
    stranger.refresh_from_db()
    assert stranger.ended_at is None
    assert desk.get(f"{page}proxy/{stranger.pk}/end/").status_code == 405


def test_other_office_reaches_no_proxy(desk, other_desk, mother):
    proxy = claim_for(factories.account())
    page = served(desk, mother)
    for verb in ("end", "agree"):
        assert other_desk.post(f"{page}proxy/{proxy.pk}/{verb}/").status_code == 404
    for path in pages_of(mother):
        assert other_desk.post(path, {"phone": "13912345678"}).status_code == 404
    proxy.refresh_from_db()
    assert (proxy.ended_at, proxy.confirmed_at) == (None, None)


# A phone of their own


def test_code_is_given_to_the_phone_that_the_person_has(desk, mother, outbox, django_capture_on_commit_callbacks):
    page = served(desk, mother)
    with django_capture_on_commit_callbacks(execute=True):
        assert give(desk, page, outbox).url == page
    mother.refresh_from_db()
    account = Identifier.objects.get(hash=mother.holder.identifiers.get().hash).account
    assert mother.holder == account
    assert account.last_four_hash == mother.document_last_four_hash
    assert [message["to"] for message in sent(outbox)] == ["+8613912345678"] * 2
    assert audited(subject=f"person:{mother.pk}")[-2:] == ["displace-holder", "desk-give-code"]
    assert "13912345678" not in desk.get(page).text and "139****5678" in desk.get(page).text


def test_earlier_holder_is_displaced_and_told(desk, outbox, django_capture_on_commit_callbacks):
    earlier = factories.account(phone="+8613800000003")
    mother = factories.person(holder=earlier, name="李小花", number=NUMBER)
    with django_capture_on_commit_callbacks(execute=True):
        give(desk, served(desk, mother), outbox)
    mother.refresh_from_db()
    assert mother.holder != earlier
    assert "+8613800000003" in [message["to"] for message in sent(outbox)]
    assert not Person.objects.held_by(earlier).exists()


def test_account_s_own_claim_to_the_document_is_replaced(desk, mother, outbox):
    account = factories.account(phone="+8613912345678")
    claimed = factories.person(holder=account, name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    Person.objects.filter(pk=claimed.pk).update(needs_desk=True)
    proxy = Proxy.objects.create(account=account, person=mother, relation="other", created_at=timezone.now())
    give(desk, served(desk, mother), outbox)
    mother.refresh_from_db(), claimed.refresh_from_db(), proxy.refresh_from_db()
    assert (mother.holder, claimed.holder) == (account, None)
    assert proxy.ended_at is not None


def rest(account, days):
    used_at = timezone.now() - timedelta(days=days)
    account.identifiers.update(used_at=used_at)


@pytest.mark.parametrize("days", [0, 91])
def test_phone_of_an_account_that_acts_for_others_gets_a_new_account(desk, mother, outbox, days):
    earlier = factories.account(phone="+8613912345678")
    relative = factories.relative(account=earlier, number=factories.DOCUMENTS[2])
    rest(earlier, days)
    page = served(desk, mother)
    assert give(desk, page, outbox).url == page
    mother.refresh_from_db(), relative.refresh_from_db()
    assert mother.holder not in (None, earlier)
    assert Identifier.objects.get(hash=identifier_hash("phone", "+8613912345678")).account == mother.holder
    assert (relative.account, relative.ended_at) == (earlier, None)


def test_phone_that_rested_gets_a_new_account_also_from_a_real_name_person(desk, mother, outbox):
    earlier = factories.account(phone="+8613912345678")
    own = factories.person(holder=earlier, number=factories.DOCUMENTS[2])
    rest(earlier, 91)
    page = served(desk, mother)
    assert give(desk, page, outbox).url == page
    mother.refresh_from_db(), own.refresh_from_db()
    assert own.holder == earlier
    assert mother.holder not in (None, earlier)


@pytest.mark.parametrize("days", [0, 91])
def test_own_account_with_relatives_stays_when_its_claim_is_confirmed(desk, mother, outbox, days):
    account = factories.account(phone="+8613912345678")
    factories.person(holder=account, name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    factories.relative(account=account, number=factories.DOCUMENTS[2])
    rest(account, days)
    give(desk, served(desk, mother), outbox)
    mother.refresh_from_db()
    assert mother.holder == account


def test_clerk_s_phone_that_rested_stays_the_clerk_s(desk, clerk, mother, outbox):
    rest(clerk, 91)
    response = give(desk, served(desk, mother), outbox, phone="13700000001")
    assert response.context["form"].non_field_errors() == ["This is your own account. Another clerk has to do this."]
    assert clerk.identifiers.count() == 1


def test_refusal_leaves_a_staff_phone_as_it_was(desk, mother, outbox):
    officer = factories.account(phone="+8613912345678", is_officer=True)
    officer.set_password("four plain words here")
    officer.save()
    factories.person(holder=officer, number=factories.DOCUMENTS[2])
    rest(officer, 91)
    used_at = officer.identifiers.get().used_at
    assert give(desk, served(desk, mother), outbox).context["form"].non_field_errors()
    assert officer.identifiers.get().used_at == used_at


def test_phone_of_another_real_name_person_is_refused(desk, mother, outbox):
    son = factories.account(phone="+8613912345678")
    own = factories.person(holder=son, number=factories.DOCUMENTS[2])
    response = give(desk, served(desk, mother), outbox)
    assert response.context["form"].non_field_errors()[0].startswith("This phone already shows somebody else's own")
    own.refresh_from_db(), mother.refresh_from_db()
    assert (own.holder, mother.holder) == (son, None)


def test_clerk_s_own_phone_is_refused(desk, mother, outbox):
    response = give(desk, served(desk, mother), outbox, phone="13700000001")
    assert response.context["form"].non_field_errors() == ["This is your own account. Another clerk has to do this."]


def test_locked_account_is_refused(desk, mother, outbox):
    factories.account(phone="+8613912345678", is_active=False)
    response = give(desk, served(desk, mother), outbox)
    assert "locked" in response.context["form"].non_field_errors()[0]
    mother.refresh_from_db()
    assert mother.holder is None


def test_wrong_digits_and_a_code_for_somebody_else_give_nothing(desk, mother, outbox):
    page = served(desk, mother)
    desk.post(f"{page}phone/", {"phone": "13912345678"})
    digits = re.search(r"\d{6}", sent(outbox)[-1]["text"])[0]
    wrong = f"{(int(digits) + 1) % 10**6:06}"
    assert "digits" in desk.post(f"{page}phone/code/", {"digits": wrong}).context["form"].errors
    assert "digits" in desk.post(f"{page}phone/code/", {"digits": "12"}).context["form"].errors
    other = factories.person(name="王五", number=factories.DOCUMENTS[2])
    elsewhere = served(desk, other)
    assert desk.post(f"{elsewhere}phone/code/", {"digits": digits}).url == f"{elsewhere}phone/"
    assert not Person.objects.exclude(holder=None).exists()


def test_message_says_what_the_code_is_for(desk, mother, outbox):
    desk.post(f"{served(desk, mother)}phone/", {"phone": "13912345678"})
    text = sent(outbox)[0]["text"]
    assert re.search(r"\d{6}", text)
    assert "服务台" in text


@pytest.mark.parametrize("phone", ["", "123", "02412345678", "1391234567\0"])
def test_what_is_no_mobile_number_gets_no_code(desk, mother, outbox, phone):
    response = desk.post(f"{served(desk, mother)}phone/", {"phone": phone})
    assert "phone" in response.context["form"].errors
    assert sent(outbox) == []
