"""What a browser keeps of who is signed in on it: the session, and the long-lived cookie that makes it known again."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse

from accounts import actions
from accounts.models import Account, Device, IdentifierKind, identifier_hash

DEVICE_COOKIE = "device"
DEVICE_COOKIE_LIFE = timedelta(days=730)
SECRET_LENGTHS = range(24, 65)
# The value of that header: the browser forgets pages and codes. Cookies stay, as the device's must.
CLEAR_SITE_DATA = '"cache", "storage"'


def is_known(request: HttpRequest, account: Account) -> bool:
    """Whether the account has signed in on this browser before."""
    secret = _secret(request)
    return secret is not None and Device.objects.filter(account=account, hash=actions.device_hash(secret)).exists()


def is_known_to_phone(request: HttpRequest, phone: str) -> bool:
    """Whether the account that signs in with this phone (E.164) has signed in on this browser before.

    The same query for every phone, so that nothing tells who is registered.
    """
    secret = _secret(request)
    return (
        secret is not None
        and Device.objects.filter(
            hash=actions.device_hash(secret),
            account__identifiers__kind=IdentifierKind.PHONE,
            account__identifiers__hash=identifier_hash(IdentifierKind.PHONE, phone),
        ).exists()
    )


def start(request: HttpRequest, response: HttpResponse, account: Account, *, backend: str, at: datetime) -> None:
    """Sign in: a new session with nothing of the earlier one in it, and the browser known to the account.

    Device keys of whoever was here before end. The session ends after SESSION_COOKIE_AGE, used or not.
    """
    end_device_keys(request)
    secret = _secret(request) or secrets.token_urlsafe(32)
    request.session.flush()  # else a staff session would live on in a resident's, for 90 days
    login(request, account, backend=backend)
    request.session.set_expiry(at + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    request.session["since"] = at.timestamp()
    request.session["device"] = actions.remember_device(account=account, secret=secret, at=at).pk
    response.set_cookie(
        DEVICE_COOKIE,
        secret,
        max_age=DEVICE_COOKIE_LIFE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def finish(request: HttpRequest) -> None:
    """Sign out: the session, if it has not ended yet, and this browser's keys end. Answer with CLEAR_SITE_DATA."""
    end_device_keys(request)
    logout(request)


def end_device_keys(request: HttpRequest) -> None:
    """Nobody's code or scans go on in this browser without a new sign-in."""
    actions.delete_device_keys(secret=_secret(request), device_id=request.session.get("device"))


def _secret(request: HttpRequest) -> str | None:
    """The secret of the browser's cookie, unless there is none or it is not one of ours."""
    secret = request.COOKIES.get(DEVICE_COOKIE, "")
    return secret if len(secret) in SECRET_LENGTHS else None
