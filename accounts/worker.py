"""Runs tasks one after the other. In a process's main thread, because a signal stops a task that takes too long."""

import contextlib
import logging
import signal
import time
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from accounts import tasks
from accounts.models import Task

log = logging.getLogger(__name__)

DONE = "done"
SHARE_OF_LEASE = 0.9  # what is left is for writing down how it went


class TookTooLong(BaseException):
    """The task ran as long as its lease allows. No Exception: what forgives those must not swallow the only alarm."""


def run_next() -> bool:
    """Run the task whose turn it is; False when nothing is due.

    Whatever a task raises is written down and logged by its kind and place alone: messages may hold personal data.
    """
    task = tasks.take(timezone.now())
    if task is None:
        return False
    began = time.monotonic()
    said = _run(task)
    log.log(_level(task, said), "%s: %s in %.2f s", task, said, time.monotonic() - began)
    return True


def _level(task: Task, said: str) -> int:
    """Of the log's line: what comes round many times a minute and has gone well would drown the rest."""
    every = tasks.KINDS[task.kind].every if task.kind in tasks.KINDS else None
    return logging.DEBUG if said == DONE and every and every < timedelta(minutes=1) else logging.INFO


def _run(task: Task) -> str:
    """How it went, for the log."""
    kind = tasks.KINDS.get(task.kind)
    if task.tries > tasks.TRIES:  # the last try ended with its worker
        tasks.give_up(task, reason="worker-died", at=timezone.now())
        return "given up, its worker died"
    if kind is None:
        tasks.retry(task, reason="unknown-kind", at=timezone.now())
        return "no such kind"
    try:
        with stopped_after(kind.lease * SHARE_OF_LEASE):
            outcome = kind.function(task, timezone.now())
    except tasks.LeaseLost:
        return "lease lost"
    except tasks.Failed as failure:
        tasks.give_up(task, reason=failure.reason, at=timezone.now())
        return f"failed ({failure.reason})"
    except (Exception, TookTooLong) as error:
        tasks.retry(task, reason=type(error).__name__, at=timezone.now())
        return f"try {task.tries} of {tasks.TRIES} failed ({type(error).__name__} at {where(error)})"
    if outcome is tasks.Outcome.AGAIN:
        tasks.run_again(task, at=timezone.now())
        return "goes on"
    with contextlib.suppress(tasks.LeaseLost):  # the function has finished it, or it is another's
        tasks.finish(task, at=timezone.now())
    return DONE


def where(error: BaseException) -> str:
    """The last lines of code that an error came through, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)


@contextlib.contextmanager
def stopped_after(limit: timedelta) -> Iterator[None]:
    """Raises TookTooLong in the block when it runs longer: one task that hangs must not hold up all others."""

    def stop(signum, frame):
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit.total_seconds())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
