"""Without the camera: recording from the check page, reading photos and typed text."""

import io
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
import zxingcpp
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from passcodes import tokens
from scanning import ids
from scanning import views as scanning_views
from scanning.models import Scan, ScanEvent
from tests.scanning.test_pages import NOT_OURS, page, record

pytestmark = pytest.mark.django_db

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
