"""Whoever has not seen a change is told of it, whoever else has seen it."""

import pytest

from passcodes.models import Notice, PassCode, Shown
from tests import factories
from tests.passcodes.notices.steps import CHANGED, SECOND, WITHDRAWN, listed, shown, take_back, texts

pytestmark = pytest.mark.django_db
NUMBER = factories.DOCUMENTS[1]


@pytest.fixture
def sister(clock):
    return factories.account(phone="+8613800000002")


@pytest.fixture
def mother(clock, holder, sister):
    """Has no account; the holder and the sister act for her."""
    relative = factories.relative(account=holder, number=NUMBER)
    relative.person.proxies.create(
        account=sister, relation="parent", created_at=relative.created_at, confirmed_at=relative.confirmed_at
    )
    return PassCode.objects.create(person=relative.person)


def test_of_two_relatives_the_one_who_has_not_looked_is_told(told, clock, mother, holder, sister):
    assert (shown(mother, holder), shown(mother, sister)) == ("green", "green")
    row = listed(number=NUMBER)
    assert shown(mother, holder) == "red"
    assert [to for to, _text in told()] == ["+8613800000002"]
    clock.shift(SECOND)
    assert shown(mother, sister) == "red"
    take_back(row)
    assert shown(mother, sister) == "green"
    assert [to for to, _text in told()] == ["+8613800000001"]


@pytest.mark.parametrize("has_looked", [True, False])
def test_a_guard_s_look_tells_nobody(told, code, holder, has_looked):
    if has_looked:
        assert shown(code, holder) == "green"
    row = listed()
    assert shown(code) == "red"
    assert texts(told()) == [CHANGED]
    take_back(row)
    assert shown(code) == "green"
    assert texts(told()) == [WITHDRAWN]


def test_who_looks_after_the_guard_is_not_told(told, code, holder):
    listed()
    assert (shown(code), shown(code, holder)) == ("red", "red")
    assert told() == []


def test_what_one_s_own_page_shows_again_is_told_when_it_ends(told, clock, code, holder):
    row = listed()
    assert shown(code, holder) == "red"
    take_back(row)
    assert (shown(code), texts(told())) == ("green", [WITHDRAWN])
    listed(category="suspected")
    assert texts(told()) == [CHANGED]


def test_each_account_has_one_colour_of_each_person(code, holder):
    for _ in range(2):
        shown(code, holder)
    row = listed()
    shown(code, holder)
    assert Shown.objects.get().colour == 2
    take_back(row)
    shown(code)
    assert Shown.objects.get().colour == 2


def test_home_tells_of_those_one_acts_for_until_one_has_looked(client, mother, holder, sister, told):
    own, others = "Your health code has changed.", "The health code of somebody you act for has changed."
    client.force_login(sister, backend="accounts.backends.OneTimeCodeBackend")
    assert (shown(mother, holder), shown(mother, sister)) == ("green", "green")
    listed(number=NUMBER)
    assert shown(mother, holder) == "red"
    told()
    assert others in client.get("/").text and own not in client.get("/").text
    assert shown(mother, sister) == "red"
    assert others not in client.get("/").text


def test_home_costs_the_same_for_one_and_three_people(client, holder, code, django_assert_num_queries):
    client.force_login(holder, backend="accounts.backends.OneTimeCodeBackend")
    shown(code, holder)
    for number in (None, *factories.DOCUMENTS[1:3]):
        if number:
            relative = factories.relative(account=holder, number=number)
            shown(PassCode.objects.create(person=relative.person), holder)
        with django_assert_num_queries(5):  # session, account, person, what was shown, facts
            client.get("/")


def test_whoever_acts_no_more_is_told_nothing(client, mother, holder, sister, told):
    shown(mother, sister)
    mother.person.proxies.filter(account=sister).update(ended_at=mother.created_at)
    listed(number=NUMBER)
    client.force_login(sister, backend="accounts.backends.OneTimeCodeBackend")
    assert "somebody you act for has changed" not in client.get("/").text
    assert [to for to, _text in told()] == ["+8613800000001"]
    assert Notice.objects.filter(account=sister).count() == 0
