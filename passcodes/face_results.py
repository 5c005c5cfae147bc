"""What the worker found of face checks, and what follows from it: each write in one transaction with its task's end."""

from datetime import datetime

from django.db import transaction

from accounts import tasks
from accounts.models import Task
from declarations import actions as declarations
from declarations import proxies
from declarations.identity import Result
from declarations.models import Assurance, Person
from declarations.questions import Claim
from passcodes import face_checks
from passcodes.findings import LiveFinding, LiveVerdict, PhotoFinding, PictureFinding
from passcodes.models import FaceCheck, FaceCheckState, FaceImageKind, FaceTry


def record_photo(*, task: Task, check: FaceCheck, finding: PictureFinding | PhotoFinding, at: datetime) -> None:
    """What the photo shows. One that is not good is deleted. Raises tasks.LeaseLost."""
    with transaction.atomic():
        check = face_checks.locked(check, raising=False)
        if check.task_id == task.pk and check.ended_at is None:
            check.photo_finding = finding
            is_fine = finding == PhotoFinding.FINE
            if not is_fine:
                check.images.filter(kind=FaceImageKind.PHOTO).delete()
            face_checks.go_to(check, FaceCheckState.READY if is_fine else FaceCheckState.PHOTO)
        tasks.finish(task, at=at)


def record_aim(*, task: Task, check: FaceCheck, finding: str, at: datetime) -> None:
    """How the face lies in the camera's picture, which is deleted. Raises tasks.LeaseLost."""
    with transaction.atomic():
        check = face_checks.locked(check, raising=False)  # first, as everywhere: nobody waits crosswise
        check.images.filter(kind=FaceImageKind.AIM).delete()
        if check.ended_at is None:
            check.aim_finding = finding
            check.save(update_fields=["aim_finding"])
        tasks.finish(task, at=at)


def record_live(
    *,
    task: Task,
    attempt: FaceTry,
    verdict: LiveVerdict,
    authority: Result | None,
    claim: Claim,
    threshold: float,
    model: str,
    at: datetime,
) -> None:
    """What came of a try, and what follows from it. Raises tasks.LeaseLost.

    `authority`: what it said to the face of `claim`, None where it was not asked. Its yes proves who the person is, as
    long as they are still said to be the same; where it cannot tell, the code may be shown but stays neutral; its no is
    a failure.
    """
    with transaction.atomic():
        check = face_checks.locked(attempt.check_of, raising=False)
        if check.task_id == task.pk and check.ended_at is None:
            attempt.finding, attempt.quality = verdict.finding, verdict.quality or ""
            attempt.distance, attempt.threshold, attempt.model = verdict.distance, threshold, model
            attempt.authority = authority.value if authority else ""
            attempt.ended_at = at
            attempt.save()
            check.images.filter(kind=FaceImageKind.FRAME).delete()
            if verdict.passed and authority is not Result.NO_MATCH:
                _pass(check, authority if _claim_now(check) == claim else None, at)
            else:
                _fail(check, verdict)
        tasks.finish(task, at=at)


def _pass(check: FaceCheck, authority: Result | None, at: datetime) -> None:
    proxy = face_checks.proxy_of(check)
    state = FaceCheckState.PASSED
    try:
        if face_checks.barred_until(account=check.account, person=check.pass_code.person, at=at):
            state = FaceCheckState.ENDED  # somebody ended the relation meanwhile, and it was begun anew
        elif proxy and proxy.awaits_consent:
            state = FaceCheckState.ENDED  # nothing a face could add: somebody has to agree
        elif proxy and authority is Result.MATCH:
            proxies.prove(proxy=proxy, assurance=Assurance.FACE, by=check.account, at=at)
        elif proxy:
            proxies.show_live(proxy=proxy, by=check.account, at=at)
        elif not _is_own(check):
            state = FaceCheckState.ENDED
        elif authority is Result.MATCH:
            declarations.prove_own(account=check.account, assurance=Assurance.FACE, by=check.account, at=at)
    except (proxies.NotActing, declarations.NobodyYet, declarations.HeldElsewhere):
        state = FaceCheckState.ENDED  # the relation has been ended in the meantime, or the document is another's
    face_checks.end(check, state, at)


def _fail(check: FaceCheck, verdict: LiveVerdict) -> None:
    """Another try follows, with another photo where the photo is at fault."""
    at_fault = verdict.finding in (LiveFinding.PHOTO, LiveFinding.COPIED)
    if at_fault:
        check.images.filter(kind=FaceImageKind.PHOTO).delete()
    face_checks.go_to(check, FaceCheckState.PHOTO if at_fault else FaceCheckState.READY)


def claim_of(check: FaceCheck) -> Claim:
    """Who the person of the check is said to be."""
    return declarations.claim_of(Person.objects.get(pk=check.pass_code.person_id))


def _claim_now(check: FaceCheck) -> Claim:
    """The same, until the transaction ends: everybody of the document is locked, in the order of all who do that."""
    document = Person.objects.filter(pk=check.pass_code.person_id).values("document_hash")
    people = Person.objects.select_for_update(no_key=True).filter(document_hash__in=document).order_by("pk")
    return declarations.claim_of(next(person for person in people if person.pk == check.pass_code.person_id))


def _is_own(check: FaceCheck) -> bool:
    """Whether the check is for the person whom the account itself holds, still."""
    return Person.objects.held_by(check.account).filter(pk=check.pass_code.person_id).exists()
