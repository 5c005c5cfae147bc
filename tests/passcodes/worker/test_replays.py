"""Earlier sessions do not come again: not saved anew, not from another account, not for a new claim."""

from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image, ImageEnhance

from passcodes import face_checks, faces, looks
from passcodes.face_checks import Refused
from passcodes.findings import LiveFinding, Movement
from passcodes.models import FaceCheckState, FaceTry
from tests import factories
from tests.declarations.test_proxies import CHILD
from tests.passcodes.people import astronaut, file, hopper
from tests.passcodes.worker.face_steps import answer, ask, begin, frames, images, put_photo, relation, show

L, R = Movement.LEFT, Movement.RIGHT
LRL = (L, R, L)


def smaller(picture):
    return picture.resize((300, 300), Image.Resampling.BICUBIC)


CHANGES = {
    "quality 60": lambda picture: file(picture, quality=60),
    "quality 95": lambda picture: file(picture, quality=95),
    "300 pixels": lambda picture: file(smaller(picture), quality=80),
    "300 pixels and back": lambda picture: file(smaller(picture).resize((320, 320)), quality=80),
    "lighter": lambda picture: file(ImageEnhance.Brightness(picture).enhance(1.05), quality=80),
    "darker": lambda picture: file(ImageEnhance.Brightness(picture).enhance(0.95), quality=80),
    "all of it": lambda picture: file(ImageEnhance.Brightness(smaller(picture)).enhance(1.05), quality=60),
}


def looks_of(pictures):
    return [looks.look(faces.load(data, side=320)) for data in pictures]


def anew(pictures, change):
    return [change(faces.load(data)) for data in pictures]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("who", [astronaut, hopper])
def test_pictures_saved_anew_look_the_same(who, change):
    pictures = frames(LRL, who)
    assert looks.share_seen(looks_of(anew(pictures, change)), looks_of(pictures)) == 1


@pytest.mark.parametrize("who", [astronaut, hopper])
def test_same_person_a_minute_later_looks_new(who):
    """The same place, light and turns: only noise and up to 3 pixels of movement tell the sessions apart."""
    sessions = [looks_of(frames(LRL, who, session=session)) for session in range(5)]
    shares = [looks.share_seen(one, other) for one in sessions for other in sessions if one is not other]
    assert max(shares) < looks.SHARE_SEEN
    assert sum(shares) / len(shares) < 0.2


def test_an_empty_picture_looks_like_nothing():
    empty = looks_of([file(Image.new("RGB", (320, 320), "white"))])
    assert empty == [""]
    assert not looks.came_before(empty, [empty])


@pytest.mark.django_db
def test_session_saved_anew_fails_though_it_is_what_is_asked_for(check):
    earlier = frames(LRL)
    attempt = show(check, earlier, (R, L, L))
    assert attempt.finding == LiveFinding.WRONG_ORDER
    assert [len(look) for look in attempt.look_hashes] == [looks.BANDS * looks.DIGITS] * 7
    again = show(check, anew(earlier, CHANGES["all of it"]), LRL)
    assert again.finding == LiveFinding.REPEATED
    check.refresh_from_db()
    assert (check.state, images(check)) == (FaceCheckState.READY, ["photo"])
    assert show(check, frames(LRL, session=1), LRL).finding == LiveFinding.PASSED


@pytest.mark.django_db
def test_session_of_another_account_with_the_same_document_is_known(check):
    """The other one made a claim, and so a pass, of its own."""
    earlier = frames(LRL)
    assert show(check, earlier, LRL).finding == LiveFinding.PASSED
    other = factories.account(phone="+8613800000002")
    claimed = relation(other).person
    assert claimed != check.pass_code.person
    theirs = put_photo(begin(account=other, person=claimed))
    with pytest.raises(Refused) as known:
        answer(theirs, ask(theirs, LRL), earlier)
    assert known.value.finding == LiveFinding.REPEATED
    assert show(theirs, anew(earlier, CHANGES["quality 60"]), LRL).finding == LiveFinding.REPEATED


@pytest.mark.django_db
def test_session_of_another_person_and_account_is_not_compared(check):
    earlier = frames(LRL)
    show(check, earlier, (R, L, L))
    other = factories.account(phone="+8613800000002")
    theirs = put_photo(begin(account=other, person=relation(other, CHILD).person))
    assert show(theirs, anew(earlier, CHANGES["quality 60"]), LRL).finding == LiveFinding.PASSED


@pytest.mark.django_db
def test_looks_are_forgotten_after_thirty_days(check):
    attempt = show(check, frames(LRL), (R, L, L))
    for days, kept in ((29, 7), (31, 0)):
        face_checks.expire(timezone.now() + timedelta(days=days))
        attempt = FaceTry.objects.get(pk=attempt.pk)
        assert (len(attempt.look_hashes), len(attempt.frame_hashes)) == (kept, kept)
