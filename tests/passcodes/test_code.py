"""The code page and its renewal: what a holder gets, and nobody else."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import DeviceKey
from declarations.models import Assurance
from passcodes import keys, tokens
from passcodes.models import ColourChange, PassCode
from tests import factories

pytestmark = pytest.mark.django_db


def signed_in(account, **headers) -> Client:
    client = Client(headers={"accept-language": "en", **headers})
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    session = client.session
    session["device"] = factories.device(account=account, secret=f"browser of {account.pk}").pk
    session.save()
    return client


@pytest.fixture
def holder():
    return factories.account()


@pytest.fixture
def resident(holder):
    return signed_in(holder)


@pytest.fixture
def code(holder):
    return factories.pass_code(account=holder)


@pytest.fixture
def stranger():
    account = factories.account(phone="+8613800000002")
    factories.pass_code(account=account, number=factories.DOCUMENTS[1])
    return signed_in(account)


def page_of(client, code):
    return client.get(f"/code/{code.public_id}/")


def test_who_has_not_declared_gets_the_form(resident):
    assert resident.get("/code/").headers["Location"] == "/declare/"


def test_first_visit_makes_the_code_and_later_ones_find_it(resident, holder):
    factories.declaration(person=factories.person(holder=holder), account=holder)
    first, second = resident.get("/code/"), resident.get("/code/")
    assert first.headers["Location"] == second.headers["Location"] == f"/code/{PassCode.objects.get().public_id}/"


def test_green_page_shows_masked_data_and_a_code_that_reads(resident, code):
    response = page_of(resident, code)
    html = response.content.decode()
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert "Green code" in html
    assert "张**" in html
    assert "21**************15" in html
    assert "张三丰" not in html
    assert factories.DOCUMENTS[0] not in html
    assert "Why, and what to do next" not in html


@pytest.mark.parametrize(
    ("category", "headline", "why"),
    [
        ("confirmed", "Red code", "The epidemic database lists you as a confirmed case."),
        ("managed", "Yellow code", "The office named below has put you under observation."),
    ],
)
def test_coloured_page_says_why_who_and_what_next(resident, code, category, headline, why):
    factories.risk_record(category=category)
    html = page_of(resident, code).content.decode()
    for text in (headline, why, "沈阳市疾病预防控制中心", "tel:024-12320"):
        assert text in html


def without_what_always_changes(html):
    """The page without CSRF token, times and the drawn code."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"|<path d="[^"]*"|T?\d\d:\d\d:\d\d(\.\d+)?', "", html)


def test_page_of_an_unchecked_identity_tells_nothing_about_the_document(resident, holder):
    code = factories.pass_code(account=holder, assurance=Assurance.DECLARED)
    free = page_of(resident, code).content.decode()
    factories.risk_record()
    listed = page_of(resident, code).content.decode()
    assert "Not checked" in listed
    assert without_what_always_changes(listed) == without_what_always_changes(free)


@pytest.mark.parametrize("path", ["/code/{}/", "/code/{}/token"])
def test_another_account_s_code_is_not_there(stranger, code, path):
    assert stranger.get(path.format(code.public_id)).status_code in (401, 404)


def test_page_needs_sign_in_or_the_browser_s_key(resident, code):
    url = f"/code/{code.public_id}/"
    assert Client().get(url).headers["Location"] == f"/login/?next={url}"
    key = page_of(resident, code).cookies["pass_key"]
    assert (key["path"], key["httponly"], key["samesite"]) == (url, True, "Lax")
    browser = Client()
    browser.cookies["pass_key"] = key.value
    assert browser.get(url).status_code == 200
    DeviceKey.objects.all().delete()
    assert browser.get(url).status_code == 302


def test_renewal_carries_the_token_only(resident, code):
    page_of(resident, code)
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        response = resident.get(f"/code/{code.public_id}/token")
    data = response.json()
    assert response.headers["Cache-Control"] == "no-store"
    assert set(data) == {"token", "colour", "expires", "now"}
    assert data["colour"] == "green"
    token = tokens.read(data["token"], keys.ring(), now)
    assert (token.verdict, token.pass_id) == ("genuine", code.public_id)
    assert len(response.content) < 400


def test_renewal_shows_a_risk_record_of_a_second_ago(resident, code):
    page_of(resident, code)
    factories.risk_record()
    assert resident.get(f"/code/{code.public_id}/token").json()["colour"] == "red"


def test_renewal_dies_with_the_key(resident, code):
    page_of(resident, code)
    DeviceKey.objects.all().delete()
    response = resident.get(f"/code/{code.public_id}/token")
    assert (response.status_code, response.json()) == (401, {"error": "key"})


def test_renewal_is_limited(resident, code):
    page_of(resident, code)
    with time_machine.travel(timezone.now(), tick=False):
        statuses = [resident.get(f"/code/{code.public_id}/token").status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]


def test_colour_changes_are_appended_only_when_the_colour_differs(resident, code):
    page_of(resident, code)
    page_of(resident, code)
    record = factories.risk_record()
    page_of(resident, code)
    record.delete()
    page_of(resident, code)
    changes = list(ColourChange.objects.order_by("id"))
    assert [change.get_colour_display() for change in changes] == ["green", "red", "green"]
    assert [reason["code"] for reason in changes[1].reasons] == ["risk-confirmed"]


def test_old_declaration_is_grey(resident, holder):
    code = factories.pass_code(account=holder, made_at=timezone.now() - timedelta(days=3, seconds=1))
    assert "Grey code" in page_of(resident, code).content.decode()


def test_renewal_takes_one_statement_and_the_page_one_more_for_new_browsers(
    resident, code, django_assert_num_queries, django_assert_max_num_queries
):
    with django_assert_max_num_queries(9):  # session, account, facts; the key is made and the colour noted once
        page_of(resident, code)
    with django_assert_num_queries(1):
        page_of(resident, code)
    with django_assert_num_queries(1):
        resident.get(f"/code/{code.public_id}/token")


@pytest.fixture
def mother(holder):
    """Of the holder, with a code."""
    proxy = factories.relative(account=holder)
    PassCode.objects.create(person=proxy.person)
    return proxy


def test_relative_s_page_leads_to_declaring_for_them(resident, code, mother):
    html = page_of(resident, mother.person.pass_code).content.decode()
    assert "李**" in html
    assert f'href="/declare/proxy/{mother.pk}/">Declare again' in html
    assert 'href="/declare/"' not in html
    assert 'href="/declare/">Declare again' in page_of(resident, code).content.decode()


def test_relative_s_identity_is_checked_by_the_face(resident, holder):
    proxy = factories.relative(account=holder, assurance=Assurance.DECLARED)
    code = PassCode.objects.create(person=proxy.person)
    html = page_of(resident, code).content.decode()
    assert f'href="/face/{code.public_id}/"' in html
    assert "/declare/verify/" not in html


def test_own_identity_is_checked_again_or_by_the_face(client):
    account = factories.account(phone="+8613800000007")
    code = factories.pass_code(account=account, assurance=Assurance.DECLARED)
    html = page_of(signed_in(account), code).content.decode()
    assert "Check my identity again" in html
    assert f'href="/face/{code.public_id}/"' in html


def tabs(response) -> list[tuple[str, bool, str]]:
    """The codes one tap away: (address, whether it is this page, words)."""
    nav = re.search(r'(?s)<nav class="switch".*?</nav>', response.content.decode())
    found = re.findall(r'<a href="([^"]+)"( aria-current="page")?>(.*?)</a>', nav[0]) if nav else []
    return [(address, bool(current), words) for address, current, words in found]


def test_codes_are_one_tap_apart(resident, holder, code, mother):
    father = factories.relative(account=holder, number=factories.DOCUMENTS[2], name="张大山")
    factories.relative(account=holder, number=factories.DOCUMENTS[3], name="王五", acting=False)
    names = ("李** <small>My parent</small>", "张** <small>My parent</small>")
    expected = [("/code/", "Myself"), (f"/people/{mother.pk}/", names[0]), (f"/people/{father.pk}/", names[1])]
    for shown, current in ((code, 0), (mother.person.pass_code, 1)):
        for _ in range(2):  # by the account, then by the browser's key
            found = tabs(page_of(resident, shown))
            assert [(address, words) for address, _, words in found] == expected
            assert [index for index, (_, is_current, _) in enumerate(found) if is_current] == [current]


def test_who_acts_for_nobody_has_no_row_of_codes(resident, code, stranger):
    factories.relative(account=factories.account(phone="+8613800000007"), number=factories.DOCUMENTS[2])
    assert tabs(page_of(resident, code)) == []
    assert 'href="/people/">My people' in page_of(resident, code).content.decode()


def test_relatives_cost_the_page_no_query(resident, code, mother, django_assert_num_queries):
    for shown in (code, mother.person.pass_code):
        page_of(resident, shown)
        with django_assert_num_queries(1):
            page_of(resident, shown)
        with django_assert_num_queries(1):
            resident.get(f"/code/{shown.public_id}/token")


def test_offline_page_and_service_worker_hold_nobody_s_data(resident, code):
    page_of(resident, code)
    offline = resident.get("/code/offline/")
    assert offline.status_code == 200
    assert "张" not in offline.content.decode()
    worker = Client().get("/sw.js")
    assert worker.headers["Content-Type"] == "text/javascript"
    assert "/code/offline/" in worker.content.decode()
