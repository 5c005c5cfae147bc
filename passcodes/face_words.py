"""What the face check's page says: what went wrong and how to do better, and how to hold the phone."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import AuditEntry
from declarations.identity import Result
from passcodes.face_checks import PICTURES_KEPT
from passcodes.findings import Aim, LiveFinding, PhotoFinding, PictureFinding
from passcodes.models import FaceCheck, FaceCheckState, FaceImageKind, FaceTry


@dataclass(frozen=True)
class Words:
    """Something that did not go well: `code` for programs, which part it was, and what to do."""

    code: str
    title: str
    advice: str


PHOTO_TITLE = gettext_lazy("Please take another photo")
LIGHT = gettext_lazy("Let only this person be in the picture, with light on the face, and hold the phone still.")
TURNS = gettext_lazy("Turn clearly, as far as your shoulder, and look straight again after every turn.")
AGAIN = gettext_lazy("Begin the live check again.")
COMPARISON = gettext_lazy("Take off mask and sunglasses, look for even light, or take a newer photo.")

# Which part of the live check failed, how to do better beside the finding's own label, and for which findings.
PARTS = (
    (
        gettext_lazy("The live pictures could not be used"),
        AGAIN,
        ("too_few_frames", "too_many_frames", "out_of_order", "too_late", "not_live", "repeated"),
    ),
    (
        gettext_lazy("The face could not be followed"),
        LIGHT,
        ("lost", "several", "start", "another_person"),
    ),
    (
        gettext_lazy("The turns of the head were not recognised"),
        TURNS,
        ("not_turned", "missing_movement", "wrong_order", "flat"),  # small turns look flat
    ),
    (gettext_lazy("Photo and live face could not be matched"), COMPARISON, ("unsure", "no_match")),
)

MOVE = {
    "up": gettext_lazy("Move the phone up a little."),
    "down": gettext_lazy("Move the phone down a little."),
    "left": gettext_lazy("Move the phone to your left."),
    "right": gettext_lazy("Move the phone to your right."),
}


def of_finding(finding: PictureFinding | PhotoFinding | LiveFinding, quality: str = "") -> Words:
    """The words for a finding; `quality`: the PhotoFinding behind it, if any."""
    if not isinstance(finding, LiveFinding):
        return Words(finding.value, str(PHOTO_TITLE), str(finding.label))
    more = str(PhotoFinding(quality).label) if quality in PhotoFinding else ""
    if finding in (LiveFinding.PHOTO, LiveFinding.COPIED):
        return Words(finding.value, str(PHOTO_TITLE), _joined(finding.label, more))
    title, advice = next((title, advice) for title, advice, codes in PARTS if finding.value in codes)
    return Words(finding.value, str(title), _joined(finding.label, more, advice))


def of_check(check: FaceCheck) -> Words | None:
    """What went wrong last, where the check now waits for better; None when nothing did."""
    if check.state == FaceCheckState.PHOTO:
        if check.photo_finding and check.photo_finding != PhotoFinding.FINE:
            both = {**PictureFinding._value2member_map_, **PhotoFinding._value2member_map_}
            return of_finding(both[check.photo_finding])
        return _of_try(check.tries.order_by("-pk").first())
    if check.state == FaceCheckState.READY:
        taken = check.images.filter(kind=FaceImageKind.PHOTO).values_list("created_at", flat=True).first()
        attempt = check.tries.order_by("-pk").first()
        return _of_try(attempt) if attempt and taken and attempt.challenged_at > taken else None
    return None


def _of_try(attempt: FaceTry | None) -> Words | None:
    if attempt is None or not attempt.finding:
        return None
    if attempt.finding == LiveFinding.PASSED:
        return refused_by_authority() if attempt.authority == Result.NO_MATCH.value else None
    return of_finding(LiveFinding(attempt.finding), attempt.quality)


def refused_by_authority() -> Words:
    """Photo and face agree with each other but not with the document."""
    return Words(
        "authority",
        _("The authority could not confirm the face"),
        _("Check that name and document number are right, or choose one of the ways without a face check."),
    )


def not_now() -> Words:
    """The check is at another step by now."""
    return Words(
        "not_now", _("The check is at another step"), _("It has gone on or ended meanwhile. See where it stands.")
    )


def limit(retry_at: datetime) -> Words:
    """Tried too often."""
    at = date_format(timezone.localtime(retry_at), "m-d H:i") if _is_later_day(retry_at) else _clock(retry_at)
    advice = _("You can go on after %(time)s. The ways without a face check are open all the time.") % {"time": at}
    return Words("limit", _("That was very often in a short time"), advice)


def unreadable() -> Words:
    """A request that no page of ours sends."""
    return Words("unreadable", _("This could not be read"), _("Reload the page and try again."))


def too_large() -> Words:
    """A photo that is refused unread."""
    return of_finding(PictureFinding.TOO_LARGE)


def frames_too_large() -> Words:
    """Live pictures that are refused unread."""
    return Words(
        "too_large",
        _("The live pictures could not be used"),
        _("They are larger than this page makes them. Reload it and begin the live check again."),
    )


def of_ended(check: FaceCheck) -> Words | None:
    """Why a check has ended without a result; None where its account stopped it and was told so."""
    subject = f"person:{check.pass_code.person_id}"
    stopped = AuditEntry.objects.filter(subject=subject, action="withdraw-face-check", detail__face_check=check.pk)
    stop = stopped.first()
    if stop:
        if stop.actor_id:
            return None
        return Words(
            "stopped",
            _("The face check has been stopped on the other phone"),
            _("Its pictures are deleted. You can begin again, or choose another way."),
        )
    if check.ended_at >= check.consented_at + PICTURES_KEPT:
        return Words(
            "expired",
            _("The face check has ended by itself"),
            _(
                "It was not finished within a day, so its pictures are deleted."
                " You can begin again, or choose another way."
            ),
        )
    return Words(
        "unsettled",
        _("The face check has ended without a result"),
        _(
            "What was declared, or who acts for whom, had changed meanwhile, or the document is with another account."
            " Its pictures are deleted. Begin again, or choose another way."
        ),
    )


def queue(place: int) -> str:
    """How many are before this check."""
    if not place:
        return _("It is your turn.")
    return ngettext("%(count)d person is before you.", "%(count)d people are before you.", place) % {"count": place}


def aims() -> dict[str, str]:
    """What to do, by finding and camera: `left-front` for a face at the left of the front camera's picture.

    The front camera looks back at whoever holds the phone, so what is left in its unmirrored picture is at their right.
    The rear camera looks where its holder looks.
    """
    words = {}
    for aim in Aim:
        same = {Aim.HIGH: MOVE["up"], Aim.LOW: MOVE["down"]}.get(aim, aim.label)
        front = {Aim.LEFT: MOVE["right"], Aim.RIGHT: MOVE["left"]}.get(aim, same)
        rear = {Aim.LEFT: MOVE["left"], Aim.RIGHT: MOVE["right"]}.get(aim, same)
        words |= {f"{aim.value}-user": str(front), f"{aim.value}-environment": str(rear)}
    return words


def _joined(*sentences) -> str:
    """One text; Chinese sentences stand without a space."""
    return " ".join(str(sentence) for sentence in sentences if sentence).replace("。 ", "。")


def _is_later_day(at: datetime) -> bool:
    return timezone.localdate(at) != timezone.localdate()


def _clock(at: datetime) -> str:
    return f"{timezone.localtime(at):%H:%M}"
