"""Risk data on the authority's site: upload, preview, release, withdraw; nothing counts before it is confirmed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import AuditEntry
from passcodes import risk_admin
from passcodes.models import RiskBatch, RiskRecord, RiskSource
from tests import factories
from tests.passcodes import lists
from tests.passcodes.test_risk_files import workbook

UPLOAD = "/admin/passcodes/riskbatch/upload/"


@pytest.fixture
def officer(db):
    return factories.account(phone="+8613700000009", is_officer=True)


@pytest.fixture
def desk(officer):
    return factories.staff_client(account=officer)


@pytest.fixture
def source(db):
    return factories.risk_source()


def upload(desk, source, data=None, name="list.csv"):
    file = SimpleUploadedFile(name, lists.text(lists.row(), lists.row("1")).getvalue() if data is None else data)
    return desk.post(UPLOAD, {"source": source.pk, "file": file}, follow=True)


def decide(desk, batch, verb):
    return desk.post(f"/admin/passcodes/riskbatch/{batch.pk}/{verb}/", follow=True)


def test_upload_is_looked_at_before_it_counts(desk, officer, source):
    page = upload(desk, source).text
    batch = RiskBatch.objects.get()
    assert (batch.state, batch.way, batch.created_by) == ("draft", "upload", officer)
    assert "21**************15" in page
    assert factories.DOCUMENTS[0] not in page
    assert "<td>3</td><td>证件号码 document_number</td><td>this cannot be a number of such a document</td>" in page
    assert "Put this list in force" in page

    page = decide(desk, batch, "release").text
    batch.refresh_from_db()
    assert (batch.state, batch.released_by, batch.sample) == ("visible", officer, None)
    assert "21**" not in page
    page = decide(desk, batch, "withdraw").text
    batch.refresh_from_db()
    assert (batch.state, batch.withdrawn_by) == ("withdrawn", officer)
    assert "Withdraw this batch" not in page
    actions = AuditEntry.objects.filter(subject=f"riskbatch:{batch.pk}").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["load-riskbatch", "release-riskbatch", "withdraw-riskbatch"]


def test_a_refused_draft_never_counts(desk, source):
    upload(desk, source)
    batch = RiskBatch.objects.get()
    decide(desk, batch, "refuse")
    assert "This batch was decided before." in decide(desk, batch, "release").text
    assert RiskBatch.objects.get().state == "refused"


def test_decisions_are_posted(desk, source):
    upload(desk, source)
    batch = RiskBatch.objects.get()
    for verb in ("release", "refuse", "withdraw"):
        assert desk.get(f"/admin/passcodes/riskbatch/{batch.pk}/{verb}/").status_code == 405
    assert RiskBatch.objects.get().state == "draft"


def test_the_same_list_twice_is_said(desk, source):
    upload(desk, source)
    first = RiskBatch.objects.get()
    decide(desk, first, "release")
    assert f"The same list counts already, as batch #{first.pk}." in upload(desk, source).text
    assert RiskBatch.objects.count() == 2


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (
            "证件号码,姓名\n".encode("gb18030"),
            "a.csv",
            "These columns are not known, and nothing that is not needed is",
        ),
        (b"\xd0\xcf\x11\xe0", "a.xls", "This is an .xls workbook"),
        (b"\n", "a.csv", "There are no rows."),
        (b"", "a.csv", "The submitted file is empty."),
    ],
)
def test_what_cannot_be_read_is_said_at_the_file(desk, source, data, name, said):
    assert said in upload(desk, source, data, name).text
    assert RiskBatch.objects.count() == 0


def test_too_large_a_file_is_refused(desk, source, monkeypatch):
    monkeypatch.setattr(risk_admin, "UPLOAD_LIMIT", 10)
    assert "The file is larger than" in upload(desk, source).text


def test_workbook_is_uploaded(desk, source):
    data = workbook(["行政区划代码", "风险等级", "开始日期"], ["210102", "中风险", "2026-11-01"])
    page = upload(desk, source, data, "areas.xlsx").text
    assert "<td>210102</td><td>medium risk</td><td>2026-11-01</td>" in page


def test_nobody_uploads_for_the_manual_source(desk):
    factories.risk_batch()
    manual = RiskSource.objects.get(slug="manual")
    assert "Select a valid choice" in upload(desk, manual).text


def test_without_a_source_the_way_to_one_is_shown(desk):
    assert '<a href="/admin/passcodes/risksource/add/">Add a source</a> first.' in desk.get(UPLOAD).text
    factories.risk_source()
    assert "Add a source" not in desk.get(UPLOAD).text


@pytest.mark.parametrize(
    ("state", "verb", "said"),
    [
        ("draft", "release", "The list is in force from the next display or scan on."),
        ("draft", "refuse", "The list is refused and will never count."),
        ("visible", "withdraw", "The list ceases to count from the next display or scan on."),
        ("withdrawn", "withdraw", "This batch was decided before."),
    ],
)
def test_what_was_decided_is_said(desk, source, state, verb, said):
    batch = factories.risk_batch(source=source, state="visible" if state == "withdrawn" else state, way="upload")
    if state == "withdrawn":
        decide(desk, batch, "withdraw")
    assert said in decide(desk, batch, verb).text


def test_strangers_and_unconfirmed_officers_get_nothing(client, officer, source):
    for browser in (client, factories.staff_client(account=officer, second_factor=False)):
        file = SimpleUploadedFile("a.csv", lists.text().getvalue())
        assert browser.post(UPLOAD, {"source": source.pk, "file": file}).status_code == 302
    assert RiskRecord.objects.count() == 0


def test_sources_are_made_and_a_limit_counts_from_now(desk):
    values = {"name": "市疾控", "slug": "city", "office": "市疾控", "office_phone": "1", "fresh_hours": "24"}
    desk.post(reverse("admin:passcodes_risksource_add"), {**values, "pull_url": ""})
    source = RiskSource.objects.get()
    assert (source.slug, source.key) == ("city", None)
    assert (source.stale_from - source.created_at).total_seconds() == pytest.approx(24 * 3600, abs=5)
    path = reverse("admin:passcodes_risksource_change", args=[source.pk])
    desk.post(path, {**values, "slug": "other", "fresh_hours": ""})
    source.refresh_from_db()
    assert (source.slug, source.stale_from) == ("city", None)


def test_pulling_needs_https(desk, settings):
    settings.DEBUG = False
    values = {"name": "市疾控", "slug": "city", "pull_url": "http://city.example.cn/risk"}
    page = desk.post(reverse("admin:passcodes_risksource_add"), values).text
    assert "The address must begin with https://." in page


def test_what_is_typed_by_hand_has_no_key(desk):
    source = factories.risk_batch().source
    assert desk.post(f"/admin/passcodes/risksource/{source.pk}/key/").status_code == 404
    source.refresh_from_db()
    assert source.key is None


def test_a_key_is_shown_once_and_kept_encrypted(desk, source):
    before = source.key
    path = f"/admin/passcodes/risksource/{source.pk}/key/"
    assert desk.get(path).status_code == 405
    response = desk.post(path)
    source.refresh_from_db()
    assert source.key != before
    assert source.key in response.text
    assert "no-store" in response.headers["Cache-Control"]
    assert source.key not in desk.get(reverse("admin:passcodes_risksource_change", args=[source.pk])).text
    assert AuditEntry.objects.get(action="change-risksource").detail == {"fields": ["key"]}
