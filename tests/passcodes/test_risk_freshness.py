"""Risk data beyond their limit: neutral for whoever would be green or grey; a known red or yellow stays."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from passcodes import facts, risk
from passcodes.actions import show_colour
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
