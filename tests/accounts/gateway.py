"""A real HTTP server that takes text messages, as well or as badly as a test wants."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

OK = (200, b'{"accepted": true}')


@contextmanager
def gateway(*answers: tuple[int, bytes], delay: float = 0) -> Iterator[ThreadingHTTPServer]:
    """Serves the answers in turn, the last one again and again; `requests` holds (path, headers, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            index = len(server.requests)
            server.requests.append((self.path, self.headers, body))
            time.sleep(delay)
            status, answer = answers[min(index, len(answers) - 1)]
            with suppress(BrokenPipeError):  # whoever asked has given up
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests = []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
