"""A source of risk data to pull from, as a real local server, with the faults that such services have."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from django.utils import timezone

from passcodes import risk_wire

FAULTS = ("slow", "dripping", "500", "redirect", "cut", "wrong signature", "old date", "same cursor", "no batch id")


class RiskServer:
    """Serves while the `with` block lasts. `batches` are bodies, their cursors are their numbers; `fault` of FAULTS."""

    def __init__(self, key: str):
        self.key = key
        self.batches: list[bytes] = []
        self.fault = ""
        self.dripped = 0  # bytes
        self.asked: list[str] = []  # cursors of requests whose signature was right

    def __enter__(self) -> "RiskServer":
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/risk"
        return self

    def __exit__(self, *_error) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def answer(self, cursor: str, heads: list[str], signature: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        if risk_wire.signature(self.key, heads) != signature or heads[2] != cursor:
            return 403, {}, b""
        self.asked.append(cursor)
        number = int(cursor or 0)
        body = self.batches[number] if number < len(self.batches) else b""
        at = timezone.now() - timezone.timedelta(minutes=6 if self.fault == "old date" else 0)
        following = cursor if self.fault == "same cursor" else str(number + 1)
        answered = [at.isoformat(), "" if self.fault == "no batch id" else f"batch-{number}", following]
        headers = dict(zip(("X-Date", "X-Batch", "X-Cursor"), answered, strict=True))
        headers["X-Signature"] = risk_wire.signature(self.key, answered, body)
        if self.fault == "wrong signature":
            headers["X-Signature"] = headers["X-Signature"][::-1]
        if self.fault == "slow":
            time.sleep(1)
        if self.fault == "redirect":
            headers["Location"] = "/elsewhere"
        status = {"500": 500, "redirect": 302}.get(self.fault, 200 if body else 204)
        return status, headers, body


def _handler(server: RiskServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            cursor = parse_qs(urlsplit(self.path).query).get("cursor", [""])[0]
            heads = [self.headers.get("X-Date", ""), self.headers.get("X-Source", ""), cursor]
            status, headers, body = server.answer(cursor, heads, self.headers.get("X-Signature", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status == 200:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.send(body)

        def send(self, body: bytes) -> None:
            if server.fault == "cut":
                self.wfile.write(body[: len(body) // 2])
            elif server.fault == "dripping":
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    server.dripped += 1
                    time.sleep(0.01)
            else:
                self.wfile.write(body)

        def log_message(self, *args):
            pass

        def handle(self):
            with contextlib.suppress(ConnectionError):  # the client has given up
                super().handle()

    return Handler
