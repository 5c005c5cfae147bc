"""Prints one JSON object a line: what hot paths cost beside a bare hello, a worker's memory, pages' weights, faces."""

import json
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import HOST, data, drop_database, dry_run, faces, risk, traffic
from benchmarks.processes import cpu_ms, gunicorn, memory_mb, parent
from benchmarks.weight import kilobytes

ROUNDS = 5
SECONDS, HELLO_SECONDS, WARM_UP_SECONDS = 2.5, 1.5, 1.0
HELLO = ["GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"]
FIGURES = ("requests_per_second", "p50_ms", "p99_ms", "app_cpu_ms", "db_cpu_ms", "bytes", "ratio_to_hello")
TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


def say(text: str) -> None:
    """For whoever waits; the figures go to standard output."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """Two servers, the database, and what was measured of each name."""

    def __init__(self, hello: tuple[int, int], app: tuple[int, int], database: int | None):
        self.hello = hello
        self.app = app
        self.database = database
        self.measured: dict[str, list[dict]] = {}

    def drive(self, name: str, requests: list[str], seconds: float, *, repeat: bool = True) -> dict:
        """Send requests to a name's server for some time; the figures of it. Exits when an answer is not 200."""
        port, master = self.hello if name == "hello" else self.app
        order = json.dumps({"port": port, "seconds": seconds, "requests": requests, "repeat": repeat})
        before = cpu_ms(master), cpu_ms(self.database)
        run = subprocess.run([sys.executable, "benchmarks/load.py"], input=order, stdout=subprocess.PIPE, text=True)
        after = cpu_ms(master), cpu_ms(self.database)
        if run.returncode:
            sys.exit(f"{name}: the load generator failed.")
        figures = json.loads(run.stdout)
        if set(figures["statuses"]) != {"200"}:
            sys.exit(f"{name} answered {figures['statuses']}:\n{figures['first'][:2000]}")
        figures["app_cpu_ms"], figures["db_cpu_ms"] = (
            None if start is None else (end - start) / figures["requests"]
            for start, end in zip(before, after, strict=True)
        )
        return figures

    def measure(self, name: str, requests: list[str], *, repeat: bool = True) -> int:
        """One round of a name, a hello right before it; how many requests were sent."""
        hello = self.drive("hello", HELLO, HELLO_SECONDS)
        figures = self.drive(name, requests, SECONDS, repeat=repeat)
        self.measured.setdefault("hello", []).append({**hello, "ratio_to_hello": 1})
        ratio = figures["app_cpu_ms"] / hello["app_cpu_ms"]
        self.measured.setdefault(name, []).append({**figures, "ratio_to_hello": ratio})
        return figures["requests"]

    def report(self, name: str) -> dict:
        """The medians of all rounds."""
        rounds = self.measured[name]
        columns = {key: [figures[key] for figures in rounds] for key in FIGURES}
        medians = {key: None if None in column else statistics.median(column) for key, column in columns.items()}
        return {key: value if value is None else round(value, 3) for key, value in medians.items()}


def count_queries(cookies: dict[str, str], method: str, path: str, bodies: tuple[str, str] = ("", "")) -> int:
    """Statements of one request, without transaction control, after another has warmed everything up."""
    headers = {"host": HOST, "x-forwarded-proto": "https", "origin": f"https://{HOST}"}
    client = Client(headers=headers)
    client.cookies.load(cookies)
    for body in bodies:
        with CaptureQueriesContext(connection) as captured:
            response = client.generic(method, path, body, content_type="application/json")
        assert response.status_code == 200, f"{path} answered {response.status_code}"
    return sum(not query["sql"].startswith(TRANSACTION_CONTROL) for query in captured.captured_queries)


def queries_of_each(sessions: list[str]) -> dict[str, int]:
    """How many statements each kind of request sends."""
    person, now = traffic.HEALTHY[0], datetime.now(UTC)
    path, holder, scanner = f"/code/{data.pass_id(person)}/", {"pass_key": data.pass_key(person)}, data.scan_key(1)
    new, another = traffic.scan(0, now), traffic.scan(0, now)
    return {
        "hello": 0,
        "code_page": count_queries({**holder, "sessionid": sessions[person - 1]}, "GET", path),
        "code_refresh": count_queries(holder, "GET", f"{path}token"),
        "scan_check": count_queries({"scan_key": scanner}, "POST", "/scan/check", (new, another)),
        "scan_repeat": count_queries({"scan_key": scanner}, "POST", "/scan/check", (new, new)),
    }


def page_weights(sessions: list[str]) -> list[dict]:
    """Home, form and code, as one who has a code sees them."""
    person = traffic.HEALTHY[0]
    client = Client(headers={"host": HOST, "x-forwarded-proto": "https", "accept-language": "zh-CN"})
    client.cookies.load({"pass_key": data.pass_key(person), "sessionid": sessions[person - 1]})
    pages = {"home": "/", "form": "/declare/?document=new", "code": f"/code/{data.pass_id(person)}/"}
    return [{"page": page, "kb": round(kilobytes(client, path), 1)} for page, path in pages.items()]


def database_process() -> int | None:
    """The database server's main process; None unless it runs on this machine, where we can see it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    try:
        is_ours = "postgres" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return None
    return parent(pid) if is_ours else None


def run(stack: ExitStack) -> None:
    """Load, measure, print."""
    say(f"Importing {risk.ROWS} risk rows, {risk.ROUNDS} times ...")
    for line in risk.lines():
        print(json.dumps(line))
    say(f"Trying drafts on {dry_run.PEOPLE} people ...")
    for line in dry_run.lines():
        print(json.dumps(line))
    say(f"Loading {data.PEOPLE} people and {data.SCANS} scans ...")
    sessions = data.load(datetime.now(UTC))
    call_command("collectstatic", interactive=False, verbosity=0)
    queries, weights = queries_of_each(sessions), page_weights(sessions)
    hello = stack.enter_context(gunicorn("hello:application", "--pythonpath", "benchmarks"))
    app = stack.enter_context(gunicorn("healthpass.wsgi"))
    bench = Bench(hello, app, database_process())
    fixed = {"code_page": traffic.code_pages(sessions), "code_refresh": traffic.renewals()}
    for name, requests in {"hello": HELLO, **fixed, "scan_check": traffic.scans()}.items():
        bench.drive(name, requests, WARM_UP_SECONDS, repeat=name != "scan_check")
    for number in range(1, ROUNDS + 1):
        say(f"Round {number} of {ROUNDS} ...")
        for name, requests in fixed.items():
            bench.measure(name, requests)
        scans = traffic.scans()
        sent = bench.measure("scan_check", scans, repeat=False)
        bench.measure("scan_repeat", scans[:sent], repeat=False)
    size = {"people": data.PEOPLE, "risk_rows": data.RISKS, "scans": data.SCANS, "rounds": ROUNDS}
    for name, count in queries.items():
        print(json.dumps({"name": name, **bench.report(name), "queries": count, **size}))
    print(json.dumps({"name": "worker", "memory_mb": round(memory_mb(app[1]), 1)}))
    for line in weights:
        print(json.dumps({"name": "page_weight", **line}))
    say("Faces ...")
    for line in faces.lines():
        print(json.dumps(line))


if __name__ == "__main__":
    started = time.perf_counter()
    with ExitStack() as stack:
        stack.callback(drop_database)
        stack.callback(connection.close)
        run(stack)
    say(f"Took {time.perf_counter() - started:.0f} s.")
