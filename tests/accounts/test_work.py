"""`manage.py work` as processes of their own: killed, several at once, stopped."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import tasks
from accounts.models import AuditEntry, OneTimeCode, Task
from scanning import partitions

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60
ROUND = (  # kinds that come round
    "purge",
    "partitions",
    "face-expire",
    "document-checks",
    "freshness",
    "unanswerable-appeals",
    "undecided-batches",
    "notices",
    "seal-audit",
    "unsealed-audit",
    "retention",
    "look-alerts",
)


def wait_for(condition):
    """What `condition` returns, as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.05)
    pytest.fail("waited in vain")


def events(action):
    return list(AuditEntry.objects.filter(action=action).order_by("subject").values_list("subject", flat=True))


def database_url():
    """The test's own database, for another process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**values)


@pytest.fixture
def start():
    """Starts `manage.py work`, also with the tasks of tests/worker; ends those that are left."""
    running: list[subprocess.Popen] = []
    environment = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.worker.settings"}

    def start_one(*arguments):
        command = [sys.executable, "manage.py", "work", *arguments]
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield start_one
    for process in running:
        process.kill()
        process.communicate()


def test_a_killed_workers_task_is_taken_up_by_another_and_done_once(start):
    now = timezone.now()
    slow = tasks.enqueue("test-slow", "long", at=now)
    behind = tasks.enqueue("test-count", "behind", at=now)
    first = start()
    wait_for(lambda: events("test-begun") == ["long"])
    first.send_signal(signal.SIGKILL)
    first.wait(PATIENCE)
    slow.refresh_from_db()
    assert (slow.done_at, slow.tries) == (None, 1)
    assert (tasks.place(slow), tasks.place(behind)) == (0, 1)

    start()
    wait_for(lambda: not Task.objects.filter(repeats=False).open().exists())
    assert events("test-begun") == ["long", "long"]
    assert events("test-done") == ["behind", "long"]
    slow.refresh_from_db()
    assert (slow.tries, slow.failed) == (2, "")


def test_two_workers_do_each_task_once(start):
    now = timezone.now()
    for number in range(50):
        tasks.enqueue("test-count", f"{number:02}", at=now)
    workers = [start("--once"), start("--once")]
    outputs = [worker.communicate(timeout=PATIENCE)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert events("test-done") == [f"{number:02}" for number in range(50)]
    assert set(Task.objects.filter(repeats=False).values_list("tries", "failed")) == {(1, "")}
    text = "".join(outputs)
    assert len(re.findall(r"test-count #\d+: done in", text)) == 50
    assert len(re.findall(r"purge #\d+: done in", text)) == 1
    assert len(re.findall(r"partitions #\d+: done in", text)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_finishes_its_task_and_begins_no_other(start, number):
    now = timezone.now()
    tasks.enqueue("test-slow", "short", at=now)
    behind = tasks.enqueue("test-count", "behind", at=now)
    worker = start()
    wait_for(lambda: events("test-begun"))
    worker.send_signal(number)
    output, _ = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 0, output
    assert events("test-done") == ["short"]
    behind.refresh_from_db()
    assert behind.tries == 0


def test_a_worker_ends_with_the_process_it_stands_beside(start):
    beside = subprocess.Popen(["sleep", "60"])
    worker = start("--while", str(beside.pid))
    wait_for(lambda: Task.objects.filter(kind="purge", run_at__gt=timezone.now()).exists())
    assert worker.poll() is None
    beside.kill()
    beside.wait()
    assert worker.wait(PATIENCE) == 0


def test_an_idle_worker_stays_small_with_its_face_code(start):
    worker = start()
    wait_for(lambda: Task.objects.filter(run_at__gt=timezone.now()).count() == len(ROUND))
    status = Path(f"/proc/{worker.pid}/status")
    if not status.exists():
        pytest.skip("no /proc here")
    assert int(re.search(r"VmRSS:\s+(\d+) kB", status.read_text())[1]) < 300_000


def test_once_purges_and_keeps_partitions():
    now = timezone.now()
    OneTimeCode.objects.create(
        id="00000000-0000-4000-8000-000000000001",
        kind="phone",
        value="",
        sent_at=now - timedelta(days=2),
        expires_at=now,
    )
    far = partitions.day_of(now) + timedelta(days=partitions.DAYS_AHEAD)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {partitions.partition_name(far)}")
    call_command("work", "--once", stdout=io.StringIO())
    assert not OneTimeCode.objects.exists()
    assert partitions.exists(far)
    assert set(Task.objects.values_list("kind", "repeats", "failed")) == {(kind, True, "") for kind in ROUND}
