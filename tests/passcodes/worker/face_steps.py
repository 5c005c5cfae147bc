"""The steps of a face check as a browser and the worker take them, with the pictures of `people`."""

from datetime import timedelta
from functools import cache

from django.utils import timezone
from PIL import Image

from accounts import tasks, worker
from declarations import proxies
from declarations.identity import Result
from passcodes import face_checks, face_results
from passcodes import tasks as face_tasks  # noqa: F401 - registers the kinds of task
from passcodes.actions import issue_pass
from passcodes.findings import LiveFinding, LiveVerdict, Movement
from passcodes.models import FaceCheck, FaceTry
from tests.declarations.test_proxies import HEALTHY, MOTHER
from tests.passcodes.people import astronaut, file, lively, turned

AMOUNT = {Movement.LEFT: 1, Movement.RIGHT: -1}
_turned = cache(turned)  # most of the time that a frame takes to make


@cache
def photo(who=astronaut) -> bytes:
    """From another moment than any frame."""
    return file(lively(turned(who, -0.25), 99, light=0.85))


@cache
def frame(who, amount: float, moment: int, quality: int = 85) -> bytes:
    """A live head at a moment, turned by so much."""
    return file(lively(_turned(who, amount), moment), quality=quality)


def frames(challenge, who=astronaut, *, session: int = 0, quality: int = 85) -> list[bytes]:
    """A live head that does as asked; another session's pictures are others."""
    amounts = [0, *(amount for movement in challenge for amount in (AMOUNT[movement], 0))]
    return [frame(who, amount, 20 * session + number, quality) for number, amount in enumerate(amounts)]


@cache
def cheap_frames(session: int = 0) -> tuple[bytes, ...]:
    """Live pictures of nobody, for what does not depend on them."""
    return tuple(file(Image.new("RGB", (96, 96), (20 * number, 12 * session, 0))) for number in range(7))


def begin(*, account, person) -> FaceCheck:
    """Consent is given."""
    now = timezone.now()
    return face_checks.begin(pass_code=issue_pass(person=person), account=account, by=account, at=now)


def work() -> None:
    """Run what is due, as the worker does."""
    while worker.run_next():
        pass


def put_photo(check: FaceCheck, data: bytes | None = None) -> FaceCheck:
    """Send a photo and have it looked at; the check afterwards."""
    face_checks.put_photo(check=check, data=data or photo(), at=timezone.now())
    work()
    return FaceCheck.objects.get(pk=check.pk)


def ask(check: FaceCheck, challenge=None):
    """A challenge of ten seconds ago; this one where a test needs it."""
    attempt = face_checks.issue_challenge(check=check, at=timezone.now() - timedelta(seconds=10))
    if challenge:
        attempt.challenge = list(challenge)
        attempt.save()
    return attempt


def answer(check: FaceCheck, attempt, pictures) -> None:
    """Send live pictures, which then wait for the worker."""
    taken = [(data, 1 + 0.3 * number) for number, data in enumerate(pictures)]
    face_checks.answer(check=check, key=attempt.key, frames=taken, at=timezone.now())


def show(check: FaceCheck, pictures=None, challenge=None):
    """A whole try; how it stands afterwards. By default the head does as asked."""
    attempt = ask(check, challenge)
    answer(check, attempt, pictures or frames(attempt.challenge))
    work()
    attempt.refresh_from_db()
    return attempt


def wait_for_worker(check: FaceCheck):
    """The try, whose live pictures of nobody wait for the worker."""
    attempt = ask(check)
    answer(check, attempt, cheap_frames(FaceTry.objects.count()))
    return attempt


def judge(attempt, authority: Result | None = Result.MATCH, claim=None) -> None:
    """Have the worker find that the live person is the one in the photo, and hear this from the authority."""
    face_results.record_live(
        task=tasks.take(timezone.now()),
        attempt=attempt,
        verdict=LiveVerdict(LiveFinding.PASSED, distance=0.2, nearest=0),
        authority=authority,
        claim=claim or face_results.claim_of(attempt.check_of),
        threshold=0.45,
        model="test",
        at=timezone.now(),
    )


def relation(account, claim=MOTHER):
    """A relation to somebody whose identity is not proven."""
    return proxies.declare_for(
        account=account, claim=claim, relation="parent", answers=HEALTHY, by=account, at=timezone.now()
    )


def images(check):
    """The kinds of pictures that the check has, frames by number."""
    return list(check.images.order_by("kind", "number").values_list("kind", flat=True))
