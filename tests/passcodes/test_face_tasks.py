"""Face checks from the photo to what follows, through the database and the worker."""

import base64
import io
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image

from accounts import limits, tasks
from accounts.models import AuditEntry, Task
from declarations import proxies
from declarations.models import Assurance, Person, Proxy
from passcodes import face_checks, face_results
from passcodes.face_checks import NotNow, Refused
from passcodes.faces import MODEL
from passcodes.findings import Aim, LiveFinding, Movement, PhotoFinding, PictureFinding
from passcodes.models import FaceCheck, FaceCheckState, FaceImage, FaceTry
from tests import factories
from tests.declarations.test_proxies import CHILD, HEALTHY, MOTHER, may_show
from tests.identity_server import IdentityServer
from tests.passcodes.face_steps import (
    answer,
    ask,
    begin,
    cheap_frames,
    frame,
    frames,
    judge,
    photo,
    put_photo,
    show,
    wait_for_worker,
    work,
)
from tests.passcodes.heic_files import heic
from tests.passcodes.people import astronaut, close, file, held, hopper, lively, turned

pytestmark = pytest.mark.django_db

L, R = Movement.LEFT, Movement.RIGHT
LRL = (L, R, L)
State = FaceCheckState


@pytest.fixture
def son():
    return factories.account(phone="+8613800000001")


def relation(account, claim=MOTHER):
    return proxies.declare_for(
        account=account, claim=claim, relation="parent", answers=HEALTHY, by=account, at=timezone.now()
    )


@pytest.fixture
def proxy(son):
    return relation(son)


@pytest.fixture
def check(son, proxy):
    """A check whose photo is good."""
    check = put_photo(begin(account=son, person=proxy.person))
    assert check.state == State.READY
    return check


@pytest.fixture
def authority(settings):
    with IdentityServer() as server:
        settings.IDENTITY_URL = server.url
        yield server


def images(check):
    return list(check.images.order_by("kind", "number").values_list("kind", flat=True))


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


def test_a_later_photo_replaces_one_that_waits(son, proxy):
    check = begin(account=son, person=proxy.person)
    now = timezone.now()
    face_checks.put_photo(check=check, data=file(Image.new("RGB", (320, 320))), at=now)
    face_checks.put_photo(check=check, data=photo(), at=now)
    assert images(check) == ["photo"]
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
    """Its files are known; saved anew they show what was asked for then, not now."""
    earlier = frames(LRL)
    assert refused(check, earlier, (R, L, L)) == LiveFinding.WRONG_ORDER
    attempt = ask(check, LRL)
    with pytest.raises(Refused) as known:
        answer(check, attempt, [*frames(LRL, session=1)[:-1], earlier[3]])
    assert known.value.finding == LiveFinding.REPEATED
    check.refresh_from_db()
    assert (check.state, images(check)) == (State.READY, ["photo"])
    assert refused(check, frames(LRL, quality=70), (R, L, R)) == LiveFinding.WRONG_ORDER


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


# What changed while the worker looked


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
