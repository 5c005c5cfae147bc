"""The life of a task: its turn, its lease, its tries."""

import logging
import time
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import tasks, worker
from accounts.models import Task

SECOND = timedelta(seconds=1)


@pytest.fixture
def kinds(monkeypatch):
    """Kinds of this test only."""
    monkeypatch.setattr(tasks, "KINDS", {})
    return tasks.task


@pytest.fixture
def now():
    return timezone.now()


@pytest.mark.django_db
def test_first_come_is_first_served(now):
    second = tasks.enqueue("x", "pass:2", at=now)
    first = tasks.enqueue("x", "pass:1", at=now - SECOND)
    third = tasks.enqueue("x", "pass:3", at=now)
    later = tasks.enqueue("x", "pass:4", at=now, run_at=now + SECOND)
    assert [tasks.place(task) for task in (first, second, third, later)] == [0, 1, 2, 3]
    assert [tasks.take(now).pk for _ in range(3)] == [first.pk, second.pk, third.pk]
    assert tasks.take(now) is None
    assert tasks.take(now + SECOND).pk == later.pk


@pytest.mark.django_db
def test_a_place_moves_up_when_a_task_is_done_not_when_it_is_taken(now):
    tasks.enqueue("x", "", at=now - SECOND)
    ours = tasks.enqueue("x", "", at=now)
    taken = tasks.take(now)
    assert tasks.place(ours) == 1
    tasks.finish(taken, at=now)
    assert tasks.place(ours) == 0


@pytest.mark.django_db
def test_a_place_among_kinds_counts_other_subjects_once(now):
    for kind, subject in [("photo", "a:1"), ("photo", "a:1"), ("live", "b:1"), ("aim", "a:2"), ("photo", "a:9")]:
        tasks.enqueue(kind, subject, at=now - SECOND)
    ours = tasks.enqueue("photo", "a:9", at=now)
    assert (tasks.place(ours), tasks.place(ours, kinds=("photo", "live"))) == (5, 2)


@pytest.mark.django_db
def test_taking_asks_three_questions(now, django_assert_num_queries):
    tasks.enqueue("x", "", at=now)
    with django_assert_num_queries(3):
        tasks.take(now)
    with django_assert_num_queries(1):
        tasks.take(now)


@pytest.mark.django_db
def test_a_task_is_taken_up_again_when_its_lease_has_ended(kinds, now):
    kinds("x", lease=timedelta(minutes=2))(lambda task, at: None)
    tasks.enqueue("x", "", at=now)
    first = tasks.take(now)
    assert tasks.take(now + timedelta(minutes=2) - SECOND) is None
    second = tasks.take(now + timedelta(minutes=2))
    assert (second.pk, second.tries) == (first.pk, 2)
    with pytest.raises(tasks.LeaseLost):
        tasks.finish(first, at=now)
    tasks.retry(first, reason="late", at=now)
    assert Task.objects.get().taken_until == second.taken_until
    tasks.finish(second, at=now)
    assert Task.objects.get().done_at == now


@pytest.mark.django_db
def test_a_lost_lease_undoes_the_last_write(now):
    tasks.enqueue("x", "", at=now)
    task = tasks.take(now)
    Task.objects.update(taken_until=now + timedelta(hours=1))
    with pytest.raises(tasks.LeaseLost), transaction.atomic():
        tasks.enqueue("y", "", at=now)
        tasks.finish(task, at=now)
    assert list(Task.objects.values_list("kind", flat=True)) == ["x"]


@pytest.mark.django_db
def test_a_failing_task_is_tried_five_times_ever_later(kinds, now, time_machine, caplog):
    @kinds("x")
    def fail(task, at):
        raise RuntimeError("张三丰 210102199001010015")

    time_machine.move_to(now, tick=False)
    tasks.enqueue("x", "", at=now)
    for wait in (*tasks.BACK_OFF, None):
        assert worker.run_next()
        assert not worker.run_next()
        task = Task.objects.get()
        assert task.failed == "RuntimeError"
        if wait:
            assert (task.done_at, task.run_at) == (None, timezone.now() + wait)
            time_machine.shift(wait)
    assert (task.tries, task.done_at) == (5, timezone.now())
    assert "try 1 of 5 failed (RuntimeError at " in caplog.text
    assert "test_tasks.py:" in caplog.text
    assert "张三丰" not in caplog.text


@pytest.mark.django_db
def test_a_task_that_kills_its_worker_each_time_is_given_up(kinds, now):
    kinds("x")(lambda task, at: pytest.fail("run again"))
    Task.objects.create(kind="x", run_at=now - SECOND, taken_until=now, tries=tasks.TRIES)
    assert worker.run_next()
    task = Task.objects.get()
    assert (task.failed, task.done_at is not None) == ("worker-died", True)


@pytest.mark.django_db
def test_a_task_may_fail_at_once(kinds, now):
    @kinds("x")
    def fail(task, at):
        raise tasks.Failed("no-face")

    tasks.enqueue("x", "", at=now)
    assert worker.run_next()
    task = Task.objects.get()
    assert (task.failed, task.done_at is not None) == ("no-face", True)


@pytest.mark.django_db
def test_a_task_of_an_unknown_kind_waits_for_a_newer_worker(kinds, now):
    tasks.enqueue("x", "", at=now)
    assert worker.run_next()
    task = Task.objects.get()
    assert (task.failed, task.done_at, task.run_at > now) == ("unknown-kind", None, True)


@pytest.mark.django_db
def test_a_task_that_takes_too_long_is_stopped(kinds, now):
    @kinds("x", lease=timedelta(seconds=0.2))
    def hang(task, at):
        while True:
            pass

    tasks.enqueue("x", "", at=now)
    assert worker.run_next()
    task = Task.objects.get()
    assert (task.failed, task.done_at) == ("TookTooLong", None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("robust", [True, False])
def test_a_task_that_hangs_after_its_commit_is_stopped_too(kinds, now, robust):
    @kinds("x", lease=timedelta(seconds=0.1))
    def write(task, at):
        with transaction.atomic():
            transaction.on_commit(lambda: time.sleep(1), robust=robust)

    tasks.enqueue("x", "", at=now)
    began = time.monotonic()
    assert worker.run_next()
    assert time.monotonic() - began < 0.9
    task = Task.objects.get()
    assert (task.failed, task.done_at) == ("TookTooLong", None)


@pytest.mark.django_db
def test_a_long_task_goes_on_behind_those_who_wait(kinds, now):
    done = []

    @kinds("export")
    def export(task, at):
        done.append("export")
        return tasks.Outcome.AGAIN if len(done) < 3 else None

    @kinds("face")
    def face(task, at):
        done.append("face")

    tasks.enqueue("export", "", at=now - SECOND)
    tasks.enqueue("face", "", at=now)
    while worker.run_next():
        pass
    assert done == ["export", "face", "export"]
    assert not Task.objects.open().exists()


@pytest.mark.django_db
def test_what_comes_round_has_one_row_and_comes_round(kinds, now, time_machine):
    time_machine.move_to(now, tick=False)
    ran = []
    kinds("daily", every=timedelta(days=1))(lambda task, at: ran.append(at))
    for _ in range(2):
        tasks.schedule(now)
    assert worker.run_next()
    assert not worker.run_next()
    time_machine.shift(timedelta(days=1))
    tasks.schedule(timezone.now())
    assert worker.run_next()
    assert not worker.run_next()
    assert ran == [now, now + timedelta(days=1)]
    assert Task.objects.count() == 1


@pytest.mark.django_db
def test_what_comes_round_comes_round_after_failing(kinds, now, time_machine):
    @kinds("daily", every=timedelta(days=1))
    def fail(task, at):
        raise tasks.Failed("broken")

    time_machine.move_to(now, tick=False)
    tasks.schedule(now)
    assert worker.run_next()
    task = Task.objects.get()
    assert (task.failed, task.done_at, task.run_at, task.tries) == ("broken", None, now + timedelta(days=1), 0)


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "level"), [(3, "DEBUG"), (59, "DEBUG"), (60, "INFO"), (None, "INFO")])
def test_what_comes_round_many_times_a_minute_is_not_logged(kinds, now, caplog, seconds, level):
    kinds("x", every=seconds and timedelta(seconds=seconds))(lambda task, at: None)
    Task.objects.create(kind="x", repeats=bool(seconds), run_at=now)
    with caplog.at_level(logging.DEBUG, logger="accounts.worker"):
        assert worker.run_next()
    assert [(entry.levelname, "done" in entry.getMessage()) for entry in caplog.records] == [(level, True)]


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", [tasks.Outcome.AGAIN, tasks.Failed("broken")])
def test_what_comes_round_and_did_something_or_failed_is_logged(kinds, now, caplog, outcome):
    @kinds("x", every=timedelta(seconds=3))
    def run(task, at):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    Task.objects.create(kind="x", repeats=True, run_at=now)
    with caplog.at_level(logging.INFO, logger="accounts.worker"):
        assert worker.run_next()
    assert len(caplog.records) == 1


@pytest.mark.django_db
def test_one_kind_cannot_come_round_twice(now):
    Task.objects.create(kind="x", repeats=True, run_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.create(kind="x", repeats=True, run_at=now)
    Task.objects.create(kind="x", run_at=now)


def test_two_functions_cannot_have_one_name(kinds):
    kinds("x")(lambda task, at: None)
    with pytest.raises(ValueError, match="named x"):
        kinds("x")(lambda task, at: None)
