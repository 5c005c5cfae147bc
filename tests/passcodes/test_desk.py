"""The desk: who may enter, whom it serves, what it records, whom it refuses. Two offices in every test of access."""

import json
import re
from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.conf import settings as project_settings
from django.utils import timezone

from accounts.models import Account, AuditEntry, DeskClerk, Identifier, Office
from declarations import desk as writes
from declarations.models import Assurance, Declaration, Person, Proxy
from declarations.questions import Answers, Claim
from passcodes import desk_views, keys, tokens
from passcodes.models import PassCode
from tests import factories

NUMBER = factories.DOCUMENTS[1]
LOOK = {"document_kind": "01", "document_number": NUMBER, "name": "李小花", "seen": "on"}
ANSWERS = {
    "version": "1",
    "document_kind": "01",
    "document_number": NUMBER,
    "name": "李小花",
    "sex": "2",
    "birth_date": "1990-01-01",
    "phone": "",
    "province": "210000",
    "county": "210102",
    "address": "中山路1号",
    "travel": "no",
    "contact": "no",
    "temperature": "no",
    "affirmation": "on",
}
CLAIM = Claim("李小花", "01", NUMBER, "2", date(1990, 1, 1))
HEALTHY = Answers("", 210102, "中山路1号", False, False, False, "")

pytestmark = pytest.mark.django_db


@pytest.fixture
def outbox(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return tmp_path / "outbox.jsonl"


def sent(outbox) -> list[dict]:
    lines = outbox.read_text(encoding="utf-8").splitlines() if outbox.exists() else []
    return [json.loads(line) for line in lines]


@pytest.fixture
def office():
    return Office.objects.create(name="和平区服务台", phone="024-11111", division=210102)


@pytest.fixture
def other_office():
    return Office.objects.create(name="大连市服务台", phone="0411-22222", division=210200)


def clerk_at(office, phone) -> Account:
    account = factories.account(phone=phone)
    DeskClerk.objects.create(account=account, office=office)
    return account


@pytest.fixture
def clerk(office):
    return clerk_at(office, "+8613700000001")


@pytest.fixture
def desk(clerk):
    return factories.staff_client(account=clerk)


@pytest.fixture
def other_desk(other_office):
    return factories.staff_client(account=clerk_at(other_office, "+8613700000002"))


@pytest.fixture
def mother():
    """A real-name person from the office's division, whom nobody holds."""
    person = factories.person(name="李小花", number=NUMBER, assurance=Assurance.FACE)
    factories.declaration(person=person, account=factories.account(phone="+8613800000009"))
    return person


def pages_of(person) -> list[str]:
    base = f"/desk/person/{person.pk}/"
    return [base, *(f"{base}{page}/" for page in ("declare", "paper", "phone", "phone/code"))]


def served(desk, person) -> str:
    """The address of the person's desk page, their document affirmed as seen."""
    response = desk.post("/desk/", LOOK | {"name": person.name, "document_number": person.document_number})
    assert response.url == f"/desk/person/{person.pk}/"
    return response.url


def audited(**fields) -> list[str]:
    return list(AuditEntry.objects.filter(**fields).order_by("pk").values_list("action", flat=True))


# Who may enter


def test_only_current_clerks_enter(desk, clerk, client):
    assert desk.get("/desk/").status_code == 200
    for account in (factories.account(), factories.account(phone="+8613700000008", is_officer=True)):
        assert factories.staff_client(account=account).get("/desk/").url == "/desk/login/?next=/desk/"
    assert factories.staff_client(account=clerk, second_factor=False).get("/desk/").url == "/desk/login/?next=/desk/"
    assert client.get("/desk/").url == "/desk/login/?next=/desk/"
    assert client.get("/desk/login/").status_code == 200
    for page in ("/admin/", "/console/"):
        assert desk.get(page).url == f"{page}login/?next={page}"


def test_clerk_is_out_at_the_next_request_after_the_role_has_ended(desk, clerk, mother):
    page = served(desk, mother)
    DeskClerk.objects.update(ended_at=timezone.now())
    for path in ("/desk/", page, "/desk/today/"):
        assert desk.get(path).url == f"/desk/login/?next={path}"
    assert desk.post("/desk/declare/", ANSWERS).url.startswith("/desk/login/")
    assert not Declaration.objects.filter(account=clerk).exists()


def test_nothing_of_django_s_admin_is_there(desk):
    for path in ("autocomplete/", "jsi18n/", "accounts/", "r/1/1/", "accounts/office/"):
        assert desk.get(f"/desk/{path}").status_code == 404


def test_password_page_and_sign_out_work(desk):
    assert desk.get("/desk/password_change/").status_code == 200
    assert desk.get("/desk/logout/").url == "/desk/"
    assert desk.post("/desk/logout/").status_code == 200
    assert desk.get("/desk/").url == "/desk/login/?next=/desk/"


def test_pages_are_never_stored(desk, mother):
    page = served(desk, mother)
    for path in ("/desk/", "/desk/today/", page, f"{page}paper/"):
        assert "no-store" in desk.get(path)["Cache-Control"]


# Looking up


def test_nobody_is_looked_up_without_the_affirmation(desk, mother):
    answers = set()
    for number in (NUMBER, factories.DOCUMENTS[2]):
        response = desk.post("/desk/", {**LOOK, "document_number": number, "seen": ""})
        assert response.context["form"].errors == {
            "seen": ["Only who is here with the document can be served at a desk."]
        }
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.text)
        answers.add(text.replace(number, ""))
    assert len(answers) == 1
    assert desk.get(f"/desk/person/{mother.pk}/").status_code == 404
    assert audited() == []


def test_known_person_s_page_opens_for_half_an_hour_for_who_has_seen_the_document(desk, other_desk, mother, office):
    with time_machine.travel(datetime.now().astimezone(), tick=False) as clock:
        page = served(desk, mother)
        entry = AuditEntry.objects.get(action="desk-look-up")
        assert (entry.subject, entry.detail["office"], entry.detail["same_name"]) == (
            f"person:{mother.pk}",
            office.pk,
            True,
        )
        for path in pages_of(mother):
            assert desk.get(path).status_code in (200, 302)
            assert other_desk.get(path).status_code == 404
        clock.shift(timedelta(minutes=30, seconds=-1))
        assert desk.get(page).status_code == 200
        clock.shift(timedelta(seconds=1))
        assert desk.get(page).status_code == 404


def test_page_is_masked(desk, mother):
    text = desk.get(served(desk, mother)).text
    assert "李**" in text and mother.masked_document in text
    assert "李小花" not in text and NUMBER not in text


def test_another_clerk_of_the_same_office_sees_the_document_first(desk, office, mother):
    page = served(desk, mother)
    colleague = factories.staff_client(account=clerk_at(office, "+8613700000003"))
    assert colleague.get(page).status_code == 404


def test_person_of_another_district_is_sent_to_the_other_desk(desk, other_desk, mother):
    response = other_desk.post("/desk/", LOOK)
    assert response.context["form"].non_field_errors() == [
        "This person last declared from another district: please send them to the desk there."
    ]
    assert other_desk.get(f"/desk/person/{mother.pk}/").status_code == 404
    assert audited(subject=f"person:{mother.pk}") == ["desk-refuse"]


def test_person_who_has_declared_elsewhere_meanwhile_is_gone(desk, mother):
    page = served(desk, mother)
    factories.declaration(person=mother, account=factories.account(), division=210202)
    assert desk.get(page).status_code == 404


def test_wrong_name_does_not_open_the_page_but_the_document_s_name_can_be_recorded(desk, mother):
    response = desk.post("/desk/", LOOK | {"name": "李大花"})
    assert "has another name" in response.text
    assert desk.get(f"/desk/person/{mother.pk}/").status_code == 404
    desk.post("/desk/declare/", ANSWERS | {"name": "李大花"})
    mother.refresh_from_db()
    assert (mother.name, mother.assurance) == ("李大花", Assurance.OFFICER)


def test_claims_of_others_are_not_found(desk):
    factories.person(holder=factories.account(), name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    response = desk.post("/desk/", LOOK)
    assert response.status_code == 200
    assert 'value="李小花"' in response.text and NUMBER in response.text  # the form, for somebody new


@pytest.mark.parametrize(
    "change",
    [{"document_number": "123"}, {"document_number": "1" * 10_000}, {"name": ""}, {"document_kind": "xx"}],
)
def test_bad_look_up_comes_back_with_what_was_typed(desk, change):
    response = desk.post("/desk/", LOOK | change)
    assert list(response.context["form"].errors) == list(change)
    assert "Error:" in response.text
    assert audited() == []


def test_limit_of_look_ups_a_day(desk, mother, monkeypatch):
    monkeypatch.setattr(desk_views, "LOOK_UPS_A_DAY", 1)
    served(desk, mother)
    response = desk.post("/desk/", LOOK)
    assert response.status_code == 429
    assert response.context["form"].non_field_errors()[0].startswith("The desk's limit for a day is reached.")


# Declaring


def test_walk_in_is_declared_with_the_document_seen(desk, clerk, office):
    assert desk.post("/desk/", LOOK).status_code == 200
    response = desk.post("/desk/declare/", ANSWERS)
    person = Person.objects.get()
    assert response.url == f"/desk/person/{person.pk}/"
    assert (person.name, person.document_number, person.sex, person.birth_date) == ("李小花", NUMBER, "2", "1990-01-01")
    assert (person.assurance, person.holder) == (Assurance.OFFICER, None)
    declaration = Declaration.objects.get()
    assert (declaration.person, declaration.account, declaration.phone) == (person, clerk, "")
    assert audited(subject=f"person:{person.pk}") == ["confirm-identity", "desk-declare"]
    text = desk.get(response.url).text
    assert "Green code" in text


def test_document_that_was_not_seen_is_not_declared_for(desk):
    desk.post("/desk/", LOOK)
    other = factories.DOCUMENTS[2]
    response = desk.post("/desk/declare/", ANSWERS | {"document_number": other, "sex": "1"})
    assert response.context["form"].errors["document_number"] == [
        "Look this document up first, and confirm that you have seen it."
    ]
    assert not Person.objects.exists()


def test_residence_outside_the_division_is_another_desk_s(desk):
    desk.post("/desk/", LOOK)
    response = desk.post("/desk/declare/", ANSWERS | {"county": "210202"})
    assert response.context["form"].errors == {"county": ["This place belongs to another desk."]}
    assert not Person.objects.exists()


def test_known_person_keeps_the_holder_and_gets_the_document_s_data(office, clerk):
    holder = factories.account()
    known = factories.person(holder=holder, name="李花", number=NUMBER)
    person = writes.declare_at_desk(claim=CLAIM, answers=HEALTHY, office=office, by=clerk, at=timezone.now())
    assert (person.pk, person.holder, person.name) == (known.pk, holder, "李小花")
    assert (person.sex, person.assurance) == ("2", Assurance.OFFICER)


def test_claims_to_the_document_stay_what_they_are(office, clerk):
    claimed = factories.person(holder=factories.account(), number=NUMBER, assurance=Assurance.DECLARED)
    person = writes.declare_at_desk(claim=CLAIM, answers=HEALTHY, office=office, by=clerk, at=timezone.now())
    claimed.refresh_from_db()
    assert person != claimed
    assert claimed.assurance == Assurance.DECLARED


def test_desk_writes_refuse_what_is_another_desk_s(office, other_office, mother, clerk):
    now = timezone.now()
    with pytest.raises(writes.OtherDesk):
        writes.declare_at_desk(claim=CLAIM, answers=HEALTHY, office=other_office, by=clerk, at=now)
    elsewhere = Answers("", 210202, "中山路1号", False, False, False, "")
    with pytest.raises(writes.OtherDesk):
        writes.declare_at_desk(claim=CLAIM, answers=elsewhere, office=other_office, by=clerk, at=now)
    assert Declaration.objects.count() == 1


def test_clerk_does_not_serve_themselves(desk, clerk):
    factories.person(holder=clerk, name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    desk.post("/desk/", LOOK)
    response = desk.post("/desk/declare/", ANSWERS)
    assert response.context["form"].non_field_errors() == ["This is your own document. Another clerk has to serve you."]
    assert not Declaration.objects.exists()


def test_declaring_again_starts_from_what_this_desk_was_told(desk, clerk, mother):
    page = served(desk, mother)
    form = desk.get(f"{page}declare/").context["form"]
    assert form["name"].value() == "李小花"
    assert not form["address"].value()  # somebody else's words
    desk.post(f"{page}declare/", ANSWERS | {"address": "太原街2号"})
    assert desk.get(f"{page}declare/").context["form"]["address"].value() == "太原街2号"


def test_buttons_without_javascript_keep_what_was_typed(desk):
    desk.post("/desk/", LOOK)
    response = desk.post("/desk/declare/", ANSWERS | {"button": "add-travel"})
    assert len(response.context["form"].travel_rows()) == 2
    assert NUMBER in response.text and not response.context["form"].errors


def test_limit_of_declarations_a_day(desk, monkeypatch):
    monkeypatch.setattr(desk_views, "DECLARATIONS_A_DAY", 1)
    desk.post("/desk/", LOOK)
    desk.post("/desk/declare/", ANSWERS)
    assert desk.post("/desk/declare/", ANSWERS).status_code == 429
    assert Declaration.objects.count() == 1


def test_declaring_begins_at_the_first_page(desk):
    assert desk.get("/desk/declare/").url == "/desk/"


# Paper


def test_paper_code_is_signed_without_colour_or_end(desk, mother, office):
    text = desk.get(f"{served(desk, mother)}paper/").text
    pass_code = PassCode.objects.get(person=mother)
    now = timezone.now()
    token = tokens.sign(pass_code.public_id, None, keys.signing_key(now), now)
    read = tokens.read(token, keys.ring(), now)
    assert (read.paper, read.pass_id) == (True, pass_code.public_id)
    assert 'class="paper-qr"' in text
    assert office.phone in text and "李**" in text and "every 3 days" in text
    assert "李小花" not in text and NUMBER not in text
    assert AuditEntry.objects.filter(action="desk-print", subject=f"person:{mother.pk}").count() == 1


# Proxies


def claim_for(account, *, acting=False) -> Proxy:
    """A relation to the account's own unproven person with the mother's document."""
    claimed = factories.person(name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    now = timezone.now()
    return Proxy.objects.create(
        account=account, person=claimed, relation="parent", created_at=now, confirmed_at=now if acting else None
    )


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


def test_adult_with_an_account_agrees_at_the_desk_too(desk):
    holder = factories.account(phone="+8613800000003")
    mother = factories.person(holder=holder, name="李小花", number=NUMBER)
    son = factories.account(phone="+8613900000001")
    waiting = Proxy.objects.create(account=son, person=mother, relation="parent", created_at=timezone.now())
    desk.post(f"{served(desk, mother)}proxy/{waiting.pk}/agree/")
    waiting.refresh_from_db()
    assert waiting.is_acting


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


def give(desk, page, outbox, phone="13912345678"):
    """Send the code, and enter what the person reads out."""
    assert desk.post(f"{page}phone/", {"phone": phone}).url == f"{page}phone/code/"
    digits = re.search(r"\d{6}", sent(outbox)[-1]["text"])[0]
    return desk.post(f"{page}phone/code/", {"digits": digits})


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


# The day's list


def test_today_lists_what_this_clerk_did_here_masked(desk, other_desk, mother, django_assert_num_queries):
    assert "Nothing yet." in other_desk.get("/desk/today/").text
    page = served(desk, mother)
    desk.get(f"{page}paper/")
    response = desk.get("/desk/today/")
    assert "Desk: paper code printed" in response.text and "李**" in response.text
    assert "李小花" not in response.text
    assert "Nothing yet." in other_desk.get("/desk/today/").text
    with django_assert_num_queries(7):
        desk.get("/desk/today/")
    desk.get(f"{page}paper/"), desk.get(f"{page}paper/")
    with django_assert_num_queries(7):
        desk.get("/desk/today/")


def test_today_begins_at_local_midnight(desk, mother):
    served(desk, mother)
    yesterday = timezone.now() - timedelta(days=1)
    AuditEntry.objects.update(at=yesterday)
    assert "Nothing yet." in desk.get("/desk/today/").text


# What must not leak


def test_nothing_personal_stands_in_addresses_sessions_or_audit(desk, outbox):
    desk.post("/desk/", LOOK)
    url = desk.post("/desk/declare/", ANSWERS | {"address": "金丝雀胡同"}).url
    give(desk, url, outbox)
    session = json.dumps(dict(desk.session), default=str)
    rows = json.dumps(list(AuditEntry.objects.values_list("subject", "detail")), ensure_ascii=False)
    for secret in ("李小花", NUMBER, "13912345678", "金丝雀"):
        assert secret not in url and secret not in session and secret not in rows


def test_pages_have_nothing_inline(desk, mother):
    page = served(desk, mother)
    for path in ("/desk/", page, f"{page}paper/", f"{page}declare/", f"{page}phone/"):
        assert not re.search(r" style=|<style|<script>| on[a-z]+=", desk.get(path).text)
    assert project_settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["style-src"] == ["'self'"]
