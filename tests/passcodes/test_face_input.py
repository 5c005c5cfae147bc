"""What the face check's pages refuse: too often, too large, too late, not a picture, not in order."""

import json
from datetime import UTC, timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts import limits
from declarations.models import Assurance
from passcodes import face_checks, face_views
from passcodes.actions import issue_pass
from passcodes.models import FaceCheck, FaceImage, FaceTry
from tests import factories
from tests.passcodes.face_pages import POSTED, SCRIPT, answer, picture, state

pytestmark = pytest.mark.django_db


def test_limit_says_until_when(phone, pass_id, ready):
    with time_machine.travel("2026-11-25T10:10:00+08:00", tick=False):
        for _number in range(face_checks.TRIES_AN_HOUR):
            phone.post(f"/face/{pass_id}/challenge/", headers=SCRIPT)
        response = phone.post(f"/face/{pass_id}/challenge/", headers=SCRIPT)
    assert response.status_code == 429
    assert response.json() == {
        "error": "limit",
        "title": "That was very often in a short time",
        "advice": "You can go on after 11:00. The ways without a face check are open all the time.",
    }


def test_limit_is_shown_before_anything_is_tried_in_vain(phone, pass_id, ready):
    with time_machine.travel("2026-11-25T10:10:00+08:00", tick=False):
        for _number in range(face_checks.TRIES_AN_HOUR):
            assert state(phone, pass_id)["limit"] is None
            phone.post(f"/face/{pass_id}/challenge/", headers=SCRIPT)
        assert state(phone, pass_id)["limit"]["advice"].startswith("You can go on after 11:00.")
        html = phone.get(f"/face/{pass_id}/").content.decode()
        assert "You can go on after 11:00." in html
        assert "Start the face check" not in html
        assert "data-ways-box open" in html
        assert phone.post(f"/face/{pass_id}/challenge/", headers=SCRIPT).status_code == 429
    with time_machine.travel("2026-11-25T11:00:00+08:00", tick=False):
        assert state(phone, pass_id)["limit"] is None
        assert "Start the face check" in phone.get(f"/face/{pass_id}/").content.decode()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 and so on", "not_a_picture"),
        (b"GIF89a\1\0\1\0", "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "damaged"),
    ],
)
def test_other_files_than_pictures_are_refused_in_words(phone, pass_id, check, data, error):
    response = phone.post(f"/face/{pass_id}/photo/", {"photo": SimpleUploadedFile("photo.jpg", data)}, headers=SCRIPT)
    assert (response.status_code, response.json()["error"]) == (422, error)
    assert set(response.json()) == {"error", "title", "advice"}
    assert FaceImage.objects.count() == 0


def test_plain_form_gets_its_page_with_the_words(phone, pass_id, check):
    response = phone.post(f"/face/{pass_id}/photo/", follow=True)
    assert response.redirect_chain == [(f"/face/{pass_id}/", 302)]
    assert "Please take another photo: There is no file, or it is empty." in response.content.decode()


@pytest.mark.parametrize(
    ("below", "field", "limit"),
    [
        ("photo", "photo", face_views.PHOTO_BODY),
        ("aim", "frame", face_views.AIM_BODY),
        ("frames", "frame", face_views.FRAMES_BODY),
    ],
)
def test_large_bodies_are_refused_before_they_are_parsed(phone, pass_id, check, below, field, limit):
    files = {field: SimpleUploadedFile("photo.jpg", b"\xff\xd8\xff" + b"\0" * limit)}
    response = phone.post(f"/face/{pass_id}/{below}/", files, headers=SCRIPT)
    assert (response.status_code, response.json()["error"]) == (413, "too_large")
    assert not hasattr(response.wsgi_request, "_files")


def test_live_pictures_that_are_too_large_are_not_called_a_photo(phone, pass_id, ready):
    files = {"frame": SimpleUploadedFile("frame.jpg", b"\xff\xd8\xff" + b"\0" * face_views.FRAMES_BODY)}
    refused = phone.post(f"/face/{pass_id}/frames/", files, headers=SCRIPT).json()
    assert refused["title"] == "The live pictures could not be used"
    assert "8 MB" not in refused["advice"]


def test_csrf_token_is_needed(son, pass_id):
    client = Client(enforce_csrf_checks=True)
    client.force_login(son, backend="accounts.backends.OneTimeCodeBackend")
    for below in POSTED:
        assert client.post(f"/face/{pass_id}/{below}", {"photo": picture()}).status_code == 403
    assert FaceCheck.objects.count() == 0


@pytest.mark.parametrize("below", ["photo", "aim", "frames"])
def test_other_content_types_are_refused(phone, pass_id, ready, below):
    response = phone.post(f"/face/{pass_id}/{below}/", b"[1]", content_type="application/json", headers=SCRIPT)
    assert response.status_code in (400, 422)
    response = phone.post(f"/face/{pass_id}/{below}/", b"x", content_type="multipart/form-data", headers=SCRIPT)
    assert (response.status_code, response.json()["error"]) == (400, "unreadable")


def test_too_many_frames_are_refused(phone, pass_id, ready):
    assert answer(phone, pass_id, frames=100).json()["error"] == "too_many_frames"
    assert answer(phone, pass_id, frames=101).json()["error"] == "unreadable"
    assert FaceImage.objects.filter(kind="frame").count() == 0


@pytest.mark.parametrize("key", ["0" * 32, "", "\0" * 32, "å" * 32])
def test_unknown_key_is_refused(phone, pass_id, ready, key):
    response = answer(phone, pass_id, key=key)
    assert (response.status_code, response.json()["error"]) == (409, "not_now")


def test_challenge_is_answered_once(phone, pass_id, ready):
    key = phone.post(f"/face/{pass_id}/challenge/", headers=SCRIPT).json()["key"]
    assert answer(phone, pass_id, key=key).status_code == 200
    assert answer(phone, pass_id, key=key, first=20).status_code == 409
    assert FaceImage.objects.filter(kind="frame").count() == 10


def test_fingerprints_of_pictures_are_kept_for_thirty_days(phone, pass_id, ready):
    answer(phone, pass_id)
    attempt = FaceTry.objects.get()
    assert len(attempt.frame_hashes) == 10
    for days, left in [(29, 10), (31, 0)]:
        face_checks.expire(attempt.challenged_at + timedelta(days=days))
        attempt.refresh_from_db()
        assert len(attempt.frame_hashes) == left


def test_answer_after_two_minutes_is_too_late(phone, pass_id, ready):
    key = phone.post(f"/face/{pass_id}/challenge/", headers=SCRIPT).json()["key"]
    with time_machine.travel(timezone.now() + timedelta(seconds=121)):
        response = answer(phone, pass_id, key=key)
        assert (response.status_code, response.json()["error"]) == (422, "too_late")
        assert state(phone, pass_id)["finding"]["code"] == "too_late"


@pytest.mark.parametrize(
    "at", ["", "no", "{}", "[1, 2]", "[" * 2000, json.dumps([float("nan")] * 10), json.dumps([True] * 10),
           json.dumps(["1"] * 10), "[" + "9" * 400 + "]"]
)  # fmt: skip
def test_times_have_to_be_numbers_one_a_picture(phone, pass_id, ready, at):
    response = answer(phone, pass_id, at=at)
    assert (response.status_code, response.json()["error"]) == (400, "unreadable")


def test_times_have_to_be_in_order(phone, pass_id, ready):
    response = answer(phone, pass_id, at=json.dumps([number / -10 for number in range(10)]))
    assert (response.status_code, response.json()["error"]) == (422, "out_of_order")


def test_challenge_before_the_photo_is_refused(phone, pass_id, check):
    assert phone.post(f"/face/{pass_id}/challenge/", headers=SCRIPT).status_code == 409


def use_up(check, at) -> int:
    """Challenges until there is no more; how many there were."""
    for number in range(100):
        try:
            face_checks.issue_challenge(check=check, at=at)
        except limits.LimitReached:
            return number
    raise AssertionError("no end")


def test_five_tries_an_hour_and_ten_a_day(ready):
    start = timezone.now().astimezone(UTC).replace(hour=1, minute=5)  # early in a day, as the counters have it
    assert [use_up(ready, start + timedelta(hours=hour)) for hour in range(4)] == [5, 5, 0, 0]
    assert use_up(ready, start + timedelta(days=1)) == 5


def test_tries_count_for_the_account_over_its_relatives(ready, son):
    now = timezone.now()
    assert use_up(ready, now) == 5
    other = factories.relative(account=son, number=factories.DOCUMENTS[2], acting=False, assurance=Assurance.DECLARED)
    check = face_checks.begin(pass_code=issue_pass(person=other.person), account=son, by=son, at=now)
    FaceCheck.objects.filter(pk=check.pk).update(state="ready")
    assert use_up(check, now) == 0


def test_tries_count_for_the_pass_over_its_accounts(ready):
    now = timezone.now()
    assert use_up(ready, now) == 5
    daughter = factories.account(phone="+8613800000009")
    check = face_checks.begin(pass_code=ready.pass_code, account=daughter, by=daughter, at=now)
    FaceCheck.objects.filter(pk=check.pk).update(state="ready")
    assert use_up(check, now) == 0
