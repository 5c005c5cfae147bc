"""Days and times far from any calendar: refused where they are typed or listed, and no harm where they got in."""

import importlib
from datetime import date, timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from passcodes.models import RiskArea, RiskRecord
from passcodes.risk_rows import Problem
from passcodes.rule_forms import DetailsForm, RuleForm
from tests import factories
from tests.passcodes.test_risk_rows import read

FAR = ["0001-01-01", "1999-12-31", "2101-01-01", "9999-12-31"]
DAY = timedelta(days=1)
SAID = "Choose a day between 2000 and 2100."


@pytest.fixture
def desk(db):
    return factories.staff_client(account=factories.account(phone="+8613700000009", is_officer=True))


def errors_at(page, name) -> str:
    """What a page of the authority's site says at one field."""
    form = page.context["adminform"].form
    assert set(form.errors) == {name}
    return " ".join(form.errors[name])


@pytest.mark.parametrize("day", FAR)
@pytest.mark.parametrize("name", ["starts_on", "ends_on"])
def test_area_of_a_far_day_is_refused_at_the_field(desk, name, day):
    values = {"division": "210102", "level": "high", "starts_on": "2026-11-01", "ends_on": "", "source": ""}
    typed = {**values, "place": "", "basis": "cases", "reason": "x", name: day}
    assert errors_at(desk.post("/admin/passcodes/riskarea/add/", typed), name) == SAID
    assert RiskArea.objects.count() == 0


@pytest.mark.parametrize("day", FAR)
@pytest.mark.parametrize("name", ["starts_at", "ends_at"])
def test_record_of_a_far_day_is_refused_at_the_field(desk, name, day):
    values = {"document_kind": "01", "document_number": factories.DOCUMENTS[0], "category": "confirmed", "source": ""}
    moments = {"starts_at_0": "2026-11-01", "starts_at_1": "12:00", "ends_at_0": "", "ends_at_1": ""}
    typed = {**values, **moments, "basis": "cases", "reason": "x", f"{name}_0": day, f"{name}_1": "12:00"}
    assert errors_at(desk.post("/admin/passcodes/riskrecord/add/", typed), name) == SAID
    assert RiskRecord.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("day", FAR)
def test_rule_of_a_far_day_is_refused_at_the_field(day):
    draft = factories.rule_draft()
    rule = draft.rules.first()
    for name in ("valid_from", "valid_to"):
        form = RuleForm({name: f"{day}T12:00"}, rule=rule)
        assert form.errors[name] == [SAID]
    assert DetailsForm({"valid_from": f"{day}T12:00"}, rule_set=draft).errors == {"valid_from": [SAID]}


@pytest.mark.parametrize(("starts", "ends", "column"), [
    ("2000-01-01 00:00+23:59", "", "starts_on"),
    ("2100-12-31 24:00", "", "starts_on"),
    ("2026-11-01", "2100-12-31 23:00-09:00", "ends_on"),
])  # fmt: skip
def test_listed_area_does_not_leave_the_years_by_its_zone(starts, ends, column):
    records, tally = read(["division", "level", "starts_on", "ends_on"], ["210102", "high", starts, ends])
    assert (records, tally.problems) == ([], [[2, column, Problem.DATE]])


@pytest.mark.django_db
@pytest.mark.parametrize("days", [
    {"starts_on": date(1999, 12, 31)},
    {"starts_on": date(2101, 1, 1)},
    {"starts_on": date(2026, 11, 1), "ends_on": date(2101, 1, 1)},
])  # fmt: skip
def test_area_is_within_the_years(days):
    with pytest.raises(IntegrityError, match="risk_area_within_the_years"), transaction.atomic():
        factories.risk_area(**days)


def test_area_in_force_gets_a_last_day_of_about_now(desk):
    area = factories.risk_area()
    today = timezone.localdate()
    latest = today + timedelta(days=366)
    address = f"/admin/passcodes/riskarea/{area.pk}/change/"
    for day in (latest + DAY, date(2100, 12, 31)):
        said = f"Choose a day until {latest}, or leave it empty."
        assert errors_at(desk.post(address, {"ends_on": str(day)}), "ends_on") == said
    assert errors_at(desk.post(address, {"ends_on": "9999-12-31"}), "ends_on") == SAID
    assert "cannot be before the first" in errors_at(desk.post(address, {"ends_on": str(today - DAY)}), "ends_on")
    area.refresh_from_db()
    assert area.ends_on is None
    for day in (latest, today):
        assert desk.post(address, {"ends_on": str(day)}).status_code == 302
        area.refresh_from_db()
        assert area.ends_on == day


@pytest.fixture
def unchecked(db):
    """The database takes any day, as it did once."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            yield
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
        else:
            cursor.execute("ALTER TABLE passcodes_riskarea DROP CONSTRAINT risk_area_within_the_years")
            yield


def test_old_rows_are_clipped_at_once(unchecked, django_assert_num_queries):
    first, last = date(2000, 1, 1), date(2100, 12, 31)
    days = {
        (date(1, 1, 1), None): (first, None),
        (date(1, 1, 1), date(1999, 12, 31)): (first, first),
        (date(1999, 12, 31), date(9999, 12, 31)): (first, last),
        (date(2026, 11, 1), date(9999, 12, 31)): (date(2026, 11, 1), last),
        (date(2101, 1, 1), date(2101, 1, 2)): (last, last),
        (date(9999, 12, 31), None): (last, None),
        (first, last): (first, last),
    }
    areas = {factories.risk_area(starts_on=starts, ends_on=ends).pk: then for (starts, ends), then in days.items()}
    clip = importlib.import_module("passcodes.migrations.0017_far_days").clip
    with django_assert_num_queries(1):
        clip(apps, connection.schema_editor())
    rows = RiskArea.objects.values_list("pk", "starts_on", "ends_on")
    assert {pk: (starts, ends) for pk, starts, ends in rows} == areas
