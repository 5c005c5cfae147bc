"""The scanner's device key: the cookie that `POST /scan/check` knows the scanner by, without session or account."""

import secrets
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.actions import device_key_hash, issue_device_key
from accounts.models import DEVICE_KEY_LIFE, Device, DeviceKey
from scanning.hot import KEY_COOKIE

PATH = "/scan/"
SCANNING = ""  # the subject of a key that is good for no pass


def give(request: HttpRequest, response: HttpResponse, *, at: datetime) -> None:
    """See to it that the browser has a living key of the signed-in account."""
    secret = ensure(request, at=at)
    if secret != request.COOKIES.get(KEY_COOKIE):
        set_cookie(response, secret)


def ensure(request: HttpRequest, *, at: datetime) -> str:
    """The secret of the browser's key: the one it has, if that is alive and this account's, else a new one."""
    secret = request.COOKIES.get(KEY_COOKIE, "")
    alive = DeviceKey.objects.filter(
        hash=device_key_hash(secret), account=request.user, subject=SCANNING, expires_at__gt=at
    )
    if secret and alive.exists():
        return secret
    return issue_device_key(
        account=request.user,
        device_id=_device_id(request, at),
        subject=SCANNING,
        at=at,
        until=request.session.get_expiry_date(),
    )


def set_cookie(response: HttpResponse, secret: str) -> None:
    """Hand the secret to the browser, for the scanner's addresses only."""
    response.set_cookie(
        KEY_COOKIE,
        secret,
        max_age=DEVICE_KEY_LIFE,
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _device_id(request: HttpRequest, at: datetime) -> int:
    """The browser that signing in put into the session; a session without one gets its own."""
    device_id = request.session.get("device")
    if not Device.objects.filter(pk=device_id, account=request.user).exists():
        device_id = Device.objects.create(account=request.user, hash=secrets.token_hex(16), seen_at=at).pk
        request.session["device"] = device_id
    return device_id
