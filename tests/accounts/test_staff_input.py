"""Whatever a browser sends to the lists of the staff sites gets an answer."""

import pytest

from accounts.models import AuditEntry
from tests import factories

SCANNERS = "/console/institutions/scanner/"
MALFORMED = ["abc", "😀", "\0", "", "-", "9" * 30, "9" * 5000, "1.5"]


@pytest.fixture
def house(db):
    institution = factories.institution()
    guard = factories.account(phone="+8613800000001")
    return factories.member(institution=institution, account=guard)


@pytest.fixture
def console(house):
    admin = factories.account(phone="+8613800000003")
    factories.member(institution=house.institution, account=admin, role="admin")
    return factories.staff_client(account=admin)


@pytest.fixture
def desk(db):
    return factories.staff_client(account=factories.account(phone="+8613700000009", is_officer=True))


@pytest.mark.parametrize("number", MALFORMED)
def test_malformed_selected_numbers_select_nothing(console, house, number):
    response = console.post(SCANNERS, {"action": "end_selected", "_selected_action": number}, follow=True)
    assert response.status_code == 200
    house.refresh_from_db()
    assert house.ended_at is None


def test_malformed_numbers_leave_the_others_selected(console, house):
    console.post(SCANNERS, {"action": "end_selected", "_selected_action": [*MALFORMED, house.pk]})
    assert AuditEntry.objects.get(action="end-scanner").subject == f"membership:{house.pk}"


@pytest.mark.parametrize("term", ["第\0一", "第一 " * 1900, "\0"])
def test_strange_terms_are_looked_up(desk, house, term):
    query = {"app_label": "institutions", "model_name": "administrator", "field_name": "institution", "term": term}
    response = desk.get("/admin/autocomplete/", query)
    assert [row["text"] for row in response.json()["results"]] == ["沈阳市第一中学"]


@pytest.mark.parametrize("typed", ["中学 " * 1900, "中\0学"])
def test_strange_searches_are_answered(desk, house, typed):
    assert desk.get("/admin/institutions/institution/", {"q": typed}).status_code == 200
