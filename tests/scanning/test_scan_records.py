"""扫码记录 in the console: what an institution sees of its own scans."""

from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AuditEntry
from scanning.models import Scan, ScanEvent
from tests import factories

LIST = "/console/scanning/scan/"
BEIJING = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def guard(db):
    account = factories.account(phone="+8613700000001")
    factories.person(holder=account, name="张三丰", number=factories.DOCUMENTS[0])
    return account


@pytest.fixture
def door(guard):
    institution = factories.institution()
    factories.member(institution=institution, account=guard)
    return factories.entrance(institution=institution)


@pytest.fixture
def visitor(db):
    holder = factories.account(phone="+8613700000002")
    return factories.person(holder=holder, name="令狐冲", number=factories.DOCUMENTS[1])


@pytest.fixture
def office(door):
    admin = factories.account(phone="+8613700000003")
    factories.member(institution=door.institution, account=admin, role="admin")
    return factories.staff_client(account=admin)


@pytest.fixture
def scan(door, guard, visitor):
    def scan(**fields):
        values = {"entrance": door, "scanner": guard, "person": visitor, **fields}
        return factories.scan(institution=door.institution, **values)

    return scan


def rows(office, **query):
    return list(office.get(LIST, query).context["cl"].result_list)


def search(office, typed):
    return office.post(f"{LIST}search/", {"who": typed}, follow=True)


def test_row_shows_masked_people_and_what_happened(office, scan):
    first = scan(at=timezone.now() - timedelta(minutes=3))
    scan(outcome="red", temperature=Decimal("37.6"), repeat_of=first.pk)
    text = office.get(LIST).content.decode()
    for shown in ("令**", "21**************23", "张**", "东门", "37.6 °C", "fever", "Repeated", "red"):
        assert shown in text
    for hidden in ("令狐冲", "张三丰", factories.DOCUMENTS[0], factories.DOCUMENTS[1], "13700000002"):
        assert hidden not in text


def test_time_is_local(office, scan):
    at = timezone.now()
    scan(at=at)
    assert f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}" in office.get(LIST).content.decode()


def test_newest_comes_first(office, scan):
    now = timezone.now()
    made = [scan(at=now - timedelta(minutes=minutes)) for minutes in (2, 1, 3)]
    assert rows(office) == [made[1], made[0], made[2]]


@pytest.mark.parametrize("outcome", ["green", "yellow", "red", "grey", "neutral", "expired", "unknown", "invalid"])
def test_outcome_filter_keeps_the_eight_apart(office, scan, outcome):
    for other in ("green", "yellow", "red", "grey", "neutral", "expired", "unknown", "invalid"):
        scan(outcome=other, person=None)
    assert [row.outcome for row in rows(office, outcome=outcome)] == [outcome]


def test_temperature_filter_divides_at_37_3(office, scan):
    fever = [scan(temperature=Decimal("37.3")), scan(temperature=Decimal("41.0"))]
    normal = [scan(temperature=Decimal("37.2")), scan(found_normal=True)]
    none = [scan()]
    assert set(rows(office, temperature="fever")) == set(fever)
    assert set(rows(office, temperature="normal")) == set(normal)
    assert set(rows(office, temperature="none")) == set(none)
    text = office.get(LIST).content.decode()
    assert "37.2 °C" in text and "Normal" in text


def test_entrance_and_scanner_filters(office, scan, door, visitor):
    other_door = factories.entrance(institution=door.institution, name="西门")
    factories.member(institution=door.institution, account=visitor.holder)
    at_door, elsewhere = scan(), scan(entrance=other_door, scanner=visitor.holder)
    assert rows(office, entrance=door.pk) == [at_door]
    assert rows(office, entrance=other_door.pk) == [elsewhere]
    assert rows(office, scanner=visitor.holder.pk) == [elsewhere]


def test_day_filters_count_beijing_days(office, scan):
    midnight = datetime.combine(timezone.localdate(), datetime.min.time(), BEIJING)
    second = timedelta(seconds=1)
    today, yesterday = scan(at=midnight), scan(at=midnight - second)
    before = scan(at=midnight - timedelta(days=1) - second)
    with time_machine.travel(midnight + timedelta(hours=12), tick=False):
        assert rows(office, day="today") == [today]
        assert rows(office, day="yesterday") == [yesterday]
        assert rows(office, day="week") == [today, yesterday, before]
        day = f"{midnight - timedelta(days=1):%Y-%m-%d}"
        assert rows(office, since=day, until=day) == [yesterday]
        assert rows(office, since=day) == [today, yesterday]
        assert rows(office, until=day) == [yesterday, before]


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-02-30"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31"},
        {"since": "2026-11-02", "until": "2026-11-01"},
        {"day": "tomorrow"},
        {"since": "\0"},
    ],
)
def test_senseless_dates_show_nothing_and_say_so(office, scan, query):
    scan()
    response = office.get(LIST, query)
    assert response.context["cl"].result_count == 0
    assert "These dates are not right" in response.content.decode()


@pytest.mark.parametrize(
    "typed",
    [
        "令狐冲",
        " 令狐冲 ",
        factories.DOCUMENTS[1],
        "２１０１０２１９９００１０１００２３",
        "0023",
        "210102 19900101 0023",
    ],
)
def test_search_finds_by_full_name_document_and_last_four(office, scan, typed):
    found = scan()
    scan(person=None)
    response = search(office, typed)
    assert list(response.context["cl"].result_list) == [found]
    assert "Showing what your search found." in response.content.decode()


@pytest.mark.parametrize("typed", ["令", "令狐", "21010219900101", "%", "' OR 1=1", "\0", "x" * 5000])
def test_search_for_parts_finds_nothing(office, scan, typed):
    scan()
    assert search(office, typed).context["cl"].result_count == 0


def test_search_leaves_nothing_in_the_address_and_a_row_in_the_audit(office, scan):
    found = scan()
    response = search(office, "令狐冲")
    path, status = response.redirect_chain[-1]
    assert path.startswith(f"{LIST}?found=") and "令狐冲" not in unquote(path)
    assert status == 302
    entry = AuditEntry.objects.get(action="search-scan")
    assert entry.detail == {"kind": "name", "found": [str(found.pk)]}
    assert "令狐冲" not in str(entry.__dict__)
    assert rows(office, found=path.partition("=")[2], outcome="red") == []


def test_every_look_at_what_was_found_is_written_down(office, scan):
    found = scan()
    path = search(office, "令狐冲").redirect_chain[-1][0]
    office.get(path)
    entries = AuditEntry.objects.filter(action="search-scan")
    assert [entry.detail for entry in entries] == [{"kind": "name", "found": [str(found.pk)]}] * 2


def test_found_is_shown_for_an_hour_to_whom_searched(office, scan, door):
    row, now = scan(), timezone.now().replace(microsecond=0)
    other = factories.account(phone="+8613700000005")
    factories.member(institution=door.institution, account=other, role="admin")
    with time_machine.travel(now, tick=False) as clock:
        path = search(office, "令狐冲").redirect_chain[-1][0]
        clock.move_to(now + timedelta(hours=1))
        assert list(office.get(path).context["cl"].result_list) == [row]
        clock.shift(timedelta(seconds=1))
        for client in (office, factories.staff_client(account=other)):
            response = client.get(path)
            assert list(response.context["cl"].result_list) == []
            assert "This search is over. Please search again." in response.text
    assert AuditEntry.objects.filter(action="search-scan").count() == 2


def test_found_on_one_list_shows_nothing_on_another(scan):
    scan()
    officer = factories.account(phone="+8613700000009", is_officer=True)
    desk = factories.staff_client(account=officer)
    path = desk.post("/admin/declarations/person/search/", {"who": "令狐冲"}).url
    query = path.partition("?")[2]
    assert desk.get(path).context["cl"].result_count == 1
    for other in ("declarations/declaration", "passcodes/colourchange"):
        response = desk.get(f"/admin/{other}/?{query}")
        assert "This search is over. Please search again." in response.text
    assert AuditEntry.objects.filter(actor=officer, action__startswith="search-").count() == 1


def test_empty_search_shows_all(office, scan):
    scan()
    assert search(office, "  ").context["cl"].result_count == 1


def test_search_takes_the_same_queries_with_one_and_three_rows(office, scan, django_assert_num_queries):
    for _ in range(3):
        scan()
        # session, account, second factor, institutions
        with django_assert_num_queries(4):
            path = office.post(f"{LIST}search/", {"who": "令狐冲"}).url
        # also entrances and scanners to choose from; count and rows, and in a transaction their audit rows
        with django_assert_num_queries(12):
            office.get(path)


def test_detail_shows_every_reading_masked(office, scan, guard):
    row = scan(temperature=Decimal("36.6"))
    now = timezone.now()
    for minute, celsius in enumerate(["37.6", "36.6", None]):
        at = now + timedelta(minutes=minute)
        ScanEvent.objects.create(scan_id=row.pk, kind="reading", temperature=celsius, by=guard, at=at)
    text = office.get(f"{LIST}{row.pk}/change/").content.decode()
    assert text.index("37.6 °C") < text.index("36.6 °C", text.index("37.6 °C")) < text.index("temperature Normal")
    assert "张**" in text and "令**" in text
    assert "令狐冲" not in text and factories.DOCUMENTS[1] not in text


def test_records_cannot_be_changed_or_added(office, scan):
    row = scan()
    assert office.get(f"{LIST}add/").status_code == 403
    assert office.post(f"{LIST}{row.pk}/change/", {"outcome": "red"}).status_code == 403
    assert Scan.objects.get().outcome == "green"
    assert 'name="action"' not in office.get(LIST).content.decode()


def test_list_takes_the_same_queries_with_one_and_three_rows(office, scan, door, django_assert_num_queries):
    def look():
        # session, account, second factor, institutions; entrances and scanners to choose from; count and rows
        with django_assert_num_queries(8):
            return rows(office)

    scan()
    look()
    other = factories.account(phone="+8613700000004")
    factories.person(holder=other, name="小龙女", number=factories.DOCUMENTS[2])
    factories.member(institution=door.institution, account=other)
    scan(scanner=other, entrance=factories.entrance(institution=door.institution, name="西门"))
    scan(person=None, outcome="unknown")
    assert len(look()) == 3


def test_first_page_takes_constant_queries(office, scan, door, django_assert_num_queries):
    scan()
    for name in ("西门", "南门"):
        factories.entrance(institution=door.institution, name=name)
    with django_assert_num_queries(8):
        office.get("/console/")


def test_long_lists_are_counted_no_further_than_shown(office, scan, monkeypatch):
    monkeypatch.setattr("accounts.lists.MOST_ROWS", 2)
    for _ in range(2):
        scan()
    assert "Only the newest" not in office.get(LIST).content.decode()
    scan()
    response = office.get(LIST)
    assert response.context["cl"].result_count == 2
    assert "Only the newest 2 are listed." in response.content.decode()


@pytest.mark.parametrize("path", ["0/", "x/change/", f"{'0' * 400}/change/", "%00/change/"])
def test_malformed_number_is_not_there(office, scan, path):
    assert office.get(f"{LIST}{path}", follow=True).status_code == 404


@pytest.mark.parametrize("page", ["change", "history"])
def test_every_look_at_a_scan_is_written_down(office, scan, visitor, page):
    known, unknown = scan(), scan(person=None, outcome="unknown")
    for row in (known, unknown):
        office.get(f"{LIST}{row.pk}/{page}/")
    entries = AuditEntry.objects.order_by("pk")
    assert [(entry.action, entry.subject, entry.detail) for entry in entries] == [
        ("view-scan", f"person:{visitor.pk}", {"page": f"scan:{known.pk}"}),
        ("view-scan", f"scan:{unknown.pk}", {"page": f"scan:{unknown.pk}"}),
    ]
