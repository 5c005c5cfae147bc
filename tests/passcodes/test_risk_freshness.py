"""Risk data beyond their limit: neutral for whoever would be green or grey; a known red or yellow stays."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from passcodes import approvals, facts, risk
from passcodes.actions import show_colour
from passcodes.models import RiskSource
from passcodes.tasks import announce_stale_data
from tests import factories
from tests.passcodes import lists

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    return factories.risk_source(fresh_hours=24)


@pytest.fixture
def code():
    return factories.pass_code(account=factories.account())


def colour_of(code, at=None) -> str:
    at = at or timezone.now()
    row = facts.for_page_of(account_id=code.person.holder_id, pass_id=code.public_id, at=at)
    return show_colour(row=row, at=at).colour.name.lower()


def test_a_limit_is_exceeded_to_the_second(source, code):
    at = timezone.now()
    risk.mark_fresh(source=source, at=at)
    end = at + timedelta(hours=24)
    assert colour_of(code, end - timedelta(seconds=1)) == "green"
    assert colour_of(code, end) == "neutral"
    risk.mark_fresh(source=source, at=end)
    assert colour_of(code, end) == "green"


def test_a_released_list_is_fresh_from_when_it_came(source, code):
    came = timezone.now() - timedelta(hours=23)
    file = lists.text(lists.row(lists.number(1)))
    batch = risk.load(source=source, name="1", way="command", file=file, by=None, at=came)
    source.refresh_from_db()
    assert source.stale_from is None  # a draft says nothing yet
    risk.release(batch=batch, by=None, at=timezone.now())
    source.refresh_from_db()
    assert (source.last_fresh_at, source.stale_from) == (came, came + timedelta(hours=24))


def test_older_data_do_not_make_it_older(source):
    now = timezone.now()
    risk.mark_fresh(source=source, at=now)
    risk.mark_fresh(source=source, at=now - timedelta(hours=1))
    assert source.last_fresh_at == now


def test_a_source_without_a_limit_never_is_stale(code):
    source = factories.risk_source(slug="without", fresh_hours=None)
    risk.mark_fresh(source=source, at=timezone.now() - timedelta(days=300))
    assert colour_of(code) == "green"


@pytest.fixture
def offices():
    """An officer of each of two."""
    second = factories.account(phone="+8613700000003", office=factories.office())
    return factories.account(phone="+8613700000002", is_officer=True), second


@pytest.fixture
def waiting(settings, source):
    """A list that came three hours ago and takes two offices; before it the source was heard ten hours ago."""
    settings.RISK_ALONE_LIMIT = 0
    now = timezone.now()
    risk.mark_fresh(source=source, at=now - timedelta(hours=10))
    at = now - timedelta(hours=3)
    return risk.load(source=source, name="w", way="push", file=lists.text(), by=None, at=at, at_once=True)


def heard(source) -> timedelta:
    """How long ago, of the data that count."""
    source.refresh_from_db()
    assert source.stale_from == source.last_fresh_at + timedelta(hours=24)
    return timedelta(hours=round((timezone.now() - source.last_fresh_at).total_seconds() / 3600))


def test_data_that_wait_make_nothing_fresh(source, waiting):
    assert (waiting.state, heard(source)) == ("draft", timedelta(hours=10))
    risk.mark_nothing_new(source=source, at=timezone.now())
    assert heard(source) == timedelta(hours=3)


def test_a_later_list_is_no_fresher_than_the_one_that_waits(source, waiting, settings):
    settings.RISK_ALONE_LIMIT = 100
    file = lists.text(lists.row(lists.number(1)))
    later = risk.load(source=source, name="l", way="push", file=file, by=None, at=timezone.now(), at_once=True)
    assert (later.state, heard(source)) == ("visible", timedelta(hours=3))


@pytest.mark.parametrize("decided", ["agreed", "refused"])
def test_once_it_is_decided_the_source_is_as_fresh_as_it_was_heard(source, waiting, offices, decided):
    risk.mark_nothing_new(source=source, at=timezone.now())
    first, second = offices
    if decided == "agreed":
        approvals.propose(batch=waiting, basis="cases", by=first, at=timezone.now())
        approvals.approve(batch=waiting, by=second, at=timezone.now())
    else:
        approvals.refuse(batch=waiting, by=first, at=timezone.now())
    assert heard(source) == timedelta(0)


def test_an_upload_that_waits_does_not_hold_the_source_back(source, offices):
    now = timezone.now()
    at = now - timedelta(hours=3)
    risk.mark_fresh(source=source, at=at)
    risk.load(source=source, name="u", way="upload", file=lists.text(), by=offices[0], at=at)
    risk.mark_nothing_new(source=source, at=now)
    assert heard(source) == timedelta(0)


def test_a_new_source_with_a_limit_recolours_nobody(source, code, offices):
    RiskSource.objects.update(fresh_hours=None)
    first, second = offices
    approvals.propose(risk_source=source, changes={"fresh_hours": 1}, basis="cases", by=first, at=timezone.now())
    approvals.approve(risk_source=source, by=second, at=timezone.now())
    source.refresh_from_db()
    risk.mark_nothing_new(source=source, at=timezone.now())
    later = timezone.now() + timedelta(hours=2)
    assert (source.fresh_hours, colour_of(code, later)) == (1, "green")
    file = lists.text(lists.row(lists.number(1)))
    risk.load(source=source, name="1", way="push", file=file, by=None, at=timezone.now(), at_once=True)
    assert colour_of(code, later) == "neutral"


def test_operators_are_told_as_long_as_it_lasts(source, caplog):
    announce_stale_data(None, timezone.now())
    risk.mark_fresh(source=source, at=timezone.now() - timedelta(days=2))
    desk = factories.staff_client(account=factories.account(phone="+8613700000001", is_officer=True))
    for _round in range(2):
        announce_stale_data(None, timezone.now())
    assert "Not up to date, so that nobody&#x27;s code is green: 省疾控" in desk.get("/admin/").text
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 2
    risk.mark_fresh(source=source, at=timezone.now())
    announce_stale_data(None, timezone.now())
    assert "Not up to date" not in desk.get("/admin/").text
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 2


@pytest.mark.parametrize(("category", "colour"), [("confirmed", "red"), ("managed", "yellow")])
def test_what_is_known_stays(source, code, category, colour):
    factories.risk_record(category=category)
    risk.mark_fresh(source=source, at=timezone.now() - timedelta(days=2))
    assert colour_of(code) == colour


def test_grey_is_neutral_too(source, code):
    risk.mark_fresh(source=source, at=timezone.now())
    with time_machine.travel(timezone.now() + timedelta(days=4)):
        assert colour_of(code) == "neutral"


def test_the_page_says_why_and_that_nothing_is_to_be_done(source, code, client):
    risk.mark_fresh(source=source, at=timezone.now() - timedelta(days=2))
    client.force_login(code.person.holder, backend="accounts.backends.OneTimeCodeBackend")
    session = client.session
    session["device"] = factories.device(account=code.person.holder).pk
    session.save()
    page = client.get(f"/code/{code.public_id}/").text
    assert "The epidemic data are not up to date: entrances register you and take your temperature." in page
    assert "The epidemic data have not come in on time, so at present no code can be green." in page
    assert "no office decided it" not in page
    assert "Your identity has not been checked" not in page


def test_freshness_costs_no_query(source, code, django_assert_num_queries):
    with django_assert_num_queries(1):
        facts.for_page_of(account_id=code.person.holder_id, pass_id=code.public_id, at=timezone.now())


def test_operators_are_told_of_a_source_that_has_never_delivered(code, caplog):
    agreed = timezone.now() - timedelta(hours=24)
    source = factories.risk_source(fresh_hours=24, agreed_at=agreed)
    factories.risk_source(slug="without-limit", name="甲", fresh_hours=None, agreed_at=agreed)
    factories.risk_source(slug="ended", name="乙", fresh_hours=24, agreed_at=None)
    factories.risk_source(slug="later", name="丙", fresh_hours=25, agreed_at=agreed)
    desk = factories.staff_client(account=factories.account(phone="+8613700000001", is_officer=True))
    announce_stale_data(None, agreed + timedelta(hours=24, seconds=-1))
    assert caplog.records == []
    announce_stale_data(None, timezone.now())
    (said,) = caplog.records
    assert (said.levelname, "of province have come to count" in said.getMessage()) == ("WARNING", True)
    words = "No data have come to count within the freshness limit since it was agreed to: "
    assert f"{words}省疾控<" in desk.get("/admin/").text
    assert colour_of(code) == "green"
    risk.mark_fresh(source=source, at=timezone.now())
    announce_stale_data(None, timezone.now())
    assert len(caplog.records) == 1 and words not in desk.get("/admin/").text
