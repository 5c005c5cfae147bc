"""The requests that are measured, as a browser sends them through the proxy in front."""

import json
from datetime import UTC, datetime

from benchmarks import HOST
from benchmarks.data import ACTIVE, SCANNERS, SICK, pass_id, pass_key, scan_key
from passcodes import keys, tokens
from passcodes.colour import Colour
from scanning import ids

SCANS_A_ROUND = 6_000
HEALTHY = [person for person in range(1, ACTIVE + 1) if person % SICK]


def request(method: str, path: str, cookies: dict[str, str], body: str = "", **headers: str) -> str:
    """A whole HTTP/1.1 request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 192.0.2.1",
        "Accept-Language: zh-CN,zh;q=0.9",
        "Accept-Encoding: gzip",
        "Connection: close",
        "Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items()),
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "", body])


def code_pages(sessions: list[str]) -> list[str]:
    """The code page of each active healthy person."""
    return [
        request("GET", f"/code/{pass_id(person)}/", {"sessionid": sessions[person - 1], "pass_key": pass_key(person)})
        for person in HEALTHY
    ]


def renewals() -> list[str]:
    """The renewal of each active healthy person's code."""
    return [request("GET", f"/code/{pass_id(person)}/token", {"pass_key": pass_key(person)}) for person in HEALTHY]


def scan(number: int, at: datetime) -> str:
    """The body of one scan: a healthy person at one of the entrances, a code signed now."""
    person, entrance = HEALTHY[number % len(HEALTHY)], 1 + number % SCANNERS
    token = tokens.sign(pass_id(person), Colour.GREEN, keys.signing_key(at), at)
    return json.dumps({"id": str(ids.new_id(at)), "token": tokens.url(f"https://{HOST}", token), "entrance": entrance})


def scans() -> list[str]:
    """New scans, good for 90 seconds."""
    at, origin = datetime.now(UTC), {"Origin": f"https://{HOST}"}
    return [
        request("POST", "/scan/check", {"scan_key": scan_key(1 + number % SCANNERS)}, scan(number, at), **origin)
        for number in range(SCANS_A_ROUND)
    ]
