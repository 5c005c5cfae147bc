"""The national platform's client: how long it waits, what it believes, when it stops asking."""

import contextlib
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from healthpass.lib import bounded_post
from passcodes import national
from passcodes.national import Breaker, Unreachable, Unusable
from tests import factories
from tests.national_server import record

NUMBER = factories.DOCUMENTS[0]
ABOUT_ONE = {"400", "too long", "half", "unknown category"}
QUESTION = {"kind": "01", "number": NUMBER}


@pytest.mark.parametrize("fault", ["slow", "dripping body", "dripping headers"])
def test_the_whole_time_is_limited(platform, monkeypatch, fault):
    monkeypatch.setattr(national, "SECONDS", 0.5)
    platform.fault, platform.delay = fault, 3.0
    platform.people[NUMBER] = [record()] * 5
    begin = time.monotonic()
    with pytest.raises(Unreachable, match=r"^too slow$"):
        national.ask(**QUESTION, at=timezone.now())
    assert 0.4 < time.monotonic() - begin < 1.5


def test_a_line_that_notices_first_says_the_same(platform, monkeypatch):
    """On a busy machine the cutter comes late."""
    monkeypatch.setattr(national, "SECONDS", 0.3)
    monkeypatch.setattr(bounded_post, "_cut", lambda *_args: None)
    platform.fault, platform.delay = "slow", 1.0
    with pytest.raises(Unreachable, match=r"^too slow$"):
        national.ask(**QUESTION, at=timezone.now())


@pytest.fixture
def silent():
    """A port where nobody takes a line: its queue is full."""
    with contextlib.ExitStack() as lines:
        port = lines.enter_context(socket.socket())
        port.bind(("127.0.0.1", 0))
        port.listen(0)
        for _ in range(4):
            line = lines.enter_context(socket.socket())
            line.setblocking(False)
            line.connect_ex(port.getsockname())
        yield port.getsockname()


def test_several_addresses_share_the_time(monkeypatch, silent):
    info = socket.getaddrinfo(*silent, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: info * 4)
    begin = time.monotonic()
    with pytest.raises(bounded_post.NoReply, match=r"^too slow$"):
        bounded_post.post(f"http://host:{silent[1]}/", b"", {}, seconds=0.6, most_bytes=100)
    assert 0.5 < time.monotonic() - begin < 1.2


def test_another_address_is_tried_after_a_silent_one(platform, monkeypatch, silent):
    platform.people[NUMBER] = [record()]
    lookup = socket.getaddrinfo
    first = lookup(*silent, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: first + lookup(*args, **kwargs))
    monkeypatch.setattr(national, "SECONDS", 1.0)
    assert len(national.ask(**QUESTION, at=timezone.now()).records) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("wrong signature", "wrong signature"),
        ("no signature", "wrong signature"),
        ("another nonce", "another question's answer"),
        ("500", "HTTP 500"),
        ("400", "HTTP 400"),
        ("redirect", "HTTP 302"),
        ("cut", "cut"),
        ("too long", "too long"),
        ("half", "not an answer"),
        ("unknown category", "not an answer"),
    ],
)
def test_what_cannot_be_believed_is_named(platform, fault, told):
    platform.fault = fault
    platform.people[NUMBER] = [record()]
    with pytest.raises(Unreachable, match=f"^{told}$") as caught:
        national.ask(**QUESTION, at=timezone.now())
    assert (caught.type is Unusable) == (fault in ABOUT_ONE)


def test_breaker_opens_lets_one_through_and_closes():
    at, second = datetime(2026, 11, 25, tzinfo=UTC), timedelta(seconds=1)
    breaker = Breaker(most=3, pause=timedelta(seconds=30))
    assert [breaker.failed(at), breaker.failed(at), breaker.allows(8, at)] == [False, False, 8]
    assert (breaker.failed(at), breaker.allows(8, at)) == (True, 0)
    end = at + timedelta(seconds=30)
    assert (breaker.allows(8, end - second), breaker.allows(8, end), breaker.allows(0, end)) == (0, 1, 0)
    assert (breaker.failed(end), breaker.allows(8, end + second)) == (False, 0)  # the same opening
    assert (breaker.answered(), breaker.allows(8, end + second)) == (True, 8)
    assert [breaker.failed(end), breaker.answered(), breaker.failed(end)] == [False, False, False]
