"""Where an account is told something: the one address that is least likely to be somebody else's by now."""

from collections.abc import Iterable
from datetime import datetime

from django.core.mail import send_mail

from accounts import sms
from accounts.models import IDENTIFIER_REST, Identifier, IdentifierKind


def of_accounts(accounts: Iterable[int], at: datetime) -> dict[int, Identifier]:
    """Account -> where to send it: a phone first, then what was used last. None for whoever has none.

    Not what has rested so long that it may have a new owner, nor of an account that is locked.
    """
    awake = Identifier.objects.filter(account__in=accounts, account__is_active=True, used_at__gt=at - IDENTIFIER_REST)
    found: dict[int, Identifier] = {}
    for identifier in awake.order_by("used_at", "pk"):
        best = found.get(identifier.account_id)
        if best is None or identifier.kind == IdentifierKind.PHONE or best.kind == IdentifierKind.EMAIL:
            found[identifier.account_id] = identifier
    return found


def send(address: Identifier, subject: str, text: str, *, at: datetime) -> None:
    """Send it; only an e-mail shows the subject. Raises SmsFailed, OSError."""
    if address.kind == IdentifierKind.PHONE:
        sms.send(address.value, text, at=at)
    else:
        send_mail(subject, text, None, [address.value])
