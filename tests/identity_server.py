"""The authority's identity check as a real local server, with the faults that such services have."""

import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "identity-key"
FAULTS = ("slow", "500", "404", "redirect", "garbage", "half", "list", "wrong type", "no answer")


class IdentityServer:
    """Serves while the `with` block lasts. `know()` makes people match, `fault` is one of FAULTS.

    `asked` holds the payloads whose signature was right; with `barrier`, answers wait for each other. Of faces it only
    tells whether it knows one of that person (`know_face`): comparing is not what is tested.
    """

    def __init__(self):
        self.people: set[tuple[str, ...]] = set()
        self.faces: set[tuple[str, ...]] = set()
        self.fault = ""
        self.asked: list[dict] = []
        self.barrier: threading.Barrier | None = None

    def know(self, *, number: str, name: str = "张三丰", phone: str = "+8613800000001", kind: str = "01") -> None:
        self.people.add((kind, number, name, phone))

    def know_face(self, *, number: str, name: str, kind: str = "01") -> None:
        self.faces.add((kind, number, name))

    def __enter__(self) -> "IdentityServer":
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://{KEY}@127.0.0.1:{self.http.server_port}/identity"
        return self

    def __exit__(self, *_error) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def answer(self, body: bytes, signature: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        if not hmac.compare_digest(hmac.digest(KEY.encode(), body, "sha256").hex(), signature):
            return 403, {}, b"{}"
        payload = json.loads(body)
        self.asked.append(payload)
        if self.barrier:
            self.barrier.wait(10)
        person = tuple(payload[name] for name in ("type", "number", "name"))
        match = person in self.faces if "face" in payload else (*person, payload["phone"]) in self.people
        good = json.dumps({"match": match}).encode()
        if self.fault == "slow":
            time.sleep(1)
        return {
            "500": (500, {}, good),
            "404": (404, {}, good),
            "redirect": (302, {"Location": "/elsewhere"}, good),
            "garbage": (200, {}, b"\xff<html>"),
            "half": (200, {"Content-Length": "1000"}, good[:6]),
            "list": (200, {}, b"[true]"),
            "wrong type": (200, {}, b'{"match": "true"}'),
            "no answer": (200, {}, b"{}"),
        }.get(self.fault, (200, {}, good))


def _handler(server: IdentityServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, answer = server.answer(body, self.headers.get("X-Signature", ""))
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                pass  # the client gave up waiting

        def log_message(self, *_args):
            pass

    return Handler
