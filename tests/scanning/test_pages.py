"""The scanner's pages: who gets in, what they show, what they write."""

import io
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import pytest
import time_machine
import zxingcpp
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts.actions import device_key_hash
from accounts.models import DeviceKey
from declarations.models import Assurance
from institutions.models import MembershipRole
from passcodes import keys, tokens
from passcodes.colour import Colour
from scanning import ids
from scanning import views as scanning_views
from scanning.models import Scan, ScanEvent
from scanning.panels import every_panel
from tests import factories

pytestmark = pytest.mark.django_db

NOT_OURS = [
    "wxp://f2f0abcdef",
    "https://example.com/",
    "A" * 4096,
    "\0",
    "😀" * 30,
    "<script>alert(1)</script>",
    "%2e/../x",
]


@pytest.fixture
def code():
    return factories.pass_code(account=factories.account())


@pytest.fixture
def token(code):
    now = timezone.now()
    return tokens.sign(code.public_id, Colour.GREEN, keys.signing_key(now), now)


@pytest.fixture
def account():
    account = factories.account(phone="+8613800000009")
    factories.pass_code(account=account, number=factories.DOCUMENTS[1], name="王五")
    return account


@pytest.fixture
def institution(account):
    institution = factories.institution()
    factories.member(institution=institution, account=account)
    return institution


@pytest.fixture
def door(institution):
    return factories.entrance(institution=institution)


@pytest.fixture
def other_door():
    """A door of another institution."""
    return factories.entrance(institution=factories.institution(name="沈阳北站", credit_code="12210100000000002J"))


@pytest.fixture
def signed_in(client, account):
    client.force_login(account, "accounts.backends.OneTimeCodeBackend")
    return client


def page(response):
    return response.content.decode()


def record(client, **data):
    values = {"id": ids.new_id(timezone.now()), "taken": "none", **data}
    return client.post(reverse("scanning:record"), values)


# Who gets in


@pytest.mark.parametrize("name", ["scan", "entrance", "read", "record"])
def test_pages_need_sign_in(client, name):
    path = reverse(f"scanning:{name}")
    response = client.get(path)
    assert response.status_code == 302
    assert response.url == f"{reverse('accounts:sign_in')}?next={path}"


@pytest.mark.parametrize("name", ["scan", "entrance", "read", "record"])
@pytest.mark.parametrize("declared", [True, False])
def test_who_is_not_known_by_name_is_told_the_way(client, name, declared):
    account = factories.account()
    if declared:
        factories.person(holder=account, assurance=Assurance.DECLARED)
    client.force_login(account, "accounts.backends.OneTimeCodeBackend")
    response = client.get(reverse(f"scanning:{name}"))
    assert response.status_code == 403
    assert "First: who are you?" in page(response)
    assert "scan_key" not in response.cookies


def test_camera_page_gives_the_key_of_the_scanner(signed_in, account, door):
    response = signed_in.get("/scan/")
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    cookie = response.cookies["scan_key"]
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/scan/", "Lax", True)
    key = DeviceKey.objects.get()
    assert (key.hash, key.account, key.subject) == (device_key_hash(cookie.value), account, "")
    assert f'data-entrance="{door.pk}"' in page(response)


def test_living_key_is_kept(signed_in, door):
    signed_in.get("/scan/")
    assert "scan_key" not in signed_in.get("/scan/").cookies
    assert DeviceKey.objects.count() == 1


@pytest.mark.parametrize("change", [{"expires_at": timezone.now() - timedelta(days=1)}, {"subject": "0" * 16}])
def test_dead_key_is_replaced(signed_in, door, change):
    signed_in.get("/scan/")
    DeviceKey.objects.update(**change)
    assert signed_in.get("/scan/").cookies["scan_key"].value


def test_key_of_another_account_is_replaced(signed_in, account, door, code):
    key = factories.device_key(account=code.person.holder)
    signed_in.cookies["scan_key"] = key
    assert signed_in.get("/scan/").cookies["scan_key"].value != key


def test_key_belongs_to_the_browser_that_signed_in(signed_in, account, door):
    device = factories.device(account=account)
    session = signed_in.session
    session["device"] = device.pk
    session.save()
    signed_in.get("/scan/")
    assert DeviceKey.objects.get().device == device


def test_only_the_camera_page_may_run_the_reader(signed_in, door, token):
    assert "'wasm-unsafe-eval'" in signed_in.get("/scan/").headers["Content-Security-Policy"]
    assert "wasm" not in signed_in.get(f"/c/{token}").headers["Content-Security-Policy"]


def test_camera_page_costs_the_same_for_one_door_and_three(signed_in, institution, door, django_assert_num_queries):
    signed_in.get("/scan/")
    with django_assert_num_queries(5):
        signed_in.get("/scan/")
    for name in ("南门", "北门"):
        factories.entrance(institution=institution, name=name)
    signed_in.post(reverse("scanning:entrance"), {"entrance": door.pk})
    with django_assert_num_queries(5):
        signed_in.get("/scan/")


def test_every_panel_comes_with_the_page(signed_in, door):
    content = page(signed_in.get("/scan/"))
    assert [panel.name for panel in every_panel()] == [
        "green", "yellow", "red", "grey", "neutral", "expired", "unknown", "invalid", "pass", "stop"
    ]  # fmt: skip
    for panel in every_panel():
        assert f'data-panel-of="{panel.name}"' in content


# Entrances


def test_several_doors_ask_once(signed_in, institution, door):
    south = factories.entrance(institution=institution, name="南门")
    response = signed_in.get("/scan/")
    assert response.url == reverse("scanning:entrance")
    content = page(signed_in.get(response.url))
    assert institution.name in content and door.name in content and south.name in content
    assert signed_in.post(response.url, {"entrance": south.pk}).url == "/scan/"
    assert f'data-entrance="{south.pk}"' in page(signed_in.get("/scan/"))


def test_door_of_another_institution_cannot_be_chosen(signed_in, institution, door, other_door):
    factories.entrance(institution=institution, name="南门")
    content = page(signed_in.get(reverse("scanning:entrance")))
    assert other_door.institution.name not in content
    response = signed_in.post(reverse("scanning:entrance"), {"entrance": other_door.pk})
    assert response.status_code == 404
    assert "entrance" not in signed_in.session


@pytest.mark.parametrize("value", ["", "x", "-1", "9" * 40, "²"])
def test_malformed_choice_is_not_found(signed_in, door, value):
    assert signed_in.post(reverse("scanning:entrance"), {"entrance": value}).status_code == 404


def test_choosing_goes_on_to_own_pages_only(signed_in, door):
    choose = reverse("scanning:entrance")
    assert signed_in.post(choose, {"entrance": door.pk, "next": "/c/ABC"}).url == "/c/ABC"
    assert signed_in.post(choose, {"entrance": door.pk, "next": "https://example.com/"}).url == "/scan/"


def end_membership(door):
    door.institution.memberships.update(ended_at=timezone.now())


def close_institution(door):
    door.institution.is_active = False
    door.institution.save()


def close_door(door):
    door.is_active = False
    door.save()


def only_admin(door):
    door.institution.memberships.update(role=MembershipRole.ADMIN)


@pytest.mark.parametrize("change", [end_membership, close_institution, close_door, only_admin])
def test_lost_door_is_gone_at_once(signed_in, door, token, change):
    signed_in.post(reverse("scanning:entrance"), {"entrance": door.pk})
    change(door)
    content = page(signed_in.get("/scan/"))
    assert "data-entrance" not in content and door.name not in content
    assert "not recorded" in content
    assert record(signed_in, token=token).url == "/scan/"
    assert signed_in.post(reverse("scanning:entrance"), {"entrance": door.pk}).status_code == 404
    assert not Scan.objects.exists()


# The address in a code


@pytest.mark.parametrize("letter", ["c", "C"])
def test_stranger_is_shown_the_way_to_sign_in(client, token, letter):
    response = client.get(f"/{letter}/{token}")
    assert response.status_code == 200
    assert f"{reverse('accounts:sign_in')}?next={quote(f'/{letter}/{token}', safe='')}" in page(response)
    assert "張" not in page(response) and "Green" not in page(response)


@pytest.mark.parametrize("text", NOT_OURS)
def test_stranger_with_anything_else_too(client, text):
    assert client.get(f"/c/{quote(text)}").status_code == 200


def test_who_is_not_known_by_name_sees_no_outcome(client, token):
    client.force_login(factories.account(phone="+8613800000008"), "accounts.backends.OneTimeCodeBackend")
    response = client.get(f"/c/{token}")
    assert response.status_code == 403
    assert "张" not in page(response) and "Green code" not in page(response)


@pytest.mark.parametrize("letter", ["c", "C"])
def test_outcome_is_shown_and_not_recorded(signed_in, door, token, letter):
    response = signed_in.get(f"/{letter}/{token}")
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert 'data-panel="green"' in page(response)
    assert "Green code · take the temperature" in page(response)
    assert "张**" in page(response) and "张三丰" not in page(response)
    assert not Scan.objects.exists()


@pytest.mark.parametrize("text", NOT_OURS)
def test_anything_else_is_invalid(signed_in, door, text):
    response = signed_in.get(f"/c/{quote(text)}")
    assert response.status_code == 200
    assert 'data-panel="invalid"' in page(response)
    assert "<script>alert" not in page(response)


def test_nothing_after_the_address_is_invalid(signed_in, door):
    assert 'data-panel="invalid"' in page(signed_in.get("/c/"))


def test_old_code_is_expired(signed_in, door, token):
    with time_machine.travel(timezone.now() + timedelta(seconds=91), tick=False):
        assert 'data-panel="expired"' in page(signed_in.get(f"/c/{token}"))


def test_who_scans_for_nobody_sees_the_outcome_thirty_times(signed_in, token):
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(30):
            assert 'data-panel="green"' in page(signed_in.get(f"/c/{token}"))
        response = signed_in.get(f"/c/{token}")
    assert response.status_code == 429
    assert "张" not in page(response)
    assert 'name="taken"' not in page(response)


def test_scanner_of_several_doors_is_asked_for_one(signed_in, institution, door, token):
    factories.entrance(institution=institution, name="南门")
    content = page(signed_in.get(f"/c/{token}"))
    assert f"{reverse('scanning:entrance')}?next={quote(f'/c/{token}', safe='')}" in content
    assert 'name="taken"' not in content


# Recording without the camera page


@pytest.mark.parametrize(
    ("sent", "celsius", "normal", "panel"),
    [
        ({"taken": "normal"}, None, True, "pass"),
        ({"taken": "figure", "celsius": "36.5"}, 36.5, False, "pass"),
        ({"taken": "none", "celsius": "３６５"}, 36.5, False, "pass"),
        ({"taken": "figure", "celsius": "37,3 ℃"}, 37.3, False, "stop"),
        ({"taken": "none"}, None, False, "green"),
    ],
)
def test_record_writes_the_scan(signed_in, account, door, token, code, sent, celsius, normal, panel):
    response = record(signed_in, token=token, **sent)
    assert response.status_code == 200
    assert f'data-panel="{panel}"' in page(response)
    scan = Scan.objects.get()
    assert (scan.entrance, scan.institution, scan.scanner, scan.person) == (
        door,
        door.institution,
        account,
        code.person,
    )
    assert (scan.temperature and float(scan.temperature), scan.found_normal) == (celsius, normal)


def test_record_sent_again_is_one_scan(signed_in, door, token):
    id = ids.new_id(timezone.now())
    for _ in range(2):
        assert 'data-panel="pass"' in page(record(signed_in, id=id, token=token, taken="normal"))
    assert Scan.objects.count() == 1


def test_record_with_other_content_shows_the_first(signed_in, door, token):
    id = ids.new_id(timezone.now())
    record(signed_in, id=id, token=token, taken="normal")
    assert 'data-panel="pass"' in page(record(signed_in, id=id, token=token, taken="figure", celsius="39"))
    assert Scan.objects.get().found_normal


def test_temperature_can_follow(signed_in, door, token):
    id = ids.new_id(timezone.now())
    assert 'name="recorded"' in page(record(signed_in, id=id, token=token))
    response = record(signed_in, id=id, token=token, recorded="True", taken="figure", celsius="36.6")
    assert 'data-panel="pass"' in page(response)
    assert float(Scan.objects.get().temperature) == 36.6
    assert ScanEvent.objects.get().scan_id == id


def test_person_seen_minutes_ago_is_told(signed_in, door, token):
    first = ids.new_id(timezone.now() - timedelta(minutes=3))
    record(signed_in, id=first, token=token)
    content = page(record(signed_in, token=token))
    assert f"Already checked here at {timezone.localtime(ids.time_of(first)):%H:%M}" in content


@pytest.mark.parametrize("celsius", ["33.9", "43.1", "abc", "3", "365.5", "-36", "\0", "36.55"])
def test_implausible_figure_comes_back(signed_in, door, token, celsius):
    response = record(signed_in, token=token, taken="figure", celsius=celsius)
    assert "error-summary" in page(response)
    assert "Error:" in page(response)
    assert not Scan.objects.exists()


def test_figure_promised_but_missing_comes_back(signed_in, door, token):
    assert "Enter the temperature like 36.5." in page(record(signed_in, token=token, taken="figure"))


@pytest.mark.parametrize("id", ["", "x", UUID(int=7), "0b2f5a5e-8f0a-4f43-9b0b-6d3c1f0c8a55"])
def test_malformed_id_is_not_recorded(signed_in, door, token, id):
    assert record(signed_in, id=id, token=token).status_code == 200
    assert not Scan.objects.exists()


def test_page_left_open_for_days_records_nothing(signed_in, door, token):
    response = record(signed_in, id=ids.new_id(timezone.now() - timedelta(hours=49)), token=token)
    assert response.url == "/scan/"
    assert "Nothing was recorded" in page(signed_in.get(response.url))
    assert not Scan.objects.exists()


@pytest.mark.parametrize("name", ["read", "record"])
def test_addresses_that_take_posts_lead_back(signed_in, door, name):
    assert signed_in.get(reverse(f"scanning:{name}")).url == "/scan/"


# A photo, or text


def photo(text, kind="JPEG"):
    data = io.BytesIO()
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=6, add_quiet_zones=True)).save(data, kind)
    return SimpleUploadedFile("code.jpg", data.getvalue(), "image/jpeg")


def read(client, accept="text/html", **data):
    return client.post(reverse("scanning:read"), data, headers={"accept": accept})


def test_photo_gives_the_outcome_and_the_form(signed_in, door, token):
    content = page(read(signed_in, photo=photo(tokens.url("https://example.org", token))))
    assert 'data-panel="green"' in content and 'name="taken"' in content


def test_photo_gives_the_camera_page_its_text(signed_in, door, token):
    response = read(signed_in, "application/json", photo=photo(tokens.url("https://example.org", token)))
    assert response.json() == {"text": token}


def test_typed_code_gives_the_outcome(signed_in, door, token):
    assert 'data-panel="green"' in page(read(signed_in, text=f" {token.lower()}\r\n"))


@pytest.mark.parametrize("text", [text for text in NOT_OURS if text.isprintable()] + ["A\0B", "wxp://f2f0\n"])
def test_anything_typed_is_invalid(signed_in, door, text):
    response = read(signed_in, text=text)
    assert response.status_code == 200
    assert 'data-panel="invalid"' in page(response)


def test_photo_of_a_payment_code_is_invalid(signed_in, door):
    assert 'data-panel="invalid"' in page(read(signed_in, photo=photo("wxp://f2f0abcdefghijklmnopq")))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "Take a photo of the code, or type its text."),
        ({"text": "  "}, "Take a photo of the code, or type its text."),
        ({"photo": b"%PDF-1.7"}, "not a picture"),
        ({"photo": b""}, "not a picture"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(signed_in, door, data, words):
    def upload():
        if "photo" not in data:
            return data
        return {"photo": SimpleUploadedFile("code.jpg", data["photo"], "image/jpeg")}

    response = read(signed_in, **upload())
    assert response.status_code == 200
    assert words in page(response) and "error-summary" in page(response)
    assert "'wasm-unsafe-eval'" in response.headers["Content-Security-Policy"]
    answer = read(signed_in, "application/json", **upload())
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_photos_are_limited(signed_in, door, token, monkeypatch):
    monkeypatch.setitem(scanning_views.PHOTOS, "limit", 1)
    with time_machine.travel(timezone.now(), tick=False):
        assert read(signed_in, "application/json", photo=photo("X")).status_code == 200
        assert read(signed_in, "application/json", photo=photo("X")).status_code == 429
