"""Declaring for somebody else in the browser: the form, again, in one tap, and what nobody gets to see."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from declarations import pages, proxies, questions
from declarations.models import Assurance, Declaration, Person, Proxy, Relation
from tests import factories
from tests.accounts.browsers import sign_in
from tests.accounts.conftest import clock  # noqa: F401
from tests.declarations.conftest import signed_in
from tests.declarations.numbers import FORM, resident_number

pytestmark = pytest.mark.django_db

MOTHER = FORM | {
    "relation": "parent",
    "name": "李小花",
    "document_number": factories.DOCUMENTS[1],
    "sex": "2",
    "phone": "13800000009",
}
CHILD = MOTHER | {
    "relation": "child",
    "document_number": resident_number(1, born="20160101"),
    "sex": "1",
    "birth_date": "2016-01-01",
}


def text(response) -> str:
    return response.content.decode()


def errors(response) -> list[tuple[str, str]]:
    """The error summary: (linked field, text)."""
    block = re.search(r'(?s)<div class="error-summary".*?</div>', text(response))
    return re.findall(r'<li>(?:<a href="#(.*?)">)?(.*?)(?:</a>)?</li>', block[0]) if block else []


def declare(client, form=MOTHER, path="/declare/proxy/", **changes):
    return client.post(path, {name: value for name, value in (form | changes).items() if value is not None})


@pytest.fixture
def other():
    """Another account's browser."""
    return signed_in(Client(headers={"accept-language": "en"}), factories.account(phone="+8613800000002"))


@pytest.fixture
def mother(account) -> Proxy:
    return factories.relative(account=account)


def test_form_is_empty_whoever_opens_it(resident, account):
    own = factories.person(holder=account, name="张三丰")
    factories.declaration(person=own, account=account, address="本人的地址")
    shown = text(resident.get("/declare/proxy/"))
    assert "<h1>Report the health of somebody else</h1>" in shown
    for own_data in ("张", "2101021990", "本人的地址", "13800000001", "138****"):
        assert own_data not in shown
    assert 'autocomplete="name"' not in shown and 'autocomplete="tel"' not in shown
    assert "your document" not in shown and "Have you been" not in shown


def test_home_leads_to_the_form(client):
    assert 'href="/declare/proxy/"' in text(client.get("/"))


def test_new_owner_of_the_number_is_asked_for_the_relative_s_document(resident, account, outbox):
    declare(resident)
    account.identifiers.update(used_at=timezone.now() - timedelta(days=400))
    browser = Client(headers={"accept-language": "en"})
    assert sign_in(browser, outbox).url == "/login/check/"
    assert "the first person you declared for" in text(browser.get("/login/check/"))
    assert "_auth_user_id" not in browser.session
    assert browser.post("/login/check/", {"last_four": MOTHER["document_number"][-4:]}).url == "/"


def test_declaring_leads_by_a_page_to_the_code(resident, account):
    response = declare(resident)
    proxy = Proxy.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/declare/proxy/{proxy.pk}/done/")
    assert (proxy.account, proxy.relation, proxy.is_acting) == (account, Relation.PARENT, False)
    assert Declaration.objects.get().phone == "+8613800000009"
    done = text(resident.get(response["Location"]))
    assert "The declaration for 李** has been submitted." in done
    assert re.search(rf'href="/people/{proxy.pk}/">Get the health code now', done)
    assert "李小花" not in done


def test_child_s_phone_is_told_of_a_new_proxy(resident, outbox, django_capture_on_commit_callbacks):  # noqa: F811
    with django_capture_on_commit_callbacks(execute=True):
        declare(resident, CHILD)
    assert [message["to"] for message in outbox.messages] == ["+8613800000009"]
    assert "138****0001" in outbox.messages[0]["text"]
    assert Proxy.objects.get().is_acting


def test_own_phone_gets_no_message(resident, outbox, django_capture_on_commit_callbacks):  # noqa: F811
    with django_capture_on_commit_callbacks(execute=True):
        declare(resident, CHILD, phone="13800000001")
    assert outbox.messages == []


def test_own_number_is_filled_in_and_all_else_kept(resident):
    response = declare(resident, button="own-phone", phone="", address="他家的地址", affirmation=None)
    shown = text(response)
    assert errors(response) == []
    assert 'name="phone" value="13800000001"' in shown
    for typed in ("李小花", factories.DOCUMENTS[1], "他家的地址", '<option value="parent" selected>'):
        assert typed in shown
    assert not Proxy.objects.exists()


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("phone", "Phone number: Please enter the person&#x27;s phone number, or your own"),
        ("relation", "Who the person is to you: Please select who the person is to you"),
        ("name", "Name: Please enter the person&#x27;s name"),
        ("document_number", "Document number: Please enter the number of the person&#x27;s document"),
    ],
)
def test_errors_speak_of_the_person_and_nothing_is_lost(resident, field, words):
    response = declare(resident, **{field: ""}, travel="yes", travel_rows="1", travel_0_from="2026-01-01")
    assert (f"id_{field}", words) in errors(response)
    assert "Where the person has been" in text(response)
    for name in {"phone", "name", "document_number", "address"} - {field}:
        assert f'value="{MOTHER[name]}"' in text(response)
    assert not Proxy.objects.exists()


def test_bad_input_of_every_kind_never_fails(resident, mother):
    for typed in ("\x00", "<script>x</script>", "😷", "痛" * 10_000, "٣"):
        for path in ("/declare/proxy/", f"/declare/proxy/{mother.pk}/"):
            assert resident.post(path, dict.fromkeys([*MOTHER, "travel_rows", "button"], typed)).status_code == 200
            response = declare(resident, MOTHER, path, **dict.fromkeys(set(MOTHER) - {"version"}, typed))
            assert response.status_code == 200
            assert "<script>x" not in text(response)
    assert Declaration.objects.count() == 1


def test_own_document_leads_to_the_own_form(resident, account):
    factories.person(holder=account, number=factories.DOCUMENTS[1])
    response = declare(resident)
    assert errors(response) == [
        ("id_document_number", "Document number: This is your own document: please declare for yourself.")
    ]
    assert 'href="/declare/">Declare for myself' in text(response)
    assert 'value="李小花"' in text(response)


def test_too_many_relatives_lead_to_the_list(resident, mother, monkeypatch):
    monkeypatch.setattr(proxies, "RELATIVES", 1)
    response = declare(resident, CHILD)
    assert "You already act for 1 people." in errors(response)[0][1]
    assert 'href="/people/"' in text(response)
    assert f'value="{CHILD["document_number"]}"' in text(response)


@pytest.mark.parametrize("limit", ["CLAIMS_A_DAY", "DECLARATIONS_A_DAY"])
@pytest.mark.usefixtures("clock")
def test_limits_are_shared_with_declaring_for_oneself(resident, monkeypatch, limit):
    monkeypatch.setattr(pages, limit, 1)
    resident.post("/declare/", FORM)
    response = declare(resident)
    assert "You have asked often today." in errors(response)[0][1]
    assert 'value="李小花"' in text(response)
    assert not Proxy.objects.exists()


def test_known_and_unknown_documents_get_the_same_answer(resident):
    holder = factories.account(phone="+8613800000003")
    factories.person(holder=holder, number=resident_number(4), name="李小花")
    answers = set()
    for serial in (4, 6):
        response = declare(resident, document_number=resident_number(serial))
        done = text(resident.get(response["Location"]))
        answers.add((response.status_code, re.sub(r'value="\w{64}"|/people/\d+/|/proxy/\d+/', "", done)))
    assert len(answers) == 1


def test_relative_is_asked_whether_anything_changed(resident, mother):
    shown = text(resident.get(f"/declare/proxy/{mother.pk}/"))
    assert "李**" in shown and "21**************23" in shown
    assert "Nothing has changed" in shown
    for secret in ("李小花", factories.DOCUMENTS[1], "中山路"):
        assert secret not in shown


def test_form_again_shows_the_last_answers_and_asks_no_identity(resident, account, mother):
    path = f"/declare/proxy/{mother.pk}/?change=yes"
    shown = text(resident.get(path))
    assert 'value="中山路1号"' in shown and "李**" in shown
    assert "李小花" not in shown and factories.DOCUMENTS[1] not in shown
    assert not re.search(r'name="(name|document_number|relation)"', shown)
    assert f'action="{path}"' in shown
    response = declare(resident, MOTHER, path, address="新华路2号")
    assert (response.status_code, response["Location"]) == (302, f"/people/{mother.pk}/")
    last = Declaration.objects.latest_of(mother.person)
    assert (last.address, last.account) == ("新华路2号", account)
    assert Proxy.objects.count() == 1


def test_form_again_keeps_what_was_typed(resident, mother):
    path = f"/declare/proxy/{mother.pk}/"
    response = declare(resident, MOTHER, path, address="新华路2号", affirmation=None)
    assert [field for field, _ in errors(response)] == ["id_affirmation"]
    assert 'value="新华路2号"' in text(response)
    response = declare(resident, MOTHER, path, address="新华路2号", button="own-phone")
    assert 'value="新华路2号"' in text(response) and 'value="13800000001"' in text(response)


def test_answers_of_another_account_are_never_shown(resident, mother):
    Declaration.objects.all().delete()
    other = factories.account(phone="+8613800000002")
    factories.declaration(person=mother.person, account=other, address="别人填的地址")
    for query in ("", "?change=yes"):
        assert "别人填的地址" not in text(resident.get(f"/declare/proxy/{mother.pk}/{query}"))
    response = resident.post(f"/declare/proxy/{mother.pk}/unchanged/", {"version": "1"})
    assert response["Location"] == f"/declare/proxy/{mother.pk}/"
    assert Declaration.objects.count() == 1


def test_own_answers_of_before_the_proof_are_shown_again(resident, account):
    """The claim had a person of its own; the relation is to the proven one now."""
    claimed = factories.person(number=factories.DOCUMENTS[1], assurance=Assurance.DECLARED)
    factories.declaration(person=claimed, account=account, address="证明之前的地址")
    mother = factories.relative(account=account)
    Declaration.objects.filter(person=mother.person).delete()
    assert "证明之前的地址" in text(resident.get(f"/declare/proxy/{mother.pk}/?change=yes"))


def test_nothing_changed_is_one_tap(resident, account, mother):
    Declaration.objects.update(made_at=timezone.now() - timedelta(days=2))
    response = resident.post(f"/declare/proxy/{mother.pk}/unchanged/", {"version": "1"})
    assert (response.status_code, response["Location"]) == (302, "/people/")
    again = Declaration.objects.latest_of(mother.person)
    assert again.made_at > timezone.now() - timedelta(minutes=1)
    assert (again.address, again.account) == ("中山路1号", account)


@pytest.mark.parametrize(
    "symptom", [{"fever": True}, {"dry_cough": True}, {"fatigue": True}, {"other_symptoms": "头痛"}]
)
def test_nothing_changed_is_no_answer_after_symptoms(resident, mother, account, symptom):
    factories.declaration(person=mother.person, account=account, **symptom)
    response = resident.post(f"/declare/proxy/{mother.pk}/unchanged/", {"version": "1"})
    assert response["Location"] == f"/declare/proxy/{mother.pk}/"
    assert 'name="affirmation"' in text(resident.get(response["Location"]))
    assert Declaration.objects.count() == 2


def test_nothing_changed_is_no_answer_to_new_questions(resident, mother, monkeypatch):
    monkeypatch.setattr(questions, "FORM_VERSION", 2)
    monkeypatch.setattr(questions, "NEW_FIELDS", {2: ("travel",)})
    resident.post(f"/declare/proxy/{mother.pk}/unchanged/", {"version": "2"})
    assert Declaration.objects.count() == 1
    shown = text(resident.get(f"/declare/proxy/{mother.pk}/"))
    assert re.search(r"Has the person been outside [\w ]+ 14 days\?\s+\(new question\)", shown)


@pytest.mark.usefixtures("clock")
def test_nothing_changed_is_limited(resident, mother, monkeypatch):
    monkeypatch.setattr(pages, "DECLARATIONS_A_DAY", 1)
    resident.post(f"/declare/proxy/{mother.pk}/unchanged/", {"version": "1"})
    response = resident.post(f"/declare/proxy/{mother.pk}/unchanged/", {"version": "1"})
    assert response["Location"] == "/people/"
    assert "You have asked often today." in text(resident.get("/people/"))


PATHS = ["/declare/proxy/{}/", "/declare/proxy/{}/done/", "/declare/proxy/{}/unchanged/"]


@pytest.mark.parametrize("path", PATHS)
def test_another_account_s_relative_is_not_there(other, mother, path):
    path = path.format(mother.pk)
    if "unchanged" not in path:
        assert other.get(path).status_code == 404
    if "done" not in path:
        assert declare(other, MOTHER, path).status_code == 404
    assert Declaration.objects.count() == 1


@pytest.mark.parametrize("path", PATHS)
def test_ended_relation_is_not_there(resident, account, mother, path):
    proxies.end_proxy(proxy=mother, by=account, at=timezone.now())
    path = path.format(mother.pk)
    response = declare(resident, MOTHER, path) if "done" not in path else resident.get(path)
    assert response.status_code == 404
    assert Declaration.objects.count() == 1


def test_while_consent_is_awaited_nothing_can_be_declared(resident, account):
    waiting = factories.relative(account=account, acting=False)
    Person.objects.update(holder=factories.account(phone="+8613800000003"))
    path = f"/declare/proxy/{waiting.pk}/"
    for response in (resident.get(path), declare(resident, MOTHER, path)):
        assert response["Location"] == "/people/"
    resident.post(f"{path}unchanged/", {"version": "1"})
    assert "Consent is still awaited." in text(resident.get("/people/"))
    assert Declaration.objects.count() == 1
