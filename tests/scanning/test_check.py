"""POST /scan/check: what a scanner's device gets, and what is written."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import DeviceKey
from declarations.models import Assurance, Person
from passcodes import tokens
from passcodes.colour import Colour
from passcodes.models import GateReading
from scanning import ids
from scanning.models import Scan, ScanEvent
from tests import factories
from tests.scanning.steps import browser, live_token, post, scan

pytestmark = pytest.mark.django_db


def test_green_code_says_take_the_temperature(device, code, door):
    answer = scan(device, code, door)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    data = answer.json()
    assert data.pop("now")
    assert data == {
        "outcome": "green",
        "name": "张**",
        "message": "Green code · take the temperature",
        "repeated": False,
        "repeat_of": None,
    }
    row = Scan.objects.get()
    assert (row.institution, row.entrance, row.person, row.outcome) == (door.institution, door, code.person, "green")
    assert row.reading is None


@pytest.mark.parametrize(
    ("temperature", "message", "stored", "found_normal"),
    [
        (36.5, "May pass", "36.5", False),
        ("normal", "May pass", "None", True),
        (37.3, "37.3 °C or more: may not pass. Follow the fever procedure.", "37.3", False),
    ],
)
def test_temperature_goes_with_the_scan(device, code, door, temperature, message, stored, found_normal):
    assert scan(device, code, door, temperature=temperature).json()["message"] == message
    row = Scan.objects.get()
    assert (str(row.temperature), row.found_normal) == (stored, found_normal)


def test_the_whole_url_of_the_qr_is_read_as_well(device, code, door):
    url = tokens.url("https://pass.example", live_token(code))
    assert scan(device, code, door, token=url.lower()).json()["outcome"] == "green"


def test_colour_is_the_present_one_not_the_token_s(device, code, door):
    token = live_token(code, Colour.GREEN)
    factories.risk_record()
    assert scan(device, code, door, token=token).json()["outcome"] == "red"


def test_neutral_when_only_declared(device, door):
    code = factories.pass_code(account=factories.account(), number=factories.DOCUMENTS[2], assurance=Assurance.DECLARED)
    factories.risk_record(number=factories.DOCUMENTS[2])
    assert scan(device, code, door).json()["outcome"] == "neutral"


def test_a_neutral_code_says_nothing_of_why(device, code, door):
    said = "Not checked · register the identity card and take the temperature."
    claimed = factories.pass_code(
        account=factories.account(phone="+8613800000008"), number=factories.DOCUMENTS[2], assurance=Assurance.DECLARED
    )
    assert scan(device, claimed, door).json()["message"] == said
    factories.risk_source(fresh_hours=1, stale_from=timezone.now())
    proven = scan(device, code, door).json()
    assert (proven["outcome"], proven["message"]) == ("neutral", said)


def test_grey_when_declared_long_ago(device, door):
    made_at = timezone.now() - timedelta(days=4)
    code = factories.pass_code(account=factories.account(), made_at=made_at)
    assert scan(device, code, door).json()["outcome"] == "grey"


def test_screenshot_is_expired_and_names_nobody(device, code, door):
    old = live_token(code, at=timezone.now() - timedelta(seconds=91))
    answer = scan(device, code, door, token=old).json()
    assert (answer["outcome"], answer["name"]) == ("expired", "")
    assert Scan.objects.get().outcome == "expired"


def test_well_signed_code_of_no_pass_is_unknown(device, code, door):
    token = live_token(code)
    code.delete()
    assert scan(device, code, door, token=token).json()["outcome"] == "unknown"


@pytest.mark.parametrize(
    "text", ["", "wxp://f2f0abc", "https://example.org/", "A" * 4000, "\x00", "😀", "HTTPS://X/C/", "<script>"]
)
def test_foreign_codes_are_invalid_and_recorded(device, door, code, text):
    answer = scan(device, code, door, token=text)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "invalid")
    assert Scan.objects.get().person is None


def test_same_id_answers_the_same_and_writes_once(device, code, door):
    body = {"id": ids.new_id(timezone.now()), "token": live_token(code), "temperature": 36.5}
    first, again = scan(device, code, door, **body).json(), scan(device, code, door, **body).json()
    assert again.pop("repeated") is True
    assert first.pop("repeated") is False
    assert {**first, "now": ""} == {**again, "now": ""}
    assert Scan.objects.count() == 1


def test_known_id_with_other_content_conflicts_and_the_first_stays(device, code, door):
    id = ids.new_id(timezone.now())
    scan(device, code, door, id=id, temperature=36.5)
    answer = scan(device, code, door, id=id, temperature=38.0)
    assert answer.status_code == 409
    assert (answer.json()["error"], answer.json()["message"]) == ("conflict", "May pass")
    assert str(Scan.objects.get().temperature) == "36.5"


def test_id_of_another_scanner_s_scan_tells_nothing(device, code, door):
    id = ids.new_id(timezone.now())
    scan(device, code, door, id=id)
    other = factories.account(phone="+8613800000010")
    factories.pass_code(account=other, number=factories.DOCUMENTS[3])
    elsewhere = factories.institution(name="另一家", credit_code="91210100000000002G")
    factories.member(institution=elsewhere, account=other)
    answer = scan(browser(factories.device_key(account=other)), code, factories.entrance(institution=elsewhere), id=id)
    assert (answer.status_code, answer.json()) == (409, {"error": "conflict"})


def test_second_scan_within_ten_minutes_names_the_first(device, code, door):
    now = timezone.now()
    first, second, later = (
        ids.new_id(now - timedelta(minutes=9)),
        ids.new_id(now),
        ids.new_id(now + timedelta(minutes=9)),
    )
    assert scan(device, code, door, id=first).json()["repeat_of"] is None
    assert scan(device, code, door, id=second).json()["repeat_of"] == str(first)
    assert Scan.objects.get(pk=second).repeat_of == first
    assert scan(device, code, door, id=later).json()["repeat_of"] == str(second)


def test_another_entrance_is_no_repeat(device, code, door):
    scan(device, code, door)
    other = factories.entrance(institution=door.institution, name="西门")
    assert scan(device, code, other).json()["repeat_of"] is None


@pytest.mark.parametrize(
    "offset", [timedelta(minutes=10, seconds=5), timedelta(days=26500), -timedelta(hours=48, seconds=5)]
)
def test_id_of_a_wrong_clock_is_refused_by_name(device, code, door, offset):
    answer = scan(device, code, door, id=ids.new_id(timezone.now() + offset))
    assert answer.status_code == 422
    assert answer.json()["error"] == "id_time"
    assert answer.json()["now"]
    assert not Scan.objects.exists()


def test_without_an_entrance_nothing_is_recorded(device, code):
    assert scan(device, code).json()["outcome"] == "green"
    assert not Scan.objects.exists()


def test_another_institution_s_entrance_is_refused(device, code, door):
    other = factories.entrance(institution=factories.institution(name="另一家", credit_code="91210100000000002G"))
    answer = scan(device, code, other)
    assert (answer.status_code, answer.json()) == (403, {"error": "entrance"})
    assert not Scan.objects.exists()


@pytest.mark.parametrize("change", ["ended", "closed", "suspended"])
def test_scanner_stops_at_the_next_request(device, code, door, scanner, change):
    if change == "ended":
        scanner.memberships.update(ended_at=timezone.now())
    elif change == "closed":
        type(door).objects.update(is_active=False)
    else:
        type(door.institution).objects.update(is_active=False)
    assert scan(device, code, door).json() == {"error": "entrance"}


def test_lost_phone_stops_at_the_next_request(device, code, door):
    DeviceKey.objects.all().delete()
    assert scan(device, code, door).status_code == 401


def test_account_without_a_checked_identity_learns_nothing(code, door):
    stranger = factories.account(phone="+8613800000011")
    answer = scan(browser(factories.device_key(account=stranger)), code)
    assert (answer.status_code, answer.json()) == (403, {"error": "real_name"})


def test_key_of_a_pass_does_not_scan(code, door):
    key = factories.device_key(account=code.person.holder, subject=code.public_id)
    assert scan(browser(key), code, door).status_code == 401


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"id": "1"}, "id"),
        ({"id": uuid4()}, "id"),
        ({"id": None}, "id"),
        ({"token": 5}, "token"),
        ({"temperature": "37"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": 12}, "temperature"),
        ({"entrance": "1"}, "entrance"),
        ({"entrance": 2**70}, "entrance"),
    ],
)
def test_malformed_content_is_refused_by_name(device, code, body, error):
    answer = post(device, **{"id": ids.new_id(timezone.now()), "token": live_token(code), **body})
    assert (answer.status_code, answer.json()) == (400, {"error": error})


@pytest.mark.parametrize("raw", [b"[]", b"{", b"\xff", b"NaN", b'{"id":' + b"[" * 3000])
def test_what_is_not_a_json_object_is_refused(device, raw):
    answer = device.post("/scan/check", raw, content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, {"error": "json"})


def test_other_sites_forms_and_origins_are_refused(device, code, door):
    assert device.post("/scan/check", {"id": "1"}).json() == {"error": "content_type"}
    assert device.get("/scan/check").json() == {"error": "method"}
    for origin in ("https://evil.example", "null", ""):
        answer = device.post("/scan/check", "{}", content_type="application/json", headers={"origin": origin})
        assert answer.json() == {"error": "origin"}


def test_new_scan_takes_two_statements_and_a_repeat_one(device, code, door, django_assert_num_queries):
    scan(device, code, door)  # the first showing of a colour is recorded
    body = {"id": ids.new_id(timezone.now()), "token": live_token(code), "temperature": 36.5}
    with django_assert_num_queries(2):
        scan(device, code, door, **body)
    with django_assert_num_queries(1):
        scan(device, code, door, **body)


def test_fever_at_the_door_makes_yellow_until_a_normal_reading(device, code, door):
    scan(device, code, door, temperature=37.3)
    assert GateReading.objects.get().temperature is not None
    assert scan(device, code, door).json()["outcome"] == "yellow"
    scan(device, code, door, temperature="normal")
    assert scan(device, code, door).json()["outcome"] == "green"


def test_normal_reading_of_a_healthy_person_is_kept_with_the_scan_only(device, code, door):
    scan(device, code, door, temperature=36.5)
    assert not GateReading.objects.exists()


def test_temperature_is_noted_on_the_same_record(device, code, door):
    id = ids.new_id(timezone.now())
    scan(device, code, door, id=id)
    answer = post(device, f"/scan/{id}/temperature", temperature=36.5)
    assert (answer.status_code, answer.json()["message"]) == (200, "May pass")
    assert str(Scan.objects.get().temperature) == "36.5"
    assert ScanEvent.objects.get().scan_id == id


def test_temperature_of_another_scanner_s_record_is_refused(device, code, door):
    id = ids.new_id(timezone.now())
    scan(device, code, door, id=id)
    other = factories.account(phone="+8613800000010")
    factories.member(institution=door.institution, account=other)
    answer = post(browser(factories.device_key(account=other)), f"/scan/{id}/temperature", temperature=40)
    assert answer.status_code == 404
    assert Scan.objects.get().temperature is None


@pytest.mark.django_db(transaction=True)
def test_eight_posts_of_one_id_at_once_make_one_row(device, code, door):
    scan(device, code, door)
    key, id, token = device.cookies["scan_key"].value, ids.new_id(timezone.now()), live_token(code)

    def send(number):
        try:
            return scan(browser(key), code, door, id=id, token=token, temperature=36.5 if number % 2 else 36.6)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert Scan.objects.filter(pk=id).count() == 1
    written = [answer for answer in answers if answer.status_code == 200 and not answer.json()["repeated"]]
    assert len(written) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409] * 4


def colour_now(code):
    key = factories.device_key(account=code.person.holder, subject=code.public_id)
    client = Client()
    client.cookies["pass_key"] = key
    return client.get(f"/code/{code.public_id}/token").json()["colour"]


def test_temperature_on_an_expired_code_changes_nobody_s_colour(device, code, door):
    """A screenshot may be anybody's."""
    old = live_token(code, at=timezone.now() - timedelta(seconds=91))
    id = ids.new_id(timezone.now())
    assert scan(device, code, door, id=id, token=old, temperature=39).json()["outcome"] == "expired"
    assert colour_now(code) == "green"
    post(device, f"/scan/{id}/temperature", temperature=39)
    assert colour_now(code) == "green"
    assert not GateReading.objects.exists()


def test_normal_reading_on_an_expired_code_clears_nothing(device, code, door):
    scan(device, code, door, temperature=39)
    old = live_token(code, at=timezone.now() - timedelta(seconds=91))
    id = ids.new_id(timezone.now())
    scan(device, code, door, id=id, token=old, temperature="normal")
    post(device, f"/scan/{id}/temperature", temperature="normal")
    assert colour_now(code) == "yellow"


def test_nobody_reads_their_own_temperature(device, scanner, door):
    own = scanner.person.pass_code
    scan(device, own, door, temperature=39)
    id = ids.new_id(timezone.now())
    scan(device, own, door, id=id)
    post(device, f"/scan/{id}/temperature", temperature=39)
    assert not GateReading.objects.exists()


def test_expired_reading_is_no_earlier_check(device, code, door):
    scan(device, code, door, token=live_token(code, at=timezone.now() - timedelta(seconds=91)))
    assert scan(device, code, door).json()["repeat_of"] is None
    expired = scan(device, code, door, token=live_token(code, at=timezone.now() - timedelta(seconds=91)))
    assert expired.json()["repeat_of"] is None


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("id", "ffffffff-ffff-7fff-bfff-ffffffffffff", 422),
        ("temperature", int("9" * 400), 400),
        ("temperature", -(10**400), 400),
        ("token", "3AOIDWA5AA", 200),
        ("token", "3ASGCKA", 200),
        ("token", "QTMBZAOYDUANQHEB3AOQBWA4QHMB2AGYDSA5QHIA", 200),
    ],
)
def test_poisonous_values_are_answered(device, code, door, field, value, status):
    """Numbers beyond floats, years beyond calendars, CBOR that refers to itself."""
    answer = scan(device, code, door, **{field: value})
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["outcome"] == "invalid"


def test_looks_without_an_entrance_are_limited_by_account_not_by_key(scanner, device, code):
    for _ in range(30):
        assert scan(device, code).status_code == 200
    fresh = browser(factories.device_key(account=scanner))
    assert (scan(fresh, code).status_code, scan(fresh, code).json()) == (429, {"error": "limit"})


def test_membership_does_not_pass_to_another_person_of_the_account(scanner, device, code, door):
    """A recycled number, or a document exchanged for another's: the appointed person is no longer there."""
    id = ids.new_id(timezone.now())
    scan(device, code, door, id=id)
    Person.objects.filter(holder=scanner).update(holder=None)
    factories.person(holder=scanner, number=factories.DOCUMENTS[2])
    assert scan(device, code, door).json() == {"error": "entrance"}
    assert post(device, f"/scan/{id}/temperature", temperature=39).status_code == 404
