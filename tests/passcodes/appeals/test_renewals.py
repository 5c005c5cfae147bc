"""What officers type and other offices renew: one appeal covers it, and none of its offices answers."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from passcodes import appeals, approvals, endings
from passcodes.models import Appeal, RiskBatch, RiskRecord
from tests import factories
from tests.passcodes.appeals.steps import colour, decide, file, officer, reasons
from tests.passcodes.threads import at_once

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def began(time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    return timezone.now()


@pytest.fixture
def after(time_machine, began, holder, code):
    """Goes to so many hours after the beginning; the person has just declared anew."""

    def go(hours: float):
        time_machine.move_to(began + hours * HOUR, tick=False)
        factories.declaration(person=code.person, account=holder)
        return timezone.now()

    return go


@pytest.fixture
def entered(began, code, coloured, judge) -> RiskBatch:
    """Typed by the one office, agreed to by the other."""
    row = RiskRecord(document_hash=code.person.document_hash, category="managed", starts_at=began)
    approvals.enter(row=row, basis="cases", by=coloured, at=began)
    approvals.approve(batch=row.batch, by=judge, at=began)
    return row.batch


def renew(batch, by) -> RiskBatch:
    return approvals.renew(batch=batch, by=by, at=timezone.now())


def test_a_missed_deadline_acts_on_what_was_renewed_meanwhile(holder, code, entered, judge, after):
    appeal = file(code, holder, after(50))
    renew(entered, judge)
    assert (colour(code, after(73)), colour(code, after(74))) == ("yellow", "neutral")
    assert appeals.concerns(appeal, reasons(code))


def test_whom_an_officer_let_go_before_the_measure_began_is_renewed_by_nobody(began, code, coloured, judge, after):
    row = RiskRecord(document_hash=code.person.document_hash, category="managed", starts_at=began + 10 * HOUR)
    approvals.enter(row=row, basis="cases", by=coloured, at=began)
    approvals.approve(batch=row.batch, by=judge, at=began)
    endings.end_record(record=row, by=coloured, at=after(1))
    assert not approvals.may_renew(row.batch, judge, began)
    with pytest.raises(approvals.NotProposed):
        renew(row.batch, judge)
    assert colour(code, after(11)) == "green"


def test_what_was_granted_frees_from_every_renewal(holder, code, entered, judge, second_judge, after):
    renewal = renew(entered, judge) if after(60) else None
    decide(file(code, holder, after(61)), second_judge, at=after(62))
    assert [colour(code, after(hours)) for hours in (63, 100, 143)] == ["green"] * 3
    after(130)
    assert renew(renewal, second_judge).records.count() == 0


def test_the_second_appeal_in_a_chain_is_none(holder, code, entered, judge, after):
    first = file(code, holder, after(60))
    renew(entered, judge)
    after(80)
    with pytest.raises(appeals.AlreadyAppealed) as raised:
        file(code, holder)
    assert (raised.value.appeal, Appeal.objects.count()) == (first, 1)


def test_no_office_of_the_chain_answers(holder, code, entered, coloured, judge, second_judge, after):
    after(60)
    renewal = renew(entered, second_judge)
    after(130)
    fourth = officer("大连市卫健委", "+8613700000004")
    renew(renewal, fourth)
    appeal = file(code, holder, after(200))
    assert RiskRecord.objects.get(pk=appeal.record_id).batch.renews == renewal
    colleague = officer("铁西区疾控中心", "+8613700000006")
    for nobody in (coloured, judge, second_judge, fourth, colleague):
        with pytest.raises(appeals.NotTheirs):
            decide(appeal, nobody)
    decide(appeal, officer("锦州市卫健委", "+8613700000005"))
    assert colour(code) == "green"


def test_an_office_that_renews_after_the_appeal_does_not_answer_it(holder, code, entered, judge, second_judge, after):
    appeal = file(code, holder, after(60))
    renew(entered, second_judge)
    with pytest.raises(appeals.NotTheirs):
        decide(appeal, second_judge)


def test_renewals_cannot_be_stacked(code, entered, judge, second_judge, after):
    with pytest.raises(approvals.TooEarly):
        renew(entered, judge)
    after(48)
    renewal = renew(entered, judge)
    for office in (second_judge, officer("大连市卫健委", "+8613700000004")):
        with pytest.raises(approvals.TooEarly):
            renew(renewal, office)
    assert (colour(code, after(143.9)), colour(code, after(144))) == ("yellow", "green")


def test_two_offices_in_turn_go_on_as_long_as_it_is_needed(code, entered, coloured, judge, after):
    batch = entered
    for number, by in enumerate((judge, coloured, judge, coloured)):
        after(60 + 72 * number)
        batch = renew(batch, by)
        with pytest.raises(approvals.NotYours):
            renew(batch, by)
    record = batch.records.get()
    assert record.begun_at == entered.records.get().starts_at
    assert (record.ends_at - record.begun_at) / HOUR == 5 * 72


def test_of_a_list_nobody_is_coloured_further_than_96_hours_from_the_decision(began, entered, judge, after):
    for number, ends in ((1, 70), (2, 49), (3, 30)):
        factories.risk_record(
            batch=entered,
            number=factories.DOCUMENTS[number],
            category="managed",
            starts_at=began,
            ends_at=began + ends * HOUR,
        )
    after(24)
    renewal = renew(entered, judge)
    ends = [(record.ends_at - began) / HOUR for record in renewal.records.order_by("ends_at")]
    assert ends == [30 + 72, 24 + 24 + 72, 24 + 24 + 72, 24 + 24 + 72]


def test_what_an_officer_types_bears_the_name_of_their_office(code, coloured, judge):
    now = timezone.now()
    row = RiskRecord(document_hash=code.person.document_hash, category="managed", starts_at=now)
    row.office, row.office_phone = "沈阳市卫健委", "110"
    approvals.enter(row=row, basis="cases", by=coloured, at=now)
    approvals.approve(batch=row.batch, by=judge, at=now)
    [reason] = reasons(code)
    assert (reason.office, reason.office_phone) == ("铁西区疾控中心", "024-12320")
    page = factories.staff_client(account=coloured).get("/admin/passcodes/riskrecord/add/").text
    assert 'name="document_number"' in page and 'name="office' not in page


def test_overdue_appeals_count_against_the_office_whatever_it_is_called_by_now(
    client, holder, code, entered, coloured, after
):
    file(code, holder, after(1))
    coloured.officer_roles.get().office.__class__.objects.filter(name="铁西区疾控中心").update(
        name="铁西区疾病预防控制中心"
    )
    after(26)
    figures = {office.name: office.overdue for office in client.get("/offices/").context["offices"]}
    assert figures == {"铁西区疾病预防控制中心": 1, "沈阳市卫健委": 0}


@pytest.mark.parametrize("which", [1, 2])
def test_whom_an_officer_lets_go_is_not_coloured_by_a_renewal(code, entered, coloured, judge, after, which):
    """Whichever of the rows of one measure the officer ends."""
    after(50)
    second = renew(entered, judge)
    after(125)
    third = renew(second, coloured)
    now = after(130)
    rows = [RiskRecord.objects.get(batch=batch) for batch in (entered, second, third)]
    other = factories.risk_record(category="arrival", starts_at=now)
    assert colour(code) == "red"
    endings.end_record(record=rows[which], by=coloured, at=now)
    assert not reasons_of_managed(code)
    assert not reasons_of_managed(code, after(150)) and not reasons_of_managed(code, after(210))
    other.refresh_from_db()
    assert (other.ended_by, RiskRecord.objects.get(batch=entered).ended_by) == (None, None)


def reasons_of_managed(code, at=None):
    return [reason for reason in reasons(code, at) if reason.code == "risk-managed"]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_who_renews_while_an_officer_ends_the_record_colours_nobody(code, coloured, judge):
    now = timezone.now()
    row = RiskRecord(document_hash=code.person.document_hash, category="managed", starts_at=now - 60 * HOUR)
    approvals.enter(row=row, basis="cases", by=coloured, at=now - 60 * HOUR)
    approvals.approve(batch=row.batch, by=judge, at=now - 60 * HOUR)
    third = officer("辽宁省卫健委", "+8613700000003")
    read = threading.Event()

    def renewing():
        with transaction.atomic():
            approvals.renew(batch=row.batch, by=third, at=timezone.now())
            read.set()
            time.sleep(0.5)  # while the other one waits

    def ending():
        assert read.wait(10)
        endings.end_record(record=row, by=coloured, at=timezone.now())

    assert at_once(renewing, ending) == ["done", "done"]
    assert not reasons_of_managed(code, now + 13 * HOUR)
