"""My data: appeals, messages, questions to the national platform, and which two offices signed what coloured me."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from declarations.models import Assurance, Proxy
from passcodes import approvals, notices, risk
from passcodes.models import Appeal, NationalQuery, Notice, PassCode, RiskRecord
from passcodes.notice_models import NoticeKind
from tests import factories
from tests.passcodes.appeals.steps import ANSWER, WORDS, browser, colour, decide, file, file_before, officer, picture

pytestmark = pytest.mark.django_db

FIRST, SECOND = "铁西区疾控中心", "沈阳市卫健委"
LAW = "Regulation on Public Health Emergencies (2011), articles 33 and 41"


@pytest.fixture
def holder():
    return factories.account(phone="+8613900000001")


@pytest.fixture
def code(holder):
    return factories.pass_code(account=holder)


@pytest.fixture
def own(holder):
    return browser(holder)


@pytest.fixture
def judge():
    return officer("辽宁省卫健委", "+8613700000003")


def listed(code, at=None, category="managed") -> RiskRecord:
    """A record about the code's person that two offices have put in force."""
    at = at or timezone.now()
    first = factories.account(office=factories.office(name=FIRST), phone=f"+861370{RiskRecord.objects.count():07}")
    second = factories.account(office=factories.office(name=SECOND), phone=f"+861371{RiskRecord.objects.count():07}")
    row = RiskRecord(document_hash=code.person.document_hash, category=category, starts_at=at)
    row.office, row.office_phone = FIRST, "024-1"
    approvals.enter(row=row, basis="regulation", reason="x", by=first, at=at)
    approvals.approve(batch=row.batch, by=second, at=at)
    return row


def exported(client, section) -> list[dict]:
    return client.post("/me/export/").json()[section]


def test_my_appeal_stands_there_whole(own, holder, code, judge):
    now = timezone.now()
    listed(code, now)
    appeal = file(code, holder, at=now, documents=[picture(), picture()])
    decide(appeal, judge, granted=False, at=now)
    (row,) = exported(own, "appeals")
    received = row.pop("created_at"), row.pop("due_at"), row.pop("decided_at")
    assert [bool(moment) for moment in received] == [True] * 3
    assert row == {
        "receipt": appeal.receipt,
        "by": "me",
        "about": "me",
        "disputed": "The office named below has put you under observation.",
        "office": FIRST,
        "claim": "not_me",
        "text": WORDS,
        "photos": 2,
        "state": "refused",
        "decided_office": "辽宁省卫健委",
        "answer": ANSWER,
    }
    page = own.get("/me/").text
    for words in ("The office named below has put you under observation.", FIRST, "辽宁省卫健委", ANSWER):
        assert words in page


def test_an_appeal_that_somebody_filed_for_me_is_mine_too(code, judge):
    mother = code.person
    proxy = Proxy.objects.create(
        account=factories.account(phone="+8613900000002"), person=mother, relation="child", created_at=timezone.now()
    )
    listed(code)
    decide(file_before(code, proxy.account), judge)
    (row,) = exported(browser(mother.holder), "appeals")
    assert (row["by"], row["about"], row["text"], row["answer"]) == ("another", "me", WORDS, ANSWER)


def test_who_acts_for_somebody_no_more_reads_only_their_own_words(judge):
    account = factories.account(phone="+8613900000002")
    proxy = factories.relative(account=account)
    code = PassCode.objects.create(person=proxy.person)
    listed(code)
    decide(file(code, account), judge)
    client = browser(account)
    (row,) = exported(client, "appeals")
    assert (row["about"], row["office"], row["answer"]) == ("李**", FIRST, ANSWER)
    Proxy.objects.update(ended_at=timezone.now())
    (row,) = exported(client, "appeals")
    assert (row["text"], row["disputed"], row["office"], row["answer"]) == (WORDS, None, None, None)


def test_who_only_claims_my_document_reads_none_of_it(code, judge):
    listed(code)
    file(code, code.person.holder)
    told(code.person, code.person.holder)
    ask_national(factories.declaration(person=code.person, account=code.person.holder))
    claimer = factories.account(phone="+8613900000009")
    factories.pass_code(account=claimer, assurance=Assurance.DECLARED)
    document = browser(claimer).post("/me/export/").json()
    sections = ("appeals", "notices", "national_queries", "risk_records", "colours")
    assert [document[section] for section in sections] == [[]] * 5


def told(person, account, kind=NoticeKind.TURNED, colour=2, **fields) -> Notice:
    now = timezone.now()
    values = {"cause": f"moment:{Notice.objects.count()}", "created_at": now, "due_at": now, "sent_at": now}
    return Notice.objects.create(
        person=person, account=account, kind=kind, colour=colour, settled_at=now, **{**values, **fields}
    )


def test_what_i_was_told_when_and_of_whom(own, holder, code):
    relative = factories.relative(account=holder).person
    now = timezone.now()
    told(code.person, holder, sent_at=now)
    told(relative, holder, NoticeKind.RETURNED, 0, sent_at=now - timedelta(hours=1))
    told(code.person, factories.account(phone="+8613900000003"), sent_at=now - timedelta(hours=2))
    told(code.person, holder, sent_at=None, kind="", colour=None)  # nothing was sent
    told(relative, factories.account(phone="+8613900000004"))  # not mine
    rows = exported(own, "notices")
    assert [(row["by"], row["about"], row["message"], row.get("colour")) for row in rows] == [
        ("me", "me", "turned", "red"),
        ("me", "李**", "returned", None),
        ("another", "me", "turned", "red"),
    ]
    assert notices.text_of(NoticeKind.TURNED) in own.get("/me/").text


def test_both_offices_and_the_law_stand_with_record_and_colour(own, code):
    row = listed(code)
    assert colour(code) == "yellow"
    (record,) = exported(own, "risk_records")
    assert (record["put_in_force_by"], record["basis"]) == ([FIRST, SECOND], "regulation")
    (shown,) = exported(own, "colours")[0]["reasons"]
    assert (shown["put_in_force_by"], shown["basis"]) == ([FIRST, SECOND], "regulation")
    page = own.get("/me/").text
    said = "The office named below has put you under observation."
    assert f"{said} Put in force by {FIRST} · {SECOND}, on this legal basis: {LAW}." in page
    assert f"<dt>put in force by</dt><dd>{FIRST} · {SECOND}</dd><dt>legal basis</dt><dd>{LAW}</dd>" in page
    risk.withdraw(batch=row.batch, by=None, at=timezone.now())
    (record,) = exported(own, "risk_records")
    assert (record["state"], record["put_in_force_by"]) == ("withdrawn", [FIRST, SECOND])


def test_a_renewal_names_the_third_office_too(own, code, judge):
    row = listed(code)
    lapses = row.ends_at - timedelta(hours=1)
    approvals.renew(batch=row.batch, by=judge, at=lapses)
    renewed, first = exported(own, "risk_records")
    assert (first["put_in_force_by"], first["basis"]) == ([FIRST, SECOND], "regulation")
    assert (renewed["put_in_force_by"], renewed["basis"]) == ([FIRST, SECOND, "辽宁省卫健委"], "regulation")


def test_one_office_alone_is_named_without_a_law(own, code):
    record = factories.risk_record()
    record.batch.released_office = factories.office(name=FIRST)
    record.batch.save()
    colour(code)
    assert [(row["put_in_force_by"], row["basis"]) for row in exported(own, "risk_records")] == [([FIRST], "")]
    assert f"as a confirmed case. Put in force by {FIRST}.</dd>" in own.get("/me/").text


def ask_national(declaration, answered_at=None) -> NationalQuery:
    now = timezone.now()
    return NationalQuery.objects.create(declaration=declaration, created_at=now, due_at=now, answered_at=answered_at)


def test_whether_the_national_platform_was_asked_about_me_and_answered(own, holder, code):
    now = timezone.now()
    first, second = (
        factories.declaration(person=code.person, account=holder, made_at=now + timedelta(minutes=n)) for n in (1, 2)
    )
    ask_national(first, answered_at=now)
    ask_national(second)
    rows = exported(own, "national_queries")
    assert [(bool(row["created_at"]), bool(row["answered_at"])) for row in rows] == [(True, False), (True, True)]
    assert "<dt>answered</dt><dd>not yet</dd>" in own.get("/me/").text


def test_the_page_asks_the_same_questions_of_one_and_of_three(own, holder, code, judge, django_assert_num_queries):
    def one_more():
        row = listed(code, category=["managed", "confirmed", "close_contact"][RiskRecord.objects.count()])
        decide(file(code, holder, documents=[picture()]), judge)
        assert Appeal.objects.filter(fact=f"risk:{row.pk}").exists()
        told(code.person, holder)
        ask_national(factories.declaration(person=code.person, account=holder))

    one_more()
    own.get("/me/")
    with CaptureQueriesContext(connection) as one:
        own.get("/me/")
    one_more()
    one_more()
    with django_assert_num_queries(len(one)):
        own.get("/me/")


def test_what_others_entered_is_put_right_by_an_appeal(own, code):
    listed(code)
    colour(code)
    page = own.get("/me/").text
    offered = '<a class="button secondary" href="/code/appeal/">'
    for title in ("Colours your code has shown", "Records of the epidemic database"):
        assert offered in page.partition(title)[2].partition("</details>")[0], title
    assert offered not in page.partition("Answers about places")[2].partition("</details>")[0]  # there are none
    assert "024-1" in page and '<a href="/code/appeal/">appeal against it</a>' in page
    assert own.get("/code/appeal/").url == f"/code/{code.public_id}/appeal/"
    assert "Appeal against it" in own.get("/code/appeal/", follow=True).text


def test_who_has_no_code_appeals_against_nothing():
    assert browser(factories.account(phone="+8613900000008")).get("/code/appeal/").url == "/declare/"
