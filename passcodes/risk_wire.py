"""What pushes and pulls have in common: the signature, and a body put aside before anything in it is believed."""

import hmac
import tempfile
from collections.abc import Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

SKEW = timedelta(minutes=5)
IN_MEMORY = 1_000_000  # bytes; what is more goes to a file without a name
BODY_LIMIT = 20_000_000  # bytes: some seconds' work, while a web process has 30
NO_KEY = "no key"  # takes as long as a real one, and nothing is signed with it


class TooLarge(Exception):
    """The body is larger than BODY_LIMIT."""


class BadSignature(Exception):
    """The signature does not fit, or its date is not of the last or next five minutes."""


def signature(key: str, heads: Iterable[str], body: bytes = b"") -> str:
    """Hex HMAC-SHA256, with the key, of each head and a line end, then the body."""
    return _begun(key, heads, body).hexdigest()


def _begun(key: str, heads: Iterable[str], body: bytes = b"") -> hmac.HMAC:
    begin = "".join(f"{head}\n" for head in heads).encode()
    return hmac.new(key.encode(), begin + body, "sha256")


def check_date(text: str, at: datetime) -> None:
    """Raises BadSignature unless the text is an ISO 8601 time with a zone, close to `at`."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadSignature from error
    if given.tzinfo is None or abs(given.astimezone(UTC) - at) > SKEW:
        raise BadSignature


@contextmanager
def put_aside(chunks: Iterable[bytes], *, key: str | None, heads: Iterable[str], signed: str) -> Iterable[BinaryIO]:
    """The body as a file, once its signature has been checked. Raises TooLarge, BadSignature."""
    check = _begun(key or NO_KEY, heads)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > BODY_LIMIT:
                raise TooLarge
            check.update(chunk)
            file.write(chunk)
        if not key or not hmac.compare_digest(check.hexdigest().encode(), signed.strip().lower().encode()):
            raise BadSignature
        yield file
