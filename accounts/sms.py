"""Text messages, sent where SMS_URL says."""

import json
import logging
from datetime import datetime

from django.conf import settings

from healthpass.lib import signed_json
from healthpass.lib.masks import mask_phone

logger = logging.getLogger(__name__)


class SmsFailed(Exception):
    """The message could not be handed over; it may be tried again."""


def send(to: str, text: str, *, at: datetime) -> None:
    """Send `text` to a phone (E.164). Raises SmsFailed.

    SMS_URL: `console:` prints it, the number masked; `file:/path` appends a JSON line; `http(s)://key@host/path` gets a
    signed POST, tried twice. The same `at` comes with both tries, so that a gateway can drop the second of a pair.
    """
    scheme, _, rest = settings.SMS_URL.partition(":")
    message = {"to": to, "text": text, "at": at.isoformat(timespec="seconds")}
    if scheme == "console":
        print(f"SMS {mask_phone(to)}: {text}", flush=True)
    elif scheme == "file":
        append(rest, message)
    else:
        post(message)


def append(path: str, message: dict) -> None:
    """One JSON line at the end of the file. Raises SmsFailed."""
    try:
        with open(path, "a", encoding="utf-8") as outbox:
            outbox.write(json.dumps(message, ensure_ascii=False) + "\n")
    except OSError as error:
        logger.warning("A text message could not be written: %s", error.strerror)
        raise SmsFailed from error


def post(message: dict) -> None:
    """Hand the message to the gateway. Raises SmsFailed."""
    try:
        signed_json.post(settings.SMS_URL, message, attempts=2)
    except signed_json.ServiceUnavailable as error:
        logger.warning("The SMS gateway failed: %s", error)
        raise SmsFailed from error
