"""Lists bring the same records again and again, with other ids, dates and spellings."""

from datetime import timedelta

import pytest
from django.utils import timezone

from passcodes import appeals, facts
from passcodes.models import Appeal, RiskBatch
from tests import factories
from tests.passcodes.appeals.steps import WORDS, colour, decide, file, form_address, reasons
from tests.passcodes.threads import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def source():
    return factories.risk_source()


@pytest.fixture
def sent(source):
    """Records of lists of the one source, or of another."""

    def send(**fields):
        batch = factories.risk_batch(source=fields.pop("source", source), way="push")
        return factories.risk_record(batch=batch, **{"category": "close_contact", **fields})

    return send


@pytest.fixture
def first(sent, code):
    """What the first list said of the person."""
    return sent(office="省疾控中心")


def test_the_next_list_begins_no_second_first_appeal(own, holder, code, first, sent, judge, second_judge):
    page = form_address(code)
    appeal = file(code, holder)
    decide(appeal, judge, granted=False)
    second = appeals.escalate(appeal=Appeal.objects.get(), text=WORDS, documents=[], by=holder, at=timezone.now())
    decide(second, second_judge, granted=False)
    sent(office="省疾控中心", starts_at=first.starts_at)
    RiskBatch.objects.filter(pk=first.batch_id).update(state="withdrawn", withdrawn_at=timezone.now())
    assert form_address(code) == page
    assert second.receipt in own.get(page).url
    assert second.receipt in own.post(page, {"claim": "other", "text": WORDS}).url
    with pytest.raises(appeals.AlreadyAppealed) as raised:
        file(code, holder)
    assert (raised.value.appeal, Appeal.objects.count()) == (second, 2)


def test_office_of_any_copy_does_not_answer(holder, code, first, sent, judge, second_judge):
    appeal = file(code, holder)
    copy = sent(office="省疾控中心", starts_at=first.starts_at)
    RiskBatch.objects.filter(pk=copy.batch_id).update(created_by=judge)
    with pytest.raises(appeals.NotTheirs):
        decide(appeal, judge)
    decide(appeal, second_judge)


@pytest.mark.parametrize(
    ("again", "after"),
    [
        ({"starts_in": timedelta(days=2)}, "green"),
        ({"office": "辽宁省疾病预防控制中心"}, "green"),
        ({"office": "辽宁省疾病预防控制中心", "starts_in": timedelta(days=13)}, "green"),
        ({"starts_in": timedelta(days=14)}, "red"),  # by then the source should have put it right
        ({"category": "suspected"}, "red"),
    ],
)
def test_not_me_covers_what_the_source_says_of_the_same_kind(
    holder, code, first, sent, judge, again, after, time_machine
):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    decide(file(code, holder), judge, at=now)
    assert colour(code) == "green"
    starts_at = now + again.pop("starts_in", -5 * DAY)
    sent(starts_at=starts_at, **again)
    time_machine.move_to(max(now, starts_at), tick=False)
    factories.declaration(person=code.person, account=holder)
    assert colour(code) == after


@pytest.mark.parametrize("way", ["push", "manual"])
def test_not_me_does_not_cover_what_others_find(holder, code, first, sent, judge, way):
    decide(file(code, holder), judge)
    if way == "push":
        sent(source=factories.risk_source(slug="city", name="市疾控"))
    else:  # typed by an officer
        factories.risk_record(category="close_contact", office="省疾控中心")
    assert colour(code) == "red"


def test_typed_records_of_one_person_are_findings_each_of_its_own(holder, code, judge):
    factories.risk_record(category="managed", office="一局")
    decide(file(code, holder), judge)
    factories.risk_record(category="managed", office="二局")
    assert colour(code) == "yellow"


@pytest.mark.parametrize("claim", ["already_ended", "other"])
def test_other_claims_cover_the_record_alone(holder, code, first, sent, judge, claim):
    decide(file(code, holder, claim=claim), judge)
    assert colour(code) == "green"
    sent(office="省疾控中心", starts_at=first.starts_at - DAY)
    assert colour(code) == "red"


def test_one_statement_finds_whom_appeals_still_concern(holder, code, first, django_assert_num_queries):
    others = []
    for number in (1, 2):
        account = factories.account(phone=f"+861390000003{number}")
        other = factories.pass_code(account=account, number=factories.DOCUMENTS[number])
        factories.risk_record(number=factories.DOCUMENTS[number], category="managed")
        others.append(file(other, account))
    filed = [file(code, holder), *others]
    facts.for_person(person_id=code.person_id, at=timezone.now())
    with django_assert_num_queries(1):
        assert appeals.counting(filed, timezone.now()) == {appeal.pk for appeal in filed}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_against_copies_of_a_record_one_is_filed(holder, code, first, sent):
    copy = sent(office="省疾控中心", starts_at=first.starts_at)
    found = reasons(code)
    assert {reason.fact for reason in found} == {f"risk:{first.pk}", f"risk:{copy.pk}"}
    given = {
        "person": code.person,
        "claim": "other",
        "text": WORDS,
        "documents": [],
        "by": holder,
        "at": timezone.now(),
    }
    ends = at_once(*(lambda reason=reason: appeals.file(reason=reason, **given) for reason in found))
    assert (ends, Appeal.objects.count()) == (["AlreadyAppealed", "done"], 1)
