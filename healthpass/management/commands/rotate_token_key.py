"""Print the next value of TOKEN_KEYS."""

import base64
from datetime import date, datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from passcodes import tokens


class Command(BaseCommand):
    help = (
        "Print TOKEN_KEYS with a new key in front that signs from today (UTC). Writes nothing. Earlier keys stay"
        " published, because paper codes that they signed live until they are withdrawn; keys whose codes have all"
        " died are left out."
    )
    requires_system_checks = ()  # it is what mends a broken TOKEN_KEYS

    def add_arguments(self, parser):
        parser.add_argument(
            "--not-before",
            type=date.fromisoformat,
            metavar="DATE",
            help="the day from which the new key signs; later than today gives gates time to fetch it",
        )
        parser.add_argument(
            "--withdraw",
            action="append",
            default=[],
            metavar="KID",
            help="retire this key on the day the new one begins: paper codes that it signed become unknown",
        )

    def handle(self, *, not_before: date | None, withdraw: list[str], **options):
        now = timezone.now()
        try:
            keys = tokens.parse_keys(settings.TOKEN_KEYS, settings.REGION)
        except (ValueError, TypeError, AttributeError):
            raise CommandError("TOKEN_KEYS cannot be read; empty it to get a first value.") from None
        withdrawn = {kid.lower() for kid in withdraw}
        if unknown := withdrawn - {key.kid for key in keys}:
            raise CommandError(f"TOKEN_KEYS has no key {', '.join(sorted(unknown))}.")
        begins = not_before or utc_day(now)
        if any(key.not_before > begins for key in keys):
            raise CommandError("TOKEN_KEYS has a newer key already.")
        entries = [f"{next_kid(keys)}:{begins}::{encode(ec.generate_private_key(ec.SECP256R1()))}"]
        for key in keys:
            retired = key.retired or (begins if key.kid in withdrawn else "")
            if key.is_published(now):
                entries.append(f"{key.kid}:{key.not_before}:{retired}:{encode(key.private)}")
        self.stdout.write(",".join(entries))


def utc_day(at: datetime) -> date:
    """Keys begin and end at midnight UTC."""
    return at.astimezone(tokens.UTC).date()


def next_kid(keys: tuple[tokens.TokenKey, ...]) -> str:
    """The first free one after the newest key's, two hex digits, beginning anew after ff."""
    taken = {int(key.kid, 16) for key in keys}
    start = int(keys[0].kid, 16) + 1 if keys else 1
    free = next((kid % 256 for kid in range(start, start + 256) if kid % 256 not in taken), None)
    if free is None:
        raise CommandError("All 256 kids are taken.")
    return f"{free:02x}"


def encode(key: ec.EllipticCurvePrivateKey) -> str:
    """As TOKEN_KEYS holds it."""
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return base64.b64encode(der).decode()
