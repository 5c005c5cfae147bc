"""Asking for a check by a person: what is taken, from whom, and what is refused."""

import io
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from PIL import Image

from declarations.models import Assurance, Proxy
from passcodes import document_check_views, document_checks
from passcodes.actions import issue_pass
from passcodes.models import DocumentCheck, DocumentCheckState
from tests import factories
from tests.passcodes.document_check.steps import NUMBER, actions_on, ask, browser, decide, picture, upload
from tests.passcodes.heic_files import heic

pytestmark = pytest.mark.django_db


def test_photo_is_kept_small_without_metadata_and_encrypted(son, page, proxy):
    exif = Image.Exif()
    exif[0x010E] = "金丝雀"
    data = picture((4000, 3000), exif=exif)
    response = browser(son).post(page, {"photo": upload(data), "note": "老人卧床"})
    assert response.url == page
    check = DocumentCheck.objects.get()
    stored = Image.open(io.BytesIO(check.photo))
    assert (stored.format, stored.size) == ("JPEG", (1600, 1200))
    assert not stored.getexif() and b"Exif" not in check.photo
    assert (check.account, check.state, check.note) == (son, DocumentCheckState.WAITING, "老人卧床")
    raw = DocumentCheck.objects.raw("SELECT id, photo AS sealed FROM passcodes_documentcheck")[0].sealed
    assert b"\xff\xd8\xff" not in bytes(raw)[:40]
    assert actions_on(proxy.person) == ["ask-document-check"]


def test_page_says_how_it_goes_and_then_where_it_stands(son, page, proxy):
    client = browser(son)
    text = client.get(page).text
    assert "within 24 hours" in text and "deleted with the decision" in text
    assert "李**" in text and "李小花" not in text and NUMBER not in text
    earlier = factories.relative(
        account=factories.account(), number=factories.DOCUMENTS[2], assurance=Assurance.DECLARED, acting=False
    )
    ask(earlier, at=timezone.now() - timedelta(hours=1))
    client.post(page, {"photo": upload()})
    response = client.get(page)
    assert (response.context["state"], response.context["before"]) == ("waiting", 1)
    assert "no-store" in response["Cache-Control"]
    assert 'type="file"' not in response.text


def test_only_holder_and_current_proxy_have_the_page(son, page, proxy, client):
    stranger = browser(factories.account(phone="+8613900000002"))
    for method in ("get", "post"):
        assert getattr(stranger, method)(page).status_code == 404
        assert client.get(page).status_code == 302
    assert stranger.post(f"{page}withdraw/").status_code == 404
    Proxy.objects.update(ended_at=timezone.now())
    assert browser(son).get(page).status_code == 404
    assert browser(son).get("/face/0123456789abcdef/ask/").status_code == 404


def test_holder_asks_for_their_own(officer):
    account = factories.account(phone="+8613900000003")
    own = factories.person(holder=account, number=NUMBER, assurance=Assurance.DECLARED)
    page = f"/face/{issue_pass(person=own).public_id}/ask/"
    browser(account).post(page, {"photo": upload()})
    decide(DocumentCheck.objects.get(), officer)
    own.refresh_from_db()
    assert (own.assurance, own.holder) == (Assurance.OFFICER, account)


def test_there_is_nothing_to_ask_for_somebody_known(son):
    known = factories.relative(account=son, number=NUMBER)
    page = f"/face/{issue_pass(person=known.person).public_id}/ask/"
    assert "there is nothing left to do here" in browser(son).get(page).text
    browser(son).post(page, {"photo": upload()})
    assert not DocumentCheck.objects.exists()


BAD = {
    "nothing": (b"", "There is no file, or it is empty."),
    "a PDF": (b"%PDF-1.7 " * 50, "This is not a JPEG, PNG or WebP picture."),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is not a JPEG, PNG or WebP picture."),
    "half a picture": (picture()[:3000], "The picture is damaged or incomplete. Choose it again, or take another."),
    "one pixel": (picture((1, 1)), "The picture is too small."),
    "too large": (picture() + b"\0" * 8_000_000, "The file is too large: at most 8 MB."),
    "a polyglot": (picture() + b"PK\x05\x06" + b"\0" * 18, "The file holds more than a picture. Take the photo again."),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_photo_is_refused_at_the_field(son, page, name):
    data, message = BAD[name]
    response = browser(son).post(page, {"photo": upload(data), "note": "老人卧床"})
    assert response.context["form"].errors == {"photo": [message]}
    assert "老人卧床" in response.text and "Error:" in response.text
    assert not DocumentCheck.objects.exists()


def test_missing_photo_and_long_note_are_refused(son, page):
    response = browser(son).post(page, {"note": "长" * 301})
    assert set(response.context["form"].errors) == {"photo", "note"}


def test_upload_never_reaches_the_disk(son, page, monkeypatch):
    def no_file(*args, **kwargs):
        raise AssertionError("a temporary file")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", no_file)
    large = browser(son).post(page, {"photo": upload(b"\xff\xd8\xff" + b"\0" * 12_000_000)})
    assert large.context["form"].errors["photo"] == ["The file is too large: at most 8 MB."]
    many = browser(son).post(page, {"photo": upload(), "another": upload(), "third": upload()})
    assert many.url == page
    assert DocumentCheck.objects.count() == 1


def test_huge_request_is_not_even_read_and_the_page_says_so(son, page):
    response = browser(son).post(page, {"photo": upload()}, CONTENT_LENGTH=str(64_000_001))
    assert response.status_code == 413
    assert "The file is too large: at most 8 MB." in response.text and 'type="file"' in response.text
    assert not DocumentCheck.objects.exists()
    stranger = browser(factories.account(phone="+8613900000002"))
    assert stranger.post(page, {"photo": upload()}, CONTENT_LENGTH=str(10**9)).status_code == 404


def test_hundreds_of_files_and_a_torn_body_are_told_in_words(son, page):
    torn = {"data": b"--", "content_type": "multipart/form-data"}
    fields = {"data": b"note=" + b"x" * 2_000_000, "content_type": "application/x-www-form-urlencoded"}
    for body in ({"data": {"photo": [upload(b"x") for _ in range(150)], "note": "老人卧床"}}, torn, fields):
        response = browser(son).post(page, **body)
        assert response.status_code == 400
        assert "The upload could not be read. Please choose one photo and send it again." in response.text
        assert 'type="file"' in response.text and "no-store" in response["Cache-Control"]
    assert not DocumentCheck.objects.exists()


def test_foreign_page_cannot_ask(son, page):
    client = Client(enforce_csrf_checks=True)
    client.force_login(son, backend="accounts.backends.OneTimeCodeBackend")
    assert client.post(page, {"photo": upload()}).status_code == 403
    assert not DocumentCheck.objects.exists()


def test_one_check_waits_at_a_time(son, page, proxy):
    client = browser(son)
    for _ in range(2):
        client.post(page, {"photo": upload()})
    assert DocumentCheck.objects.count() == 1
    with pytest.raises(document_checks.AlreadyWaiting), transaction.atomic():
        ask(proxy)
    with pytest.raises(IntegrityError), transaction.atomic():
        check = DocumentCheck.objects.get()
        check.pk = None
        check.save(force_insert=True)


def test_limit_of_a_day(son, page, monkeypatch):
    monkeypatch.setattr(document_check_views, "ASKS_A_DAY", 1)
    client = browser(son)
    client.post(page, {"photo": upload()})
    client.post(f"{page}withdraw/")
    assert client.post(page, {"photo": upload()}).status_code == 429
    monkeypatch.setattr(document_check_views, "PHOTOS_A_DAY", 2)
    assert client.post(page, {"photo": upload(b"")}).status_code == 429


def test_withdrawing_deletes_the_photo(son, page, proxy):
    client = browser(son)
    client.post(page, {"photo": upload()})
    assert "the photo has been deleted" in client.post(f"{page}withdraw/", follow=True).text
    check = DocumentCheck.objects.get()
    assert (check.state, check.photo) == (DocumentCheckState.WITHDRAWN, None)
    assert "nothing to withdraw" in client.post(f"{page}withdraw/", follow=True).text
    assert client.get(f"{page}withdraw/").status_code == 405
    assert actions_on(proxy.person)[-1] == "withdraw-document-check"


def test_heic_is_not_decoded_in_the_web_but_asked_for_as_jpeg(son, page, monkeypatch):
    monkeypatch.setattr("passcodes.heic.decode", None)
    response = browser(son).post(page, {"photo": upload(heic(Image.new("RGB", (96, 96))))})
    assert "This is a HEIC picture. Save it as JPEG, or take a screenshot of it." in response.content.decode()
    assert not DocumentCheck.objects.exists()
