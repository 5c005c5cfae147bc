"""Whom a source was found to have mistaken for another it does not colour alone under the next category."""

from datetime import timedelta

import pytest
from django.utils import timezone

from passcodes import approvals, risk, second_office
from passcodes.models import RiskBatch
from tests import factories
from tests.passcodes import lists
from tests.passcodes.appeals.steps import colour, decide, file, officer

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def source():
    return factories.risk_source()


@pytest.fixture
def push(source):
    """A short list by machine, at a time."""

    def pushed(*rows, at, source=source) -> RiskBatch:
        name = str(RiskBatch.objects.count())
        file = lists.text(*rows)
        return risk.load(source=source, name=name, way="push", file=file, by=None, at=at, at_once=True)

    return pushed


def row(category="close_contact", since="2026-11-01", number=factories.DOCUMENTS[0], until=""):
    return lists.row(number, category, since, until)


@pytest.fixture
def answered(code, holder, judge, push):
    """When an office found that the source meant somebody else."""
    now = timezone.now()
    push(row(), at=now)
    assert colour(code) == "red"
    decide(file(code, holder), judge, at=now)
    assert colour(code) == "green"
    return now


@pytest.mark.parametrize("category", ["suspected", "confirmed", "secondary_contact", "arrival"])
def test_another_category_waits_for_two_offices(code, push, answered, category):
    batch = push(row(category), row(number=lists.number(1)), at=answered + DAY)
    assert batch.state == "draft"
    with pytest.raises(second_office.NeedsSecond):
        risk.release(batch=batch, by=None, at=answered + DAY)
    assert colour(code) == "green"


def test_two_offices_put_it_in_force(code, push, answered):
    batch = push(row("suspected"), at=answered + DAY)
    ours, theirs = officer("一局", "+8613700000011"), officer("二局", "+8613700000012")
    approvals.propose(batch=batch, basis="cases", by=ours, at=timezone.now())
    approvals.approve(batch=batch, by=theirs, at=timezone.now())
    assert colour(code) == "red"
    # what two offices have agreed to, the next day's list only repeats
    assert push(row("suspected"), row(number=lists.number(1)), at=answered + 2 * DAY).state == "visible"


def test_what_the_answer_covers_holds_no_list_up(code, push, answered):
    assert push(row(), row(since="2026-11-20"), at=answered + DAY).state == "visible"
    assert colour(code) == "green"


def test_what_is_in_force_beside_it_holds_no_list_up_unless_it_lasts_longer(code, holder, judge, push):
    now = timezone.now()
    until = [f"{now + days * DAY:%Y-%m-%d}" for days in (4, 5, 6)]
    push(row(), row("secondary_contact", until=until[1]), at=now)
    appeal = file(code, holder)
    assert appeal.disputed["code"] == "risk-close_contact"
    decide(appeal, judge, at=now)
    later = {"at": now + DAY}
    assert push(row(), row("secondary_contact", until=until[1]), **later).state == "visible"
    assert push(row("secondary_contact", until=until[0]), **later).state == "visible"
    for longer in (until[2], ""):
        assert push(row("secondary_contact", until=longer), **later).state == "draft"
    assert push(row("secondary_contact", since="2026-11-02", until=until[1]), **later).state == "draft"


def test_other_people_other_sources_and_later_lists_do_not_wait(code, push, answered):
    assert push(row("suspected", number=lists.number(1)), at=answered + DAY).state == "visible"
    other = factories.risk_source(slug="city")
    assert push(row("suspected"), at=answered + DAY, source=other).state == "visible"
    assert push(row("confirmed"), at=answered + 14 * DAY).state == "visible"


@pytest.mark.parametrize(("claim", "granted"), [("other", True), ("not_me", False)])
def test_other_answers_make_no_list_wait(code, holder, judge, push, claim, granted):
    now = timezone.now()
    push(row(), at=now)
    decide(file(code, holder, claim=claim), judge, granted=granted, at=now)
    assert push(row("suspected"), at=now + DAY).state == "visible"


def test_the_officer_reads_why_the_list_waits(push, answered):
    site = factories.staff_client(account=factories.account(phone="+8613700000011", is_officer=True))
    said = "names somebody whom its source was found to have mistaken"
    batch = push(row("suspected"), at=answered + timedelta(minutes=1))
    assert said in site.get(f"/admin/passcodes/riskbatch/{batch.pk}/change/").text
    batch = push(*(row(number=lists.number(n)) for n in range(101)), at=answered)
    assert batch.state == "draft"
    assert said not in site.get(f"/admin/passcodes/riskbatch/{batch.pk}/change/").text


def test_asking_takes_one_statement_where_nobody_was_mistaken(push, django_assert_num_queries):
    batch = push(row(), at=timezone.now())
    with django_assert_num_queries(1):
        assert second_office.lists_mistaken(batch, at=timezone.now()) is False
