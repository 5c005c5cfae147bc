"""Checking a scan and noting its temperature, called before any other middleware.

The scanner's device key is a SameSite cookie; beyond it a request must be JSON from a page of ours.
"""

import json
from datetime import UTC, datetime
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from accounts import limits
from accounts.actions import device_key_hash
from healthpass.lib.json_answer import json_answer
from healthpass.lib.throttle import Throttle
from scanning import actions
from scanning.outcome import Temperature

KEY_COOKIE = "scan_key"
MAX_BODY = 8192  # bytes
PLAUSIBLE = (30.0, 45.0)  # °C

throttle = Throttle(limit=120, seconds=60)


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
        if not throttle.allows(key_hash, now.timestamp()):
            return json_answer({"error": "limit"}, 429)
        return json_answer(actions.check(key_hash=key_hash, sent=sent, at=now).as_json(now))
    except BadRequest as error:
        return json_answer({"error": str(error)}, 400)
    except limits.LimitReached:
        return json_answer({"error": "limit"}, 429)
    except actions.NoKey:
        return json_answer({"error": "key"}, 401)
    except actions.NotAllowed as error:
        return json_answer({"error": error.code}, 403)
    except actions.IdTime:
        return json_answer({"error": "id_time", "now": now.isoformat(timespec="milliseconds")}, 422)
    except actions.Conflict as error:
        return json_answer({"error": "conflict", **(error.answer.as_json(now) if error.answer else {})}, 409)


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
            return json_answer({"error": "limit"}, 429)
        answer = actions.set_temperature(key_hash=key_hash, id=id, temperature=reading, at=now).as_json(now)
    except BadRequest as error:
        return json_answer({"error": str(error)}, 400)
    except actions.NoScan:
        return json_answer({"error": "scan"}, 404)
    return json_answer({name: answer[name] for name in ("outcome", "message", "now")})


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
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest("temperature")
    if not PLAUSIBLE[0] <= value <= PLAUSIBLE[1]:  # nor is NaN
        raise BadRequest("temperature")
    return Temperature(round(float(value), 1))
