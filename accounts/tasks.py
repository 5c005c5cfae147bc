"""Work for `manage.py work`: kinds of task that apps register, and the life of a task's row.

A task is taken by one conditional UPDATE, for as long as its kind's lease; taken up again when a worker died and the
lease has ended; tried again later when it failed. So it may run more than once: a function either bears that, or ends
with `finish` in the transaction of its last write. A lease's end also tells the worker that took it from any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db.models import F, Q

from accounts.models import Task

LEASE = timedelta(minutes=1)
BACK_OFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
TRIES = len(BACK_OFF) + 1


class Failed(Exception):
    """Raised by a task that need not be tried again; `reason` is a code of at most 40 letters."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class LeaseLost(Exception):
    """The task took longer than its lease: another worker may have it, so nothing may be written for it."""


class Outcome(Enum):
    """What a task's function may return; None means done."""

    AGAIN = "again"  # there is more to do: once more, behind everybody who waits by now


Function = Callable[[Task, datetime], Outcome | None]


@dataclass(frozen=True)
class Kind:
    """What a worker knows of one kind of task."""

    function: Function
    lease: timedelta = LEASE  # a run is stopped shortly before it ends
    every: timedelta | None = None  # for those that come round by themselves


KINDS: dict[str, Kind] = {}


def task(name: str, *, lease: timedelta = LEASE, every: timedelta | None = None) -> Callable[[Function], Function]:
    """Register a function of an app's `tasks.py`, called with the task and the time; with `every`, it comes round."""

    def register(function: Function) -> Function:
        if name in KINDS:
            raise ValueError(f"Two tasks are named {name}.")
        KINDS[name] = Kind(function, lease, every)
        return function

    return register


def enqueue(kind: str, subject: str, *, at: datetime, run_at: datetime | None = None) -> Task:
    """A new task, not run before `run_at` (None = as soon as possible). `subject` names ids, never personal data.

    Inside a transaction it comes to be with the transaction.
    """
    return Task.objects.create(kind=kind, subject=subject, run_at=run_at or at)


def place(task: Task, *, kinds: Sequence[str] = ()) -> int:
    """How many tasks stand before this one; 0 when it is the next, runs or has been done.

    With `kinds`, how many other subjects have such a task before it: people who wait, not the work that is done.
    """
    if task.done_at:
        return 0
    before = Task.objects.open().filter(Q(run_at__lt=task.run_at) | Q(run_at=task.run_at, id__lt=task.pk))
    if not kinds:
        return before.count()
    return before.filter(kind__in=kinds).exclude(subject=task.subject).values("subject").distinct().count()


def schedule(at: datetime) -> None:
    """Have a row for every kind that comes round; one that is new is due at once."""
    rows = [Task(kind=name, repeats=True, run_at=at) for name, kind in KINDS.items() if kind.every]
    Task.objects.bulk_create(rows, ignore_conflicts=True)


def take(at: datetime) -> Task | None:
    """The task whose turn it is, ours until its `taken_until`; None when nothing is due."""
    while first := Task.objects.due(at).in_order().first():
        until = at + (KINDS[first.kind].lease if first.kind in KINDS else LEASE)
        if Task.objects.due(at).filter(pk=first.pk).update(taken_until=until, tries=F("tries") + 1):
            return Task.objects.get(pk=first.pk)
    return None


def finish(task: Task, *, at: datetime) -> None:
    """The task is done. Call it in the transaction of the task's last write, and the two happen together or not at all.

    Raises LeaseLost, which rolls that transaction back.
    """
    if not _settle(task, **_after(task, at), failed=""):
        raise LeaseLost


def run_again(task: Task, *, at: datetime) -> None:
    """There is more to do: the task goes behind everybody who waits."""
    _settle(task, run_at=at, tries=0, failed="")


def retry(task: Task, *, reason: str, at: datetime) -> None:
    """The task failed: once more after a while, or no more when it has been tried often enough."""
    if task.tries >= TRIES:
        give_up(task, reason=reason, at=at)
    else:
        _settle(task, run_at=at + BACK_OFF[task.tries - 1], failed=reason[:40])


def give_up(task: Task, *, reason: str, at: datetime) -> None:
    """The task has failed for good; one that comes round starts afresh at its next time."""
    _settle(task, **_after(task, at), failed=reason[:40])


def _after(task: Task, at: datetime) -> dict:
    """What ends a task, or sets the next time of one that comes round."""
    kind = KINDS.get(task.kind)
    if task.repeats and kind and kind.every:
        return {"run_at": at + kind.every, "tries": 0}
    return {"done_at": at}


def _settle(task: Task, **values) -> bool:
    """Write how it went and let go of the task, unless it is no longer ours."""
    ours = Task.objects.open().filter(pk=task.pk, taken_until=task.taken_until)
    return bool(ours.update(taken_until=None, **values))
