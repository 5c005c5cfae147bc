"""The national platform as a real local server, with the faults that such services have."""

import contextlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "national-key"
FAULTS = (
    "slow",
    "dripping body",
    "dripping headers",
    "500",
    "400",
    "redirect",
    "wrong signature",
    "no signature",
    "half",
    "cut",
    "another nonce",
    "no records",
    "too long",
    "too many",
    "garbage",
    "list",
    "nested",
    "unknown category",
    "no time",
    "ends before start",
    "no end named",
)


def record(category: str = "confirmed", **fields) -> dict:
    """A measure as the platform writes it, begun and without an end unless `fields` say otherwise."""
    values = {"starts_at": "2026-11-01T08:00:00+08:00", "ends_at": None, "office": "国家疾控", "office_phone": "010-1"}
    return {"category": category, **values, **fields}


class NationalServer:
    """Serves while the `with` block lasts. `people`: number -> its records; `fault`: one of FAULTS, with `faulty` only
    for these numbers. `asked` holds the questions whose signature was right.
    """

    def __init__(self):
        self.people: dict[str, list] = {}
        self.fault = ""
        self.faulty: set[str] = set()
        self.asked: list[dict] = []
        self.delay = 1.0  # seconds, of "slow"

    @property
    def numbers(self) -> list[str]:
        """Whom it was asked about."""
        return [question["number"] for question in self.asked]

    def __enter__(self) -> "NationalServer":
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://{KEY}@127.0.0.1:{self.http.server_port}/ask"
        return self

    def __exit__(self, *_error) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def answer(self, question: dict, fault: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a question."""
        records = {
            "too many": [record()] * 51,
            "nested": [[record()]],
            "unknown category": [record(), record("wanted")],
            "no time": [record(starts_at="soon")],
            "ends before start": [record(ends_at="2026-10-01T00:00:00+08:00")],
            "no end named": [{name: value for name, value in record().items() if name != "ends_at"}],
        }.get(fault, self.people.get(question["number"], []))
        nonce = question["nonce"][::-1] if fault == "another nonce" else question["nonce"]
        body = json.dumps({"nonce": nonce, "records": records}).encode()
        body = {
            "no records": json.dumps({"nonce": nonce}).encode(),
            "too long": body + b" " * 64_000,
            "garbage": b"\xff<html>",
            "list": b"[]",
            "half": body[: len(body) // 2],
        }.get(fault, body)
        headers = {"X-Signature": hmac.digest(KEY.encode(), body, "sha256").hex(), "Content-Length": str(len(body))}
        if fault == "wrong signature":
            headers["X-Signature"] = headers["X-Signature"][::-1]
        if fault == "no signature":
            del headers["X-Signature"]
        if fault == "redirect":
            headers["Location"] = "/elsewhere"
        return {"500": 500, "400": 400, "redirect": 302}.get(fault, 200), headers, body


def _handler(server: NationalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not hmac.compare_digest(hmac.digest(KEY.encode(), body, "sha256").hex(), self.headers["X-Signature"]):
                self.send_error(403)
                return
            question = json.loads(body)
            server.asked.append(question)
            fault = server.fault if not server.faulty or question["number"] in server.faulty else ""
            status, headers, answer = server.answer(question, fault)
            if fault == "slow":
                time.sleep(server.delay)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
                if fault == "dripping headers":
                    self.drip(b"".join(self._headers_buffer) + b"X-Pad: " + b"x" * 400)
                    self._headers_buffer = [b"\r\n"]
            self.end_headers()
            if fault == "dripping body":
                self.drip(answer)
            else:
                self.wfile.write(answer[: len(answer) // 2] if fault == "cut" else answer)

        def drip(self, content: bytes) -> None:
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.05)

        def log_message(self, *_args):
            pass

        def handle(self):
            with contextlib.suppress(ConnectionError):  # the client has given up
                super().handle()

    return Handler
