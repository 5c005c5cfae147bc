"""Checks by a person: asking, the officers' queue, deciding, and that no photo outlives its check."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts.models import AuditEntry
from declarations.models import Assurance, Person, Proxy
from passcodes import document_check_views, document_checks
from passcodes.actions import issue_pass
from passcodes.models import DocumentCheck, DocumentCheckState
from tests import factories

NUMBER = factories.DOCUMENTS[1]
QUEUE = "/admin/passcodes/documentcheck/"
KEPT = document_checks.DECIDED_WITHIN
REASON = "姓名和号码与照片一致"

pytestmark = pytest.mark.django_db


@pytest.fixture
def outbox(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return tmp_path / "outbox.jsonl"


def sent(outbox) -> list[dict]:
    lines = outbox.read_text(encoding="utf-8").splitlines() if outbox.exists() else []
    return [json.loads(line) for line in lines]


def picture(size=(800, 600), kind="JPEG", **options) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def upload(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("document.jpg", picture() if data is None else data, content_type="image/jpeg")


def browser(account) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    return client


@pytest.fixture
def son():
    return factories.account(phone="+8613900000001")


@pytest.fixture
def officer():
    return factories.account(phone="+8613700000009", is_officer=True)


@pytest.fixture
def admin(officer):
    return factories.staff_client(account=officer)


@pytest.fixture
def proxy(son):
    """The son has declared for his mother; nobody has checked who she is."""
    return factories.relative(account=son, number=NUMBER, assurance=Assurance.DECLARED, acting=False)


@pytest.fixture
def page(proxy):
    return f"/face/{issue_pass(person=proxy.person).public_id}/ask/"


def ask(proxy, at=None, account=None) -> DocumentCheck:
    account = account or proxy.account
    pass_code = issue_pass(person=proxy.person)
    at = at or timezone.now()
    return document_checks.ask(account=account, pass_code=pass_code, photo=picture(), note="", by=account, at=at)


def decide(check, officer, approved=True, at=None, **fields):
    values = {"reason": REASON, "shown_claim": document_checks.shown(check.pass_code.person)} | fields
    document_checks.decide(check=check, approved=approved, by=officer, at=at or timezone.now(), **values)


def actions_on(person) -> list[str]:
    return list(
        AuditEntry.objects.filter(subject=f"person:{person.pk}").order_by("pk").values_list("action", flat=True)
    )


# Asking


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
    "a PDF": (b"%PDF-1.7 " * 50, "This is not a JPEG, PNG, WebP or HEIC picture."),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is not a JPEG, PNG, WebP or HEIC picture."),
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


def test_huge_request_is_not_even_read(son, page):
    response = browser(son).post(page, {"photo": upload()}, CONTENT_LENGTH=str(10**9))
    assert response.status_code == 400


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


# Deciding


def test_approval_proves_the_person_and_deletes_the_photo(
    son, proxy, officer, outbox, page, django_capture_on_commit_callbacks
):
    check = ask(proxy)
    with django_capture_on_commit_callbacks(execute=True):
        decide(check, officer)
    check.refresh_from_db(), proxy.refresh_from_db(), proxy.person.refresh_from_db()
    assert (check.state, check.photo, check.decided_by, check.reason) == (
        DocumentCheckState.APPROVED,
        None,
        officer,
        REASON,
    )
    assert proxy.is_acting and proxy.person.assurance == Assurance.OFFICER
    assert actions_on(proxy.person)[-1] == "approve-document-check"
    told = [message["text"] for message in sent(outbox) if message["to"] == "+8613900000001"]
    assert len(told) == 1 and "健康通行码" in told[0]
    text = browser(son).get(page).text
    assert "The document has been confirmed" in text and f"#{officer.pk}" in text and REASON in text


def test_refusal_changes_nobody_and_says_why(son, proxy, officer, outbox, page, django_capture_on_commit_callbacks):
    check = ask(proxy)
    with django_capture_on_commit_callbacks(execute=True):
        decide(check, officer, approved=False, reason="照片看不清号码")
    check.refresh_from_db(), proxy.person.refresh_from_db()
    assert (check.state, check.photo) == (DocumentCheckState.REFUSED, None)
    assert proxy.person.assurance == Assurance.DECLARED
    assert len(sent(outbox)) == 1
    response = browser(son).get(page)
    assert "照片看不清号码" in response.text and f"#{officer.pk}" in response.text
    assert 'type="file"' in response.text  # a clearer photo may follow


def test_second_officer_is_told_that_the_first_has_decided(proxy, officer, admin):
    check = ask(proxy)
    other = factories.staff_client(account=factories.account(phone="+8613700000008", is_officer=True))
    data = {"decision": "approve", "reason": REASON, "shown": document_checks.shown(proxy.person)}
    assert admin.post(f"{QUEUE}{check.pk}/decide/", data).url == QUEUE
    response = other.post(f"{QUEUE}{check.pk}/decide/", data | {"decision": "refuse"}, follow=True)
    assert "Another officer has decided this meanwhile" in response.text
    check.refresh_from_db()
    assert (check.state, check.decided_by) == (DocumentCheckState.APPROVED, officer)


def test_officer_decides_nothing_that_concerns_themselves(proxy, officer, admin):
    Person.objects.filter(pk=proxy.person_id).update(holder=None)
    Proxy.objects.create(account=officer, person=proxy.person, relation="parent", created_at=timezone.now())
    for check in (ask(proxy, account=officer), ask(proxy)):
        with pytest.raises(document_checks.OwnCheck):
            decide(check, officer)
        text = admin.get(f"{QUEUE}{check.pk}/change/").text
        assert "Another officer has to decide it." in text and 'name="decision"' not in text
    assert DocumentCheck.objects.waiting().count() == 2


def test_claim_that_changed_after_the_look_is_not_approved(proxy, officer):
    check = ask(proxy)
    before = document_checks.shown(proxy.person)
    Person.objects.filter(pk=proxy.person_id).update(name="王五")
    with pytest.raises(document_checks.Changed):
        decide(check, officer, shown_claim=before)
    check.refresh_from_db()
    assert check.state == DocumentCheckState.WAITING


def test_relation_that_has_ended_is_not_approved_but_can_be_refused(proxy, officer):
    check = ask(proxy)
    Proxy.objects.update(ended_at=timezone.now())
    with pytest.raises(document_checks.NothingToAsk):
        decide(check, officer)
    decide(check, officer, approved=False)


@pytest.mark.parametrize("reason", ["", "  ", "ok", "字" * 501])
def test_reason_is_required(proxy, admin, reason):
    check = ask(proxy)
    data = {"decision": "refuse", "reason": reason, "shown": document_checks.shown(proxy.person)}
    response = admin.post(f"{QUEUE}{check.pk}/decide/", data)
    assert response.url == f"{QUEUE}{check.pk}/change/"
    check.refresh_from_db()
    assert check.state == DocumentCheckState.WAITING


@pytest.mark.parametrize("decision", ["", "maybe"])
def test_decision_is_one_of_two(proxy, admin, decision):
    check = ask(proxy)
    admin.post(f"{QUEUE}{check.pk}/decide/", {"decision": decision, "reason": REASON, "shown": "x"})
    check.refresh_from_db()
    assert check.state == DocumentCheckState.WAITING


# After a day


def test_after_a_day_the_photo_is_gone_and_the_place_is_kept(
    son, page, proxy, officer, outbox, django_capture_on_commit_callbacks
):
    now = timezone.now()
    check = ask(proxy, at=now - KEPT)
    fresh = ask(factories.relative(account=son, number=factories.DOCUMENTS[2], assurance=Assurance.DECLARED))
    with django_capture_on_commit_callbacks(execute=True):
        assert document_checks.lapse(now) == 1
        assert document_checks.lapse(now) == 0
    check.refresh_from_db(), fresh.refresh_from_db()
    assert (check.state, check.photo) == (DocumentCheckState.LAPSED, None)
    assert (fresh.state, fresh.photo is None) == (DocumentCheckState.WAITING, False)
    assert AuditEntry.objects.get(action="lapse-document-check").actor is None
    assert len(sent(outbox)) == 1
    with pytest.raises(document_checks.NotWaiting):
        decide(check, officer)
    assert "your place in the queue is kept" in browser(son).get(page).text
    again = ask(proxy, at=now)
    assert again.waiting_since == check.waiting_since
    assert document_checks.place(again) == 0


def test_time_over_counts_before_the_worker_has_come(son, page, proxy, officer, admin):
    now = timezone.now()
    check = ask(proxy, at=now - KEPT)
    with pytest.raises(document_checks.NotWaiting):
        decide(check, officer)
    assert admin.get(f"{QUEUE}{check.pk}/photo/").status_code == 404
    assert browser(son).get(page).context["state"] == "lapsed"
    browser(son).post(page, {"photo": upload()})
    check.refresh_from_db()
    assert (check.state, check.photo) == (DocumentCheckState.LAPSED, None)
    assert DocumentCheck.objects.waiting().get().waiting_since == check.waiting_since


def test_no_column_holds_a_photo_of_a_check_that_has_ended(proxy, officer):
    decide(ask(proxy), officer, approved=False)
    document_checks.withdraw(check=ask(proxy), by=proxy.account, at=timezone.now())
    ask(proxy, at=timezone.now() - KEPT)
    document_checks.lapse(timezone.now())
    assert [(check.photo, check.note) for check in DocumentCheck.objects.all()] == [(None, None)] * 3


# The queue


def test_officer_sees_the_claim_in_full_with_the_photo_and_every_look_is_written_down(proxy, admin, officer):
    check = ask(proxy)
    listed = admin.get(QUEUE).text
    assert "李**" in listed and "李小花" not in listed and NUMBER not in listed
    text = admin.get(f"{QUEUE}{check.pk}/change/").text
    assert "李小花" in text and NUMBER in text and "1990-01-01" in text
    assert f"{QUEUE}{check.pk}/photo/" in text
    photo = admin.get(f"{QUEUE}{check.pk}/photo/")
    assert (photo["Content-Type"], photo.content == bytes(check.photo)) == ("image/jpeg", True)
    assert "no-store" in photo["Cache-Control"]
    assert actions_on(proxy.person) == ["ask-document-check", "view-documentcheck", "view-document-photo"]
    assert "img-src 'self'" in photo["Content-Security-Policy"]


def test_decided_check_is_masked_and_has_no_photo(proxy, admin, officer):
    check = ask(proxy)
    decide(check, officer)
    text = admin.get(f"{QUEUE}{check.pk}/change/").text
    assert "李小花" not in text and NUMBER not in text and REASON in text
    assert admin.get(f"{QUEUE}{check.pk}/photo/").status_code == 404


def test_only_officers_have_the_queue(proxy, son):
    check = ask(proxy)
    for account in (son, factories.account(phone="+8613900000007")):
        client = factories.staff_client(account=account)
        for path in (QUEUE, f"{QUEUE}{check.pk}/change/", f"{QUEUE}{check.pk}/photo/"):
            assert client.get(path).url == f"/admin/login/?next={path}"
        assert client.post(f"{QUEUE}{check.pk}/decide/", {"decision": "approve"}).status_code == 302
    check.refresh_from_db()
    assert check.state == DocumentCheckState.WAITING


def test_oldest_comes_first_and_decided_last(admin, officer, django_assert_num_queries):
    now = timezone.now()

    def asked(number, hours, **fields):
        account = factories.account(phone=f"+861391234567{number}")
        relative = factories.relative(account=account, number=factories.DOCUMENTS[number], assurance=0, **fields)
        return ask(relative, at=now - timedelta(hours=hours))

    done = asked(0, 9, name="赵一")
    decide(done, officer, approved=False)
    admin.get(QUEUE)
    with django_assert_num_queries(5):
        admin.get(QUEUE)
    asked(1, 1, name="钱二"), asked(2, 3, name="孙三")
    with django_assert_num_queries(5):
        text = admin.get(QUEUE).text
    assert re.findall(r"[赵钱孙]\*", text) == ["孙*", "钱*", "赵*"]
    assert re.findall(r"[赵钱孙]\*", admin.get(f"{QUEUE}?state=waiting").text) == ["孙*", "钱*"]


def test_nothing_is_edited_or_deleted(proxy, admin):
    check = ask(proxy)
    assert admin.post(f"{QUEUE}{check.pk}/change/", {"state": "approved"}).status_code == 403
    assert admin.post(f"{QUEUE}{check.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.get(f"{QUEUE}add/").status_code == 403
    assert admin.get(f"{QUEUE}{check.pk}/decide/").status_code == 405
