"""What a scanner's device does."""

import json

from django.test import Client
from django.utils import timezone

from passcodes import keys, tokens
from passcodes.colour import Colour
from scanning import ids

ORIGIN = "http://testserver"


def live_token(code, colour=Colour.GREEN, at=None):
    at = at or timezone.now()
    return tokens.sign(code.public_id, colour, keys.signing_key(at), at)


def browser(key):
    client = Client(headers={"accept-language": "en", "origin": ORIGIN})
    client.cookies["scan_key"] = key
    return client


def post(client, path="/scan/check", **body):
    return client.post(path, json.dumps(body, default=str), content_type="application/json")


def scan(client, code, door=None, **body):
    body = {"id": ids.new_id(timezone.now()), "token": live_token(code), **body}
    return post(client, entrance=door and door.pk, **body)
