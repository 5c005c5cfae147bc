"""Drive a server on this machine: a program of its own, so that its CPU time is not counted with the server's.

Reads from its input a JSON object: `port`, `seconds`, `requests` (whole HTTP requests as text) and `repeat` (begin anew
at their end). Sends them in order over 4 connections at a time, a new connection for each, as sync workers want it.
Bounded by `seconds`. Prints a JSON object with what came back.
"""

import json
import selectors
import socket
import sys
import time
from collections import Counter
from itertools import cycle

CONNECTIONS = 4
PATIENCE = 10  # seconds without any answer


class Exchange:
    """One request and its answer so far."""

    def __init__(self, address: tuple[str, int], request: bytes):
        self.started = time.perf_counter()
        self.answer = b""
        self.socket = socket.create_connection(address)
        self.socket.sendall(request)
        self.socket.setblocking(False)

    def read(self) -> bool:
        """Take what has come; whether that was the end."""
        piece = self.socket.recv(65536)
        self.answer += piece
        return not piece


def drive(port: int, seconds: float, requests: list[str], repeat: bool) -> dict:
    """Send until the time is over or, without `repeat`, the requests are."""
    todo = cycle(requests) if repeat else iter(requests)
    address = ("127.0.0.1", port)
    times, size, statuses, first = [], 0, Counter(), ""
    started = time.perf_counter()
    with selectors.DefaultSelector() as selector:

        def send() -> None:
            request = next(todo, None) if time.perf_counter() - started < seconds else None
            if request is not None:
                exchange = Exchange(address, request.encode())
                selector.register(exchange.socket, selectors.EVENT_READ, exchange)

        for _ in range(CONNECTIONS):
            send()
        while selector.get_map():
            ready = selector.select(PATIENCE)
            if not ready:
                sys.exit("The server does not answer.")
            for key, _ in ready:
                exchange = key.data
                if exchange.read():
                    selector.unregister(exchange.socket)
                    exchange.socket.close()
                    times.append(time.perf_counter() - exchange.started)
                    size += len(exchange.answer)
                    statuses[exchange.answer[9:12].decode()] += 1
                    first = first or exchange.answer.decode(errors="replace")
                    send()
    elapsed = time.perf_counter() - started
    times.sort()
    return {
        "requests": len(times),
        "requests_per_second": len(times) / elapsed,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "bytes": size / len(times),
        "statuses": statuses,
        "first": first,
    }


if __name__ == "__main__":
    print(json.dumps(drive(**json.load(sys.stdin))))
