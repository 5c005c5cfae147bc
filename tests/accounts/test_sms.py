"""Text messages go where SMS_URL says, against a real local HTTP server."""

import hmac
import json
import socket
from datetime import UTC, datetime

import pytest

from accounts import sms
from healthpass.lib import signed_json
from tests.accounts.gateway import OK, gateway

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PHONE = "+8613800000001"


def send():
    sms.send(PHONE, "您的验证码：123456", at=AT)


def point(settings, server, key="gate%2Fkey"):
    settings.SMS_URL = f"http://{key}@127.0.0.1:{server.server_port}/sms?tenant=1"


def test_console_masks_the_number(settings, capsys):
    settings.SMS_URL = "console:"
    send()
    assert capsys.readouterr().out == "SMS 138****0001: 您的验证码：123456\n"


def test_file_gets_one_line_a_message(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path}/outbox.jsonl"
    send()
    send()
    lines = (tmp_path / "outbox.jsonl").read_text().splitlines()
    expected = {"to": PHONE, "text": "您的验证码：123456", "at": "2026-11-24T08:00:00+00:00"}
    assert [json.loads(line) for line in lines] == [expected, expected]


def test_file_that_cannot_be_written_is_a_failure(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path}/missing/outbox.jsonl"
    with pytest.raises(sms.SmsFailed):
        send()


def test_gateway_gets_signed_json(settings):
    with gateway(OK) as server:
        point(settings, server)
        send()
    ((path, headers, body),) = server.requests
    assert path == "/sms?tenant=1"
    assert headers["X-Signature"] == hmac.new(b"gate/key", body, "sha256").hexdigest()
    assert "Authorization" not in headers
    assert json.loads(body) == {"to": PHONE, "text": "您的验证码：123456", "at": "2026-11-24T08:00:00+00:00"}


def test_gateway_that_fails_once_is_asked_again(settings):
    with gateway((500, b"oops"), OK) as server:
        point(settings, server)
        send()
    assert len(server.requests) == 2
    assert server.requests[0][2] == server.requests[1][2]


@pytest.mark.parametrize(
    ("answer", "requests"),
    [((500, b"oops"), 2), ((403, b"{}"), 1), ((200, b"<html>"), 1), ((200, b"[1]"), 1), ((302, b"{}"), 1)],
)
def test_gateway_that_refuses_or_answers_nonsense_is_a_failure(settings, answer, requests):
    with gateway(answer) as server:
        point(settings, server)
        with pytest.raises(sms.SmsFailed):
            send()
    assert len(server.requests) == requests


def test_slow_gateway_is_a_failure_after_two_tries(settings, monkeypatch):
    monkeypatch.setattr(signed_json, "TIMEOUT", (1, 0.1))
    with gateway(OK, delay=0.4) as server:
        point(settings, server)
        with pytest.raises(sms.SmsFailed):
            send()
    assert len(server.requests) == 2


def test_unreachable_gateway_is_a_failure_that_logs_no_number_and_no_key(settings, caplog):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.SMS_URL = f"http://secret@127.0.0.1:{free.getsockname()[1]}/sms"
        with pytest.raises(sms.SmsFailed):
            send()
    assert "ConnectionError" in caplog.text
    assert "13800000001" not in caplog.text
    assert "secret" not in caplog.text
