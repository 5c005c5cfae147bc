"""The one-time link that brings a face check to the person's own phone, and what it does not open."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from declarations import proxies
from declarations.models import Person
from passcodes.actions import issue_pass
from passcodes.findings import PhotoFinding
from passcodes.models import FaceLink
from tests import factories
from tests.passcodes.face_pages import answer, picture, record_live, record_photo, state

pytestmark = pytest.mark.django_db


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
