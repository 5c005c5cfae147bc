"""Face checks from the photo to what follows, through the database and the worker."""

import base64
import io
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image

from accounts import limits
from accounts.limits import LimitReached
from accounts.models import Task
from declarations import proxies
from declarations.models import Assurance, Person, Proxy
from passcodes import face_checks
from passcodes.face_checks import NotNow, Refused
from passcodes.faces import MODEL
from passcodes.findings import Aim, LiveFinding, Movement, PhotoFinding, PictureFinding
from passcodes.models import FaceCheckState, FaceImage
from tests import factories
from tests.declarations.test_proxies import CHILD, MOTHER, may_show
from tests.passcodes.heic_files import heic
from tests.passcodes.people import astronaut, close, file, held, hopper, lively, turned
from tests.passcodes.worker.face_steps import (
    answer,
    ask,
    begin,
    cheap_frames,
    frame,
    frames,
    images,
    judge,
    photo,
    put_photo,
    relation,
    show,
    wait_for_worker,
    work,
)

pytestmark = pytest.mark.django_db

L, R = Movement.LEFT, Movement.RIGHT
LRL = (L, R, L)
State = FaceCheckState


# The photo


def test_good_photo_makes_ready(check):
    assert (check.photo_finding, check.task, images(check)) == (PhotoFinding.FINE, None, ["photo"])


def test_photo_of_an_iphone_makes_ready(son, proxy):
    assert put_photo(begin(account=son, person=proxy.person), heic(hopper())).state == State.READY


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (file(Image.new("RGB", (320, 320), "white")), PhotoFinding.NO_FACE),
        (file(close(hopper).resize((160, 160))), PhotoFinding.TOO_SMALL),
        (photo()[:6000], PictureFinding.DAMAGED),
        (heic(Image.new("RGB", (96, 96)))[:-3000], PictureFinding.DAMAGED),
    ],
    ids=["nobody", "small", "cut short", "HEIC cut short"],
)
def test_photo_that_will_not_do_is_deleted(son, proxy, data, finding):
    check = put_photo(begin(account=son, person=proxy.person), data)
    assert (check.state, check.photo_finding, check.task, images(check)) == (State.PHOTO, finding, None, [])


def test_heic_is_taken_less_often_than_what_the_page_sends(son, proxy):
    check, now = begin(account=son, person=proxy.person), timezone.now()
    for _ in range(face_checks.HEICS_AN_HOUR):
        face_checks.put_photo(check=check, data=heic(Image.new("RGB", (96, 96))), at=now)
    with pytest.raises(LimitReached):
        face_checks.put_photo(check=check, data=heic(Image.new("RGB", (96, 96))), at=now)
    face_checks.put_photo(check=check, data=photo(), at=now)


def test_a_later_photo_replaces_one_that_waits(son, proxy):
    check = begin(account=son, person=proxy.person)
    now = timezone.now()
    face_checks.put_photo(check=check, data=file(Image.new("RGB", (320, 320))), at=now)
    face_checks.put_photo(check=check, data=photo(), at=now)
    assert images(check) == ["photo"]
    assert Task.objects.open().filter(kind="face-photo").count() == 1  # the other stands before nobody
    work()
    check.refresh_from_db()
    assert (check.state, check.photo_finding) == (State.READY, PhotoFinding.FINE)
    assert not Task.objects.open().filter(kind="face-photo").exists()


def test_limits_are_a_setting(son, proxy, settings):
    settings.FACE_LIMITS = "photo_height=300"
    assert put_photo(begin(account=son, person=proxy.person)).photo_finding == PhotoFinding.TOO_SMALL


# Help with holding the camera


@pytest.mark.parametrize(
    ("picture", "finding"),
    [
        (lambda: close(astronaut), Aim.FINE),
        (lambda: Image.new("RGB", (320, 240), "white"), Aim.NO_FACE),
        (lambda: Image.new("RGB", (320, 240)), Aim.DARK),
        (lambda: moved(90, 0), Aim.RIGHT),
        (lambda: moved(-90, 0), Aim.LEFT),
        (lambda: moved(0, 90), Aim.LOW),
        (lambda: moved(0, -80), Aim.HIGH),
        (lambda: close(astronaut).resize((200, 200)), Aim.FAR),
        (lambda: close(astronaut).resize((640, 640)).crop((150, 90, 490, 430)), Aim.NEAR),
        (lambda: turned(astronaut, 1.1), Aim.TURNED),
    ],
    ids=["fine", "nobody", "dark", "right", "left", "low", "high", "far", "near", "turned"],
)
def test_aim_tells_how_the_face_lies(check, picture, finding):
    face_checks.put_aim(check=check, data=file(picture()), at=timezone.now())
    work()
    check.refresh_from_db()
    assert (check.aim_finding, check.state, images(check)) == (finding, State.READY, ["photo"])


def moved(right, down):
    picture = Image.new("RGB", (320, 320), (60, 60, 60))
    picture.paste(close(astronaut), (right, down))
    return picture


def test_one_aim_waits_at_a_time(check):
    for _ in range(3):
        face_checks.put_aim(check=check, data=file(close(astronaut)), at=timezone.now())
    assert Task.objects.open().filter(kind="face-aim").count() == 1


def test_aims_are_limited(check):
    now = timezone.now()
    for _ in range(face_checks.AIMS_A_MINUTE):
        face_checks.put_aim(check=check, data=file(close(astronaut)), at=now)
    with pytest.raises(LimitReached):
        face_checks.put_aim(check=check, data=file(close(astronaut)), at=now)


def test_frames_are_small_jpegs(check):
    for data in (file(Image.new("RGB", (1000, 1000))), file(close(astronaut), "PNG"), photo() + bytes(100_000)):
        with pytest.raises(Refused):
            face_checks.put_aim(check=check, data=data, at=timezone.now())


# A live person


def test_relative_who_did_as_asked_gets_the_code(check, son, proxy):
    attempt = show(check, frames(LRL), LRL)
    check.refresh_from_db()
    proxy.refresh_from_db()
    assert (check.state, check.task, images(check)) == (State.PASSED, None, [])
    assert check.ended_at is not None
    assert (proxy.is_acting, proxy.person.assurance) == (True, Assurance.FACE)
    assert may_show(son, proxy.person)
    assert (attempt.finding, attempt.authority, attempt.threshold, attempt.model) == ("passed", "match", 0.45, MODEL)
    assert 0 < attempt.distance < 0.3
    assert attempt.ended_at is not None
    assert len(attempt.frame_hashes) == len(attempt.challenge) * 2 + 1


def test_authority_confirms_the_face(check, proxy, authority, caplog):
    caplog.set_level(0)
    authority.know_face(number=MOTHER.document_number, name=MOTHER.name)
    attempt = show(check, frames(LRL), LRL)
    proxy.refresh_from_db()
    assert (attempt.authority, proxy.is_acting, proxy.person.assurance) == ("match", True, Assurance.FACE)
    (asked,) = authority.asked  # signed, or it would not be there
    face = base64.b64decode(asked.pop("face"))
    assert asked == {"type": "01", "number": MOTHER.document_number, "name": MOTHER.name}
    with Image.open(io.BytesIO(face)) as picture:
        assert (picture.format, picture.size, "exif" in picture.info) == ("JPEG", (320, 320), False)
    for secret in (MOTHER.document_number, MOTHER.name, base64.b64encode(face).decode()[:40], "face-live #0"):
        assert secret not in caplog.text
    assert "face-live #" in caplog.text


def test_authority_that_says_no_is_a_failure(check, proxy, authority):
    attempt = show(check, frames(LRL), LRL)
    check.refresh_from_db()
    proxy.refresh_from_db()
    assert (attempt.finding, attempt.authority) == ("passed", "no match")
    assert (check.state, proxy.is_acting, proxy.person.assurance) == (State.READY, False, Assurance.DECLARED)
    assert images(check) == ["photo"]


def test_without_the_authority_the_code_is_shown_and_neutral(check, proxy, authority):
    authority.fault = "500"
    attempt = show(check, frames(LRL), LRL)
    check.refresh_from_db()
    proxy.refresh_from_db()
    assert (attempt.authority, check.state) == ("unavailable", State.PASSED)
    assert (proxy.is_acting, proxy.person.assurance) == (True, Assurance.DECLARED)


def test_adult_with_an_account_has_to_agree(check, son, proxy):
    mother = factories.person(
        holder=factories.account(phone="+8613800000003"), number=MOTHER.document_number, name=MOTHER.name
    )
    judge(wait_for_worker(check))
    check.refresh_from_db()
    asked = Proxy.objects.current().get(account=son, person=mother)
    assert (check.state, asked.is_acting, asked.awaits_consent) == (State.PASSED, False, True)
    assert not may_show(son, mother)


def test_a_face_stands_in_for_nobodys_consent(son):
    mother = factories.person(holder=factories.account(phone="+8613800000003"), number=MOTHER.document_number)
    asked = Proxy.objects.create(account=son, person=mother, relation="parent", created_at=timezone.now())
    check = put_photo(begin(account=son, person=mother))
    judge(wait_for_worker(check))
    check.refresh_from_db()
    asked.refresh_from_db()
    assert (check.state, asked.is_acting) == (State.ENDED, False)


def test_second_guardian_of_a_child_waits_for_the_first(son):
    first = relation(factories.account(phone="+8613800000002"), CHILD)
    proxies.prove(proxy=first, assurance=Assurance.FACE, by=first.account, at=timezone.now())
    claimed = relation(son, CHILD)
    check = put_photo(begin(account=son, person=claimed.person))
    judge(wait_for_worker(check))
    asked = Proxy.objects.current().get(account=son, person=first.person)
    assert (asked.is_acting, asked.awaits_consent) == (False, True)


def test_own_face_makes_the_own_person_real_name(son):
    person = factories.person(holder=son, assurance=Assurance.DECLARED)
    check = put_photo(begin(account=son, person=person))
    judge(wait_for_worker(check))
    check.refresh_from_db()
    person.refresh_from_db()
    assert (check.state, person.assurance, person.holder) == (State.PASSED, Assurance.FACE, son)


# Those who are not live, not one, or not that one


def refused(check, pictures, challenge=LRL):
    """The finding of a try that must fail, and leaves nothing but itself."""
    attempt = show(check, pictures, challenge)
    check.refresh_from_db()
    assert check.ended_at is None
    assert "frame" not in images(check)
    assert Proxy.objects.acting().count() == 0
    assert Person.objects.filter(assurance__gt=Assurance.DECLARED).count() == 0
    return attempt.finding


def test_print_held_to_the_camera_fails(check):
    poses = [(0, 0), (-15, -10), (-30, -20), (-15, -10), (0, 0), (15, -10), (30, -20)]
    pictures = [file(lively(held(astronaut, *pose), number), quality=90) for number, pose in enumerate(poses)]
    assert refused(check, pictures, (L, R)) == LiveFinding.FLAT


def test_still_frame_repeated_fails(check):
    assert refused(check, [frame(astronaut, 0, 1)] * 7) == LiveFinding.REPEATED
    again = [frame(astronaut, 0, 2, quality) for quality in range(78, 92, 2)]
    assert refused(check, again) == LiveFinding.REPEATED


def test_frames_of_two_people_fail(check):
    pictures = [*frames(LRL)[:4], *frames(LRL, hopper)[4:]]
    assert refused(check, pictures) == LiveFinding.ANOTHER_PERSON


def test_another_person_than_in_the_photo_fails(check, authority):
    """The authority is not asked about somebody who failed."""
    assert refused(check, frames(LRL, hopper)) == LiveFinding.NO_MATCH
    assert (images(check), authority.asked) == (["photo"], [])


def test_photo_that_is_a_live_frame_fails_and_goes(son, proxy):
    pictures = frames(LRL)
    check = put_photo(begin(account=son, person=proxy.person), pictures[0])
    assert refused(check, pictures) == LiveFinding.COPIED
    assert (check.state, images(check)) == (State.PHOTO, [])


@pytest.mark.parametrize(
    ("made", "finding"),
    [((R, L, R), LiveFinding.WRONG_ORDER), ((L, R), LiveFinding.MISSING_MOVEMENT), ((), LiveFinding.NOT_TURNED)],
)
def test_other_movements_than_those_asked_for_fail(check, made, finding):
    pictures = frames(made) if made else [frame(astronaut, 0, number) for number in range(7)]
    assert refused(check, pictures) == finding


def test_earlier_session_replayed_fails(check):
    """Its files are known, and the look of its pictures."""
    earlier = frames(LRL)
    assert refused(check, earlier, (R, L, L)) == LiveFinding.WRONG_ORDER
    attempt = ask(check, LRL)
    with pytest.raises(Refused) as known:
        answer(check, attempt, [*frames(LRL, session=1)[:-1], earlier[3]])
    assert known.value.finding == LiveFinding.REPEATED
    check.refresh_from_db()
    assert (check.state, images(check)) == (State.READY, ["photo"])
    assert refused(check, frames(LRL, quality=70), (R, L, R)) == LiveFinding.REPEATED


def test_earlier_session_of_another_account_is_known_too(check, son, proxy):
    pictures = frames(LRL)
    refused(check, pictures, (R, L, L))
    face_checks.withdraw(check=check, by=son, at=timezone.now())
    other = put_photo(begin(account=factories.account(phone="+8613800000002"), person=proxy.person))
    with pytest.raises(Refused):
        answer(other, ask(other, LRL), pictures)


def test_challenge_is_answered_once_and_in_time(check):
    attempt = face_checks.issue_challenge(check=check, at=timezone.now() - timedelta(seconds=121))
    with pytest.raises(Refused) as late:
        answer(check, attempt, cheap_frames())
    assert late.value.finding == LiveFinding.TOO_LATE
    with pytest.raises(NotNow):
        answer(check, attempt, cheap_frames())
    attempt = wait_for_worker(check)
    with pytest.raises(NotNow):
        answer(check, attempt, cheap_frames(7))
    assert FaceImage.objects.filter(kind="frame").count() == 7
    work()
    with pytest.raises(NotNow):
        answer(check, attempt, cheap_frames(7))


def test_an_earlier_challenge_is_dead(check):
    first, second = ask(check), ask(check)
    with pytest.raises(NotNow):
        answer(check, first, cheap_frames())
    answer(check, second, cheap_frames())


def test_another_checks_challenge_is_none(check, son):
    other = put_photo(begin(account=son, person=relation(son, CHILD).person))
    attempt = ask(other)
    ask(check)
    with pytest.raises(NotNow):
        answer(check, attempt, cheap_frames())


@pytest.mark.parametrize(
    ("taken", "finding"),
    [
        ([(b"x", 1.0)] * 100, LiveFinding.TOO_MANY_FRAMES),
        ([(b"x", 1.0)] * 4, LiveFinding.TOO_FEW_FRAMES),
        ([(b"x", at) for at in (1, 2, 4, 3, 5)], LiveFinding.OUT_OF_ORDER),
        ([(b"x", at) for at in (1, 2, float("nan"), 3, 5)], LiveFinding.OUT_OF_ORDER),
        ([(b"x", at) for at in (-1, 2, 3, 4, 5)], LiveFinding.OUT_OF_ORDER),
        ([(b"x", at) for at in (1, 2, 3, 4, 60)], LiveFinding.OUT_OF_ORDER),
        ([(b"x", at) for at in (1, 2, 3, 4, 5)], LiveFinding.NOT_LIVE),
    ],
    ids=["100", "4", "swapped", "no number", "before", "not yet", "no pictures"],
)
def test_frames_that_cannot_be_are_refused_at_the_door(check, taken, finding):
    attempt = ask(check)
    with pytest.raises(Refused) as error:
        face_checks.answer(check=check, key=attempt.key, frames=taken, at=timezone.now())
    assert (error.value.finding, images(check)) == (finding, ["photo"])


def test_frame_cut_short_fails(check):
    pictures = frames(LRL)
    assert refused(check, [*pictures[:3], pictures[3][:3000], *pictures[4:]]) == LiveFinding.NOT_LIVE


def test_five_tries_an_hour(check):
    for _ in range(5):
        ask(check)
    with pytest.raises(limits.LimitReached):
        ask(check)
    assert check.tries.count() == 5
