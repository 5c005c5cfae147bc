"""`manage.py pull_risk`: from where the last pull ended, whole batches only, whatever the source does."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from passcodes import risk, risk_pull
from passcodes.models import RiskBatch, RiskRecord
from tests import factories
from tests.passcodes import lists
from tests.passcodes.test_risk_files import by_hand
from tests.risk_server import FAULTS, RiskServer

pytestmark = pytest.mark.django_db
PERSON = {"document_number": factories.DOCUMENTS[1], "category": "secondary_contact", "starts_at": "2026-11-01"}


@pytest.fixture
def server():
    with RiskServer("key-of-the-province") as server:
        yield server


@pytest.fixture
def source(server):
    return factories.risk_source(pull_url=server.url, fresh_hours=24)


def pull(capsys) -> str:
    call_command("pull_risk", "province")
    return capsys.readouterr().out


def test_pulls_what_is_new_and_goes_on_from_there(server, source, capsys):
    server.batches = [lists.json_lines(), lists.json_lines(PERSON)]
    assert "Batch batch-0" in pull(capsys)
    assert server.asked == ["", "1", "2"]
    source.refresh_from_db()
    assert (source.cursor, RiskRecord.objects.count()) == ("2", 2)
    assert {(batch.way, batch.state) for batch in RiskBatch.objects.all()} == {("pull", "visible")}
    assert pull(capsys) == "Nothing new.\n"
    server.batches.append(lists.json_lines({**PERSON, "category": "arrival"}))
    assert "applied 1" in pull(capsys)
    assert server.asked[-2:] == ["2", "3"]


def test_nothing_new_is_fresh(server, source, capsys):
    risk.mark_fresh(source=source, at=timezone.now() - timedelta(hours=20))
    before = timezone.now()
    pull(capsys)
    source.refresh_from_db()
    assert before <= source.last_fresh_at <= timezone.now()
    assert source.stale_from == source.last_fresh_at + timedelta(hours=24)


def test_nothing_new_before_the_first_data_begins_no_limit(server, source, capsys):
    pull(capsys)
    source.refresh_from_db()
    assert (source.last_fresh_at, source.stale_from) == (None, None)


def test_nothing_new_is_no_fresher_than_what_waits(server, source, settings, capsys):
    settings.RISK_ALONE_LIMIT = 0
    risk.mark_fresh(source=source, at=timezone.now() - timedelta(hours=20))
    server.batches = [lists.json_lines()]
    pull(capsys)
    batch = RiskBatch.objects.get()
    assert batch.state == "draft"
    assert pull(capsys) == "Nothing new.\n"
    source.refresh_from_db()
    assert source.last_fresh_at == batch.created_at
    assert source.stale_from == source.last_fresh_at + timedelta(hours=24)


def test_killed_before_the_cursor_was_moved_on(server, source, capsys):
    server.batches = [lists.json_lines()]
    pull(capsys)
    source.cursor = ""
    source.save()
    pull(capsys)
    source.refresh_from_db()
    assert (source.cursor, RiskBatch.objects.count(), RiskRecord.objects.count()) == ("1", 1, 1)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_everything_as_it_was(server, source, monkeypatch, capsys, fault):
    monkeypatch.setattr(risk_pull, "TIMEOUT", (1, 0.3))
    monkeypatch.setattr(risk_pull, "DEADLINE", 0.2)
    server.batches, server.fault = [lists.json_lines(PERSON)], fault
    with pytest.raises(CommandError, match=r"^province: "):
        pull(capsys)
    source.refresh_from_db()
    assert (source.cursor, source.last_fresh_at, RiskBatch.objects.count()) == ("", None, 0)
    server.fault = ""
    assert "applied 1" in pull(capsys)


def test_a_body_that_drips_is_not_waited_for(server, source, monkeypatch, capsys):
    monkeypatch.setattr(risk_pull, "DEADLINE", 0.2)
    server.batches, server.fault = [lists.json_lines(PERSON) * 2], "dripping"
    with pytest.raises(CommandError, match="too slow"):
        pull(capsys)
    assert server.dripped < len(server.batches[0])


def test_batches_before_a_fault_stay(server, source, capsys):
    server.batches = [lists.json_lines(), b'{"name": "x"}']
    with pytest.raises(CommandError, match="These columns are not known"):
        pull(capsys)
    source.refresh_from_db()
    assert (source.cursor, RiskRecord.objects.count()) == ("1", 1)


def test_a_workbook_that_cannot_be_read_is_refused_and_asked_for_again(server, source, capsys):
    broken = by_hand('<?xml version="1.0" encoding="utf-99"?><a/>')
    server.batches = [lists.json_lines(), broken]
    for _ in range(2):
        with pytest.raises(CommandError, match="province: This is not an .xlsx workbook that can be read"):
            pull(capsys)
    source.refresh_from_db()
    assert (source.cursor, RiskRecord.objects.count(), server.asked) == ("1", 1, ["", "1", "1"])
    server.batches[1] = lists.json_lines(PERSON)
    pull(capsys)
    assert RiskRecord.objects.count() == 2


def test_other_content_under_a_known_id_is_refused(server, source, capsys):
    server.batches = [lists.json_lines()]
    pull(capsys)
    source.cursor = ""
    source.save()
    server.batches = [lists.json_lines(PERSON)]
    with pytest.raises(CommandError, match="batch-0 came before with other content"):
        pull(capsys)


def test_wrong_key_or_none(server, source, capsys):
    for key in ("another", None):
        source.key = key
        source.save()
        with pytest.raises(CommandError):
            pull(capsys)
    with pytest.raises(CommandError, match="There is no source nobody"):
        call_command("pull_risk", "nobody")
