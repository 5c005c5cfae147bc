"""System checks of the deployment: each message names the variable to set. `.env.example` explains them.

Malformed values are errors everywhere; weak or stand-in values are errors with DEBUG off.
"""

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Weakness
from django.utils import timezone

from passcodes import tokens
from passcodes.findings import parse_limits

SECRET_KEY_LENGTH = 50
LOOKUP_KEY_LENGTH = 32
HOST_LENGTH = 20


def register() -> None:
    """Have Django run these checks."""
    for check in (secrets, public_url, services, database, hosts, face_limits):
        checks.register(check)


def secrets(app_configs, **kwargs) -> list[CheckMessage]:
    """Keys: present, long enough, well formed."""
    problems = [*field_keys(settings.FIELD_KEYS), *token_keys(settings.TOKEN_KEYS, settings.REGION, timezone.now())]
    if settings.DEBUG:
        return problems
    if len(settings.SECRET_KEY) < SECRET_KEY_LENGTH or len(set(settings.SECRET_KEY)) < 5:
        problems.append(
            Error(f"SECRET_KEY must be random, {SECRET_KEY_LENGTH} or more characters.", id="healthpass.E001")
        )
    if len(settings.LOOKUP_KEY) < LOOKUP_KEY_LENGTH:
        problems.append(
            Error(
                f"LOOKUP_KEY must be random and at least {LOOKUP_KEY_LENGTH} long.",
                hint="With a weak key, document numbers can be guessed from their hashes.",
                id="healthpass.E002",
            )
        )
    return problems


def field_keys(keys: list[str]) -> Iterator[CheckMessage]:
    """Each of FIELD_KEYS is 32 bytes in base64."""
    for number, key in enumerate(keys, start=1):
        try:
            fits = len(base64.b64decode(key, validate=True)) == 32
        except (binascii.Error, ValueError):
            fits = False
        if not fits:
            yield Error(
                f"FIELD_KEYS: key {number} is not 32 bytes in base64.",
                hint='Make one: python3 -c "import base64, os; print(base64.b64encode(os.urandom(32)).decode())"',
                id="healthpass.E003",
            )


def token_keys(value: str, region: int, at: datetime) -> Iterator[CheckMessage]:
    """TOKEN_KEYS can be read, the newest is first, one signs now, and none ends before it begins."""
    try:
        keys = tokens.parse_keys(value, region)
    except (ValueError, TypeError, AttributeError) as error:
        # The parser's own words may hold part of a key, so only their kind is told.
        yield Error(
            f"TOKEN_KEYS cannot be read ({type(error).__name__}); it is kid:not_before:retired:key, comma-separated.",
            hint="`manage.py rotate_token_key` prints a valid value.",
            id="healthpass.E004",
        )
        return
    if not any(key.signs(at) for key in keys):
        yield Error("TOKEN_KEYS has no key that signs now.", id="healthpass.E005")
    for key in keys:
        if key.retired and key.retired <= key.not_before:
            yield Error(f"TOKEN_KEYS: key {key.kid} is retired before it begins.", id="healthpass.E006")
    if [key.not_before for key in keys] != sorted((key.not_before for key in keys), reverse=True):
        yield Error("TOKEN_KEYS: the newest key must come first: the first that signs is used.", id="healthpass.E007")


def public_url(app_configs, **kwargs) -> list[CheckMessage]:
    """PUBLIC_URL is HTTPS and short."""
    parts = urlsplit(settings.PUBLIC_URL)
    problems = []
    if not settings.DEBUG and (parts.scheme != "https" or not parts.hostname or parts.path):
        problems.append(
            Error(
                "PUBLIC_URL must be https:// and a host, without a path.",
                hint="Browsers give no camera to pages without HTTPS.",
                id="healthpass.E008",
            )
        )
    if len(parts.netloc) > HOST_LENGTH:
        problems.append(
            Weakness(
                f"PUBLIC_URL: the host has {len(parts.netloc)} characters, more than {HOST_LENGTH}.",
                hint="It stands in every QR code: a longer one needs a larger QR version, which phones read worse.",
                id="healthpass.W001",
            )
        )
    return problems


def services(app_configs, **kwargs) -> list[CheckMessage]:
    """SMS_URL, IDENTITY_URL and NATIONAL_URL name services; in production real ones."""
    problems = []
    if urlsplit(settings.SMS_URL).scheme not in {"console", "file", "http", "https"}:
        problems.append(Error("SMS_URL must be console:, file:/path or http(s)://key@host/path.", id="healthpass.E009"))
    if urlsplit(settings.IDENTITY_URL).scheme not in {"accept", "http", "https"}:
        problems.append(Error("IDENTITY_URL must be accept: or http(s)://key@host/path.", id="healthpass.E010"))
    if settings.NATIONAL_URL and not _is_signed(settings.NATIONAL_URL):
        problems.append(Error("NATIONAL_URL must be empty or http(s)://key@host/path.", id="healthpass.E018"))
    if settings.DEBUG:
        return problems
    if urlsplit(settings.SMS_URL).scheme in {"console", "file"}:
        problems.append(
            Error("SMS_URL does not send one-time codes to anybody.", hint="Name the gateway.", id="healthpass.E011")
        )
    if urlsplit(settings.IDENTITY_URL).scheme == "accept":
        problems.append(
            Error(
                "IDENTITY_URL=accept: believes whatever people type.",
                hint="Name the authority's identity check: without it anybody could claim anybody's code.",
                id="healthpass.E012",
            )
        )
    for name in ("SMS_URL", "IDENTITY_URL"):
        parts = urlsplit(getattr(settings, name))
        if parts.scheme in {"http", "https"} and not parts.username:
            problems.append(Error(f"{name} has no key to sign with: https://key@host/path.", id="healthpass.E013"))
    return problems


def _is_signed(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.username and parts.hostname)


def database(app_configs, **kwargs) -> list[CheckMessage]:
    """SQLite is for development."""
    if settings.DEBUG or not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return []
    return [Error("DATABASE_URL must name a PostgreSQL in production.", id="healthpass.E014")]


def hosts(app_configs, **kwargs) -> list[CheckMessage]:
    """ALLOWED_HOSTS names the site's hosts, TRUSTED_PROXIES the number of proxies in front."""
    problems = []
    if settings.TRUSTED_PROXIES < 0:
        problems.append(Error("TRUSTED_PROXIES is the number of proxies in front, 0 or more.", id="healthpass.E015"))
    if settings.DEBUG:
        return problems
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        problems.append(Error("ALLOWED_HOSTS must list the site's host names.", id="healthpass.E016"))
    if settings.TRUSTED_PROXIES == 0:
        problems.append(
            Weakness(
                "TRUSTED_PROXIES is 0, but gunicorn speaks no TLS, so a proxy must stand in front.",
                hint="Without it all visitors share the proxy's address in limits, and HTTPS is not recognised.",
                id="healthpass.W002",
            )
        )
    return problems


def face_limits(app_configs, **kwargs) -> list[CheckMessage]:
    """FACE_LIMITS names limits of face checks, each with a number that can be."""
    try:
        parse_limits(settings.FACE_LIMITS)
    except ValueError as error:
        return [
            Error(
                f"FACE_LIMITS cannot be used: {error}",
                hint="It is name=number, comma-separated; the names stand in passcodes/findings.py.",
                id="healthpass.E017",
            )
        ]
    return []
