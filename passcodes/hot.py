"""Renewing a code: called every 30 seconds by every open code page, before any other middleware."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse

from accounts.actions import device_key_hash
from healthpass.lib.json_answer import json_answer
from healthpass.lib.throttle import Throttle
from passcodes import actions, facts, keys, tokens

KEY_COOKIE = "pass_key"
throttle = Throttle(limit=30, seconds=60)


@login_not_required  # the device key is the sign-in, and ends with it
def token(request: HttpRequest, pass_id: str) -> JsonResponse:
    """`{token, colour, expires, now}` for the browser that holds the pass's device key; else 401.

    The cookie is SameSite=Lax and bound to the pass's path, so no other site can ask.
    """
    now = datetime.now(UTC)
    key_hash = device_key_hash(request.COOKIES.get(KEY_COOKIE, ""))
    row = facts.for_renewal(key_hash=key_hash, pass_id=pass_id, at=now)
    if row is None:
        return json_answer({"error": "key"}, status=401)
    if not throttle.allows(key_hash, now.timestamp()):
        return json_answer({"error": "limit"}, status=429)
    colour = actions.show_colour(row=row, at=now).colour
    return json_answer(
        {
            "token": tokens.sign(pass_id, colour, keys.signing_key(now), now),
            "colour": colour.name.lower(),
            "expires": (now + tokens.LIFE).isoformat(timespec="seconds"),
            "now": now.isoformat(timespec="milliseconds"),
        }
    )
