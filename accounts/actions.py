"""Writes of the accounts app."""

import secrets
import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts import audit, limits, sms
from accounts.models import (
    CODE_LIFE,
    DEVICE_KEY_LIFE,
    Account,
    Device,
    DeviceKey,
    Identifier,
    IdentifierKind,
    OneTimeCode,
    identifier_hash,
    last_four_hash,
)
from healthpass.lib.encryption import keyed_hash

# How many codes are sent. Many phones share one address (a carrier's network, a station's Wi-Fi): it gets more room.
# One address alone cannot use up a phone's codes, and no stranger those of a browser that the account has been on.
CODES_PER_PHONE_AN_HOUR = 5
CODES_PER_PHONE_A_DAY = 10
CODES_PER_ADDRESS_AND_PHONE_AN_HOUR = 3
CODES_PER_ADDRESS_AND_PHONE_A_DAY = 6
CODES_PER_ADDRESS_AN_HOUR = 100
CODES_A_MINUTE = 3000
LAST_FOUR_TRIES_AN_HOUR = 5
LAST_FOUR_FAILURES_A_MONTH = 10

HOUR, DAY, MONTH, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(days=30), timedelta(minutes=1)


class CodeRefused(Exception):
    """The one-time code does not open anything; the text is for people."""


class LastFourWrong(Exception):
    """Not the last four characters of the document."""


class LastFourUsedUp(Exception):
    """So many wrong characters that somebody has to look at the document itself."""


class NumberMoved(Exception):
    """The number has gone to another account in the meantime."""


def request_code(*, phone: str, address: str, known: bool = False, text: str = "", at: datetime) -> OneTimeCode:
    """Send a fresh one-time code to the phone (E.164), whether or not it is known here.

    `address` is who asks, `known` whether on a browser that the phone's account has been on, for the limits. `text`
    tells with `%(digits)s` what the code is for, where it is not for signing in. Raises
    limits.LimitReached and sms.SmsFailed; a message that could not be sent does not count against the phone.
    """
    take_code_limits(phone, address, known, at)
    digits = f"{secrets.randbelow(10**6):06}"
    code = OneTimeCode(
        id=uuid.uuid4(),
        kind=IdentifierKind.PHONE,
        value=phone,
        identifier_hash=identifier_hash(IdentifierKind.PHONE, phone),
        sent_at=at,
        expires_at=at + CODE_LIFE,
    )
    code.code_hash = code_hash(code.id, digits)
    code.save(force_insert=True)
    text = text or _(
        "Your Health Pass code is %(digits)s, valid for 5 minutes. Nobody from us will ever ask you for it."
    )
    try:
        sms.send(phone, text % {"digits": digits}, at=at)
    except sms.SmsFailed:
        code.delete()
        for scope, value, _limit, per in phone_limits(phone, address, known):
            limits.give_back(scope, value, per=per, at=at)
        raise
    return code


def take_code_limits(phone: str, address: str, known: bool, at: datetime) -> None:
    """Count one code to `phone`, asked for by `address`. Raises limits.LimitReached."""
    limits.take("code-address", address, limit=CODES_PER_ADDRESS_AN_HOUR, per=HOUR, at=at)
    for scope, value, limit, per in phone_limits(phone, address, known):
        limits.take(scope, value, limit=limit, per=per, at=at)
    limits.take("code-all", "", limit=CODES_A_MINUTE, per=MINUTE, at=at)


def phone_limits(phone: str, address: str, known: bool) -> list[tuple[str, str, int, timedelta]]:
    """What a code to `phone` counts against, as limits.take has it: scope, value, limit, per. The narrow ones first."""
    if known:
        return [
            ("code-known-hour", phone, CODES_PER_PHONE_AN_HOUR, HOUR),
            ("code-known-day", phone, CODES_PER_PHONE_A_DAY, DAY),
        ]
    pair = f"{address} {phone}"
    return [
        ("code-pair-hour", pair, CODES_PER_ADDRESS_AND_PHONE_AN_HOUR, HOUR),
        ("code-pair-day", pair, CODES_PER_ADDRESS_AND_PHONE_A_DAY, DAY),
        ("code-phone-hour", phone, CODES_PER_PHONE_AN_HOUR, HOUR),
        ("code-phone-day", phone, CODES_PER_PHONE_A_DAY, DAY),
    ]


def code_hash(code_id: uuid.UUID, digits: str) -> str:
    """What is kept of the six digits."""
    return keyed_hash("one-time-code", f"{code_id}:{digits}")


def use_code(*, code_id: uuid.UUID, digits: str, at: datetime) -> OneTimeCode:
    """The code, used up now. Raises CodeRefused.

    The try is counted first and never taken back, in one statement; a second one uses the code. So of many tries at the
    same time at most five are looked at, and one can succeed.
    """
    if not OneTimeCode.objects.alive(at).filter(pk=code_id).update(tries=F("tries") + 1):
        raise CodeRefused(why_dead(code_id, at))
    right = OneTimeCode.objects.filter(pk=code_id, used_at=None, code_hash=code_hash(code_id, digits))
    if not right.update(used_at=at):
        raise CodeRefused(why_wrong(code_id, at))
    return OneTimeCode.objects.get(pk=code_id)


def why_dead(code_id: uuid.UUID, at: datetime) -> str:
    """What to tell whoever tries a code that cannot be used any more."""
    code = OneTimeCode.objects.filter(pk=code_id).first()
    if code is None or code.used_at:
        return _("This code has been used already. Ask for a new one.")
    if code.expires_at <= at:
        return _("This code has expired: codes are valid for 5 minutes. Ask for a new one.")
    return _("This code was entered wrongly too often. Ask for a new one.")


def why_wrong(code_id: uuid.UUID, at: datetime) -> str:
    """What to tell after a try that did not fit: whether there is another."""
    if OneTimeCode.objects.alive(at).filter(pk=code_id).exists():
        return _("This code is not right. Look at the latest message and enter its six digits.")
    return why_dead(code_id, at)


def find_or_create_identifier(*, code: OneTimeCode, at: datetime) -> Identifier:
    """Whose phone the used code came to; the first code makes the account."""
    known = Identifier.objects.select_related("account").filter(kind=code.kind, hash=code.identifier_hash)
    try:
        return known.first() or create_account(kind=code.kind, value=code.value, at=at)
    except IntegrityError:  # the same number came in on two browsers at once
        return known.get()


@transaction.atomic
def create_account(*, kind: str, value: str, at: datetime) -> Identifier:
    """A new account without a password that signs in with this. Raises IntegrityError if one has it already."""
    identifier = Identifier.objects.create(
        account=new_account(at=at), kind=kind, value=value, hash=identifier_hash(kind, value), used_at=at
    )
    return identifier


def new_account(*, at: datetime) -> Account:
    """A resident's account that nothing signs in to yet; audited."""
    account = Account()
    account.set_unusable_password()
    account.save()
    audit.record(by=account, action="create-account", subject=f"account:{account.pk}", at=at)
    return account


def check_last_four(*, account: Account, last_four: str, at: datetime) -> None:
    """Compare with the document that is asked for: the account holder's, or the first one they declared for.

    Raises LastFourWrong, limits.LimitReached after some tries, and LastFourUsedUp after many wrong ones.
    """
    limits.take("last-four", str(account.pk), limit=LAST_FOUR_TRIES_AN_HOUR, per=HOUR, at=at)
    try:
        limits.take("last-four-month", str(account.pk), limit=LAST_FOUR_FAILURES_A_MONTH, per=MONTH, at=at)
    except limits.LimitReached as limit:
        raise LastFourUsedUp from limit
    if not constant_time_compare(account.last_four_hash, last_four_hash(last_four)):
        raise LastFourWrong
    limits.give_back("last-four-month", str(account.pk), per=MONTH, at=at)


@transaction.atomic
def move_to_new_owner(*, identifier: Identifier, at: datetime) -> Identifier:
    """The number signs in to a fresh account from now on; audited. Raises NumberMoved if it has gone elsewhere.

    The earlier account keeps its data and its signed-in browsers, but they have to fetch new keys for codes and scans.
    """
    earlier = identifier.account
    account = new_account(at=at)
    moved = Identifier.objects.filter(pk=identifier.pk, account=earlier).update(account=account, used_at=at)
    if not moved:
        raise NumberMoved
    DeviceKey.objects.filter(account=earlier).delete()
    audit.record(
        by=account,
        action="move-identifier",
        subject=f"account:{earlier.pk}",
        at=at,
        identifier=identifier.pk,
        to=account.pk,
    )
    return Identifier.objects.select_related("account").get(pk=identifier.pk)


def touch_identifier(*, identifier: Identifier, at: datetime) -> None:
    """Note that somebody has signed in with it."""
    identifier.used_at = at
    identifier.save(update_fields=["used_at"])


def remember_device(*, account: Account, secret: str, at: datetime) -> Device:
    """The browser whose cookie holds `secret`, known to the account from now on."""
    device, _created = Device.objects.update_or_create(
        account=account, hash=device_hash(secret), defaults={"seen_at": at}
    )
    return device


def device_hash(secret: str) -> str:
    """What is kept of a browser's cookie."""
    return keyed_hash("device", secret)


def record_staff_sign_in(*, account: Account, site: str, at: datetime) -> None:
    """Staff came in: audited, with the site (an admin site's name)."""
    audit.record(by=account, action="sign-in-staff", subject=f"account:{account.pk}", at=at, site=site)


def delete_device_keys(*, secret: str | None, device_id: int | None) -> None:
    """Stop what this browser could do without a session: renew a code, check a scan; for whomever it did so.

    The browser is known by its cookie's `secret`, and by the device that its session names, where there is one.
    """
    mine = Q(device_id=device_id)
    if secret:
        mine |= Q(device__hash=device_hash(secret))
    DeviceKey.objects.filter(mine).delete()


def issue_device_key(*, account: Account, device_id: int, subject: str, at: datetime, until: datetime) -> str:
    """A new secret for the browser's cookie, good for one pass (`subject` = its public id) or for scanning ("").

    Replaces the browser's earlier key for the same subject. Dies with the session it was given in, at `until`.
    """
    secret = secrets.token_urlsafe(24)
    DeviceKey.objects.filter(device_id=device_id, subject=subject).delete()
    DeviceKey.objects.create(
        hash=device_key_hash(secret),
        account=account,
        device_id=device_id,
        subject=subject,
        expires_at=min(at + DEVICE_KEY_LIFE, until),
    )
    return secret


def device_key_hash(secret: str) -> str:
    """What is kept of a device key, and looked up by."""
    return keyed_hash("device-key", secret)
