"""Who acts for whom, on the authority's site."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from declarations.models import Assurance, Proxy, Relation
from tests import factories

pytestmark = pytest.mark.django_db

CHILD = "210102201601010011"


@pytest.fixture
def officer():
    account = factories.account(phone="+8613800000008", is_officer=True)
    return factories.staff_client(account=account)


@pytest.fixture
def guardian():
    return factories.account(phone="+8613800000001")


def waiting_guardian(person) -> Proxy:
    """Another account that asks to act for the child."""
    first = person.proxies.get()
    return Proxy.objects.create(
        account=factories.account(phone="+8613800000002"),
        person=person,
        relation="child",
        created_at=first.created_at,
    )


def act(client, proxy, verb):
    return client.post(reverse(f"admin:declarations_proxy_{verb}", args=[proxy.pk]))


def test_officer_ends_a_relation(officer, guardian):
    proxy = factories.relative(account=guardian)
    assert act(officer, proxy, "end").status_code == 302
    proxy.refresh_from_db()
    assert proxy.ended_at
    assert AuditEntry.objects.filter(action="end-proxy", subject=f"person:{proxy.person_id}").count() == 1


def test_officer_agrees_to_a_child_s_second_guardian(officer, guardian):
    child = factories.relative(account=guardian, number=CHILD).person
    second = waiting_guardian(child)
    page = officer.get(reverse("admin:declarations_proxy_change", args=[second.pk]))
    assert "Agree only when you have seen who asks" in page.content.decode()
    act(officer, second, "agree")
    second.refresh_from_db()
    assert second.is_acting


def test_officer_does_not_agree_for_an_adult_with_an_account(officer, guardian):
    mother = factories.person(holder=guardian)
    asked = Proxy.objects.create(
        account=factories.account(phone="+8613800000002"),
        person=mother,
        relation="parent",
        created_at=mother.created_at,
    )
    act(officer, asked, "agree")
    asked.refresh_from_db()
    assert asked.awaits_consent


def test_officer_does_not_agree_to_an_unproven_claim(officer, guardian):
    proxy = factories.relative(account=guardian, assurance=Assurance.DECLARED, acting=False)
    act(officer, proxy, "agree")
    proxy.refresh_from_db()
    assert not proxy.is_acting


def test_list_shows_people_masked(officer, guardian):
    factories.relative(account=guardian)
    page = officer.get(reverse("admin:declarations_proxy_changelist")).content.decode()
    assert "李**" in page
    assert "李小花" not in page
    assert factories.DOCUMENTS[1] not in page


@pytest.mark.parametrize("state", ["waits", "acting", "claim", "ended"])
def test_list_is_filtered_by_state(officer, guardian, state):
    proxy = factories.relative(account=guardian)
    page = officer.get(reverse("admin:declarations_proxy_changelist"), {"state": state}).content.decode()
    assert (f"/proxy/{proxy.pk}/change/" in page) == (state == "acting")


def test_officer_reads_the_relation_in_words_of_their_own(officer, guardian):
    proxy = factories.relative(account=guardian)
    for path in ("/admin/declarations/proxy/", f"/admin/declarations/proxy/{proxy.pk}/change/"):
        text = officer.get(path).text
        assert ">parent<" in text and "my parent" not in text


@pytest.mark.parametrize("relation", Relation)
def test_every_relation_has_words_for_others(relation):
    assert Proxy(relation=relation.value).neutral_relation == relation.value
