"""Checking a scan and noting its temperature, called before any other middleware.

The scanner's device key is a SameSite cookie; beyond it a request must be JSON from a page of ours.
"""

import json
import math
from datetime import UTC, datetime
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from accounts.actions import device_key_hash
from healthpass.lib.throttle import Throttle
from scanning import actions
from scanning.outcome import Temperature

KEY_COOKIE = "scan_key"
MAX_BODY = 8192  # bytes
PLAUSIBLE = (30.0, 45.0)  # °C

throttle = Throttle(limit=120, seconds=60)
look_throttle = Throttle(limit=30, seconds=600)  # without an entrance: no institution answers for the look


class BadRequest(Exception):
    """What was sent is not what the address takes; the message says what is wrong."""


@csrf_exempt  # `_body` demands JSON and our own Origin, which no form of another site can send
@login_not_required  # the device key is the sign-in, and ends with it
def check(request: HttpRequest) -> JsonResponse:
    """`{id, token, entrance?, temperature?}` -> `{outcome, name, message, repeated, repeat_of, now}`."""
    now = datetime.now(UTC)
    key_hash = device_key_hash(request.COOKIES.get(KEY_COOKIE, ""))
    translation.activate(translation.get_language_from_request(request))
    try:
        sent = _sent(_body(request))
        limit = look_throttle if sent.entrance_id is None else throttle
        if not limit.allows(key_hash, now.timestamp()):
            return _json({"error": "limit"}, 429)
        return _json(actions.check(key_hash=key_hash, sent=sent, at=now).as_json(now))
    except BadRequest as error:
        return _json({"error": str(error)}, 400)
    except actions.NoKey:
        return _json({"error": "key"}, 401)
    except actions.NotAllowed as error:
        return _json({"error": error.code}, 403)
    except actions.IdTime:
        return _json({"error": "id_time", "now": now.isoformat(timespec="milliseconds")}, 422)
    except actions.Conflict as error:
        return _json({"error": "conflict", **(error.answer.as_json(now) if error.answer else {})}, 409)


@csrf_exempt  # as above
@login_not_required
def temperature(request: HttpRequest, id: UUID) -> JsonResponse:
    """`{temperature}` -> `{outcome, message, now}`: the temperature of one's own scan, noted or corrected."""
    now = datetime.now(UTC)
    key_hash = device_key_hash(request.COOKIES.get(KEY_COOKIE, ""))
    translation.activate(translation.get_language_from_request(request))
    try:
        reading = _temperature(_body(request).get("temperature"))
        if reading is None:
            raise BadRequest("temperature")
        if not throttle.allows(key_hash, now.timestamp()):
            return _json({"error": "limit"}, 429)
        answer = actions.set_temperature(key_hash=key_hash, id=id, temperature=reading, at=now).as_json(now)
    except BadRequest as error:
        return _json({"error": str(error)}, 400)
    except actions.NoScan:
        return _json({"error": "scan"}, 404)
    return _json({name: answer[name] for name in ("outcome", "message", "now")})


def _body(request: HttpRequest) -> dict:
    """The JSON object sent. Raises BadRequest, also for another method, another type or another site's page."""
    if request.method != "POST":
        raise BadRequest("method")
    if request.content_type != "application/json":
        raise BadRequest("content_type")
    if request.headers.get("Origin") != f"{request.scheme}://{request.get_host()}":
        raise BadRequest("origin")
    try:
        if int(request.headers.get("Content-Length") or 0) > MAX_BODY:
            raise BadRequest("size")
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("json") from error
    if not isinstance(body, dict):
        raise BadRequest("json")
    return body


def _sent(body: dict) -> actions.Sent:
    try:
        id = UUID(body["id"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadRequest("id") from error
    if id.version != 7:
        raise BadRequest("id")
    text, entrance = body.get("token"), body.get("entrance")
    if not isinstance(text, str):
        raise BadRequest("token")
    if entrance is not None and (
        not isinstance(entrance, int) or isinstance(entrance, bool) or not 0 < entrance < 2**63
    ):
        raise BadRequest("entrance")
    return actions.Sent(id=id, text=text, entrance_id=entrance, temperature=_temperature(body.get("temperature")))


def _temperature(value) -> Temperature | None:
    if value is None:
        return None
    if value == "normal":
        return Temperature(None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadRequest("temperature")
    if not PLAUSIBLE[0] <= value <= PLAUSIBLE[1]:
        raise BadRequest("temperature")
    return Temperature(round(float(value), 1))


def _json(data: dict, status: int = 200) -> JsonResponse:
    return JsonResponse(data, status=status, headers={"Cache-Control": "no-store"})
