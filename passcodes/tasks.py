"""What the worker does for face checks, checks by a person, stale risk data and the national platform.

With `evaluate_faces` the only one to import face code.

Each task ends with its write, so it may be run again; one that has been overtaken (the check has ended, another photo
came) finishes quietly.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import Task
from accounts.tasks import Outcome, task
from declarations import identity
from passcodes import (
    appeals,
    approvals,
    document_checks,
    face_checks,
    face_results,
    faces,
    looks,
    national_questions,
    relations,
    sources,
)
from passcodes import dry_run_tasks as dry_run_tasks  # registers its own
from passcodes import notice_tasks as notice_tasks  # registers its own
from passcodes.findings import Aim, LiveFinding, LiveVerdict, PhotoFinding, parse_limits
from passcodes.models import FaceCheck, FaceImage, FaceImageKind, FaceTry, RiskSource
from passcodes.pictures import as_jpeg

log = logging.getLogger(__name__)

JPEG_QUALITY = 90  # of the face that the authority gets


@task("face-photo", lease=timedelta(seconds=20))
def look_at_photo(task: Task, at: datetime) -> None:
    """Whether the photo of a check will do."""
    check = _check(task)
    if check is None or check.task_id != task.pk:
        return
    limits = parse_limits(settings.FACE_LIMITS)
    image = check.images.filter(kind=FaceImageKind.PHOTO).first()
    if image is None:
        return
    try:
        finding = faces.look(faces.load(image.data), limits).finding
    except faces.PictureError as error:
        finding = error.finding
    face_results.record_photo(task=task, check=check, finding=finding, at=timezone.now())


@task("face-aim", lease=timedelta(seconds=10))
def look_at_aim(task: Task, at: datetime) -> None:
    """How the face lies in the camera's picture, for help with holding it."""
    check = _check(task)
    image = check and check.images.filter(kind=FaceImageKind.AIM).first()
    if image is None:
        return
    limits = parse_limits(settings.FACE_LIMITS)
    try:
        finding = faces.aim(faces.load(image.data, side=limits.frame_side), limits)
    except faces.PictureError:
        finding = Aim.NO_FACE
    face_results.record_aim(task=task, check=check, finding=finding, at=timezone.now())


@task("face-live", lease=timedelta(seconds=30))
def look_at_live(task: Task, at: datetime) -> None:
    """Whether one live person did as asked and is the one in the photo, and what the authority says to the face."""
    attempt = FaceTry.objects.select_related("check_of__pass_code__person").filter(pk=_subject(task)).first()
    if attempt is None or attempt.check_of.ended_at or attempt.check_of.task_id != task.pk:
        return
    check, limits = attempt.check_of, parse_limits(settings.FACE_LIMITS)
    pictures = list(check.images.filter(kind=FaceImageKind.FRAME).order_by("number"))
    photo = check.images.filter(kind=FaceImageKind.PHOTO).first()
    if photo is None or not pictures:
        return
    claim, authority = face_results.claim_of(check), None
    try:
        frames = [faces.Frame(faces.load(picture.data, side=limits.frame_side), picture.at) for picture in pictures]
    except faces.PictureError:
        verdict = LiveVerdict(LiveFinding.NOT_LIVE)
    else:
        attempt.look_hashes = [looks.look(frame.picture) for frame in frames]  # kept by record_live
        verdict = _judge(photo, frames, attempt, limits)
        if verdict.passed:
            authority = identity.check_face(
                kind=claim.document_kind,
                number=claim.document_number,
                name=claim.name,
                face=as_jpeg(frames[verdict.nearest].picture, JPEG_QUALITY),
            )
    face_results.record_live(
        task=task,
        attempt=attempt,
        verdict=verdict,
        authority=authority,
        claim=claim,
        threshold=limits.same,
        model=faces.MODEL,
        at=timezone.now(),
    )


@task("face-expire", every=timedelta(minutes=10))
def expire(task: Task, at: datetime) -> None:
    """Pictures of the day before go, whatever happened."""
    face_checks.expire(at)


@task("document-checks", every=timedelta(minutes=10))
def lapse_document_checks(task: Task, at: datetime) -> None:
    """Checks by a person that nobody decided within a day, and their photos; and checks whose relation has ended."""
    document_checks.lapse(at)
    relations.sweep(at)


@task("freshness", every=timedelta(minutes=10))
def announce_stale_data(task: Task, at: datetime) -> None:
    """Tell operators of sources beyond their limit, for as long as nobody is green because of them, and of those that
    have not begun to deliver, of whom people are green without what they know.

    And of a national platform that is to be asked and is not, as whoever declares anew stays neutral.
    """
    if sources.is_national_ended():
        log.error("The source of the national platform was ended: it is not asked, and new declarations stay neutral.")
    for source in RiskSource.objects.stale(at):
        log.error(
            "Risk data of %s are not up to date since %s: nobody's code is green.", source.slug, source.stale_from
        )
    for source in RiskSource.objects.silent(at):
        log.warning(
            "No risk data of %s have come to count since %s, when it was agreed to.", source.slug, source.agreed_at
        )


@task("unanswerable-appeals", every=timedelta(minutes=10))
def announce_unanswerable_appeals(task: Task, at: datetime) -> None:
    """Tell operators for as long as there are appeals that no office with officers may answer."""
    if count := appeals.all_unanswerable(at):
        log.error("%d appeals can be answered by no office that has officers: another office needs an officer.", count)


@task("undecided-batches", lease=timedelta(minutes=5), every=timedelta(days=1))
def refuse_undecided_batches(task: Task, at: datetime) -> Outcome | None:
    """Refuse lists that nobody has decided."""
    return Outcome.AGAIN if approvals.refuse_undecided(at) else None


@task("national", every=timedelta(seconds=3) if settings.NATIONAL_URL else None)
def ask_national_platform(task: Task, at: datetime) -> Outcome | None:
    """Ask about the people of new declarations. Comes round only where there is somebody to ask."""
    return Outcome.AGAIN if national_questions.ask_due(at) else None


def _judge(photo: FaceImage, frames: list[faces.Frame], attempt: FaceTry, limits) -> LiveVerdict:
    if looks.came_before(attempt.look_hashes, face_checks.earlier_tries(attempt, "look_hashes")):
        return LiveVerdict(LiveFinding.REPEATED)
    try:
        picture = faces.load(photo.data)
    except faces.PictureError:
        return LiveVerdict(LiveFinding.PHOTO, quality=PhotoFinding.UNCLEAR)
    return faces.judge_live(picture, frames, attempt.challenge, limits)


def _check(task: Task) -> FaceCheck | None:
    return FaceCheck.objects.open().filter(pk=_subject(task)).first()


def _subject(task: Task) -> int:
    """The id after the colon."""
    return int(task.subject.partition(":")[2])
