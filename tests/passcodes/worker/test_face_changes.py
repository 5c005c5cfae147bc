"""What changes while a face check waits for the worker: nothing is proven but what was looked at."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tasks
from accounts.models import AuditEntry, Task
from declarations import proxies
from declarations.models import Assurance, Person
from passcodes import face_checks, face_results
from passcodes.findings import Movement
from passcodes.models import FaceCheck, FaceCheckState, FaceTry
from tests import factories
from tests.passcodes.worker.face_steps import (
    begin,
    images,
    judge,
    photo,
    put_photo,
    wait_for_worker,
    work,
)

pytestmark = pytest.mark.django_db

L, R = Movement.LEFT, Movement.RIGHT
LRL = (L, R, L)
State = FaceCheckState


def test_relation_that_ended_meanwhile_is_not_proven(check, son, proxy):
    """Nor is the account's own unproven person: it is another one's face."""
    own = factories.person(holder=son, assurance=Assurance.DECLARED)
    attempt = wait_for_worker(check)
    proxies.end_proxy(proxy=proxy, by=son, at=timezone.now())
    judge(attempt)
    check.refresh_from_db()
    own.refresh_from_db()
    assert (check.state, images(check), own.assurance) == (State.ENDED, [], Assurance.DECLARED)
    assert Person.objects.filter(assurance__gt=Assurance.DECLARED).count() == 0


def test_own_check_proves_no_later_person_of_the_account(son):
    person = factories.person(holder=son, assurance=Assurance.DECLARED)
    check = put_photo(begin(account=son, person=person))
    attempt = wait_for_worker(check)
    Person.objects.filter(pk=person.pk).update(holder=None)
    later = factories.person(holder=son, number=factories.DOCUMENTS[2], assurance=Assurance.DECLARED)
    judge(attempt)
    check.refresh_from_db()
    later.refresh_from_db()
    assert (check.state, later.assurance) == (State.ENDED, Assurance.DECLARED)


def test_name_changed_while_the_authority_was_asked_is_not_proven(check, proxy):
    attempt, claim = wait_for_worker(check), face_results.claim_of(check)
    person = proxy.person
    person.name = "王五"
    person.save()
    judge(attempt, claim=claim)
    proxy.refresh_from_db()
    assert (proxy.is_acting, proxy.person.assurance) == (True, Assurance.DECLARED)


def test_check_withdrawn_meanwhile_ends_quietly(check, son):
    attempt = wait_for_worker(check)
    face_checks.withdraw(check=check, by=son, at=timezone.now())
    assert images(check) == []
    work()
    attempt.refresh_from_db()
    check.refresh_from_db()
    assert (check.state, attempt.finding, attempt.distance) == (State.ENDED, "", None)
    assert set(Task.objects.filter(kind="face-live").values_list("failed", "tries")) == {("", 1)}
    assert AuditEntry.objects.filter(action="withdraw-face-check").count() == 1


def test_task_that_failed_for_good_leads_one_step_back(check):
    attempt = wait_for_worker(check)
    check.refresh_from_db()
    assert face_checks.recover(check=check, at=timezone.now()).state == State.LIVE_CHECK
    tasks.give_up(tasks.take(timezone.now()), reason="test", at=timezone.now())
    check = face_checks.recover(check=FaceCheck.objects.get(pk=check.pk), at=timezone.now())
    assert (check.state, images(check)) == (State.READY, ["photo"])
    attempt.refresh_from_db()
    assert attempt.ended_at is not None
    judge(wait_for_worker(check))
    assert FaceCheck.objects.get(pk=check.pk).state == State.PASSED


def test_photo_whose_task_failed_for_good_is_deleted(son, proxy):
    check = begin(account=son, person=proxy.person)
    face_checks.put_photo(check=check, data=photo(), at=timezone.now())
    tasks.give_up(tasks.take(timezone.now()), reason="test", at=timezone.now())
    check = face_checks.recover(check=FaceCheck.objects.get(pk=check.pk), at=timezone.now())
    assert (check.state, images(check)) == (State.PHOTO, [])


def test_lost_lease_writes_nothing(check):
    attempt = wait_for_worker(check)
    task = tasks.take(timezone.now())
    Task.objects.filter(pk=task.pk).update(taken_until=timezone.now() + timedelta(minutes=5))
    with pytest.raises(tasks.LeaseLost):
        tasks.KINDS["face-live"].function(task, timezone.now())
    assert FaceTry.objects.get(pk=attempt.pk).finding == ""
    assert len(images(check)) == 8
