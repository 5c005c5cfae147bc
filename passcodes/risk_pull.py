"""Pull batches from a source that does not push: from where the last one ended, until there is nothing new."""

import time
from collections.abc import Iterator
from datetime import datetime

import requests
from django.db import transaction
from django.utils import timezone
from urllib3.exceptions import HTTPError

from passcodes import risk, risk_wire
from passcodes.models import RiskBatch, RiskSource
from passcodes.risk_models import BatchWay
from passcodes.risk_wire import BadSignature, TooLarge

TIMEOUT = (3, 10)  # seconds to connect, to wait for the next bytes
DEADLINE = 60.0  # seconds for one batch
BATCHES = 100  # in one run; the next run takes up the rest
CHUNK = 64 * 1024


class SourceUnavailable(Exception):
    """The source could not be asked, or its answer cannot be used. Nothing of that answer was kept."""


def pull(*, source: RiskSource, at: datetime) -> list[RiskBatch]:
    """The batches that came, each in force, and the cursor behind it.

    Raises SourceUnavailable, RefusedFile, Busy, Conflict; batches before that one stay.
    """
    if source.agreed_at is None:
        raise SourceUnavailable("two offices have not agreed to it, or it was ended")
    if not (source.pull_url and source.key):
        raise SourceUnavailable("no address or no key")
    batches = []
    while len(batches) < BATCHES and (batch := _next(source, at)):
        batches.append(batch)
        at = timezone.now()
    return batches


def _next(source: RiskSource, at: datetime) -> RiskBatch | None:
    """The next batch; None when there is nothing new."""
    heads = [at.isoformat(), source.slug, source.cursor]
    signature = risk_wire.signature(source.key, heads)
    headers = {"X-Date": heads[0], "X-Source": heads[1], "X-Signature": signature, "Accept-Encoding": "identity"}
    try:
        with requests.get(
            source.pull_url,
            params={"cursor": source.cursor},
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as response:
            return _taken(source, response, at)
    except requests.RequestException as error:
        raise SourceUnavailable(type(error).__name__) from error
    except TooLarge as error:
        raise SourceUnavailable("too large") from error
    except BadSignature as error:
        raise SourceUnavailable("wrong signature or date") from error


def _taken(source: RiskSource, response: requests.Response, at: datetime) -> RiskBatch | None:
    if response.status_code not in (200, 204):
        raise SourceUnavailable(f"HTTP {response.status_code}")
    heads = [response.headers.get(name, "") for name in ("X-Date", "X-Batch", "X-Cursor")]
    sent_at, name, cursor = heads
    risk_wire.check_date(sent_at, timezone.now())
    if response.status_code == 200 and not (0 < len(name) <= 64 and 0 < len(cursor) <= 200 and cursor != source.cursor):
        raise SourceUnavailable("no batch id, or no new cursor")
    signed = response.headers.get("X-Signature", "")
    with risk_wire.put_aside(_chunks(response), key=source.key, heads=heads, signed=signed) as file:
        if response.status_code == 204:
            with transaction.atomic():
                risk.mark_nothing_new(source=RiskSource.objects.select_for_update(no_key=True).get(pk=source.pk), at=at)
            return None
        batch = risk.load(source=source, name=name, way=BatchWay.PULL, file=file, by=None, at=at, at_once=True)
    # Whoever is killed before this gets the same batch again, which then changes nothing.
    source.cursor = cursor
    source.save(update_fields=["cursor"])
    return batch


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes in; no longer than DEADLINE, however slowly it drips.

    `iter_content` would wait for a whole chunk, and so for hours.
    """
    end = time.monotonic() + DEADLINE
    try:
        while chunk := response.raw.read1(CHUNK):
            if time.monotonic() > end:
                raise SourceUnavailable("too slow")
            yield chunk
    except HTTPError as error:
        raise SourceUnavailable(type(error).__name__) from error
