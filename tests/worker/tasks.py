"""Kinds of task whose runs are seen in audit rows."""

import time
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit, tasks
from accounts.models import Task


@tasks.task("test-count")
def count(task: Task, at: datetime) -> None:
    with transaction.atomic():
        audit.record(by=None, action="test-done", subject=task.subject, at=at)
        tasks.finish(task, at=at)


@tasks.task("test-slow", lease=timedelta(seconds=6))
def slow(task: Task, at: datetime) -> None:
    """Slow at its first run only."""
    audit.record(by=None, action="test-begun", subject=task.subject, at=at)
    if task.tries == 1:
        time.sleep(1.5 if task.subject == "short" else 60)
    count(task, at)
