"""My people: for whom I act, who acts for me, who has to agree, and how it ends."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from declarations import proxies
from declarations.models import Assurance, Declaration, Person, Proxy, Relation
from passcodes import document_checks, face_checks, relations
from passcodes.models import DocumentCheck, FaceCheck, FaceImage, PassCode
from tests import factories

pytestmark = pytest.mark.django_db

MINE = factories.DOCUMENTS[1]  # of the mother


def signed_in(account) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    session = client.session
    session["device"] = (account.devices.first() or factories.device(account=account, secret=f"of {account.pk}")).pk
    session.save()
    return client


def page(client, path="/people/") -> str:
    return client.get(path).content.decode()


def links(html) -> list[str]:
    """Where the page's links and forms lead, below /people/ and /declare/proxy/."""
    return re.findall(r'(?:href|action)="((?:/people/|/declare/proxy/)\d+/[^"]*)"', html)


@pytest.fixture
def son():
    return factories.account()


@pytest.fixture
def daughter():
    return factories.account(phone="+8613800000002")


@pytest.fixture
def stranger():
    return factories.account(phone="+8613800000004")


@pytest.fixture
def mother():
    """Her own account and the real-name person whom it holds."""
    account = factories.account(phone="+8613800000003")
    factories.pass_code(account=account, number=MINE, name="李小花")
    return account


def acts_for(account, person, *, acting=True, relation=Relation.PARENT, by=None) -> Proxy:
    now = timezone.now()
    return Proxy.objects.create(
        account=account,
        person=person,
        relation=relation,
        created_at=now,
        confirmed_at=now if acting else None,
        confirmed_by=(by or account) if acting else None,
    )


@pytest.fixture
def acting(son, mother) -> Proxy:
    return acts_for(son, mother.person)


@pytest.fixture
def asking(son, mother) -> Proxy:
    return acts_for(son, mother.person, acting=False)


@pytest.fixture
def child(son) -> Proxy:
    """Whose first guardian is the son."""
    proxy = factories.relative(account=son, name="王小明", number=factories.DOCUMENTS[2])
    Person.objects.filter(pk=proxy.person_id).update(birth_date="2016-01-01")
    proxy.refresh_from_db()
    return proxy


@pytest.fixture
def second_guardian(child, daughter) -> Proxy:
    return acts_for(daughter, child.person, acting=False, relation=Relation.CHILD)


def test_nobody_yet_leads_to_the_form(son):
    html = page(signed_in(son))
    assert "You act for nobody yet." in html
    assert 'href="/declare/proxy/"' in html
    assert links(html) == []


def test_relatives_are_one_tap_from_code_and_declaration(son):
    proxy = factories.relative(account=son)
    html = page(signed_in(son))
    assert "李**" in html and "my parent" in html and "Identity checked" in html
    assert "李小花" not in html and factories.DOCUMENTS[1] not in html
    declared = timezone.localtime(Declaration.objects.get().made_at)
    assert f"Last declared {declared:%Y-%m-%d %H:%M}" in html
    assert links(html) == [
        f"/people/{proxy.pk}/",
        f"/declare/proxy/{proxy.pk}/unchanged/",
        f"/declare/proxy/{proxy.pk}/?change=yes",
        f"/people/{proxy.pk}/end/",
    ]


def test_one_tap_is_not_offered_after_symptoms(son):
    proxy = factories.relative(account=son)
    Declaration.objects.update(dry_cough=True)
    html = page(signed_in(son))
    assert f"/declare/proxy/{proxy.pk}/" in links(html)
    assert f"/declare/proxy/{proxy.pk}/unchanged/" not in links(html)


def test_last_declaration_is_that_of_the_own_account(son, daughter):
    proxy = factories.relative(account=son)
    Declaration.objects.all().delete()
    factories.declaration(person=proxy.person, account=daughter)
    html = page(signed_in(son))
    assert "Last declared" not in html
    assert f"/declare/proxy/{proxy.pk}/unchanged/" not in links(html)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"assurance": Assurance.DECLARED, "acting": False}, "Identity not checked: the code cannot be shown yet."),
        ({"assurance": Assurance.DECLARED}, "Identity not checked: you show a neutral code."),
        ({}, "Identity checked: you show the code and declare."),
        ({"acting": False}, "Waits for the consent of the guardian who was the first to act."),
    ],
)
def test_state_is_told_in_words(son, fields, words):
    factories.relative(account=son, **fields)
    assert words in page(signed_in(son))


def test_waiting_relative_can_only_be_withdrawn(son, asking):
    html = page(signed_in(son))
    assert "Waits for the consent of the person, who has an account of their own." in html
    assert links(html) == [f"/people/{asking.pk}/end/"]
    client = signed_in(son)
    assert client.get(f"/people/{asking.pk}/").headers["Location"] == "/people/"
    assert "Consent is still awaited." in page(client)


def test_relative_s_code_is_one_tap_away(son):
    proxy = factories.relative(account=son)
    client = signed_in(son)
    response = client.get(f"/people/{proxy.pk}/")
    code = PassCode.objects.get(person=proxy.person)
    assert response.headers["Location"] == f"/code/{code.public_id}/"
    assert "Green code" in page(client, response.headers["Location"])
    assert client.get(f"/people/{proxy.pk}/?check=yes").headers["Location"] == f"/face/{code.public_id}/"


def test_unchecked_relative_leads_to_the_check(son):
    proxy = factories.relative(account=son, assurance=Assurance.DECLARED, acting=False)
    response = signed_in(son).get(f"/people/{proxy.pk}/")
    code = PassCode.objects.get(person=proxy.person)
    assert response.headers["Location"] == f"/face/{code.public_id}/"


def test_person_sees_who_acts_for_them(mother, son, acting):
    now = timezone.now()
    for days in range(7):
        factories.declaration(person=acting.person, account=son, made_at=now - timedelta(days=days))
    html = page(signed_in(mother))
    declared = re.search(r"Declared for you: (.*?)</p>", html)[1].split(", ")
    assert declared == [f"{timezone.localtime(now - timedelta(days=days)):%Y-%m-%d %H:%M}" for days in range(5)]
    assert "138****0001" in html and "They say that you are their parent." in html
    assert "Shows your code and declares for you." in html
    assert "Nobody acts for you." not in html
    assert links(html) == [f"/people/{acting.pk}/end/"]


def test_person_sees_claims_to_their_document_too(mother, daughter):
    claimed = factories.relative(account=daughter, number=MINE, assurance=Assurance.DECLARED)
    html = page(signed_in(mother))
    assert "138****0002" in html
    assert "Only claims to act for you: shows a neutral code, and nothing of yours." in html
    assert signed_in(mother).post(f"/people/{claimed.pk}/end/").headers["Location"] == "/people/"
    claimed.refresh_from_db()
    assert claimed.ended_by == mother


def test_who_only_declared_a_document_sees_nobody(son, stranger, acting):
    factories.person(holder=stranger, number=MINE, assurance=Assurance.DECLARED, name="李小花")
    html = page(signed_in(stranger))
    assert "138****" not in html
    assert "Once your own identity has been checked" in html
    assert signed_in(stranger).get(f"/people/{acting.pk}/end/").status_code == 404
    assert signed_in(stranger).post(f"/people/{acting.pk}/end/").status_code == 404
    acting.refresh_from_db()
    assert acting.is_acting


@pytest.mark.parametrize(("method", "path"), [("get", ""), ("get", "end/"), ("post", "end/"), ("post", "agree/")])
def test_another_account_s_relation_is_not_there(stranger, acting, asking_by_daughter, method, path):
    factories.pass_code(account=stranger, number=factories.DOCUMENTS[3])
    for proxy in (acting, asking_by_daughter):
        assert getattr(signed_in(stranger), method)(f"/people/{proxy.pk}/{path}").status_code == 404
    assert getattr(signed_in(stranger), method)(f"/people/99999/{path}").status_code == 404
    assert Proxy.objects.current().count() == 2


@pytest.fixture
def asking_by_daughter(daughter, mother) -> Proxy:
    return acts_for(daughter, mother.person, acting=False)


def test_who_asks_cannot_agree(son, asking):
    assert signed_in(son).post(f"/people/{asking.pk}/agree/").status_code == 404
    asking.refresh_from_db()
    assert not asking.is_acting


def test_other_proxy_of_a_person_with_an_account_decides_nothing(son, acting, asking_by_daughter):
    client = signed_in(son)
    assert "Waiting for your answer" not in page(client)
    assert client.post(f"/people/{asking_by_daughter.pk}/agree/").status_code == 404
    assert client.post(f"/people/{asking_by_daughter.pk}/end/").status_code == 404


def test_person_agrees(mother, son, asking, outbox, django_capture_on_commit_callbacks):  # noqa: F811
    client = signed_in(mother)
    html = page(client)
    assert "138****0001 asks to show your code and to declare for you" in html
    assert links(html) == [f"/people/{asking.pk}/agree/", f"/people/{asking.pk}/end/"]
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"/people/{asking.pk}/agree/").headers["Location"] == "/people/"
    asking.refresh_from_db()
    assert (asking.is_acting, asking.confirmed_by) == (True, mother)
    assert [message["to"] for message in outbox.messages] == ["+8613800000003"]
    assert "138****0001" in outbox.messages[0]["text"]
    assert AuditEntry.objects.get(action="confirm-proxy").actor == mother
    assert "You have agreed." in page(client)
    assert client.post(f"/people/{asking.pk}/agree/").status_code == 302  # tapped twice
    code = PassCode.objects.get(person=asking.person)
    assert "Green code" in page(signed_in(son), f"/code/{code.public_id}/")


def test_person_refuses(mother, asking):
    client = signed_in(mother)
    assert client.post(f"/people/{asking.pk}/end/").headers["Location"] == "/people/"
    asking.refresh_from_db()
    assert (asking.confirmed_at, asking.ended_by) == (None, mother)
    html = page(client)
    assert "You have refused." in html and "138****0001, asked without consent, ended" in html
    assert client.post(f"/people/{asking.pk}/agree/").status_code == 404


def test_first_guardian_decides_about_the_next(son, daughter, child, second_guardian):
    client = signed_in(son)
    html = page(client)
    assert "138****0002 asks to show the code of 王** and to declare for them" in html
    assert "Relation stated: child" in html
    assert f"/people/{second_guardian.pk}/agree/" in links(html)
    assert "Waiting for your answer" not in page(signed_in(daughter))
    client.post(f"/people/{second_guardian.pk}/agree/")
    second_guardian.refresh_from_db()
    assert second_guardian.confirmed_by == son


def test_first_guardian_refuses(son, second_guardian):
    client = signed_in(son)
    for _ in range(2):  # tapped twice
        assert client.post(f"/people/{second_guardian.pk}/end/").status_code == 302
    second_guardian.refresh_from_db()
    assert second_guardian.ended_by == son


def test_second_guardian_cannot_end_the_first(daughter, child, second_guardian):
    proxies.agree(proxy=second_guardian, by=child.account, at=timezone.now())
    assert signed_in(daughter).post(f"/people/{child.pk}/end/").status_code == 404


def test_requests_shown_are_those_that_one_may_decide(son, daughter, mother, stranger, child, second_guardian, asking):
    acts_for(stranger, child.person, acting=False)
    for account in (son, daughter, mother, stranger):
        shown = set(Proxy.objects.to_be_decided_by(account))
        assert shown == {proxy for proxy in Proxy.objects.all() if proxies.may_decide(proxy, account)}
    assert len(set(Proxy.objects.to_be_decided_by(son))) == 2


def test_ending_asks_once_more_without_javascript(son):
    proxy = factories.relative(account=son)
    client = signed_in(son)
    html = page(client, f"/people/{proxy.pk}/end/")
    assert "<h1>Stop acting for 李**?</h1>" in html
    assert f'action="/people/{proxy.pk}/end/" method="post"' in html
    assert Proxy.objects.current().exists()
    client.post(f"/people/{proxy.pk}/end/")
    assert not Proxy.objects.current().exists()
    html = page(client)
    assert "You no longer act for 李**." in html
    assert links(html) == []


@pytest.mark.parametrize("who", ["son", "mother"])
def test_end_stops_the_open_code_page_at_once(son, mother, acting, who):
    client = signed_in(son)
    url = f"/code/{PassCode.objects.get().public_id}/"
    assert client.get(url).status_code == 200
    assert client.get(f"{url}token").status_code == 200
    ends = signed_in({"son": son, "mother": mother}[who])
    ends.post(f"/people/{acting.pk}/end/")
    assert client.get(f"{url}token").status_code == 401
    assert client.get(url).status_code == 302
    assert AuditEntry.objects.get(action="end-proxy").subject == f"person:{acting.person_id}"


def test_past_proxies_are_listed_with_their_days(mother, son, acting):
    Proxy.objects.update(created_at=timezone.now() - timedelta(days=3))
    proxies.end_proxy(proxy=acting, by=son, at=timezone.now())
    since, until = timezone.localdate() - timedelta(days=3), timezone.localdate()
    html = page(signed_in(mother))
    assert f"138****0001, from {since} until {until}" in html
    assert "Nobody acts for you." in html


def test_past_proxies_are_twenty_at_most(mother, son):
    now = timezone.now()
    for days in range(25):
        Proxy.objects.create(
            account=son,
            person=mother.person,
            relation="parent",
            created_at=now - timedelta(days=40),
            confirmed_at=now,
            ended_at=now - timedelta(days=days),
        )
    html = page(signed_in(mother))
    assert html.count("138****0001, from") == 20
    assert f"until {timezone.localdate() - timedelta(days=20)}" not in html


@pytest.mark.parametrize("number", [1, 5])
def test_page_takes_the_same_queries_however_many_there_are(mother, daughter, number, django_assert_num_queries):
    """Session, account, person, requests with their phones, relatives with their declarations, actors, past."""
    for index in range(number):
        factories.relative(account=mother, number=f"{index}", name="李四")
        other = factories.account(phone=f"+861390000000{index}")
        acts_for(other, mother.person)
        asks = factories.account(phone=f"+861390000001{index}")
        acts_for(asks, mother.person, acting=False)
        past = factories.account(phone=f"+861390000002{index}")
        proxies.end_proxy(proxy=acts_for(past, mother.person), by=past, at=timezone.now())
    client = signed_in(mother)
    with django_assert_num_queries(13):
        html = page(client)
    assert html.count("139****") == 3 * number
    assert html.count("李*") >= number


def test_open_code_page_of_an_ended_relation_says_so(son, mother, acting):
    phone = signed_in(son)
    address = f"/code/{PassCode.objects.get(person=mother.person).public_id}/"
    assert phone.get(address).status_code == 200
    proxies.end_proxy(proxy=acting, by=mother, at=timezone.now())
    response = phone.get(address, follow=True)
    assert response.redirect_chain == [("/people/", 302)]
    assert "You no longer act for 李**." in response.content.decode()
    assert signed_in(factories.account(phone="+8613800000005")).get(address).status_code == 404


def test_address_of_an_unchecked_relative_s_code_leads_to_the_check(son):
    proxy = factories.relative(account=son, acting=False, assurance=Assurance.DECLARED)
    code = PassCode.objects.create(person=proxy.person)
    response = signed_in(son).get(f"/code/{code.public_id}/", follow=True)
    assert response.redirect_chain[-1] == (f"/face/{code.public_id}/", 302)


def test_address_of_a_claim_leads_to_the_person_it_became(son, daughter):
    claim = factories.relative(account=son, assurance=Assurance.DECLARED)
    code = PassCode.objects.create(person=claim.person)
    known = factories.relative(account=daughter).person
    proxies.end_proxy(proxy=claim, by=son, at=timezone.now())
    acts_for(son, known)
    response = signed_in(son).get(f"/code/{code.public_id}/", follow=True)
    assert response.redirect_chain[-1] == (f"/code/{PassCode.objects.get(person=known).public_id}/", 302)


def test_removing_a_relative_ends_their_checks_and_deletes_the_pictures(son):
    proxy = factories.relative(account=son, acting=False, assurance=Assurance.DECLARED)
    code = PassCode.objects.create(person=proxy.person)
    now = timezone.now()
    check = face_checks.begin(pass_code=code, account=son, by=son, at=now)
    FaceImage.objects.create(check_of=check, kind="photo", data=b"a face", created_at=now)
    document_checks.ask(account=son, pass_code=code, photo=b"a document", note="", by=son, at=now)
    signed_in(son).post(f"/people/{proxy.pk}/end/")
    assert FaceImage.objects.count() == 0
    assert DocumentCheck.objects.get().state == "withdrawn"
    assert DocumentCheck.objects.get().photo is None
    check.refresh_from_db()
    assert check.state == "ended"


def test_checks_of_a_relation_that_an_officer_ended_go_with_the_next_sweep(son, daughter):
    proxy = factories.relative(account=son, acting=False, assurance=Assurance.DECLARED)
    code = PassCode.objects.create(person=proxy.person)
    now = timezone.now()
    face_checks.begin(pass_code=code, account=son, by=son, at=now)
    relations.sweep(now)
    assert FaceCheck.objects.open().count() == 1
    proxies.end_proxy(proxy=proxy, by=daughter, at=now)
    relations.sweep(now)
    assert FaceCheck.objects.open().count() == 0


@pytest.mark.parametrize(
    ("state", "words"),
    [("waiting", "An officer has been asked"), ("refused", "did not confirm the identity"), ("approved", None)],
)
def test_where_a_check_by_a_person_stands_is_on_the_card(son, state, words):
    proxy = factories.relative(account=son, acting=False, assurance=Assurance.DECLARED)
    code = PassCode.objects.create(person=proxy.person)
    check = document_checks.ask(account=son, pass_code=code, photo=b"x", note="", by=son, at=timezone.now())
    DocumentCheck.objects.filter(pk=check.pk).update(state=state)
    html = page(signed_in(son))
    assert (f"/face/{code.public_id}/ask/" in html) == (words is not None)
    assert words is None or words in html


def test_one_request_is_one_entry_on_both_phones(son, mother):
    factories.relative(account=son, number=MINE, assurance=Assurance.DECLARED)
    acts_for(son, mother.person, acting=False)
    assert page(signed_in(son)).count("李**") == 1
    assert page(signed_in(mother)).count("138****0001") == 1
