"""`POST /api/v1/risk/`: signed, dated, the same batch answered the same, other content refused."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from passcodes import risk_wire
from passcodes.models import RiskBatch, RiskRecord
from tests import factories
from tests.passcodes import lists
from tests.passcodes.test_risk_files import by_hand

pytestmark = pytest.mark.django_db
KEY = "key-of-the-province"
PERSON = {"document_number": factories.DOCUMENTS[0], "category": "confirmed", "starts_at": "2026-11-01"}


@pytest.fixture
def source():
    return factories.risk_source()


def push(body=None, *, key=KEY, batch="2026-11-25/1", source="province", late=timedelta(0), signature=None, **headers):
    body = lists.json_lines() if body is None else body
    heads = [(timezone.now() - late).isoformat(), source, batch]
    given = {
        **dict(zip(("X-Date", "X-Source", "X-Batch"), heads, strict=True)),
        "X-Signature": signature or risk_wire.signature(key, heads, body),
        **headers,
    }
    return Client().post("/api/v1/risk/", body, content_type="application/jsonl", headers=given)


def test_a_batch_counts_at_once(source, client):
    holder = factories.account()
    code = factories.pass_code(account=holder)
    client.cookies["pass_key"] = factories.device_key(account=holder, subject=code.public_id)
    response = push()
    assert response.status_code == 200
    assert response.json() == {
        "batch": "2026-11-25/1",
        "state": "in_force",
        "rows": 1,
        "applied": 1,
        "errors": 0,
        "duplicates": 0,
        "problems": [],
    }
    assert response.headers["Cache-Control"] == "no-store"
    assert client.get(f"/code/{code.public_id}/token").json()["colour"] == "red"
    batch = RiskBatch.objects.get()
    assert (batch.way, batch.state, batch.source, batch.created_by) == ("push", "visible", source, None)
    assert batch.records.get().office == source.office
    assert AuditEntry.objects.filter(subject=f"riskbatch:{batch.pk}").count() == 2


def test_the_same_again_is_answered_the_same_and_other_content_is_a_conflict(source):
    rows = [PERSON, {**PERSON, "category": "?"}]
    first, again = push(lists.json_lines(*rows)), push(lists.json_lines(*rows))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.json()["problems"] == [{"line": 2, "column": "category", "problem": "category"}]
    other = push()
    assert (other.status_code, other.json()) == (409, {"error": "conflict", **first.json()})
    assert push(batch="2").status_code == 200
    assert RiskRecord.objects.count() == 2


def test_a_batch_withdrawn_since_stays_so(source):
    answer = push().json()
    RiskBatch.objects.update(state="withdrawn", withdrawn_at=timezone.now())
    assert push().json() == {**answer, "state": "withdrawn"}
    assert RiskBatch.objects.get().state == "withdrawn"


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"key": "another"}, 401, "signature"),
        ({"signature": "é"}, 401, "signature"),
        ({"late": timedelta(minutes=6)}, 401, "signature"),
        ({"late": timedelta(minutes=-6)}, 401, "signature"),
        ({"X-Date": "yesterday"}, 401, "signature"),
        ({"X-Date": "2026-11-25T00:00:00"}, 401, "signature"),
        ({"X-Batch": "another"}, 401, "signature"),
        ({"source": "nobody"}, 401, "signature"),
        ({"source": ""}, 400, "headers"),
        ({"batch": "b" * 65}, 400, "headers"),
        ({"body": b""}, 400, "empty"),
        ({"body": b'{"name": "x"}'}, 400, "columns"),
        ({"body": b'{"category": "confirmed"}'}, 400, "missing"),
        ({"body": by_hand('<?xml version="1.0" encoding="utf-99"?><a/>')}, 400, "workbook"),
        ({"body": lists.json_lines({**PERSON, "category": "?"})}, 422, "no_rows"),
    ],
)
def test_what_is_refused(source, changed, status, error):
    response = push(**changed)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert RiskRecord.objects.count() == 0


@pytest.mark.parametrize("none", [None, ""])
def test_a_source_without_a_key_cannot_push(none):
    factories.risk_source(key=none)
    for key in ("", risk_wire.NO_KEY):
        assert push(key=key).status_code == 401


@pytest.mark.parametrize("late", [timedelta(minutes=4), timedelta(minutes=-4)])
def test_clocks_may_differ_by_some_minutes(source, late):
    assert push(late=late).status_code == 200


def test_only_post():
    assert Client().get("/api/v1/risk/").status_code == 405


def test_too_large_is_refused_before_it_is_read(source, monkeypatch):
    monkeypatch.setattr(risk_wire, "BODY_LIMIT", 100)
    response = push(b"x" * 101)
    assert (response.status_code, response.json()) == (413, {"error": "size", "limit_bytes": 100})


def test_failures_of_an_address_are_limited_and_pushes_are_not(source, monkeypatch):
    monkeypatch.setattr("passcodes.api.FAILURES_AN_HOUR", {"limit": 2, "per": timedelta(hours=1)})
    assert [push(batch=str(number)).status_code for number in range(3)] == [200, 200, 200]
    assert [push(key="another").status_code for _ in range(3)] == [401, 401, 429]


def test_what_needs_a_second_office_waits_and_is_told(source, settings):
    settings.RISK_ALONE_LIMIT = 0
    assert push().json()["state"] == push().json()["state"] == "waiting"
    assert RiskBatch.objects.get().state == "draft"


def test_a_named_place_is_pushed_as_areas_are(source):
    row = {"division": "210102", "place": "太原街市场", "level": "high", "starts_on": "2026-11-01"}
    assert push(lists.json_lines(row)).json()["applied"] == 1
    assert RiskBatch.objects.get().areas.get().full_name == "辽宁省沈阳市和平区太原街市场"


def test_a_large_body_goes_through_a_file(source, monkeypatch):
    monkeypatch.setattr(risk_wire, "IN_MEMORY", 10)
    body = lists.json_lines(*({**PERSON, "document_number": lists.number(n)} for n in range(1000)))
    assert push(body).json()["applied"] == 1000
