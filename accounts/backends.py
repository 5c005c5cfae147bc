"""How accounts come in: residents by a one-time code, staff by password and second factor together."""

from collections.abc import Callable

from django.contrib.auth.backends import BaseBackend
from django.db import transaction
from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import Account, IdentifierKind
from healthpass.lib.encryption import keyed_hash


class OneTimeCodeBackend(BaseBackend):
    """Names the way residents come in; `accounts.actions` checks the code. A locked account is signed out at once."""

    def get_user(self, user_id: int) -> Account | None:
        return Account.objects.filter(pk=user_id, is_active=True).first()


class StaffBackend(OneTimeCodeBackend):
    """Phone, password and six digits in one go, so that a failure does not tell which of them was wrong."""

    def authenticate(
        self,
        request: HttpRequest,
        phone: str | None = None,
        password: str | None = None,
        digits: str | None = None,
        may_enter: Callable[[Account], bool] = lambda account: True,
    ) -> Account | None:
        """The account with this phone (E.164), its `otp_device` set; None if anything is wrong or `may_enter` says no.

        Takes about the same time for unknown phones: the password is hashed for them too.
        """
        if phone is None or password is None or digits is None:
            return None
        account = Account.objects.by_identifier(IdentifierKind.PHONE, phone)
        if account is None or not account.is_staff:
            Account().set_password(password)
            return None
        # The digits are tried last: else a stranger's guesses would use up the tries of the device's owner.
        if not account.check_password(password) or not may_enter(account):
            return None
        account.otp_device = verified_device(account, digits)
        return account if account.otp_device else None


def verified_device(account: Account, digits: str) -> TOTPDevice | None:
    """The account's confirmed device that shows these digits now. Each code is good once."""
    with transaction.atomic():
        devices = TOTPDevice.objects.devices_for_user(account, confirmed=True).select_for_update()
        return next((device for device in devices if device.verify_token(digits)), None)


def axes_username(request: HttpRequest, credentials: dict | None) -> str | None:
    """What failures are counted under: a keyed hash of the phone, so that the number itself is not stored."""
    phone = (credentials or {}).get("phone")
    return keyed_hash("staff-failures", phone) if phone else None
