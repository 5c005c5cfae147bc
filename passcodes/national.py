"""The national platform's client: one question about one person, one signed answer.

docs/national.md has the protocol.
"""

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from healthpass.lib import bounded_post, signed_json
from passcodes import risk_rows
from passcodes.colour import RiskCategory

SECONDS = 5.0  # for all of a question and its answer
MOST_BYTES = 64_000
MOST_RECORDS = 50
OF_US = (401, 403, 408, 429)  # statuses below 500 that are not about the one question


class Unreachable(Exception):
    """The platform did not answer, or not in a way that can be believed. The text holds nothing of the question."""


class Unusable(Unreachable):
    """The platform works, but nothing can be made of what it says about this one person."""


@dataclass(frozen=True)
class Record:
    """A measure that the platform knows of. `office` and `office_phone` may be empty."""

    category: str
    starts_at: datetime
    ends_at: datetime | None
    office: str
    office_phone: str

    def runs(self, at: datetime) -> bool:
        """Whether it has not ended."""
        return self.ends_at is None or self.ends_at > at


@dataclass(frozen=True)
class Answer:
    """All that the platform knows of the person; nothing, where there are no records."""

    records: tuple[Record, ...] = ()


@dataclass
class Breaker:
    """Leaves a platform alone that does not answer: opens after `most` failures in a row, then lets one question in
    every `pause` through, and closes with the first answer, usable or not.

    Of one process, which is enough: `manage.py work` alone asks, and one worker at a time has the task.
    """

    most: int = 5
    pause: timedelta = timedelta(seconds=30)
    failures: int = 0
    open_until: datetime | None = None

    def allows(self, wanted: int, at: datetime) -> int:
        """How many questions may be asked now: all, one to try, or none."""
        if self.open_until is None:
            return wanted
        return 0 if at < self.open_until else min(wanted, 1)

    def failed(self, at: datetime) -> bool:
        """Count a failure; whether it has opened just now."""
        self.failures += 1
        if self.failures < self.most:
            return False
        was_closed = self.open_until is None
        self.open_until = at + self.pause
        return was_closed

    def answered(self) -> bool:
        """There was an answer; whether it has closed just now."""
        was_open = self.open_until is not None
        self.failures, self.open_until = 0, None
        return was_open


def ask(*, kind: str, number: str, at: datetime) -> Answer:
    """What NATIONAL_URL knows of the holder of a document; `number` as `documents.check` gives it.

    Takes SECONDS at the most (resolving the host's name apart), and touches no database. Raises Unreachable, Unusable.
    """
    target, key = signed_json.target_and_key(settings.NATIONAL_URL)
    nonce = secrets.token_hex(16)
    question = {"nonce": nonce, "asked_at": at.isoformat(), "type": str(kind), "number": number}
    body, headers = signed_json.signed(question, key)
    try:
        reply = bounded_post.post(target, body, headers, seconds=SECONDS, most_bytes=MOST_BYTES)
    except bounded_post.TooLong as error:
        raise Unusable(str(error)) from error
    except bounded_post.NoReply as error:
        raise Unreachable(str(error)) from error
    if reply.status != 200:
        is_about_one = 400 <= reply.status < 500 and reply.status not in OF_US
        raise (Unusable if is_about_one else Unreachable)(f"HTTP {reply.status}")
    given = reply.headers.get("x-signature", "").strip().lower()
    if not hmac.compare_digest(signed_json.signature(key, reply.body).encode(), given.encode()):
        raise Unreachable("wrong signature")
    return _answer(reply.body, nonce)


def _answer(body: bytes, nonce: str) -> Answer:
    """Whole or not at all: half of what is known would make somebody green."""
    try:
        answer = json.loads(body)
        if answer["nonce"] != nonce:
            raise Unreachable("another question's answer")
        records = answer["records"]
        if not isinstance(records, list) or len(records) > MOST_RECORDS:
            raise ValueError
        return Answer(tuple(_record(values) for values in records))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise Unusable("not an answer") from None  # whose text may hold some of it


def _record(values: dict) -> Record:
    """Raises ValueError, KeyError, TypeError or AttributeError where it is no record."""
    starts_at = risk_rows.moment_of(values["starts_at"])
    ends_at = None if values["ends_at"] is None else risk_rows.moment_of(values["ends_at"], ends=True)
    if ends_at is not None and ends_at <= starts_at:
        raise ValueError
    return Record(
        RiskCategory(values["category"]).value,
        starts_at,
        ends_at,
        risk_rows.text_of(values.get("office") or "", 100),
        risk_rows.text_of(values.get("office_phone") or "", 30),
    )
