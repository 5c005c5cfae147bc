"""Face checks and worker processes: many at once, and one that is killed in the middle."""

import pytest
from django.utils import timezone

from accounts import tasks, worker
from accounts.models import Task
from declarations.models import Assurance
from passcodes import face_checks
from passcodes.models import FaceCheck, FaceCheckState, FaceTry
from tests import factories
from tests.accounts.test_work import start, wait_for  # noqa: F401 - a fixture
from tests.passcodes.worker.face_steps import answer, ask, begin, frames, photo, put_photo, wait_for_worker

LRL = ("left", "right", "left")


def new_check(number: int, data: bytes | None = None) -> FaceCheck:
    """Somebody's check for a relative, with a photo that is good."""
    account = factories.account(phone=f"+86138{number:08}")
    proxy = factories.relative(account=account, acting=False, assurance=Assurance.DECLARED)
    return put_photo(begin(account=account, person=proxy.person), data)


@pytest.mark.django_db
def test_twenty_at_once_each_get_their_result_in_order():
    checks = [new_check(number) for number in range(20)]
    attempts = [wait_for_worker(check) for check in checks]
    waiting = [FaceCheck.objects.get(pk=check.pk).task for check in checks]
    assert [tasks.place(task) for task in waiting] == list(range(20))
    for done in range(1, 21):
        assert worker.run_next()
        for task in waiting:
            task.refresh_from_db()
        assert [tasks.place(task) for task in waiting] == [max(number - done, 0) for number in range(20)]
        assert FaceTry.objects.exclude(ended_at=None).count() == done
    for attempt in attempts:
        attempt.refresh_from_db()
    assert [attempt.finding for attempt in attempts] == ["lost"] * 20
    assert sorted(attempts, key=lambda attempt: attempt.ended_at) == attempts
    assert set(FaceCheck.objects.values_list("state", "task")) == {(FaceCheckState.READY, None)}
    assert set(Task.objects.values_list("failed", "tries")) == {("", 1)}


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_nobody_loses_their_place(start):  # noqa: F811
    checks = [new_check(number) for number in range(3)]
    answer(checks[0], first := ask(checks[0], LRL), frames(LRL))
    second = wait_for_worker(checks[1])
    face_checks.put_photo(check=checks[2], data=photo(), at=timezone.now())
    waiting = [FaceCheck.objects.get(pk=check.pk).task for check in checks]

    killed = start()
    wait_for(lambda: Task.objects.filter(pk=waiting[0].pk).exclude(taken_until=None).exists())
    killed.kill()
    killed.wait()
    assert [tasks.place(Task.objects.get(pk=task.pk)) for task in waiting] == [0, 1, 2]
    assert FaceTry.objects.exclude(ended_at=None).count() == 0
    Task.objects.filter(pk=waiting[0].pk).update(taken_until=timezone.now())  # half a minute later

    start("--once").communicate(timeout=60)
    for attempt in (first, second):
        attempt.refresh_from_db()
    assert (first.finding, second.finding) == ("passed", "lost")
    assert first.ended_at < second.ended_at
    assert [check.state for check in FaceCheck.objects.order_by("pk")] == ["passed", "ready", "ready"]
    assert [Task.objects.get(pk=task.pk).tries for task in waiting] == [2, 1, 1]
