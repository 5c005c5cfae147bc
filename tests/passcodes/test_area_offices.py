"""A risk area names the office that decided it, whatever way it came in, and whoever it colours reads that."""

import io
from datetime import timedelta
from importlib import import_module

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from accounts.models import Office
from passcodes import appeals, approvals, places, risk
from passcodes.models import Appeal, RiskArea, RiskBatch
from passcodes.my_data import colours
from tests import factories
from tests.passcodes.appeals.steps import colour, decide, file, officer, reasons
from tests.passcodes.face_pages import sign_in

pytestmark = pytest.mark.django_db

OURS, THEIRS = "铁西区疾控中心", "沈阳市卫健委"
MIGRATION = import_module("passcodes.migrations.0015_area_offices")


@pytest.fixture
def holder():
    return factories.account(phone="+8613900000001")


@pytest.fixture
def code(holder):
    return factories.pass_code(account=holder)


@pytest.fixture
def first():
    return officer(OURS, "+8613700000001")


@pytest.fixture
def second():
    return officer(THEIRS, "+8613700000002")


def entered(first, second, **fields) -> RiskArea:
    """What an officer types, in force."""
    now = timezone.now()
    area = RiskArea(**{"division": 210102, "level": "high", "starts_on": timezone.localdate(), **fields})
    approvals.enter(row=area, basis="areas", by=first, at=now)
    approvals.approve(batch=area.batch, by=second, at=now)
    return area


def listed(source, text: str, first, second) -> RiskBatch:
    """A list of areas that a source sends, in force."""
    now = timezone.now()
    file = io.BytesIO(text.encode())
    batch = risk.load(source=source, name=f"{source.batches.count()}", way="push", file=file, by=None, at=now)
    approvals.propose(batch=batch, basis="areas", by=first, at=now)
    approvals.approve(batch=batch, by=second, at=now)
    return batch


def named(code) -> list[tuple[str, str]]:
    return [(reason.office, reason.office_phone) for reason in reasons(code)]


def test_what_an_officer_types_is_the_proposing_office_s(code, holder, first, second, django_assert_num_queries):
    area = entered(first, second, office=THEIRS, office_phone="110")
    assert named(code) == [(OURS, "024-12320")]
    client = sign_in(holder)
    client.get(f"/code/{code.public_id}/")
    with django_assert_num_queries(1):
        page = client.get(f"/code/{code.public_id}/", headers={"accept-language": "en"}).text
    assert f'Decided by: {OURS} · <a href="tel:024-12320">' in page and "no office decided it" not in page
    admin = factories.staff_client(account=first)
    assert 'name="office' not in admin.get("/admin/passcodes/riskarea/add/").text
    assert OURS in admin.get(f"/admin/passcodes/riskarea/{area.pk}/change/").text


@pytest.mark.parametrize(
    ("given", "office"), [("和平区指挥部,024-2", ("和平区指挥部", "024-2")), (",", ("辽宁省疾控中心", "024-23388"))]
)
def test_a_list_names_its_rows_offices_or_the_source_s(code, first, second, given, office):
    text = f"division,level,starts_on,机关,机关电话\n210102,high,{timezone.localdate()},{given}\n"
    listed(factories.risk_source(), text, first, second)
    assert named(code) == [office]


def test_of_a_stay_and_of_a_named_place_the_office_is_told_too(code, holder, first, second):
    now, days_ago = timezone.now(), timezone.localdate() - timedelta(days=5)
    factories.stay(declaration=code.person.declarations.get(), division=110105, days_ago=3)
    entered(first, second, division=110105, level="medium", starts_on=days_ago)
    market = entered(second, first, place="太原街市场", starts_on=days_ago)
    answer = {"was_there": True, "last_on": None, "by": holder, "at": now}
    places.answer(person_id=code.person_id, area=market, **answer)
    assert named(code) == [(THEIRS, "024-12320"), (OURS, "024-12320")]
    assert [reason.place for reason in reasons(code)] == ["太原街市场", ""]


def test_where_an_area_names_none_the_rule_s_office_answers(code, first, second):
    factories.released_rules(rule_set=factories.rule_draft())
    area = factories.risk_area()
    assert named(code) == [("省疾控中心", "024-23388")]
    RiskArea.objects.filter(pk=area.pk).update(office=OURS)
    assert named(code) == [(OURS, "")]


def test_my_data_and_the_history_name_the_office(code, holder, first, second):
    area = entered(first, second)
    assert colour(code) == "red"
    [change] = colours(holder, timezone.now())
    assert {fact.key: fact.value for fact in change}["reasons"][0]["office"] == OURS
    risk.withdraw(batch=area.batch, by=first, at=timezone.now())
    page = sign_in(holder).get(f"/code/{code.public_id}/history/", headers={"accept-language": "en"}).text
    assert f"Withdrawn on {timezone.localtime():%Y-%m-%d}" in page and f'· {OURS} · <a href="tel:024-12320">' in page


def test_no_office_answers_that_a_copy_of_the_area_names(code, holder, first, second):
    entered(first, second)
    copy = factories.risk_source(deciding_office=factories.office(name="抚顺市卫健委"))
    row = f"division,level,starts_on,office,office_phone\n210102,high,{timezone.localdate()},和平区指挥部,024-2\n"
    listed(copy, row, first, second)
    appeal = file(code, holder, claim="was_not_there")
    for number, office in enumerate((OURS, THEIRS, "抚顺市卫健委", "和平区指挥部"), start=3):
        with pytest.raises(appeals.NotTheirs):
            decide(appeal, officer(office, f"+861370000000{number}"))
    decide(appeal, officer("省卫健委", "+8613700000009"))
    assert [office for office, _phone in named(code)] == [OURS]  # of another source: a finding of its own


def overdue(client) -> dict[str, int]:
    """Of each office, six hours after every answer was due."""
    now = timezone.now()
    Appeal.objects.update(created_at=now - timedelta(hours=30), due_at=now - timedelta(hours=6))
    cache.clear()
    return {office.name: office.overdue for office in client.get("/offices/").context["offices"]}


def test_a_late_answer_about_an_area_counts_against_the_office_that_proposed_it(client, code, holder, first, second):
    entered(first, second)
    file(code, holder, claim="was_not_there")
    Office.objects.filter(name=OURS).update(name="铁西区疾病预防控制中心")  # whatever it is called by now
    assert overdue(client) == {"铁西区疾病预防控制中心": 1, THEIRS: 0}


def test_a_late_answer_about_a_listed_area_counts_against_whoever_sends_the_list(
    client, code, holder, first, second, django_assert_num_queries
):
    source = factories.risk_source(deciding_office=second.officer_role.office)
    row = f"division,level,starts_on,office,office_phone\n210102,high,{timezone.localdate()},和平区指挥部,024-2\n"
    listed(source, row, first, second)
    file(code, holder, claim="was_not_there")
    assert overdue(client) == {OURS: 0, THEIRS: 1}
    cache.clear()
    with django_assert_num_queries(6):  # answers, appeals, their people, their areas, colours by hand, offices
        assert client.get("/offices/").context["overdue"] == 1


def test_areas_of_before_are_given_the_office_of_their_batch(first, second):
    typed = entered(first, second)
    sends = factories.risk_source()
    row = f"division,level,starts_on\n210102,high,{timezone.localdate()}\n"
    sent = listed(sends, row, first, second).areas.get()
    other = factories.risk_source(slug="other")
    unnamed = listed(other, row, first, second).areas.get()
    type(other).objects.filter(pk=other.pk).update(office="")
    draft = factories.risk_area()
    RiskArea.objects.update(office="", office_phone="")
    with connection.cursor() as cursor:
        cursor.execute(MIGRATION.OFFICES)
    found = {pk: names for pk, *names in RiskArea.objects.values_list("pk", "office", "office_phone")}
    assert found == {
        typed.pk: [OURS, "024-12320"],
        sent.pk: ["辽宁省疾控中心", "024-23388"],
        unnamed.pk: [OURS, "024-12320"],
        draft.pk: ["", ""],
    }
