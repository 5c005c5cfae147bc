"""Who sees an appeal, who is told of its answer, and what an address gives away."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import AuditEntry, Identifier, Officer, identifier_hash
from accounts.officers import office_of
from declarations.models import Proxy
from passcodes import appeals, facts, my_data
from passcodes.actions import issue_pass
from passcodes.appeals import without_use
from passcodes.models import Appeal, AppealDocument, RiskBatch
from passcodes.reasons import address_key
from tests import factories
from tests.passcodes.appeals.steps import ANSWER, colour, decide, file, form_address, picture, reasons

pytestmark = pytest.mark.django_db
QUEUE = "/admin/passcodes/appeal/"


@pytest.fixture
def told(outbox, django_capture_on_commit_callbacks):
    """To whom an answer was sent, by phone and by e-mail."""

    def answered(appeal, by):
        with django_capture_on_commit_callbacks(execute=True):
            decide(appeal, by)
        return [message["to"] for message in outbox.messages], [message.to for message in mail.outbox]

    return answered


@pytest.fixture
def late(holder, code, listed):
    """An appeal that nobody answered for thirty hours."""
    appeal = file(code, holder)
    Appeal.objects.update(created_at=timezone.now() - timedelta(hours=30), due_at=timezone.now() - timedelta(hours=6))
    return Appeal.objects.get(pk=appeal.pk)


def add_phone(account, number, rested=timedelta()) -> None:
    Identifier.objects.create(
        account=account,
        kind="phone",
        value=number,
        hash=identifier_hash("phone", number),
        used_at=timezone.now() - rested,
    )


def test_an_answer_goes_by_email_where_there_is_no_phone(told, holder, code, listed, judge):
    appeal = file(code, holder)
    holder.identifiers.update(kind="email", value="zhang@example.org")
    assert told(appeal, judge) == ([], [["zhang@example.org"]])
    assert appeal.receipt in mail.outbox[0].body


def test_an_answer_goes_to_one_phone_and_none_that_may_be_somebody_else_s(told, holder, code, listed, judge):
    appeal = file(code, holder)
    add_phone(holder, "+8613900000051")
    holder.identifiers.filter(hash=identifier_hash("phone", "+8613900000001")).update(
        used_at=timezone.now() - timedelta(days=91)
    )
    assert told(appeal, judge) == (["+8613900000051"], [])


def test_an_answer_goes_to_whoever_acts_for_the_person_now(told, holder, judge):
    relation = factories.relative(account=holder)
    code = issue_pass(person=relation.person)
    factories.risk_record(number=factories.DOCUMENTS[1], category="managed")
    appeal = file(code, holder)
    other = factories.account(phone="+8613900000052")
    Proxy.objects.update(ended_at=timezone.now())
    now = timezone.now()
    Proxy.objects.create(
        account=other, person=relation.person, relation="child", created_at=now, confirmed_at=now, confirmed_by=other
    )
    assert told(appeal, judge) == (["+8613900000052"], [])


def test_own_face_is_asked_before_appeals_as_before_the_code(settings, own, holder, code, page):
    appeal = file(code, holder)
    settings.FACE_CHECK_FOR_SELF = True
    below = f"/code/{code.public_id}/appeal/{appeal.receipt}/"
    for path in (page, f"/code/{code.public_id}/appeal/", below, f"{below}again/"):
        assert own.get(path).url == f"/face/{code.public_id}/"
    assert own.post(f"{below}withdraw/").url == f"/face/{code.public_id}/"
    assert own.post(page, {}, CONTENT_LENGTH=str(70_000_000)).url == f"/face/{code.public_id}/"
    assert Appeal.objects.get().state == "waiting"


def test_closing_an_account_ends_its_own_appeals_and_leaves_a_relatives(holder, code, listed, judge):
    mine = file(code, holder, documents=[picture()])
    relation = factories.relative(account=holder)
    theirs_code = issue_pass(person=relation.person)
    factories.risk_record(number=factories.DOCUMENTS[1], category="managed")
    theirs = file(theirs_code, holder, documents=[picture()])
    my_data.end_code(account=holder, by=holder, at=timezone.now())
    states = dict(Appeal.objects.values_list("pk", "state"))
    assert states == {mine.pk: "withdrawn", theirs.pk: "waiting"}
    assert [document.appeal_id for document in AppealDocument.objects.all()] == [theirs.pk]
    ended = AuditEntry.objects.filter(action="withdraw-appeal").values_list("actor", "subject", "detail__appeal")
    assert list(ended) == [(holder.pk, f"person:{code.person_id}", mine.pk)]
    decide(theirs, judge)
    assert colour(theirs_code) == "green"


def test_code_page_says_that_an_appeal_waits_and_until_when(own, holder, code, listed, django_assert_num_queries):
    address = f"/code/{code.public_id}/"
    own.get(address)
    with django_assert_num_queries(1):
        own.get(address)
    appeal = file(code, holder)
    with django_assert_num_queries(1):
        text = own.get(address).text
    due = timezone.localtime(appeal.due_at)
    assert f"An appeal against this waits. It is answered by {due:%Y-%m-%d %H:%M}." in text
    assert "See the appeal" in text and "Is this wrong?" not in text
    assert "See the appeal" in own.get(f"{address}appeal/").text
    decide(appeal, factories.account(phone="+8613700000009", office=factories.office()), granted=False)
    assert "Is this wrong?" in own.get(address).text


def test_history_says_that_a_colour_was_neutral_for_want_of_an_answer(own, code, late):
    assert colour(code) == "neutral"
    assert "An appeal against this had not been answered in time." in own.get(f"/code/{code.public_id}/history/").text


def test_addresses_name_neither_what_was_declared_nor_the_record(own, holder, code, listed):
    factories.stay(declaration=code.person.declarations.get(), kind="contact", days_ago=2)
    text = own.get(f"/code/{code.public_id}/").text
    assert text.count("?about=") == 2
    for given_away in ("?about=risk", "?about=stay", "110105"):
        assert given_away not in text
    found = reasons(code)
    assert len({address_key(reason, code.person_id) for reason in found}) == len(found) == 2
    assert address_key(found[0], code.person_id) != address_key(found[0], code.person_id + 1)
    [contact] = [reason for reason in found if reason.code == "contact"]
    own.post(form_address(code, contact), {"claim": "was_not_there", "text": "那天我在家里"})
    assert Appeal.objects.get().fact == contact.fact


def test_what_no_longer_colours_is_overdue_nowhere(own, client, code, late, listed, judge):
    admin = factories.staff_client(account=judge)
    assert "· 1 overdue" in admin.get("/admin/").text
    assert "6\xa0hours" in admin.get(QUEUE).text
    RiskBatch.objects.update(state="withdrawn", withdrawn_at=timezone.now())
    assert (colour(code), client.get("/offices/").context["overdue"]) == ("green", 0)
    assert "overdue" not in admin.get("/admin/").text.partition("1 appeal waits for an answer")[2][:20]
    for page in (QUEUE, f"{QUEUE}{late.pk}/change/"):
        assert "no longer counts" in admin.get(page).text and "6\xa0hours" not in admin.get(page).text
    text = own.get(f"/code/{code.public_id}/appeal/{late.receipt}/").text
    assert "This no longer colours the code" in text and "The answer is late" not in text
    assert "neutral" not in text and "Answered at the latest by" not in text


def test_queue_asks_once_for_all_overdue_appeals(holder, code, late, judge, django_assert_num_queries):
    admin = factories.staff_client(account=judge)
    admin.get(QUEUE)
    with django_assert_num_queries(15):
        admin.get(QUEUE)
    for number in (1, 2):
        account = factories.account(phone=f"+861390000004{number}")
        other = factories.pass_code(account=account, number=factories.DOCUMENTS[number])
        factories.risk_record(number=factories.DOCUMENTS[number], category="managed")
        file(other, account)
    Appeal.objects.update(created_at=timezone.now() - timedelta(hours=30), due_at=timezone.now() - timedelta(hours=6))
    with django_assert_num_queries(15):
        admin.get(QUEUE)


def test_a_role_that_has_just_ended_does_not_answer(holder, code, listed, judge):
    appeal = file(code, holder)
    assert judge.officer_role  # read once a request
    Officer.objects.filter(account=judge).update(ended_at=timezone.now())
    with pytest.raises(appeals.NotTheirs):
        decide(appeal, judge)
    admin = factories.staff_client(account=factories.account(phone="+8613700000008", office=factories.office()))
    admin.post(f"{QUEUE}{appeal.pk}/decide/", {"decision": "grant", "reason": ANSWER})
    assert Appeal.objects.get().state == "granted"


def test_finding_appeals_without_use_asks_as_often_for_many(holder, code, listed, judge, django_assert_num_queries):
    decide(file(code, holder), judge)
    area = factories.risk_area(division=210102)
    decide(file(code, holder, claim="other"), judge)
    assert list(Appeal.objects.values_list("fact", flat=True)) == [f"risk:{listed.pk}", f"area:{area.pk}:home:210102"]
    now = timezone.now()
    with django_assert_num_queries(3):
        assert not without_use(Appeal.objects.all(), now).exists()
    fact = f"area:{area.pk}:home:210102"
    area.delete()
    with django_assert_num_queries(3):
        assert [appeal.fact for appeal in without_use(Appeal.objects.all(), now)] == [fact]


def test_a_granted_appeal_stays_while_another_list_names_the_person(holder, code, listed, judge):
    decide(file(code, holder), judge)
    factories.risk_record(category="managed", office=listed.office, starts_at=listed.starts_at)
    listed.delete()
    assert not without_use(Appeal.objects.all(), timezone.now()).exists()
    assert facts.for_person(person_id=code.person_id, at=timezone.now()) and colour(code) == "green"


def test_one_whose_facts_cannot_be_read_holds_nobody_up(client, holder, code, late, listed, judge, caplog):
    earlier = Appeal.objects.get(pk=late.pk)
    earlier.pk, earlier.receipt, earlier.fact, earlier.disputed = None, "2222-2222", "risk:0", {}
    earlier.state, earlier.decided_at, earlier.answer = "granted", late.due_at, "x"
    earlier.decided_by, earlier.decided_office = judge, office_of(judge)
    earlier.save()
    assert appeals.counting([late], timezone.now()) == {late.pk}
    assert f"appeal #{late.pk}: person {code.person_id} has no colour (KeyError)" in caplog.messages
    assert client.get("/offices/").context["overdue"] == 1
    admin = factories.staff_client(account=judge)
    assert "· 1 overdue" in admin.get("/admin/").text
    assert admin.get("/admin/passcodes/appeal/").status_code == 200
