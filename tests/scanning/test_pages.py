"""The scanner's pages: who gets in, what they show, and that showing writes nothing."""

from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.actions import device_key_hash
from accounts.models import DeviceKey
from declarations.models import Assurance
from institutions.models import MembershipRole
from scanning import ids
from scanning.models import Scan
from scanning.panels import every_panel
from tests import factories

pytestmark = pytest.mark.django_db

NOT_OURS = [
    "wxp://f2f0abcdef",
    "https://example.com/",
    "A" * 4096,
    "\0",
    "😀" * 30,
    "<script>alert(1)</script>",
    "%2e/../x",
]


def page(response):
    return response.content.decode()


def record(client, **data):
    values = {"id": ids.new_id(timezone.now()), "taken": "none", **data}
    return client.post(reverse("scanning:record"), values)


# Who gets in


@pytest.mark.parametrize("name", ["scan", "entrance", "read", "record"])
def test_pages_need_sign_in(client, name):
    path = reverse(f"scanning:{name}")
    response = client.get(path)
    assert response.status_code == 302
    assert response.url == f"{reverse('accounts:sign_in')}?next={path}"


@pytest.mark.parametrize("name", ["scan", "entrance", "read", "record"])
@pytest.mark.parametrize("declared", [True, False])
def test_who_is_not_known_by_name_is_told_the_way(client, name, declared):
    account = factories.account()
    if declared:
        factories.person(holder=account, assurance=Assurance.DECLARED)
    client.force_login(account, "accounts.backends.OneTimeCodeBackend")
    response = client.get(reverse(f"scanning:{name}"))
    assert response.status_code == 403
    assert "First: who are you?" in page(response)
    assert "scan_key" not in response.cookies


def test_camera_page_gives_the_key_of_the_scanner(signed_in, account, door):
    response = signed_in.get("/scan/")
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    cookie = response.cookies["scan_key"]
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/scan/", "Lax", True)
    key = DeviceKey.objects.get()
    assert (key.hash, key.account, key.subject) == (device_key_hash(cookie.value), account, "")
    assert f'data-entrance="{door.pk}"' in page(response)


def test_living_key_is_kept(signed_in, door):
    signed_in.get("/scan/")
    assert "scan_key" not in signed_in.get("/scan/").cookies
    assert DeviceKey.objects.count() == 1


@pytest.mark.parametrize("change", [{"expires_at": timezone.now() - timedelta(days=1)}, {"subject": "0" * 16}])
def test_dead_key_is_replaced(signed_in, door, change):
    signed_in.get("/scan/")
    DeviceKey.objects.update(**change)
    assert signed_in.get("/scan/").cookies["scan_key"].value


def test_key_of_another_account_is_replaced(signed_in, account, door, code):
    key = factories.device_key(account=code.person.holder)
    signed_in.cookies["scan_key"] = key
    assert signed_in.get("/scan/").cookies["scan_key"].value != key


def test_key_belongs_to_the_browser_that_signed_in(signed_in, account, door):
    device = factories.device(account=account)
    session = signed_in.session
    session["device"] = device.pk
    session.save()
    signed_in.get("/scan/")
    assert DeviceKey.objects.get().device == device


def test_only_the_camera_page_may_run_the_reader(signed_in, door, token):
    assert "'wasm-unsafe-eval'" in signed_in.get("/scan/").headers["Content-Security-Policy"]
    assert "wasm" not in signed_in.get(f"/c/{token}").headers["Content-Security-Policy"]


def test_camera_page_costs_the_same_for_one_door_and_three(signed_in, institution, door, django_assert_num_queries):
    signed_in.get("/scan/")
    with django_assert_num_queries(5):
        signed_in.get("/scan/")
    for name in ("南门", "北门"):
        factories.entrance(institution=institution, name=name)
    signed_in.post(reverse("scanning:entrance"), {"entrance": door.pk})
    with django_assert_num_queries(5):
        signed_in.get("/scan/")


def test_every_panel_comes_with_the_page(signed_in, door):
    content = page(signed_in.get("/scan/"))
    assert [panel.name for panel in every_panel()] == [
        "green", "yellow", "red", "grey", "neutral", "expired", "unknown", "invalid", "pass", "stop"
    ]  # fmt: skip
    for panel in every_panel():
        assert f'data-panel-of="{panel.name}"' in content


# Entrances


def test_several_doors_ask_once(signed_in, institution, door):
    south = factories.entrance(institution=institution, name="南门")
    response = signed_in.get("/scan/")
    assert response.url == reverse("scanning:entrance")
    content = page(signed_in.get(response.url))
    assert institution.name in content and door.name in content and south.name in content
    assert signed_in.post(response.url, {"entrance": south.pk}).url == "/scan/"
    assert f'data-entrance="{south.pk}"' in page(signed_in.get("/scan/"))


def test_door_of_another_institution_cannot_be_chosen(signed_in, institution, door, other_door):
    factories.entrance(institution=institution, name="南门")
    content = page(signed_in.get(reverse("scanning:entrance")))
    assert other_door.institution.name not in content
    response = signed_in.post(reverse("scanning:entrance"), {"entrance": other_door.pk})
    assert response.status_code == 404
    assert "entrance" not in signed_in.session


@pytest.mark.parametrize("value", ["", "x", "-1", "9" * 40, "²"])
def test_malformed_choice_is_not_found(signed_in, door, value):
    assert signed_in.post(reverse("scanning:entrance"), {"entrance": value}).status_code == 404


def test_choosing_goes_on_to_own_pages_only(signed_in, door):
    choose = reverse("scanning:entrance")
    assert signed_in.post(choose, {"entrance": door.pk, "next": "/c/ABC"}).url == "/c/ABC"
    assert signed_in.post(choose, {"entrance": door.pk, "next": "https://example.com/"}).url == "/scan/"


def end_membership(door):
    door.institution.memberships.update(ended_at=timezone.now())


def close_institution(door):
    door.institution.is_active = False
    door.institution.save()


def close_door(door):
    door.is_active = False
    door.save()


def only_admin(door):
    door.institution.memberships.update(role=MembershipRole.ADMIN)


@pytest.mark.parametrize("change", [end_membership, close_institution, close_door, only_admin])
def test_lost_door_is_gone_at_once(signed_in, door, token, change):
    signed_in.post(reverse("scanning:entrance"), {"entrance": door.pk})
    change(door)
    content = page(signed_in.get("/scan/"))
    assert "data-entrance" not in content and door.name not in content
    assert "not recorded" in content
    assert record(signed_in, token=token).url == "/scan/"
    assert signed_in.post(reverse("scanning:entrance"), {"entrance": door.pk}).status_code == 404
    assert not Scan.objects.exists()


# The address in a code


@pytest.mark.parametrize("letter", ["c", "C"])
def test_stranger_is_shown_the_way_to_sign_in(client, token, letter):
    response = client.get(f"/{letter}/{token}")
    assert response.status_code == 200
    assert f"{reverse('accounts:sign_in')}?next={quote(f'/{letter}/{token}', safe='')}" in page(response)
    assert "张" not in page(response) and "Green" not in page(response)


@pytest.mark.parametrize("text", NOT_OURS)
def test_stranger_with_anything_else_too(client, text):
    assert client.get(f"/c/{quote(text)}").status_code == 200


def test_who_is_not_known_by_name_sees_no_outcome(client, token):
    client.force_login(factories.account(phone="+8613800000008"), "accounts.backends.OneTimeCodeBackend")
    response = client.get(f"/c/{token}")
    assert response.status_code == 403
    assert "张" not in page(response) and "Green code" not in page(response)


@pytest.mark.parametrize("letter", ["c", "C"])
def test_outcome_is_shown_and_not_recorded(signed_in, door, token, letter):
    response = signed_in.get(f"/{letter}/{token}")
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert 'data-panel="green"' in page(response)
    assert "Green code · take the temperature" in page(response)
    assert "张**" in page(response) and "张三丰" not in page(response)
    assert not Scan.objects.exists()


@pytest.mark.parametrize("text", NOT_OURS)
def test_anything_else_is_invalid(signed_in, door, text):
    response = signed_in.get(f"/c/{quote(text)}")
    assert response.status_code == 200
    assert 'data-panel="invalid"' in page(response)
    assert "<script>alert" not in page(response)


def test_nothing_after_the_address_is_invalid(signed_in, door):
    assert 'data-panel="invalid"' in page(signed_in.get("/c/"))


def test_old_code_is_expired(signed_in, door, token):
    with time_machine.travel(timezone.now() + timedelta(seconds=91), tick=False):
        assert 'data-panel="expired"' in page(signed_in.get(f"/c/{token}"))


def test_who_scans_for_nobody_sees_the_outcome_thirty_times(signed_in, token):
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(30):
            assert 'data-panel="green"' in page(signed_in.get(f"/c/{token}"))
        response = signed_in.get(f"/c/{token}")
    assert response.status_code == 429
    assert "张" not in page(response)
    assert 'name="taken"' not in page(response)


def test_scanner_of_several_doors_is_asked_for_one(signed_in, institution, door, token):
    factories.entrance(institution=institution, name="南门")
    content = page(signed_in.get(f"/c/{token}"))
    assert f"{reverse('scanning:entrance')}?next={quote(f'/c/{token}', safe='')}" in content
    assert 'name="taken"' not in content


@pytest.mark.parametrize("target", ["abc", "//evil.example/", "https://evil.example/", "javascript:alert(1)", ""])
def test_picking_an_entrance_goes_on_to_own_addresses_only(client, target):
    account = factories.account()
    factories.person(holder=account)
    institution = factories.institution()
    factories.member(institution=institution, account=account)
    door = factories.entrance(institution=institution)
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    response = client.post(reverse("scanning:entrance"), {"entrance": door.pk, "next": target})
    assert (response.status_code, response.url) == (302, reverse("scanning:scan"))
