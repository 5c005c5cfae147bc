"""Declaring in the browser: the form, one tap when nothing has changed, and what nobody can learn."""

import gzip
import re
import time
from datetime import timedelta
from statistics import median

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from declarations import questions
from declarations.models import Assurance, Declaration, Person, Stay
from tests import factories
from tests.declarations.conftest import signed_in
from tests.declarations.numbers import FORM, resident_number

pytestmark = pytest.mark.django_db


def text(response) -> str:
    return response.content.decode()


def summary(response) -> list[tuple[str, str]]:
    """The links of the error summary: (to, text)."""
    block = re.search(r'(?s)<div class="error-summary".*?</div>', text(response))
    return re.findall(r'<a href="#(.*?)">(.*?)</a>', block[0]) if block else []


def declare(client, path="/declare/", **changes):
    return client.post(path, {name: value for name, value in (FORM | changes).items() if value is not None})


@pytest.fixture
def declared(account):
    """The account's own earlier declaration, with a cough and a stay."""
    person = factories.person(holder=account)
    declaration = factories.declaration(
        person=person,
        account=account,
        made_at=timezone.now() - timedelta(days=2),
        dry_cough=True,
        other_symptoms="头痛",
    )
    factories.stay(declaration=declaration, division=110105)
    return declaration


def test_form_comes_with_the_accounts_phone_and_liaoning(resident):
    response = resident.get("/declare/")
    assert 'value="13800000001"' in text(response)
    assert '<option value="210000" selected>' in text(response)
    assert "no-store" in response["Cache-Control"]


def test_declaring_stores_everything_and_leads_to_the_code(resident, account):
    day = timezone.localdate().isoformat()
    stay = {"province": "110000", "county": "110105", "from": day, "to": day}
    response = declare(
        resident, travel="yes", travel_rows="1", **{f"travel_0_{k}": v for k, v in stay.items()}, other_symptoms="头痛"
    )
    assert (response.status_code, response["Location"]) == (302, "/code/")
    declaration = Declaration.objects.get()
    assert (declaration.account, declaration.form_version, declaration.phone) == (account, 1, "+8613800000001")
    assert (declaration.division, declaration.address, declaration.other_symptoms) == (210102, "中山路1号", "头痛")
    assert [(s.kind, s.division, s.from_on) for s in declaration.stays.all()] == [
        ("travel", 110105, timezone.localdate())
    ]
    assert declaration.person.holder == account


def test_personal_data_is_in_no_plain_column(resident):
    declare(resident, other_symptoms="头痛")
    with connection.cursor() as cursor:
        for table in ("declarations_person", "declarations_declaration"):
            cursor.execute(f"SELECT * FROM {table}")
            stored = "".join(
                bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
                for row in cursor.fetchall()
                for value in row
            )
            for secret in ("张三丰", "210102199001010015", "13800000001", "中山路", "头痛", "1990-01-01"):
                assert secret not in stored


def test_errors_come_on_top_linked_to_their_fields(resident):
    response = declare(resident, document_number="210102199001010016", affirmation=None, county="")
    assert response.status_code == 200
    assert [to for to, _ in summary(response)] == ["id_document_number", "id_county", "id_affirmation"]
    assert "<title>Error:" in text(response)
    for to, _ in summary(response):
        assert f'id="{to}"' in text(response)
    assert 'value="210102199001010016"' in text(response)
    assert not Declaration.objects.exists()


def test_bad_input_of_every_kind_never_fails(resident):
    for typed in ("\x00", "<script>x</script>", "😷", "שלום", "痛" * 10_000, "２１０１０２", "٣"):
        response = resident.post("/declare/", dict.fromkeys([*FORM, "travel_rows", "button"], typed))
        assert response.status_code == 200
        response = declare(resident, **dict.fromkeys(set(FORM) - {"version"}, typed))
        assert response.status_code == 200
        assert "<script>x" not in text(response)
    assert resident.post("/declare/", {}).status_code == 200
    assert not Declaration.objects.exists()


LONG = "a" + "\u0323\u0307" * 100_000


@pytest.mark.usefixtures("short_texts")
@pytest.mark.parametrize("name", ["name", "phone", "document_number", "birth_date", "address", "other_symptoms"])
def test_very_long_text_comes_back_whole_without_being_normalised(resident, name):
    response = declare(resident, **{name: LONG})
    assert [to for to, _ in summary(response)] == [f"id_{name}"]
    assert LONG in text(response)
    assert not Declaration.objects.exists()


@pytest.mark.usefixtures("short_texts")
def test_very_long_day_of_a_stay_comes_back_whole(resident):
    stay = {"province": "110000", "county": "110105", "from": LONG, "to": "2026-11-01"}
    response = declare(resident, travel="yes", travel_rows="1", **{f"travel_0_{k}": v for k, v in stay.items()})
    assert "id_travel_0_from" in [to for to, _ in summary(response)]
    assert LONG in text(response)


def test_button_without_javascript_shows_the_places_and_keeps_what_was_typed(resident):
    response = declare(resident, button="refresh", province="220000", name="王", document_number="x", affirmation=None)
    assert summary(response) == []
    assert "长春市" in text(response) and "沈阳市" not in text(response)
    assert 'value="王"' in text(response) and 'value="x"' in text(response)
    assert not Declaration.objects.exists()


def test_button_without_javascript_adds_a_row(resident):
    response = declare(resident, button="add-contact", contact="no", contact_0_from="2026-11-01")
    assert 'name="contact_1_from"' in text(response)
    assert 'name="contact_rows" value="2"' in text(response)
    assert 'value="2026-11-01"' in text(response)
    response = declare(resident, button="add-contact", contact="yes", contact_rows="10")
    assert 'name="contact_9_from"' in text(response) and 'name="contact_10_from"' not in text(response)
    assert 'value="add-contact"' not in text(response)


def test_page_with_styles_and_scripts_is_light(resident):
    files = ["css/site.css", "js/declaration.js", "js/divisions.js", "js/focus.js"]
    parts = [resident.get("/declare/").content]
    parts += [(django_settings.BASE_DIR / "static" / name).read_bytes() for name in files]
    assert sum(len(gzip.compress(part)) for part in parts) < 20_000


@pytest.mark.parametrize("version", ["0", "", "x", "-1", "\x00"])
def test_older_page_comes_back_filled_with_the_new_questions_marked(resident, monkeypatch, version):
    response = declare(resident, version=version)
    assert "This form has new questions since you opened it." in text(response)
    assert 'value="张三丰"' in text(response)
    assert not Declaration.objects.exists()


def test_new_questions_are_marked(resident, monkeypatch):
    monkeypatch.setattr(questions, "FORM_VERSION", 3)
    monkeypatch.setattr(questions, "NEW_FIELDS", {2: ("fatigue",), 3: ("temperature",)})
    response = declare(resident, version="2", temperature=None)
    assert re.search(r"Fever\s+\(new question\)", text(response))
    assert not re.search(r"Fatigue\s+\(new question\)", text(response))
    assert 'name="version" value="3"' in text(response)
    assert declare(resident, version="3").status_code == 302
    assert Declaration.objects.get().form_version == 3


def test_who_has_declared_is_asked_whether_anything_changed(resident, declared):
    shown = text(resident.get("/declare/"))
    assert "张**" in shown and "21**************15" in shown
    assert "Nothing has changed" in shown
    assert "affirm that what I declare is correct" in shown
    assert "北京市朝阳区" in shown
    for secret in ("张三丰", "210102199001010015", "13800000001", "中山路", "头痛"):
        assert secret not in shown


def test_nothing_changed_is_one_tap(resident, account, declared):
    response = resident.post("/declare/unchanged/", {"version": "1"})
    assert (response.status_code, response["Location"]) == (302, "/code/")
    again = Declaration.objects.latest_of(declared.person)
    assert again != declared
    assert (again.dry_cough, again.other_symptoms, again.address, again.account) == (True, "头痛", "中山路1号", account)
    assert [stay.division for stay in again.stays.all()] == [110105]


def test_stays_of_more_than_14_days_ago_are_not_copied(resident, declared):
    Stay.objects.update(
        from_on=timezone.localdate() - timedelta(days=20), to_on=timezone.localdate() - timedelta(days=15)
    )
    assert "北京市" not in text(resident.get("/declare/"))
    resident.post("/declare/unchanged/", {"version": "1"})
    assert not Declaration.objects.latest_of(declared.person).stays.exists()


def test_nothing_changed_is_not_offered_when_there_are_new_questions(resident, declared, monkeypatch):
    monkeypatch.setattr(questions, "FORM_VERSION", 2)
    monkeypatch.setattr(questions, "NEW_FIELDS", {2: ("fatigue",)})
    shown = text(resident.get("/declare/"))
    assert "Nothing has changed" not in shown
    assert re.search(r"Fatigue\s+\(new question\)", shown)
    assert resident.post("/declare/unchanged/", {"version": "2"})["Location"] == "/declare/"
    assert Declaration.objects.count() == 1


def test_nothing_changed_needs_an_earlier_declaration(resident):
    assert resident.post("/declare/unchanged/", {"version": "1"})["Location"] == "/declare/"
    assert resident.get("/declare/unchanged/").status_code == 405


def test_something_changed_shows_the_last_answers_and_asks_no_identity(resident, account, declared):
    shown = text(resident.get("/declare/?change=yes"))
    assert 'value="中山路1号"' in shown and "头痛" in shown
    assert 'name="document_number"' not in shown and 'name="name"' not in shown
    assert "张三丰" not in shown and "210102199001010015" not in shown
    assert 'href="/declare/?document=new"' in shown
    response = declare(resident, name=None, document_number=None, address="新华路2号")
    assert response.status_code == 302
    assert Declaration.objects.latest_of(declared.person).address == "新华路2号"


def test_another_document_is_asked_for_afresh(resident, account, declared):
    shown = text(resident.get("/declare/?document=new"))
    assert 'name="document_number"' in shown
    assert "张三丰" not in shown and "210102199001010015" not in shown
    assert 'action="/declare/?document=new"' in shown
    number = resident_number(5)
    assert declare(resident, "/declare/?document=new", document_number=number).status_code == 302
    assert Person.objects.held_by(account).get().document_number == number


def test_unconfirmed_other_document_is_an_error_for_a_real_name_holder(resident, authority, declared):
    response = declare(resident, "/declare/?document=new", document_number=resident_number(5))
    assert summary(response)[0][0] == "id_document_number"
    assert "has not confirmed this name and document" in text(response)
    assert Person.objects.count() == 1


def test_what_another_account_declared_is_never_shown(resident, account):
    """A person whose holder changed brings no answers with it."""
    other = factories.account(phone="+8613800000002")
    person = factories.person(holder=account)
    factories.declaration(person=person, account=other, address="他人的地址", other_symptoms="他人的症状")
    for path in ("/declare/", "/declare/?change=yes", "/declare/?document=new"):
        assert "他人的" not in text(resident.get(path))
    assert resident.post("/declare/unchanged/", {"version": "1"})["Location"] == "/declare/"


def test_form_in_an_old_tab_asks_who_one_is_after_the_document_was_displaced(resident, account, declared):
    Person.objects.update(holder=None)
    response = declare(resident, **dict.fromkeys(("name", "document_kind", "document_number", "sex", "birth_date")))
    assert ("id_document_number", "Document number: Please enter your document number") in summary(response)


def test_identity_can_be_asked_for_again(resident, account, authority):
    declare(resident)
    person = Person.objects.get()
    assert person.assurance == Assurance.DECLARED
    authority.know(number=FORM["document_number"])
    assert resident.post("/declare/verify/")["Location"] == "/code/"
    person.refresh_from_db()
    assert person.assurance == Assurance.AUTHORITY
    assert Declaration.objects.count() == 1


@pytest.mark.parametrize(("fault", "words"), [("", "could not confirm"), ("500", "cannot be reached now")])
def test_asking_again_tells_what_came_of_it(resident, authority, fault, words):
    declare(resident)
    authority.fault = fault
    resident.post("/declare/verify/")
    assert words in text(resident.get("/agreement/"))


def test_asking_again_sends_to_the_desk(resident, authority):
    factories.person(holder=factories.account(phone="+8613800000002"), assurance=Assurance.OFFICER)
    authority.know(number=FORM["document_number"])
    declare(resident)
    resident.post("/declare/verify/")
    assert "service desk" in text(resident.get("/agreement/"))


def test_identity_is_asked_for_five_times_a_day(resident, authority):
    declare(resident)
    for _ in range(6):
        resident.post("/declare/verify/")
    assert len(authority.asked) == 1 + 5
    assert "You have asked often today." in text(resident.get("/agreement/"))


def test_asking_again_needs_somebody(resident):
    assert resident.post("/declare/verify/")["Location"] == "/declare/"


def test_nothing_is_learnt_about_a_document(authority):
    """Taken and free numbers from phones that the authority does not confirm: same bytes, same queries, same time."""
    seen, times = set(), {True: [], False: []}
    for serial in range(1, 201):
        number = resident_number(serial)
        if serial % 2:
            holder = factories.account(phone=f"+86139{serial:08}")
            owner = factories.person(holder=holder, number=number, assurance=1 + serial % 3)
            factories.declaration(person=owner, account=holder)
        client = signed_in(Client(headers={"accept-language": "en"}), factories.account(phone=f"+86138{serial:08}"))
        with CaptureQueriesContext(connection) as posted:
            start = time.process_time()
            answer = declare(client, document_number=number, sex="", birth_date="")
            times[serial % 2 == 1].append(time.process_time() - start)
        with CaptureQueriesContext(connection) as read:
            page = client.get("/declare/")
        body = re.sub(r'value="\w{64}"', "", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "", text(page)))
        body = re.sub(r"21\*{14}\w\w", "", body)
        headers = tuple(sorted((name, value) for name, value in answer.headers.items() if name != "Expires"))
        seen.add((answer.status_code, answer.content, headers, len(posted), page.status_code, body, len(read)))
    assert len(seen) == 1
    assert len(authority.asked) == 200
    taken, free = median(times[True]), median(times[False])
    assert max(taken, free) < 2 * min(taken, free) + 0.005  # seconds of the processor: other load does not count


def test_agreement_is_public(client):
    response = client.get("/agreement/")
    assert response.status_code == 200
    assert "What is older is deleted each day by itself" in text(response)


def test_declarations_are_limited_to_fifty_a_day(resident, declared):
    for number in range(50):
        path = "/declare/" if number % 2 else "/declare/unchanged/"
        assert declare(resident, path, name=None, document_number=None)["Location"] == "/code/"
    refused = declare(resident, address="新华路2号", name=None, document_number=None)
    assert "You have asked often today." in text(refused)
    assert 'value="新华路2号"' in text(refused)  # nothing typed is lost
    refused = resident.post("/declare/unchanged/", {"version": "1"}, follow=True)
    assert refused.redirect_chain == [("/declare/", 302)]
    assert "You have asked often today." in text(refused)
    assert Declaration.objects.count() == 1 + 50


def test_claims_to_documents_are_limited(resident, account):
    *numbers, last = [resident_number(serial) for serial in range(1, 23, 2)]
    for number in numbers:
        assert declare(resident, path="/declare/?document=new", document_number=number).status_code == 302
    refused = declare(resident, path="/declare/?document=new", document_number=last)
    assert "You have asked often today." in text(refused)
    assert last in text(refused)  # nothing typed is lost
    assert account.declarations.count() == len(numbers) == 10
