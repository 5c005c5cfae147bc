"""The face check's page in a real browser: a photo, the camera, the turns. What the worker finds is written by hand."""

import io
import re

import pytest
from django.utils import timezone
from PIL import Image

from accounts.models import Task
from declarations.identity import Result
from declarations.models import Assurance
from passcodes import face_checks, face_results
from passcodes.actions import issue_pass
from passcodes.findings import Aim, LiveFinding, LiveVerdict, PhotoFinding
from passcodes.models import FaceCheck, FaceImage, FaceTry
from tests import factories
from tests.browser.test_main_path import sign_in
from tests.passcodes.people import astronaut, close, file

SON = "+8613800000001"


@pytest.fixture
def pass_id(site) -> str:
    """Of a relative whom nobody has seen yet."""
    account = factories.account(phone=SON)
    proxy = factories.relative(account=account, acting=False, assurance=Assurance.DECLARED)
    return issue_pass(person=proxy.person).public_id


@pytest.fixture
def proxy_phone(camera_phone, film, outbox, pass_id):
    """The son's, with a face before its camera, at the face check."""
    phone = camera_phone(film(file(close(astronaut), "PNG")))
    sign_in(phone, outbox, SON, f"/face/{pass_id}/")
    return phone


def photo(side: int = 400) -> dict:
    return {"name": "photo.png", "mimeType": "image/png", "buffer": file(astronaut().resize((side, side)), "PNG")}


def look(kind: str) -> tuple[Task, FaceCheck]:
    """The task that waits, and its check."""
    return Task.objects.get(kind=kind, done_at=None), FaceCheck.objects.get()


def find_photo(finding) -> None:
    task, check = look("face-photo")
    face_results.record_photo(task=task, check=check, finding=finding, at=timezone.now())


def find_live(finding=LiveFinding.PASSED, authority=Result.MATCH) -> None:
    task, _check = look("face-live")
    verdict, attempt = LiveVerdict(finding), FaceTry.objects.get(pk=int(task.subject.split(":")[1]))
    face_results.record_live(
        task=task,
        attempt=attempt,
        verdict=verdict,
        authority=authority,
        claim=face_results.claim_of(attempt.check_of),
        threshold=0.45,
        model="",
        at=timezone.now(),
    )


def panel(page, name: str):
    return page.locator(f"[data-panel={name}]")


def to_live(page) -> None:
    """Through consent and photo."""
    page.locator("[data-consent]").click()
    page.locator("[data-photo-album]").set_input_files(photo())
    panel(page, "waiting").wait_for()
    find_photo(PhotoFinding.FINE)
    panel(page, "live").wait_for()


def test_photo_is_shrunk_sent_and_judged_without_a_reload(proxy_phone, faults):
    faults.ignore("the server responded with a status of 422")
    page = proxy_phone
    page.evaluate("window.stays = true")
    page.locator("[data-consent]").click()
    panel(page, "photo").wait_for()
    assert page.evaluate("document.activeElement.matches('[data-heading]')")
    page.locator("[data-photo-album]").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"no"})
    page.locator("[data-finding=not_a_picture]").wait_for()
    page.locator("[data-photo-album]").set_input_files(photo(2000))
    panel(page, "waiting").wait_for()
    with Image.open(io.BytesIO(bytes(FaceImage.objects.get().data))) as sent:
        assert (sent.format, sent.size) == ("JPEG", (1280, 1280))
    find_photo(PhotoFinding.BLURRED)
    page.locator("[data-finding=blurred]").wait_for()
    assert page.evaluate("window.stays")


def test_turns_are_asked_for_and_their_pictures_sent(proxy_phone, pass_id):
    page = proxy_phone
    to_live(page)
    page.locator("[data-live-open]").click()
    page.locator("[data-live-stage][data-phase=aim]").wait_for()
    wait_for_aim(page, Aim.LEFT)
    page.get_by_text("请把手机向右移。").first.wait_for()
    wait_for_aim(page, Aim.FINE)
    page.locator("[data-phase=straight][data-step='0']").wait_for()
    challenge = FaceTry.objects.get().challenge
    for number, side in enumerate(challenge):
        page.locator(f"[data-phase={side}][data-step='{2 * number + 1}']").wait_for()
        assert page.locator("[data-live-arrow]").is_visible()
    panel(page, "waiting").wait_for()
    frames = FaceImage.objects.filter(kind="frame").order_by("number")
    assert len(frames) == 20
    assert [frame.at for frame in frames] == sorted(frame.at for frame in frames)
    with Image.open(io.BytesIO(bytes(frames[0].data))) as sent:
        assert (sent.format, sent.size) == ("JPEG", (320, 240))
    find_live()
    page.wait_for_url(f"**/code/{pass_id}/")


def wait_for_aim(page, finding) -> None:
    """Say how the next picture's face lies."""
    for _time in range(40):
        if Task.objects.filter(kind="face-aim", done_at=None).exists():
            task, check = look("face-aim")
            face_results.record_aim(task=task, check=check, finding=finding, at=timezone.now())
            return
        page.wait_for_timeout(100)
    raise AssertionError("no picture came")


def test_failed_turns_say_how_to_do_better(proxy_phone):
    page = proxy_phone
    to_live(page)
    page.locator("[data-live-open]").click()
    page.locator("[data-live-begin]").click()
    panel(page, "waiting").wait_for(timeout=40_000)
    find_live(LiveFinding.NOT_TURNED, None)
    page.locator("[data-finding=not_turned]").wait_for()
    assert page.locator("[data-live-open]").is_visible()


def test_turns_at_ones_own_pace_wait_for_the_person(proxy_phone, check_accessibility):
    page = proxy_phone
    to_live(page)
    page.get_by_label("按自己的节奏").check()
    page.locator("[data-live-open]").click()
    page.locator("[data-live-begin]").click()
    page.locator("[data-phase=straight][data-step='0']").wait_for()
    assert page.locator("[data-live-press]").bounding_box()["height"] >= 80
    check_accessibility(page)
    page.wait_for_timeout(4000)
    for number in range(7):
        page.locator(f"[data-live-stage][data-step='{number}']").wait_for()
        page.locator("[data-live-hint]").get_by_text("按下按钮").wait_for()
        assert page.evaluate("document.activeElement.matches('[data-live-press]')") == (number < 5)
        if number == 3:
            page.locator("[data-live-press]").click()
        elif number == 4:
            page.evaluate("document.activeElement.blur()")
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("Space")
    panel(page, "waiting").wait_for()
    frames = FaceImage.objects.filter(kind="frame").order_by("number")
    assert len(frames) == 14
    assert frames[0].at > 4
    find_live(LiveFinding.NOT_TURNED, None)
    page.locator("[data-finding=not_turned]").wait_for()
    assert page.get_by_label("按自己的节奏").is_checked()


def test_two_minutes_end_a_try_at_ones_own_pace(proxy_phone):
    page = proxy_phone
    page.clock.install()
    to_live(page)
    page.get_by_label("按自己的节奏").check()
    page.locator("[data-live-open]").click()
    page.locator("[data-live-begin]").click()
    page.locator("[data-phase=straight][data-step='0']").wait_for()
    page.clock.run_for(60_000)
    assert page.locator("[data-live-press]").is_visible()
    page.clock.run_for(55_000)
    page.locator("[data-finding=too-slow]").wait_for()
    assert page.locator("[data-live-open]").is_visible()


VOICE = """
window.heard = [];
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
Object.defineProperty(window, "speechSynthesis", { value: {
  getVoices: () => [{}], cancel() {}, speak(said) { heard.push(said.text); setTimeout(() => said.onend()); } } });
"""


def test_what_the_page_says_is_heard_once(camera_phone, film, outbox, pass_id):
    page = camera_phone(film(file(close(astronaut), "PNG")))
    page.context.add_init_script(VOICE)
    sign_in(page, outbox, SON, f"/face/{pass_id}/")
    to_live(page)
    line = page.locator("[data-say]")
    page.locator("[data-live-open]").click()
    page.locator("[data-phase=aim]").wait_for()
    assert (line.get_attribute("aria-live"), page.evaluate("heard.length")) == ("off", 1)
    assert page.evaluate("heard[0]") == line.text_content()
    page.locator("[data-live-sound]").click()
    wait_for_aim(page, Aim.LEFT)
    page.locator("[data-live-hint]").get_by_text("请把手机向右移。").wait_for()
    assert (line.get_attribute("aria-live"), page.evaluate("heard.length")) == ("assertive", 1)


def test_limit_is_shown_where_the_tries_are_used_up(proxy_phone):
    page = proxy_phone
    to_live(page)
    check = FaceCheck.objects.get()
    for _number in range(face_checks.TRIES_AN_HOUR):
        face_checks.issue_challenge(check=check, at=timezone.now())
    page.locator("[data-limit]").wait_for()
    assert page.locator("[data-live-open]").count() == 0
    assert page.get_by_role("link", name="申请由工作人员核验").is_visible()


def test_refused_camera_leads_to_the_other_ways(new_phone, outbox, pass_id):
    page = new_phone()
    page.context.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }"
    )
    sign_in(page, outbox, SON, f"/face/{pass_id}/")
    to_live(page)
    page.locator("[data-live-open]").click()
    page.locator("[data-finding=denied]").wait_for()
    assert page.get_by_role("link", name="申请由工作人员核验").is_visible()


def test_a_photo_chosen_before_the_scripts_came_is_sent(phone, outbox, pass_id):
    held = []
    sign_in(phone, outbox, SON, f"/face/{pass_id}/")
    phone.locator("[data-consent]").click()
    panel(phone, "photo").wait_for()
    phone.route("**/js/face-photo*.js", lambda route: held.append(route))
    phone.reload(wait_until="commit")
    phone.locator("[data-photo-album]").set_input_files(photo())
    assert len(held) == 1
    held.pop().continue_()
    panel(phone, "waiting").wait_for()


def test_link_brings_the_check_to_the_person_s_own_phone(proxy_phone, new_phone):
    page = proxy_phone
    page.locator("[data-consent]").click()
    panel(page, "photo").locator("summary").first.click()
    page.locator("[data-new-link]").click()
    url = page.locator("[data-link-url]").input_value()
    mother = new_phone()
    mother.goto(url)
    mother.locator("[data-link-begin]").click()
    mother.locator("[data-photo-album]").set_input_files(photo())
    panel(mother, "waiting").wait_for()
    panel(page, "waiting").wait_for()
    assert not re.search("link", page.url)
    find_photo(PhotoFinding.FINE)
    mother.locator("[data-withdraw]").click()
    mother.get_by_text("您可以关闭本页。").wait_for()
    panel(page, "consent").wait_for()
    assert FaceImage.objects.count() == 0


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
def test_every_step_is_accessible_and_fits(camera_phone, film, outbox, pass_id, check_accessibility, colour_scheme):
    page = camera_phone(
        film(file(close(astronaut), "PNG")), color_scheme=colour_scheme, viewport={"width": 320, "height": 568}
    )
    sign_in(page, outbox, SON, f"/face/{pass_id}/")

    def check() -> None:
        page.evaluate("document.querySelectorAll('details').forEach((box) => (box.open = true))")
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320

    check()
    page.locator("[data-consent]").click()
    panel(page, "photo").wait_for()
    check()
    page.locator("[data-photo-album]").set_input_files(photo())
    panel(page, "waiting").wait_for()
    check()
    find_photo(PhotoFinding.FINE)
    panel(page, "live").wait_for()
    check()
    page.locator("[data-live-open]").click()
    page.locator("[data-phase=aim]").wait_for()
    check()
    page.locator("[data-live-cancel]").click()
    page.locator("[data-new-link]").click()
    panel(page, "link").wait_for()
    check()
