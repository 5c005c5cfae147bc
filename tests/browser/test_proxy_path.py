"""Declaring for a relative in real browsers: form -> photo -> live face -> code, and what must fail.

The worker's own code judges the faces, in this process. The camera is a canvas that shows a moving face (moving_face).
"""

import time

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts import worker
from accounts.models import Task
from declarations.models import Assurance, Person, Proxy
from passcodes import (
    face_checks,
    tasks,  # noqa: F401 - registers what the worker does
)
from passcodes.actions import issue_pass
from passcodes.models import FaceCheck, FaceImage, FaceTry
from tests import factories
from tests.browser import moving_face
from tests.browser.test_main_path import sign_in
from tests.passcodes.people import astronaut, close, file, hopper

SON, MOTHER = "+8613800000001", "+8613800000002"
NUMBER = factories.DOCUMENTS[1]
PATIENCE = 60  # seconds


@pytest.fixture(autouse=True)
def confirming(settings):
    settings.IDENTITY_URL = "accept:"


@pytest.fixture
def son_s_phone(new_phone, outbox):
    """A phone before whose camera a person sits: `seen` is who."""

    def open_phone(seen, path="/"):
        page = new_phone()
        page.context.add_init_script(moving_face.script(seen))
        sign_in(page, outbox, SON, path)
        return page

    return open_phone


@pytest.fixture
def claimed(site):
    """A mother for whom the son has declared, and whom nobody has seen yet."""
    account = factories.account(phone=SON)
    proxy = factories.relative(account=account, acting=False, assurance=Assurance.DECLARED)
    proxy.page = f"/face/{issue_pass(person=proxy.person).public_id}/"
    return proxy


def work_until(page, selector) -> None:
    """Be the worker until the page shows this."""
    end = time.monotonic() + PATIENCE
    while not page.locator(selector).first.is_visible():
        assert time.monotonic() < end, f"{selector} did not come; {page.locator('main').inner_text()}"
        worker.run_next()
        page.wait_for_timeout(50)


def work_until_url(page, part) -> None:
    end = time.monotonic() + PATIENCE
    while part not in page.url:
        assert time.monotonic() < end, f"{part} did not come; {page.locator('main').inner_text()}"
        worker.run_next()
        page.wait_for_timeout(50)


def declare_for_relative(page) -> None:
    page.locator("[name=name]").fill("李小花")
    page.locator("[name=relation]").select_option("parent")
    page.locator("[name=document_kind]").select_option("01")
    page.locator("[name=document_number]").fill(NUMBER)
    page.locator("[name=document_number]").press("Tab")
    page.get_by_role("button", name="获取绑定手机号").click()
    page.locator("[name=county]").select_option("210102")
    page.locator("[name=address]").fill("中山路1号")
    for question in ("travel", "contact"):
        page.locator(f"[name={question}][value=no]").check()
    page.locator("[name=temperature]").first.check()
    page.locator("[name=affirmation]").check()
    expect(page.locator("[name=phone]")).to_have_value(SON.removeprefix("+86"))  # comes from the server
    page.get_by_role("button", name="提交").click()


def give_photo(page, who) -> None:
    """Through consent to a photo that is good."""
    page.locator("[data-consent]").click()
    picture = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": moving_face.photo(who)}
    page.locator("[data-photo-album]").set_input_files(picture)
    work_until(page, "[data-panel=live]")


def test_relative_s_code_appears_after_the_live_face(son_s_phone):
    page = son_s_phone(astronaut)
    page.get_by_role("link", name="代人填报").click()
    assert page.get_by_role("heading", level=1).inner_text() == "为他人上报健康状况"
    declare_for_relative(page)
    page.get_by_role("link", name="立即生成健康码").click()
    page.wait_for_url("**/face/*/")
    give_photo(page, astronaut)
    page.get_by_role("button", name="开启人脸识别验证").click()
    work_until_url(page, "/code/")
    assert page.get_by_role("heading", level=1).inner_text() == "绿码"
    assert page.locator("[data-part=name]").inner_text() == "李**"
    mother = Person.objects.get()
    assert mother.assurance == Assurance.FACE
    assert Proxy.objects.acting().get().person == mother
    assert FaceImage.objects.count() == 0
    assert FaceTry.objects.get().finding == "passed"


def test_another_face_than_in_the_photo_gets_no_code(son_s_phone, claimed):
    page = son_s_phone(hopper, claimed.page)
    give_photo(page, astronaut)
    page.get_by_role("button", name="开启人脸识别验证").click()
    work_until(page, "[data-finding=no_match]")
    assert not Proxy.objects.acting().exists()
    assert not FaceImage.objects.filter(kind="frame").exists()


def test_film_of_a_still_face_gets_no_code(camera_phone, film, outbox, claimed):
    page = camera_phone(film(file(close(astronaut), "PNG")))
    sign_in(page, outbox, SON, claimed.page)
    give_photo(page, astronaut)
    page.get_by_role("button", name="开启人脸识别验证").click()
    page.locator("[data-live-begin]").click()
    work_until(page, "[data-finding=repeated], [data-finding=too_few_frames], [data-finding=not_turned]")
    assert not Proxy.objects.acting().exists()


def test_fifth_try_is_the_last_of_the_hour(son_s_phone, claimed, faults):
    faults.ignore("the server responded with a status of 429")
    page = son_s_phone(hopper, claimed.page)
    give_photo(page, astronaut)
    check = FaceCheck.objects.get()
    now = timezone.now()
    for _time in range(face_checks.TRIES_AN_HOUR):
        face_checks.issue_challenge(check=check, at=now)
    page.get_by_role("button", name="开启人脸识别验证").click()
    page.locator("[data-live-begin]").click()
    page.get_by_role("link", name="申请由工作人员核验").first.wait_for()
    page.locator("[data-finding]").first.wait_for()


def test_refused_consent_leads_to_an_officer(son_s_phone, claimed):
    page = son_s_phone(astronaut, claimed.page)
    page.get_by_role("link", name="申请由工作人员核验").click()
    page.locator("[name=photo]").set_input_files(
        {"name": "document.jpg", "mimeType": "image/jpeg", "buffer": moving_face.photo(astronaut)}
    )
    page.get_by_role("button", name="提交").click()
    page.get_by_text("等待").first.wait_for()
    assert FaceCheck.objects.count() == 0
    assert Task.objects.filter(kind__startswith="face").count() == 0


def test_adult_with_an_account_agrees_and_ends_it(son_s_phone, new_phone, outbox, claimed, faults):
    faults.ignore("the server responded with a status of 401")
    faults.ignore("the server responded with a status of 404")
    account = factories.account(phone=MOTHER)
    mother = factories.pass_code(account=account, number=NUMBER, name="李小花").person
    page = son_s_phone(astronaut, claimed.page)
    give_photo(page, astronaut)
    page.get_by_role("button", name="开启人脸识别验证").click()
    work_until(page, "[data-people]")
    assert not Proxy.objects.acting().filter(person=mother).exists()

    hers = new_phone()
    sign_in(hers, outbox, MOTHER, "/people/")
    assert hers.get_by_text("138****0001").first.is_visible()
    hers.get_by_role("button", name="同意").click()
    hers.get_by_text("已同意").first.wait_for()

    page.goto("/people/")
    page.get_by_role("link", name="出示健康码").click()
    page.wait_for_url(f"**/code/{issue_pass(person=mother).public_id}/")
    assert page.get_by_role("heading", level=1).inner_text() == "绿码"

    hers.reload()
    hers.get_by_role("link", name="终止").first.click()
    hers.locator("main button").click()
    with page.expect_response("**/token") as renewal:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert renewal.value.status == 401
