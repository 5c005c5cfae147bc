"""POST signed JSON to an outside service: the SMS gateway, the authority's identity check."""

import hmac
import json
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

TIMEOUT = (3, 5)  # seconds to connect, to read


class ServiceUnavailable(Exception):
    """The service could not be reached, or did not answer 2xx with a JSON object."""


def target_and_key(url: str) -> tuple[str, str]:
    """http(s)://key@host/path taken apart."""
    parts = urlsplit(url)
    host = parts.hostname + (f":{parts.port}" if parts.port else "")
    return urlunsplit((parts.scheme, host, parts.path, parts.query, "")), unquote(parts.username or "")


def signed(payload: dict, key: str) -> tuple[bytes, dict[str, str]]:
    """The body and its headers."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return body, {"Content-Type": "application/json", "X-Signature": signature(key, body)}


def signature(key: str, body: bytes) -> str:
    """Hex HMAC-SHA256 of the body."""
    return hmac.digest(key.encode(), body, "sha256").hex()


def post(url: str, payload: dict, *, attempts: int = 1) -> dict:
    """The JSON object that the service answers.

    `url` is http(s)://key@host/path. The body is signed: `X-Signature` is the hex HMAC-SHA256 of it with the key.
    Tries `attempts` times while the service cannot be reached or answers 5xx. Raises ServiceUnavailable.
    """
    target, key = target_and_key(url)
    body, headers = signed(payload, key)
    for attempt in range(1, attempts + 1):
        try:
            response = requests.post(target, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
            if response.status_code < 500 or attempt == attempts:
                break
        except requests.RequestException as error:
            if attempt == attempts:
                raise ServiceUnavailable(type(error).__name__) from error
    if not 200 <= response.status_code < 300:
        raise ServiceUnavailable(f"HTTP {response.status_code}")
    try:
        answer = response.json()
    except ValueError as error:
        raise ServiceUnavailable("not JSON") from error
    if not isinstance(answer, dict):
        raise ServiceUnavailable("not a JSON object")
    return answer
