"""The national platform: neutral until it has answered, red at the next display of what it knows, whatever it does."""

import logging
import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from declarations.models import Assurance, Declaration
from passcodes import facts, national, national_questions, risk
from passcodes.actions import show_colour
from passcodes.models import NationalQuery, RiskBatch, RiskRecord, RiskSource
from passcodes.national import Breaker, Unreachable
from scanning import reading
from tests import factories
from tests.national_server import FAULTS, record
from tests.passcodes.appeals.steps import decide, file

pytestmark = pytest.mark.django_db
NUMBER = factories.DOCUMENTS[0]
YESTERDAY = (timezone.now() - timedelta(days=1)).isoformat(timespec="seconds")


@pytest.fixture
def holder():
    return factories.account()


@pytest.fixture
def code(holder):
    return factories.pass_code(account=holder, made_at=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def page(code, client):
    """The holder's page, as often as it is called."""
    client.force_login(code.person.holder, backend="accounts.backends.OneTimeCodeBackend")
    session = client.session
    session["device"] = factories.device(account=code.person.holder).pk
    session.save()
    return lambda: client.get(f"/code/{code.public_id}/").text


def assessed(code):
    now = timezone.now()
    return show_colour(row=facts.for_person(person_id=code.person_id, at=now), at=now)


def colour_of(code) -> str:
    return assessed(code).colour.name.lower()


def ask() -> bool:
    return national_questions.ask_due(timezone.now())


def due_now() -> None:
    """As if the time to ask again had come."""
    NationalQuery.objects.open().update(due_at=timezone.now() - timedelta(seconds=1))


def test_neutral_until_answered_then_green(platform, code, page):
    html = page()
    assert "Your declaration is being compared with the national data. One moment, please." in html
    assert "Your declaration is being compared with the national data; this takes a few seconds." in html
    assert "You need do nothing; this page goes on by itself." in html
    assert "Your identity has not been checked" not in html and "Decided by" not in html
    assert 'data-soon="12"' in html
    assert ask() is False
    html = page()
    assert "colour-green" in html and 'data-soon="0"' in html


def test_question_holds_document_and_time_alone(platform, code):
    ask()
    (question,) = platform.asked
    assert set(question) == {"nonce", "asked_at", "type", "number"}
    assert (question["type"], question["number"], len(question["nonce"])) == ("01", NUMBER, 32)
    assert abs(datetime.fromisoformat(question["asked_at"]) - timezone.now()) < timedelta(seconds=30)


def test_found_record_is_red_at_the_next_display_with_its_reason(platform, code, page):
    platform.people[NUMBER] = [record("close_contact", ends_at="2099-01-01T00:00:00+08:00")]
    ask()
    html = page()
    assert "colour-red" in html and "lists you as a close contact of a case" in html
    assert "国家疾控" in html and "010-1" in html and "2099-01-01 00:00" in html
    batch = RiskBatch.objects.get()
    assert (batch.source.slug, batch.way, batch.state, batch.applied) == ("national", "national", "visible", 1)


def test_record_without_an_office_names_the_platform(platform, code):
    platform.people[NUMBER] = [record(office="", office_phone=None)]
    ask()
    assert assessed(code).reasons[0].office_phone == "12320"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_neutral_and_is_tried_again(platform, code, monkeypatch, fault):
    monkeypatch.setattr(national, "SECONDS", 0.4)
    platform.fault = fault
    platform.people[NUMBER] = [record()]
    ask()
    assert colour_of(code) == "neutral"
    assert RiskSource.objects.get(slug="national").last_fresh_at is None
    assert (RiskBatch.objects.count(), RiskRecord.objects.count()) == (0, 0)
    ask()
    assert len(platform.asked) == 1  # not before a while
    platform.fault, platform.people = "", {}
    due_now()
    ask()
    assert colour_of(code) == "green"


def test_unreachable_or_with_another_key(platform, code, settings):
    for url in ("http://key@127.0.0.1:9/ask", platform.url.replace("national-key", "another")):
        settings.NATIONAL_URL = url
        with pytest.raises(Unreachable):
            national.ask(kind="01", number=NUMBER, at=timezone.now())
    ask()
    assert (platform.asked, colour_of(code)) == ([], "neutral")


def test_a_platform_that_is_down_is_left_alone_and_operators_told_once(platform, holder, code, monkeypatch, caplog):
    monkeypatch.setattr(national_questions, "breaker", Breaker(most=2))
    platform.fault = "500"
    for n in (1, 2):
        account = factories.account(phone=f"+861380000001{n}")
        factories.pass_code(account=account, number=factories.DOCUMENTS[n])
    with caplog.at_level(logging.INFO):
        ask()
        due_now()
        ask()  # open: nobody is asked
        assert len(platform.asked) == 3
        national_questions.breaker.open_until = timezone.now()
        ask()  # one is tried
        assert len(platform.asked) == 4
        platform.fault = ""
        national_questions.breaker.open_until = timezone.now()
        due_now()
        ask()
    assert not NationalQuery.objects.open().exists()
    assert [(entry.levelname, entry.getMessage()) for entry in caplog.records if "national" in entry.name] == [
        ("ERROR", "The national platform does not answer (HTTP 500): new declarations stay neutral."),
        ("WARNING", "The national platform answers again."),
    ]
    assert not [number for number in factories.DOCUMENTS if number in caplog.text]


def test_one_that_is_never_answered_does_not_hold_up_the_others(platform, code):
    other = factories.pass_code(
        account=factories.account(phone="+8613800000002"), number=factories.DOCUMENTS[1], name="李四"
    )
    platform.fault, platform.faulty = "500", {NUMBER}
    for _ in range(4):
        ask()
        due_now()
    assert (colour_of(code), colour_of(other)) == ("neutral", "green")
    assert NationalQuery.objects.open().get().tries == 4
    assert national_questions.breaker.open_until is None


@pytest.mark.parametrize("fault", ["400", "unknown category", "too many", "too long"])
def test_people_who_cannot_be_answered_take_nobody_s_turn(platform, holder, code, caplog, fault):
    for n in range(1, 4):
        account = factories.account(phone=f"+861380000001{n}")
        factories.pass_code(account=account, number=factories.DOCUMENTS[n])
    national_questions.breaker.most = 3
    platform.fault, platform.faulty = fault, set(factories.DOCUMENTS[1:])
    waits = []
    for _ in range(5):
        ask()
        query = NationalQuery.objects.open().first()
        waits.append(round((query.due_at - timezone.now()).total_seconds() / 60))
        due_now()
    assert (colour_of(code), national_questions.breaker.open_until) == ("green", None)
    assert waits == [1, 5, 30, 120, 360]
    assert caplog.text.count("cannot be used") == 15
    factories.declaration(person=code.person, account=holder)
    ask()
    assert colour_of(code) == "green"


def test_while_it_is_left_alone_who_was_tried_least_is_tried_first(platform, code):
    platform.fault, platform.faulty = "500", {NUMBER}
    ask()
    other = factories.pass_code(account=factories.account(phone="+8613800000002"), number=factories.DOCUMENTS[1])
    due_now()  # the one in vain first
    national_questions.breaker.failures = 9
    national_questions.breaker.open_until = timezone.now()
    ask()
    assert platform.numbers[1] == factories.DOCUMENTS[1]
    assert (colour_of(other), national_questions.breaker.open_until) == ("green", None)


def test_back_off_grows_to_a_minute(platform, code):
    platform.fault = "500"
    waits = []
    for _ in range(4):
        due_now()
        national_questions.breaker.answered()
        ask()
        waits.append(round((NationalQuery.objects.get().due_at - timezone.now()).total_seconds()))
    assert waits == [5, 15, 60, 60]


def test_of_a_merely_declared_person_nothing_is_asked_until_the_identity_is_proven(platform):
    code = factories.pass_code(account=factories.account(), assurance=Assurance.DECLARED)
    platform.people[NUMBER] = [record()]
    ask()
    assert platform.asked == []
    assert [reason.code for reason in assessed(code).reasons] == ["identity"]
    code.person.assurance = Assurance.FACE
    code.person.save()
    ask()
    assert platform.asked == []  # looked at again after a while
    due_now()
    ask()
    assert colour_of(code) == "red"


def test_a_proof_long_after_the_declaration_is_seen_with_the_page(platform, code, page):
    code.person.assurance = Assurance.DECLARED
    code.person.save()
    ask()
    NationalQuery.objects.update(created_at=timezone.now() - timedelta(days=1))
    due_now()
    ask()
    assert NationalQuery.objects.get().due_at > timezone.now() + timedelta(minutes=59)
    assert "Your identity has not been checked" in page()
    ask()
    assert platform.asked == []
    code.person.assurance = Assurance.FACE
    code.person.save()
    page()
    ask()
    assert (platform.numbers, colour_of(code)) == ([NUMBER], "green")


def test_looking_at_the_page_asks_no_sooner_of_a_platform_that_fails(platform, code, page):
    platform.fault = "500"
    ask()
    page()
    ask()
    assert len(platform.asked) == 1


def test_each_declaration_is_asked_for_once(platform, holder, code):
    ask()
    ask()
    assert platform.numbers == [NUMBER]
    factories.declaration(person=code.person, account=holder)
    assert colour_of(code) == "neutral"
    ask()
    assert (platform.numbers, colour_of(code)) == ([NUMBER] * 2, "green")


def test_an_earlier_declaration_is_moot_with_the_next(platform, holder, code):
    national_questions.collect(timezone.now())
    factories.declaration(person=code.person, account=holder)
    ask()
    assert (platform.numbers, NationalQuery.objects.count()) == ([NUMBER], 1)


def test_what_was_known_stays_while_a_new_declaration_waits(platform, holder, code):
    platform.people[NUMBER] = [record()]
    ask()
    factories.declaration(person=code.person, account=holder)
    assert colour_of(code) == "red"


def again(holder, code):
    factories.declaration(person=code.person, account=holder)
    ask()


def test_the_same_answer_adds_nothing(platform, holder, code):
    platform.people[NUMBER] = [record(), record("managed", starts_at=YESTERDAY, office="", office_phone="")]
    ask()
    platform.people[NUMBER].reverse()
    again(holder, code)
    assert (RiskBatch.objects.count(), RiskRecord.objects.count()) == (2, 2)


def test_other_managed_wait_for_two_offices_and_nobody_waits_with_them(platform, holder, code):
    platform.people[NUMBER] = [record("secondary_contact"), record("managed", starts_at=YESTERDAY)]
    ask()
    assert [reason.code for reason in assessed(code).reasons] == ["risk-secondary_contact"]
    assert sorted(RiskBatch.objects.values_list("state", flat=True)) == ["draft", "visible"]


def test_another_record_of_whom_the_platform_was_found_to_have_mistaken_waits_for_two_offices(platform, holder, code):
    platform.people[NUMBER] = [record("close_contact")]
    ask()
    decide(file(code, holder), factories.account(phone="+8613700000001", office=factories.office()))
    platform.people[NUMBER] = [record("suspected"), record("close_contact")]
    for _ in range(2):  # the second time it waits already
        again(holder, code)
        assert (colour_of(code), assessed(code).reasons) == ("green", ())
        assert sorted(RiskBatch.objects.values_list("state", flat=True)) == ["draft", "withdrawn"]


def test_who_will_be_managed_later_is_told_of_when_it_begins(platform, holder, code):
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    platform.people[NUMBER] = [record("managed", starts_at=tomorrow), record("secondary_contact")]
    ask()
    assert list(RiskRecord.objects.values_list("category", flat=True)) == ["secondary_contact"]


@pytest.mark.parametrize(("category", "state"), [("managed", "refused"), ("confirmed", "withdrawn")])
def test_what_an_officer_decides_against_is_not_brought_back(platform, holder, code, category, state):
    platform.people[NUMBER] = [record(category, starts_at=YESTERDAY)]
    ask()
    end = {"refused": risk.refuse, "withdrawn": risk.withdraw}[state]
    officer = factories.account(phone="+8613700000001", is_officer=True)
    end(batch=RiskBatch.objects.get(), by=officer, at=timezone.now())
    again(holder, code)
    assert (RiskBatch.objects.get().state, colour_of(code)) == (state, "green")
    platform.people[NUMBER] = [record("suspected")]
    again(holder, code)
    assert colour_of(code) == "red"


@pytest.mark.parametrize("category", ["confirmed", "managed"])
def test_what_an_officer_has_ended_is_not_brought_back(platform, holder, code, category):
    platform.people[NUMBER] = [record(category, starts_at=YESTERDAY, office="")]
    ask()
    officer = factories.account(phone="+8613700000001", is_officer=True)
    ended = RiskRecord.objects.get()
    factories.staff_client(account=officer).post(f"/admin/passcodes/riskrecord/{ended.pk}/end/")
    again(holder, code)
    platform.people[NUMBER].append(record("secondary_contact"))
    again(holder, code)
    assert colour_of(code) == "yellow"
    platform.people[NUMBER].pop()
    again(holder, code)
    assert colour_of(code) == "green"


def test_what_ended_by_itself_may_go_on(platform, holder, code):
    platform.people[NUMBER] = [record()]
    ask()
    RiskRecord.objects.update(ends_at=timezone.now())  # as the platform had it
    assert colour_of(code) == "green"
    platform.people[NUMBER] = [record(ends_at="2099-01-01T00:00:00+08:00")]
    again(holder, code)
    assert colour_of(code) == "red"


def test_what_is_no_longer_known_ends(platform, holder, code):
    platform.people[NUMBER] = [record()]
    ask()
    platform.people[NUMBER] = [record("secondary_contact")]
    again(holder, code)
    assert colour_of(code) == "yellow"
    platform.people[NUMBER] = []
    again(holder, code)
    assert colour_of(code) == "green"
    assert sorted(RiskBatch.objects.values_list("state", flat=True)) == ["withdrawn", "withdrawn"]


def test_what_others_say_of_the_person_stays(platform, holder, code):
    source = RiskSource.objects.create(slug="national", name="x", agreed_at=timezone.now())
    factories.risk_record(batch=factories.risk_batch(source=source))  # of a list that was pulled
    factories.risk_record(category="managed")
    ask()
    assert [reason.code for reason in assessed(code).reasons] == ["risk-confirmed", "risk-managed"]


def test_another_person_s_records_stay(platform, code):
    other = factories.pass_code(account=factories.account(phone="+8613800000002"), number=factories.DOCUMENTS[1])
    platform.people[factories.DOCUMENTS[1]] = [record()]
    ask()
    assert (colour_of(code), colour_of(other)) == ("green", "red")


def test_measures_that_have_ended_are_left_out(platform, code):
    platform.people[NUMBER] = [record(ends_at="2026-11-02T00:00:00+08:00")]
    ask()
    assert (colour_of(code), RiskBatch.objects.count()) == ("green", 0)


def test_an_answer_and_what_follows_happen_together(platform, code, monkeypatch):
    platform.people[NUMBER] = [record()]

    def busy(**given):
        raise risk.Busy

    with monkeypatch.context() as patched:
        patched.setattr(risk, "load", busy)
        ask()
    assert (colour_of(code), NationalQuery.objects.open().count()) == ("neutral", 1)
    due_now()
    ask()
    assert colour_of(code) == "red"


def test_a_second_worker_changes_nothing(platform, code):
    platform.people[NUMBER] = [record()]
    national_questions.collect(timezone.now())
    query = NationalQuery.objects.select_related("declaration__person").get()
    ask()
    source = RiskSource.objects.get(slug="national")
    answer = national.Answer()  # came late: the other one's stays
    national_questions.answered(
        query=query, person=query.declaration.person, answer=answer, source=source, asked_at=timezone.now()
    )
    assert (colour_of(code), RiskBatch.objects.count()) == ("red", 1)


def test_only_an_answer_makes_the_source_fresh(platform, code):
    values = {"name": "国家平台", "fresh_hours": 24, "agreed_at": timezone.now()}
    source = RiskSource.objects.create(slug="national", **values)
    before = timezone.now()
    ask()
    source.refresh_from_db()
    assert before <= source.last_fresh_at <= timezone.now()
    assert source.stale_from == source.last_fresh_at + timedelta(hours=24)


def test_nobody_is_asked_or_neutral_without_a_platform(code, settings):
    assert settings.NATIONAL_URL == ""
    assert (ask(), colour_of(code)) == (False, "green")
    assert (NationalQuery.objects.count(), RiskSource.objects.count()) == (0, 0)


def test_who_has_not_declared_is_grey(platform, code):
    Declaration.objects.all().delete()
    assert colour_of(code) == "grey"


def test_declarations_written_late_are_found(platform, code):
    """One with a lower number, whose transaction ended after the higher one had been asked for."""
    Declaration.objects.update(id=1_000_000)
    ask()
    late = factories.pass_code(account=factories.account(phone="+8613800000002"), number=factories.DOCUMENTS[1])
    late.person.declarations.update(id=999_999)
    ask()
    assert colour_of(late) == "green"


def test_long_backlogs_are_read_in_pieces(platform, code, monkeypatch):
    monkeypatch.setattr(national_questions, "COLLECTED", 1)
    factories.pass_code(account=factories.account(phone="+8613800000002"), number=factories.DOCUMENTS[1])
    assert [ask(), ask(), ask()] == [True, True, False]
    assert sorted(platform.numbers) == sorted(factories.DOCUMENTS[:2])


@pytest.mark.parametrize("url", ["", "http://key@127.0.0.1:9/ask"])
def test_asking_costs_the_display_no_query_and_no_network(code, settings, url, django_assert_num_queries):
    settings.NATIONAL_URL = url
    with django_assert_num_queries(1):
        row = facts.for_page_of(account_id=code.person.holder_id, pass_id=code.public_id, at=timezone.now())
    assert facts.facts_of(row).asked is (url == "")


def test_a_renewal_and_a_scan_cost_what_they_did(code, page, client, settings, django_assert_num_queries):
    settings.NATIONAL_URL = "http://key@127.0.0.1:9/ask"
    page()  # gives the browser its key, and shows the colour
    with django_assert_num_queries(1):
        assert client.get(f"/code/{code.public_id}/token").json()["colour"] == "neutral"
    with django_assert_num_queries(1):
        row = reading.look(pass_id=code.public_id, at=timezone.now())
    assert facts.facts_of(row).asked is False


def database_url() -> str:
    """The test's own database, for another process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**values)


def run_worker(url: str) -> str:
    """What `manage.py work --once` writes to the log, in a process of its own."""
    environment = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "manage.py", "work", "--once"],
        cwd=configured.BASE_DIR,
        env={**environment, "NATIONAL_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout + done.stderr


@pytest.mark.django_db(transaction=True)
def test_the_worker_asks(platform, code):
    platform.people[NUMBER] = [record()]
    written = run_worker(platform.url)
    assert (platform.numbers, colour_of(code)) == ([NUMBER], "red")
    assert NUMBER not in written and "national #" not in written
