"""The face check's pages: who may see them, each step, and what is refused. The worker's part is written by hand."""

import io
import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from PIL import Image

from accounts.models import Task
from declarations import proxies
from declarations.identity import Result
from declarations.models import Assurance, Person, Proxy
from passcodes import face_checks, face_views, face_words
from passcodes.actions import issue_pass
from passcodes.findings import Aim, LiveFinding, LiveVerdict, PhotoFinding
from passcodes.models import FaceCheck, FaceImage, FaceLink, FaceTry
from tests import factories

pytestmark = pytest.mark.django_db
SCRIPT = {"accept": "application/json"}


def sign_in(account) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    session = client.session
    session["device"] = factories.device(account=account, secret=f"device-{account.pk}").pk
    session.save()
    return client


@pytest.fixture
def son():
    return factories.account(phone="+8613800000001")


@pytest.fixture
def stranger():
    return sign_in(factories.account(phone="+8613800000002"))


@pytest.fixture
def proxy(son):
    """A relative whom nobody has seen yet."""
    return factories.relative(account=son, acting=False, assurance=Assurance.DECLARED)


@pytest.fixture
def pass_id(proxy) -> str:
    return issue_pass(person=proxy.person).public_id


@pytest.fixture
def phone(son) -> Client:
    """The son's."""
    return sign_in(son)


@pytest.fixture
def check(phone, pass_id) -> FaceCheck:
    """One that waits for a photo."""
    phone.post(f"/face/{pass_id}/consent/")
    return FaceCheck.objects.get()


@pytest.fixture
def ready(phone, pass_id, check) -> FaceCheck:
    """One whose photo is good."""
    phone.post(f"/face/{pass_id}/photo/", {"photo": picture()})
    record_photo(PhotoFinding.FINE)
    check.refresh_from_db()
    return check


def picture(number: int = 0, side: int = 320) -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (side, side), (number * 5 % 256, 90, number)).save(data, "JPEG")
    return SimpleUploadedFile(f"{number}.jpg", data.getvalue(), "image/jpeg")


def record_photo(finding) -> None:
    task = Task.objects.get(kind="face-photo", done_at=None)
    face_checks.record_photo(task=task, check=FaceCheck.objects.get(), finding=finding, at=timezone.now())


def record_live(finding=LiveFinding.PASSED, authority=Result.MATCH, quality=None) -> None:
    task = Task.objects.get(kind="face-live", done_at=None)
    face_checks.record_live(
        task=task,
        attempt=FaceTry.objects.get(pk=int(task.subject.split(":")[1])),
        verdict=LiveVerdict(finding, quality=quality),
        authority=authority,
        threshold=0.45,
        model="test",
        at=timezone.now(),
    )


def state(client, pass_id) -> dict:
    return client.get(f"/face/{pass_id}/state/", headers=SCRIPT).json()


def answer(client, pass_id, *, key=None, at=None, frames=10, first=0):
    """Answer the challenge that `client` has just been given, or any `key`, with pictures a tenth of a second apart."""
    if key is None:
        key = client.post(f"/face/{pass_id}/challenge/", headers=SCRIPT).json()["key"]
    at = json.dumps([number / 100 for number in range(frames)]) if at is None else at
    body = {"key": key, "at": at, "frame": [picture(first + number) for number in range(frames)]}
    return client.post(f"/face/{pass_id}/frames/", body, headers=SCRIPT)


# Who may see it


def test_person_s_proxy_sees_the_check(phone, pass_id):
    response = phone.get(f"/face/{pass_id}/")
    assert response.status_code == 200
    assert "for 李**" in response.content.decode()
    assert "no-store" in response["Cache-Control"]


BELOW = ["", "state/", "consent/", "photo/", "aim/", "challenge/", "frames/", "withdraw/", "link/"]
POSTED = BELOW[2:]


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
    Task.objects.create(kind="face-photo", run_at=timezone.now() - timedelta(seconds=9))
    assert phone.post(f"/face/{pass_id}/photo/", {"photo": picture()}).url == f"/face/{pass_id}/"
    assert state(phone, pass_id) == {
        "state": "photo_check",
        "place": 1,
        "place_words": "1 person is before you.",
        "aim": None,
        "finding": None,
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
    face_checks.record_aim(task=task, check=ready, finding=Aim.LEFT, at=timezone.now())
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


# Limits and bad input


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


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 and so on", "not_a_picture"),
        (b"GIF89a\1\0\1\0", "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "heic"),
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


# The link


@pytest.fixture
def link(phone, pass_id, check) -> str:
    html = phone.post(f"/face/{pass_id}/link/").content.decode()
    return re.search(r'value="http://[^/]+(/face/link/[\w-]+/)"', html)[1]


@pytest.fixture
def mother() -> Client:
    """Her own phone, on which nobody has signed in."""
    return Client(headers={"accept-language": "en"})


def test_link_tells_who_asks_and_changes_nothing(mother, link):
    for _time in range(2):
        response = mother.get(link)
        html = response.content.decode()
        assert "138****0001" in html
        assert "李**" in html
        assert "李小花" not in html
    assert "no-store" in response["Cache-Control"]
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Referrer-Policy"] == "strict-origin"
    assert FaceLink.objects.get().used_at is None


def test_link_s_phone_does_the_whole_check_and_gets_no_code(mother, link, pass_id):
    assert mother.post(link).url == f"/face/{pass_id}/"
    assert mother.get(f"/face/{pass_id}/").status_code == 200
    mother.post(f"/face/{pass_id}/photo/", {"photo": picture()})
    record_photo(PhotoFinding.FINE)
    answer(mother, pass_id)
    record_live()
    assert state(mother, pass_id)["state"] == "passed"
    assert state(mother, pass_id)["next"] is None
    assert "You can close this page." in mother.get(f"/face/{pass_id}/").content.decode()
    assert mother.get(f"/code/{pass_id}/").url.startswith("/login/")


def test_link_opens_nothing_else(mother, link, pass_id, son):
    other = issue_pass(person=factories.relative(account=son, number=factories.DOCUMENTS[2]).person).public_id
    mother.post(link)
    assert_over(mother, other)
    assert mother.get("/people/").url.startswith("/login/")
    assert mother.post(f"/face/{pass_id}/link/").status_code == 404
    assert mother.post(f"/face/{pass_id}/consent/").status_code == 404
    html = mother.get(f"/face/{pass_id}/").content.decode()
    assert reverse("passcodes:ask_person", args=[pass_id]) not in html


def test_link_works_once(mother, link, client):
    mother.post(link)
    assert client.post(link).status_code == 410
    assert client.get(link).status_code == 410
    assert "李" not in client.get(link).content.decode()


def test_link_dies_after_half_an_hour(mother, link):
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert mother.get(link).status_code == 410
        assert mother.post(link).status_code == 410


def test_newer_link_ends_the_one_before(mother, link, phone, pass_id):
    phone.post(f"/face/{pass_id}/link/")
    assert mother.get(link).status_code == 410


def test_link_s_access_ends_after_half_an_hour(mother, link, pass_id):
    mother.post(link)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert_over(mother, pass_id)


def test_link_s_access_ends_with_the_relation(mother, link, pass_id, proxy, son):
    mother.post(link)
    proxies.end_proxy(proxy=proxy, by=son, at=timezone.now())
    assert_over(mother, pass_id)


def assert_over(client, pass_id) -> None:
    response = client.get(f"/face/{pass_id}/")
    assert response.status_code == 410
    assert "This link no longer works" in response.content.decode()
    assert "李" not in response.content.decode()
    assert state(client, pass_id)["error"] == "link_dead"


def test_account_on_the_link_s_phone_gains_nothing(stranger, link, pass_id):
    stranger.post(link)
    assert stranger.get(f"/face/{pass_id}/").status_code == 200
    assert stranger.get(f"/code/{pass_id}/").status_code == 404
    stranger.post(f"/face/{pass_id}/withdraw/")
    assert "You can close this page." in stranger.get(f"/face/{pass_id}/").content.decode()
    assert stranger.get("/declare/").status_code == 200  # still signed in as itself


def test_own_link_opened_by_the_account_stays_its_own(phone, link, pass_id):
    phone.post(link)
    assert "On the person’s own phone instead" in phone.get(f"/face/{pass_id}/").content.decode()


def test_link_is_kept_as_a_hash(link):
    assert link.split("/")[3] not in FaceLink.objects.get().hash


def test_person_of_the_check_is_never_in_the_page_s_address_or_session(mother, link, pass_id):
    mother.post(link)
    person = Person.objects.get()
    assert person.name not in str(dict(mother.session.items()))
    assert set(mother.session["face_link"]) == {"check", "until"}
