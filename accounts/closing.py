"""Closing an account: for good, at once, by its owner."""

from datetime import datetime

from django.db import transaction
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import audit, me, officers
from accounts.models import Account, IdentifierKind, OneTimeCode


def phone_of(account: Account) -> str | None:
    """The number that a code for closing goes to, the one used last; None if the account has none."""
    identifier = account.identifiers.filter(kind=IdentifierKind.PHONE).order_by("-used_at").first()
    return identifier and identifier.value


@transaction.atomic
def close(*, account: Account, by: Account, at: datetime) -> None:
    """End everything that the account can do, delete what can be deleted now, and lock what is left; audited.

    Every session and device key ends with it. The number may make a new account, which finds nothing of this one.
    Raises officers.LastOffices: without them nobody could decide anything, and nobody make new ones.
    """
    account = Account.objects.select_for_update().get(pk=account.pk)
    audit.record(by=by, action="close-account", subject=f"account:{account.pk}", at=at)
    officers.end_roles(account=account, by=by, at=at)
    for end in me.closers():
        end(account=account, by=by, at=at)
    OneTimeCode.objects.filter(identifier_hash__in=account.identifiers.values("hash")).delete()
    TOTPDevice.objects.filter(user=account).delete()
    account.devices.all().delete()  # with their keys
    account.identifiers.all().delete()
    account.set_unusable_password()
    account.is_active = False
    account.last_four_hash = ""
    account.last_login = None
    account.save()
