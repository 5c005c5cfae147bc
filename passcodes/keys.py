"""The keys that sign and check tokens, from the settings."""

import functools
from datetime import datetime

from django.conf import settings

from passcodes import tokens


@functools.lru_cache(maxsize=2)
def _parsed(value: str, region: int) -> tuple[tokens.TokenKey, ...]:
    return tokens.parse_keys(value, region)


def ring() -> tuple[tokens.TokenKey, ...]:
    """Every key of TOKEN_KEYS, newest first. Raises ValueError for a malformed setting."""
    return _parsed(settings.TOKEN_KEYS, settings.REGION)


def signing_key(at: datetime) -> tokens.TokenKey:
    """The newest key that signs at `at`. Raises StopIteration when TOKEN_KEYS has none, which a check reports."""
    return next(key for key in ring() if key.signs(at))
