"""The face check's pages: who may see them, and each step. The worker's part is written by hand."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import Task
from declarations import proxies
from declarations.identity import Result
from declarations.models import Assurance, Proxy
from passcodes import face_checks, face_results, face_words
from passcodes.actions import issue_pass
from passcodes.findings import Aim, LiveFinding, PhotoFinding
from passcodes.models import FaceCheck, FaceCheckState, FaceImage
from tests import factories
from tests.passcodes.face_pages import BELOW, POSTED, SCRIPT, answer, picture, record_live, record_photo, state

pytestmark = pytest.mark.django_db


# Who may see it


def test_person_s_proxy_sees_the_check(phone, pass_id):
    response = phone.get(f"/face/{pass_id}/")
    assert response.status_code == 200
    assert "for 李**" in response.content.decode()
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("below", BELOW)
def test_other_accounts_find_nothing(stranger, check, pass_id, below):
    ask = stranger.post if below in POSTED else stranger.get
    assert ask(f"/face/{pass_id}/{below}").status_code == 404
    assert ask(f"/face/{pass_id}/{below}", headers=SCRIPT).json()["error"] == "not_found"
    assert ask(f"/face/0000000000000000/{below}").status_code == 404


@pytest.mark.parametrize("below", BELOW)
def test_who_is_not_signed_in_is_sent_to_sign_in(client, check, pass_id, below):
    ask = client.post if below in POSTED else client.get
    assert ask(f"/face/{pass_id}/{below}").url == f"/login/?next=/face/{pass_id}/"
    response = ask(f"/face/{pass_id}/{below}", headers=SCRIPT)
    assert (response.status_code, response.json()["error"]) == (401, "signed_out")


def test_ended_relation_shows_nothing(phone, son, proxy, pass_id):
    proxies.end_proxy(proxy=proxy, by=son, at=timezone.now())
    assert phone.get(f"/face/{pass_id}/").status_code == 404


def test_relation_that_awaits_consent_shows_nothing(son, phone):
    proxy = factories.relative(account=son, acting=False)
    assert phone.get(f"/face/{issue_pass(person=proxy.person).public_id}/").status_code == 404


def test_who_has_nothing_to_prove_gets_the_code(son, phone):
    code = issue_pass(person=factories.relative(account=son).person).public_id
    assert phone.get(f"/face/{code}/").url == f"/code/{code}/"
    assert state(phone, code)["next"] == f"/code/{code}/"


def test_holder_who_is_known_gets_the_code(son, phone):
    code = factories.pass_code(account=son).public_id
    assert phone.get(f"/face/{code}/").url == f"/code/{code}/"


def test_holder_who_is_not_known_may_be_checked(son, phone):
    code = factories.pass_code(account=son, assurance=Assurance.DECLARED).public_id
    assert phone.get(f"/face/{code}/").status_code == 200


# The steps


def test_consent_comes_first_with_the_other_ways_beside_it(phone, pass_id):
    html = phone.get(f"/face/{pass_id}/").content.decode()
    assert state(phone, pass_id)["state"] == "consent"
    assert reverse("passcodes:ask_person", args=[pass_id]) in html
    assert "At a community service desk" in html
    assert "Show the code" not in html


def test_child_s_code_can_be_shown_meanwhile(son, phone):
    child = factories.relative(account=son, assurance=Assurance.DECLARED)
    code = issue_pass(person=child.person).public_id
    assert f'href="/code/{code}/"' in phone.get(f"/face/{code}/").content.decode()


def test_nothing_is_taken_before_consent(phone, pass_id):
    response = phone.post(f"/face/{pass_id}/photo/", {"photo": picture()}, headers=SCRIPT)
    assert (response.status_code, response.json()["error"]) == (409, "not_now")
    assert FaceImage.objects.count() == 0


def test_photo_waits_with_its_place(phone, pass_id, check):
    for kind, subject in [("face-photo", "face_check:999"), ("face-aim", "face_check:999"), ("purge", "")]:
        Task.objects.create(kind=kind, subject=subject, run_at=timezone.now() - timedelta(seconds=9))
    assert phone.post(f"/face/{pass_id}/photo/", {"photo": picture()}).url == f"/face/{pass_id}/"
    assert state(phone, pass_id) == {
        "state": "photo_check",
        "place": 1,
        "place_words": "1 person is before you.",
        "aim": None,
        "finding": None,
        "limit": None,
        "next": None,
    }
    assert "1 person is before you." in phone.get(f"/face/{pass_id}/").content.decode()


def test_photo_that_is_not_good_says_why(phone, pass_id, check):
    phone.post(f"/face/{pass_id}/photo/", {"photo": picture()})
    record_photo(PhotoFinding.TOO_DARK)
    assert state(phone, pass_id)["finding"] == {
        "code": "too_dark",
        "title": "Please take another photo",
        "advice": "The face is too dark. Turn to the light.",
    }
    assert "The face is too dark." in phone.get(f"/face/{pass_id}/").content.decode()


def test_album_s_photo_is_taken_when_there_is_none_of_the_camera(phone, pass_id, check):
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="%s"\r\n\r\n'
    body = head % b"" + b"\r\n" + head % b"photo.jpg" + picture().read() + b"\r\n--x--\r\n"
    phone.post(f"/face/{pass_id}/photo/", body, content_type="multipart/form-data; boundary=x")
    assert state(phone, pass_id)["state"] == "photo_check"


def test_aim_helps_to_hold_the_phone(phone, pass_id, ready):
    assert phone.post(f"/face/{pass_id}/aim/", {"frame": picture()}, headers=SCRIPT).status_code == 200
    task = Task.objects.get(kind="face-aim")
    face_results.record_aim(task=task, check=ready, finding=Aim.LEFT, at=timezone.now())
    assert state(phone, pass_id)["aim"] == "left"
    phone.post(f"/face/{pass_id}/aim/", {"frame": picture()}, headers=SCRIPT)
    assert state(phone, pass_id)["aim"] is None  # the new picture has not been looked at


def test_front_camera_s_left_is_the_holder_s_right():
    words = face_words.aims()
    assert words["left-user"] == words["right-environment"] == "Move the phone to your right."
    assert words["left-environment"] == words["right-user"] == "Move the phone to your left."
    assert words["high-user"] == words["high-environment"] == "Move the phone up a little."


def test_challenge_names_movements_and_time(phone, pass_id, ready):
    challenge = phone.post(f"/face/{pass_id}/challenge/", headers=SCRIPT).json()
    assert re.fullmatch("[0-9a-f]{32}", challenge["key"])
    assert set(challenge["movements"]) == {"left", "right"}
    assert challenge["seconds"] == 120


def test_live_check_that_passes_leads_to_the_code(phone, pass_id, ready, proxy):
    assert answer(phone, pass_id).status_code == 200
    assert state(phone, pass_id)["state"] == "live_check"
    record_live()
    assert state(phone, pass_id) == {
        "state": "passed",
        "place": None,
        "place_words": "",
        "aim": None,
        "finding": None,
        "limit": None,
        "next": f"/code/{pass_id}/",
    }
    assert phone.get(f"/face/{pass_id}/").url == f"/code/{pass_id}/"
    assert phone.get(f"/code/{pass_id}/").status_code == 200
    assert FaceImage.objects.count() == 0


def test_where_the_authority_cannot_compare_the_code_is_shown_neutral(phone, pass_id, ready):
    answer(phone, pass_id)
    record_live(authority=Result.UNAVAILABLE)
    html = phone.get(f"/face/{pass_id}/").content.decode()
    assert "stays neutral until somebody has seen the document" in html
    assert f'href="/code/{pass_id}/"' in html
    assert reverse("passcodes:ask_person", args=[pass_id]) in html
    assert state(phone, pass_id)["next"] is None


def test_person_with_an_account_of_their_own_has_to_agree(phone, son, pass_id, ready, proxy):
    mother = factories.person(
        holder=factories.account(phone="+8613800000003"), name="李小花", number=factories.DOCUMENTS[1]
    )
    answer(phone, pass_id)
    record_live()
    html = phone.get(f"/face/{pass_id}/").content.decode()
    assert "somebody has to agree" in html
    assert reverse("passcodes:people") in html
    asked = Proxy.objects.get(account=son, person=mother)
    proxies.agree(proxy=asked, by=mother.holder, at=timezone.now())
    code = issue_pass(person=mother).public_id
    assert state(phone, pass_id)["next"] == f"/code/{code}/"
    assert phone.get(f"/face/{pass_id}/").url == f"/code/{code}/"


def test_check_that_leads_to_a_known_person_leads_to_their_code(phone, pass_id, ready):
    known = factories.person(name="李小花", number=factories.DOCUMENTS[1])
    answer(phone, pass_id)
    record_live()
    code = issue_pass(person=known).public_id
    assert state(phone, pass_id) == {"state": "passed", "next": f"/code/{code}/"}
    assert phone.get(f"/face/{pass_id}/").url == f"/code/{code}/"


@pytest.mark.parametrize(
    ("finding", "quality", "state_after", "title", "advice"),
    [
        (
            LiveFinding.NOT_TURNED,
            None,
            "ready",
            "The turns of the head were not recognised",
            "No turn of the head was seen."
            " Turn clearly, as far as your shoulder, and look straight again after every turn.",
        ),
        (
            LiveFinding.PHOTO,
            PhotoFinding.BLURRED,
            "photo",
            "Please take another photo",
            "The photo cannot be used. Take another. The picture is blurred. Hold the phone still and wipe the camera.",
        ),
    ],
)
def test_failure_says_which_part_and_how_to_do_better(
    phone, pass_id, ready, finding, quality, state_after, title, advice
):
    answer(phone, pass_id)
    record_live(finding, None, quality)
    now = state(phone, pass_id)
    assert (now["state"], now["finding"]) == (state_after, {"code": finding.value, "title": title, "advice": advice})
    assert title in phone.get(f"/face/{pass_id}/").content.decode()


def test_flat_turns_get_the_advice_to_turn_further():
    assert "as far as your shoulder" in face_words.of_finding(LiveFinding.FLAT).advice


def test_authority_s_no_is_told_as_such(phone, pass_id, ready):
    answer(phone, pass_id)
    record_live(authority=Result.NO_MATCH)
    assert state(phone, pass_id)["finding"]["code"] == "authority"


def test_another_photo_ends_what_was_said_of_the_last_try(phone, pass_id, ready):
    answer(phone, pass_id)
    record_live(LiveFinding.NO_MATCH, None)
    phone.post(f"/face/{pass_id}/photo/", {"photo": picture(3)})
    record_photo(PhotoFinding.FINE)
    assert state(phone, pass_id)["finding"] is None


@pytest.mark.parametrize("finding", LiveFinding)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_failure_has_words(finding, language):
    if finding != LiveFinding.PASSED:
        with translation.override(language):
            words = face_words.of_finding(finding)
        assert words.title and words.advice


def test_withdrawal_deletes_the_pictures_and_leaves_the_other_ways(phone, pass_id, ready):
    response = phone.post(f"/face/{pass_id}/withdraw/", follow=True)
    assert FaceImage.objects.count() == 0
    assert FaceCheck.objects.get().state == "ended"
    html = response.content.decode()
    assert "The face check has been stopped and its pictures are deleted." in html
    assert "Ask for a check by a person" in html


def test_check_that_ended_after_a_day_says_so(phone, pass_id, ready):
    later = timezone.now() + timedelta(hours=24)
    face_checks.expire(later)
    with time_machine.travel(later):
        assert "It was not finished within a day" in phone.get(f"/face/{pass_id}/").content.decode()
        phone.post(f"/face/{pass_id}/consent/")
        assert "It was not finished within a day" not in phone.get(f"/face/{pass_id}/").content.decode()


def test_check_stopped_on_the_other_phone_says_so(phone, pass_id, ready):
    face_checks.withdraw(check=ready, by=None, at=timezone.now())
    assert "has been stopped on the other phone" in phone.get(f"/face/{pass_id}/").content.decode()


def test_check_that_came_to_nothing_says_so(phone, pass_id, ready):
    face_checks.end(ready, FaceCheckState.ENDED, timezone.now())
    assert "The face check has ended without a result" in phone.get(f"/face/{pass_id}/").content.decode()


def test_who_stopped_it_is_not_told_again(phone, pass_id, ready):
    phone.post(f"/face/{pass_id}/withdraw/", follow=True)
    assert "data-ended" not in phone.get(f"/face/{pass_id}/").content.decode()


def test_consent_tells_all_that_is_taken_and_kept(phone, pass_id):
    html = phone.get(f"/face/{pass_id}/").content.decode()
    for words in [
        "for every try some 20 small pictures",
        "one small picture about every second",
        "for 30 days",
        "time and place",
    ]:
        assert words in html


def test_chinese_calls_a_relative_by_another_word_than_oneself(son, phone, pass_id, check):
    headers = {"accept-language": "zh-hans"}
    html = phone.get(f"/face/{pass_id}/", headers=headers).content.decode()
    assert "李**的照片" in html
    assert "改用对方的手机验证" in html
    assert "本人" not in html
    own = factories.pass_code(account=son, name="张三", number=factories.DOCUMENTS[2], assurance=Assurance.DECLARED)
    phone.post(f"/face/{own.public_id}/consent/")
    html = phone.get(f"/face/{own.public_id}/", headers=headers).content.decode()
    assert "本人照片" in html
    assert "对方" not in html


def test_task_that_failed_for_good_does_not_keep_anybody_waiting(phone, pass_id, check):
    phone.post(f"/face/{pass_id}/photo/", {"photo": picture()})
    Task.objects.update(done_at=timezone.now(), failed="crash")
    assert state(phone, pass_id)["state"] == "photo"


@pytest.mark.parametrize("step", ["consent", "photo", "live_check"])
def test_state_costs_few_queries(phone, pass_id, django_assert_max_num_queries, request, step):
    if step != "consent":
        request.getfixturevalue("ready" if step == "live_check" else "check")
    if step == "live_check":
        answer(phone, pass_id)
    with django_assert_max_num_queries(7):
        state(phone, pass_id)
