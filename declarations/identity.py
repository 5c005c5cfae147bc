"""The authority's identity check: do this name, document number and phone belong together?"""

import base64
import enum

from django.conf import settings

from healthpass.lib import signed_json


class Result(enum.Enum):
    """What the authority says. UNAVAILABLE: it said nothing that could be understood."""

    MATCH = "match"
    NO_MATCH = "no match"
    UNAVAILABLE = "unavailable"


def check(*, kind: str, number: str, name: str, phone: str) -> Result:
    """Ask IDENTITY_URL about a resident. `number` as `documents.check` gives it, `phone` E.164, proved by a code.

    Takes up to the time-outs of `signed_json`; never raises for what the service does. `accept:` confirms everybody.
    """
    return _ask({"type": str(kind), "number": number, "name": name, "phone": phone})


def check_face(*, kind: str, number: str, name: str, face: bytes) -> Result:
    """Ask IDENTITY_URL whether a face is that of its own photo of this person: yes or no, never a picture.

    `face` is a JPEG. UNAVAILABLE also where the service does not compare faces. As `check` otherwise.
    """
    return _ask({"type": str(kind), "number": number, "name": name, "face": base64.b64encode(face).decode()})


def _ask(payload: dict) -> Result:
    """What the service says; it answers `{"match": true|false}`, or anything else where it cannot tell."""
    if settings.IDENTITY_URL == "accept:":
        return Result.MATCH
    try:
        match = signed_json.post(settings.IDENTITY_URL, payload).get("match")
    except signed_json.ServiceUnavailable:
        return Result.UNAVAILABLE
    if match is True:
        return Result.MATCH
    return Result.NO_MATCH if match is False else Result.UNAVAILABLE
