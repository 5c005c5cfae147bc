"""Writes of face checks, for the web; those of the worker are in `face_results.py`, its computing in `faces.py`.

A check begins with consent and a photo, goes on with tries, each of its own challenge, and ends when one passes, when
it is withdrawn, or after a day. Live pictures go with their try, the photo with the check.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import audit, limits, tasks
from accounts.models import Account, Task
from declarations.models import Assurance, Person, Proxy
from healthpass.lib.encryption import keyed_hash
from passcodes import pictures
from passcodes.findings import DEFAULT_LIMITS, LiveFinding, PictureFinding, challenges
from passcodes.models import FaceCheck, FaceCheckState, FaceImage, FaceImageKind, FaceLink, FaceTry, PassCode

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TRIES_AN_HOUR = 5  # of a pass, and of an account
TRIES_A_DAY = 10
PHOTOS_AN_HOUR = 40
HEICS_AN_HOUR = 10  # the page sends JPEGs; each of these takes the worker seconds
AIMS_A_MINUTE = 60  # the page sends fewer
LINKS_AN_HOUR = 5
LINK_LIFE = timedelta(minutes=30)
CHALLENGE_LIFE = timedelta(seconds=DEFAULT_LIMITS.seconds)
CLOCK = 1.0  # seconds that a browser's clock may run ahead within one challenge
FRAME_BYTES = 100_000  # of a JPEG of 320 pixels: five times what they have
FRAME_PIXELS = 640 * 640
FRAME_LIMITS = replace(
    DEFAULT_LIMITS,
    bytes=FRAME_BYTES,
    pixels=FRAME_PIXELS,
    pixels_whole=FRAME_PIXELS,
    pixels_webp=FRAME_PIXELS,
    pixels_heic=0,
)
PICTURES_KEPT = timedelta(hours=23, minutes=30)  # and looked for every ten minutes, so never longer than a day
HASHES_KEPT = timedelta(days=30)
EARLIER_TRIES = 200  # whose pictures may not come again
BARRED = timedelta(days=30)  # from a relation's end by somebody else on


class NotNow(Exception):
    """The check is at another step, or has ended: the page shows where it stands."""


class Barred(NotNow):
    """A face does not count until `until`: somebody has ended the account's relation to the person."""

    def __init__(self, until: datetime):
        super().__init__(until)
        self.until = until


class Refused(Exception):
    """The pictures are not taken; `finding` says why, its label in words."""

    def __init__(self, finding: PictureFinding | LiveFinding):
        super().__init__(finding.value)
        self.finding = finding


class LinkDead(Exception):
    """The link has been used, is too old, or never was."""


def begin(*, pass_code: PassCode, account: Account, by: Account | None, at: datetime) -> FaceCheck:
    """The open check of this account for this pass; a new one with its audit row, since consent has been given.

    Raises Barred.
    """
    _refuse_barred(account, pass_code.person, at)
    with transaction.atomic():
        check, created = FaceCheck.objects.open().get_or_create(
            pass_code=pass_code, account=account, defaults={"consented_at": at}
        )
        if created:
            audit.record(
                by=by, action="begin-face-check", subject=f"person:{pass_code.person_id}", at=at, face_check=check.pk
            )
    return check


def barred_until(*, account: Account, person: Person, at: datetime) -> datetime | None:
    """Until when this account cannot prove this document by a face, since somebody else ended its relation to it.

    An officer, a desk or the person may confirm it all the same: that lifts it. None where nothing stands against it.
    """
    related = Proxy.objects.of_account(account).concerning(person)
    ends = related.exclude(ended_by=None).exclude(ended_by=account).filter(ended_at__gt=at - BARRED)
    end = ends.order_by("-ended_at").values_list("ended_at", flat=True).first()
    if end is None:
        return None
    confirmed = related.exclude(confirmed_by=None).exclude(confirmed_by=account)
    return None if confirmed.filter(confirmed_at__gte=end).exists() else end + BARRED


def _refuse_barred(account: Account, person: Person, at: datetime) -> None:
    until = barred_until(account=account, person=person, at=at)
    if until:
        raise Barred(until)


def is_due(*, account: Account, person_id: int) -> bool:
    """Whether an account has still to show its face once before its own first code (FACE_CHECK_FOR_SELF)."""
    if not settings.FACE_CHECK_FOR_SELF:
        return False
    checks = FaceCheck.objects.filter(account=account, pass_code__person=person_id, state=FaceCheckState.PASSED)
    seen = Person.objects.filter(pk=person_id, assurance=Assurance.OFFICER)
    return not (seen.exists() or checks.exists())


def put_photo(*, check: FaceCheck, data: bytes, at: datetime) -> None:
    """Have a photo looked at; it replaces an earlier one. Raises Refused, NotNow and limits.LimitReached."""
    limits.take("face-photo", str(check.account_id), limit=PHOTOS_AN_HOUR, per=HOUR, at=at)
    if pictures.is_heic(data):
        limits.take("face-heic", str(check.account_id), limit=HEICS_AN_HOUR, per=HOUR, at=at)
    try:
        pictures.inspect(data)
    except pictures.PictureError as error:
        raise Refused(error.finding) from error
    with transaction.atomic():
        check = locked(check)
        if check.state == FaceCheckState.LIVE_CHECK:
            raise NotNow
        check.images.filter(kind=FaceImageKind.PHOTO).delete()
        FaceImage.objects.create(check_of=check, kind=FaceImageKind.PHOTO, data=data, created_at=at)
        subject = f"face_check:{check.pk}"
        # The earlier photo's task has nothing to do any more: it may not stand before anybody.
        Task.objects.open().filter(kind="face-photo", subject=subject, taken_until=None).update(done_at=at)
        _wait(check, FaceCheckState.PHOTO_CHECK, "face-photo", subject, at)


def put_aim(*, check: FaceCheck, data: bytes, at: datetime) -> None:
    """Have one small picture looked at, to help with holding the camera; none while another waits.

    Raises Refused, NotNow and limits.LimitReached.
    """
    limits.take("face-aim", str(check.account_id), limit=AIMS_A_MINUTE, per=timedelta(minutes=1), at=at)
    _check_frame(data)
    with transaction.atomic():
        check = locked(check)
        subject = f"face_check:{check.pk}"
        has_camera = check.state in (FaceCheckState.READY, FaceCheckState.LIVE)  # the latter where a challenge was left
        if not has_camera or Task.objects.open().filter(kind="face-aim", subject=subject).exists():
            return
        check.images.filter(kind=FaceImageKind.AIM).delete()
        FaceImage.objects.create(check_of=check, kind=FaceImageKind.AIM, data=data, created_at=at)
        tasks.enqueue("face-aim", subject, at=at)
        check.aim_finding = ""  # until this picture has been looked at
        check.save(update_fields=["aim_finding"])


def issue_challenge(*, check: FaceCheck, at: datetime) -> FaceTry:
    """A try with movements in random order, to be answered within CHALLENGE_LIFE. Counts, whatever comes of it.

    Raises NotNow, Barred and limits.LimitReached.
    """
    with transaction.atomic():
        check = locked(check)
        _refuse_barred(check.account, check.pass_code.person, at)
        if check.state not in (FaceCheckState.READY, FaceCheckState.LIVE):
            raise NotNow
        _take_try(check, at)
        _drop_unanswered(check, at)
        check.state = FaceCheckState.LIVE
        check.save(update_fields=["state"])
        return FaceTry.objects.create(
            check_of=check, key=secrets.token_hex(16), challenge=secrets.choice(challenges()), challenged_at=at
        )


def answer(*, check: FaceCheck, key: str, frames: Sequence[tuple[bytes, float]], at: datetime) -> None:
    """Have live pictures looked at, each with its seconds after the challenge. A challenge is answered once.

    Raises Refused, which ends the try, and NotNow.
    """
    with transaction.atomic():
        check = locked(check)
        attempt = check.tries.filter(key=key).first()
        if attempt is None or attempt.answered_at or attempt.ended_at or check.state != FaceCheckState.LIVE:
            raise NotNow
        attempt.answered_at = at
        finding = _refusal(attempt, frames, at)
        if finding:
            _end_try(attempt, finding, at)
            check.state = FaceCheckState.READY
            check.save(update_fields=["state"])
        else:
            attempt.frame_hashes = [_frame_hash(data) for data, _seconds in frames]
            attempt.save()
            FaceImage.objects.bulk_create(
                FaceImage(check_of=check, kind=FaceImageKind.FRAME, number=number, at=seconds, data=data, created_at=at)
                for number, (data, seconds) in enumerate(frames)
            )
            _wait(check, FaceCheckState.LIVE_CHECK, "face-live", f"face_try:{attempt.pk}", at)
    if finding:
        raise Refused(finding)


def next_try(*, check: FaceCheck, at: datetime) -> datetime | None:
    """When a challenge may be asked for again; None where it may be now."""
    ends = [limits.reached(**count, limit=most, at=at) for count, most in _counts(check)]
    return max((end for end in ends if end), default=None)


def withdraw(*, check: FaceCheck, by: Account | None, at: datetime) -> None:
    """End the check, with its pictures, at whatever step."""
    with transaction.atomic():
        check = locked(check, raising=False)
        if check.ended_at is None:
            audit.record(
                by=by,
                action="withdraw-face-check",
                subject=f"person:{check.pass_code.person_id}",
                at=at,
                face_check=check.pk,
            )
            end(check, FaceCheckState.ENDED, at)


def recover(*, check: FaceCheck, at: datetime) -> FaceCheck:
    """The check as it stands; one step back when its task has failed for good, so that nobody waits for nothing."""
    if not _is_stuck(check):
        return check
    with transaction.atomic():
        check = locked(check, raising=False)
        if not _is_stuck(check):
            return check
        if check.state == FaceCheckState.PHOTO_CHECK:
            check.images.filter(kind=FaceImageKind.PHOTO).delete()
            check.photo_finding = ""
            go_to(check, FaceCheckState.PHOTO)
        else:
            _drop_unanswered(check, at)
            check.images.filter(kind=FaceImageKind.FRAME).delete()
            go_to(check, FaceCheckState.READY)
    return check


def _is_stuck(check: FaceCheck) -> bool:
    """Whether it waits for a task that will not come."""
    waits = check.state in (FaceCheckState.PHOTO_CHECK, FaceCheckState.LIVE_CHECK)
    return waits and not Task.objects.open().filter(pk=check.task_id).exists()


def make_link(*, check: FaceCheck, by: Account, at: datetime) -> str:
    """The token of a new one-time link; earlier ones that were not used are dead. Raises NotNow, LimitReached."""
    limits.take("face-link", str(by.pk), limit=LINKS_AN_HOUR, per=HOUR, at=at)
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        check = locked(check)
        check.links.filter(used_at=None).delete()
        FaceLink.objects.create(check_of=check, hash=link_hash(token), expires_at=at + LINK_LIFE)
        audit.record(
            by=by, action="make-face-link", subject=f"person:{check.pass_code.person_id}", at=at, face_check=check.pk
        )
    return token


def use_link(*, token: str, at: datetime) -> FaceLink:
    """The link, used up now. Raises LinkDead."""
    link = live_link(token=token, at=at)
    if link is None or not FaceLink.objects.filter(pk=link.pk, used_at=None).update(used_at=at):
        raise LinkDead
    return link


def live_link(*, token: str, at: datetime) -> FaceLink | None:
    """The link, if it can still be used for an open check."""
    links = FaceLink.objects.filter(hash=link_hash(token), used_at=None, expires_at__gt=at, check_of__ended_at=None)
    return links.select_related("check_of__pass_code", "check_of__account").first()


def link_hash(token: str) -> str:
    """What is kept of a link."""
    return keyed_hash("face-link", token)


def expire(at: datetime) -> int:
    """End checks of the day before and delete pictures that are left, whatever happened; how many checks.

    Fingerprints of pictures go after HASHES_KEPT.
    """
    outdated = at - PICTURES_KEPT
    ended = 0
    for check in FaceCheck.objects.open().filter(consented_at__lt=outdated):
        with transaction.atomic():
            check = locked(check, raising=False)
            if check.ended_at is None:
                end(check, FaceCheckState.ENDED, at)
                ended += 1
    FaceImage.objects.filter(created_at__lt=outdated).delete()
    outlived = FaceTry.objects.filter(challenged_at__lt=at - HASHES_KEPT)
    outlived.exclude(frame_hashes=[], look_hashes=[]).update(frame_hashes=[], look_hashes=[])
    return ended


def proxy_of(check: FaceCheck) -> Proxy | None:
    """The relation that the check is for; None for the account's own person, and where the relation has ended."""
    proxies = Proxy.objects.current().filter(account=check.account, person=check.pass_code.person_id)
    return proxies.select_related("account", "person").first()


def locked(check: FaceCheck, *, raising: bool = True) -> FaceCheck:
    """The check as it is now, for this transaction alone. Raises NotNow if it has ended."""
    current = (
        FaceCheck.objects.select_for_update(no_key=True, of=("self",))
        .select_related("pass_code", "account")
        .get(pk=check.pk)
    )
    if raising and current.ended_at:
        raise NotNow
    return current


def _wait(check: FaceCheck, state: FaceCheckState, kind: str, subject: str, at: datetime) -> None:
    check.state, check.task = state, tasks.enqueue(kind, subject, at=at)
    check.save(update_fields=["state", "task"])


def go_to(check: FaceCheck, state: FaceCheckState) -> None:
    """The check is at another step, and waits for no task. Saves all of it."""
    check.state, check.task, check.aim_finding = state, None, ""
    check.save()


def end(check: FaceCheck, state: FaceCheckState, at: datetime) -> None:
    """The check is over, and its pictures are gone."""
    check.images.all().delete()
    _drop_unanswered(check, at)
    check.ended_at = at
    go_to(check, state)


def _drop_unanswered(check: FaceCheck, at: datetime) -> None:
    """Challenges that can no longer be answered."""
    check.tries.filter(ended_at=None).update(ended_at=at)


def _take_try(check: FaceCheck, at: datetime) -> None:
    """Count one try of the pass and of the account. Raises limits.LimitReached, and then counts none."""
    counts = _counts(check)
    for number, (count, most) in enumerate(counts):
        try:
            limits.take(**count, limit=most, at=at)
        except limits.LimitReached:
            for taken, _most in counts[:number]:
                limits.give_back(**taken, at=at)
            raise


def _counts(check: FaceCheck) -> list[tuple[dict, int]]:
    """What one try counts for, each with the most."""
    return [
        ({"scope": f"face-{unit}-{who}", "value": str(value), "per": per}, most)
        for who, value in (("pass", check.pass_code_id), ("account", check.account_id))
        for unit, per, most in (("hour", HOUR, TRIES_AN_HOUR), ("day", DAY, TRIES_A_DAY))
    ]


def _refusal(attempt: FaceTry, frames: Sequence[tuple[bytes, float]], at: datetime) -> LiveFinding | None:
    """What is wrong with live pictures before anybody looks at them."""
    seconds = [second for _data, second in frames]
    elapsed = (at - attempt.challenged_at).total_seconds()
    if len(frames) > DEFAULT_LIMITS.frames:
        return LiveFinding.TOO_MANY_FRAMES
    if len(frames) < DEFAULT_LIMITS.fewest_frames:
        return LiveFinding.TOO_FEW_FRAMES
    if elapsed > CHALLENGE_LIFE.total_seconds():
        return LiveFinding.TOO_LATE
    in_order = all(earlier < later for earlier, later in zip(seconds, seconds[1:], strict=False))
    within = seconds[0] >= 0 and seconds[-1] <= elapsed + CLOCK  # NaN is not
    if not (in_order and within):
        return LiveFinding.OUT_OF_ORDER
    try:
        for data, _second in frames:
            _check_frame(data)
    except Refused:
        return LiveFinding.NOT_LIVE
    return LiveFinding.REPEATED if _have_been_here(attempt, frames) else None


def _check_frame(data: bytes) -> None:
    """Raise Refused for what is not a small JPEG."""
    try:
        pictures.inspect(data, FRAME_LIMITS)
    except pictures.PictureError as error:
        raise Refused(error.finding) from error
    if not data.startswith(b"\xff\xd8\xff"):
        raise Refused(PictureFinding.NOT_A_PICTURE)


def _have_been_here(attempt: FaceTry, frames: Sequence[tuple[bytes, float]]) -> bool:
    """Whether one of the files came with an earlier try."""
    known = {frame for hashes in earlier_tries(attempt, "frame_hashes") for frame in hashes}
    return any(_frame_hash(data) in known for data, _seconds in frames)


def earlier_tries(attempt: FaceTry, field: str) -> Iterable[list[str]]:
    """The hashes in this field of the latest other tries of the same document, pass or account."""
    check = attempt.check_of
    document = Person.objects.filter(pass_code=check.pass_code_id).values("document_hash")
    near = Q(check_of__pass_code__person__document_hash__in=document) | Q(check_of__pass_code=check.pass_code_id)
    others = FaceTry.objects.filter(near | Q(check_of__account=check.account_id)).exclude(pk=attempt.pk)
    return others.exclude(answered_at=None).order_by("-pk").values_list(field, flat=True)[:EARLIER_TRIES]


def _frame_hash(data: bytes) -> str:
    return keyed_hash("face-frame", hashlib.sha256(data).hexdigest())


def _end_try(attempt: FaceTry, finding: LiveFinding, at: datetime) -> None:
    attempt.finding, attempt.ended_at = finding, at
    attempt.save()
