"""Sources of risk data: added, changed and some ended by two offices; the limit by office, not by name."""

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import officers
from accounts.models import AuditEntry
from passcodes import approvals, national_questions, risk, risk_pull, risk_wire, second_office, sources, tasks
from passcodes.models import Approval, RiskBatch, RiskSource
from tests import factories
from tests.passcodes import lists

pytestmark = pytest.mark.django_db
ADD = "/admin/passcodes/risksource/add/"


@pytest.fixture
def ours():
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs():
    return factories.account(phone="+8613700000002", office=factories.office())


@pytest.fixture
def desk(ours):
    return factories.staff_client(account=ours)


@pytest.fixture
def other(theirs):
    return factories.staff_client(account=theirs)


@pytest.fixture
def city():
    return factories.office(name="市疾控")


def values(decides, **given):
    new = {"name": "市疾控", "slug": "city", "deciding_office": decides.pk, "fresh_hours": "24", "pull_url": ""}
    return {**new, "basis": "cases", "reason": "the city counts itself", **given}


def page_of(source):
    return reverse("admin:passcodes_risksource_change", args=[source.pk])


def decide(browser, source, verb, **given):
    return browser.post(f"/admin/passcodes/risksource/{source.pk}/{verb}/", given, follow=True)


def agree(browser, source):
    return decide(browser, source, "approve", approval=Approval.objects.waiting().get(risk_source=source).pk)


def propose(source, by, **changes):
    return approvals.propose(risk_source=source, changes=changes, basis="cases", by=by, at=timezone.now())


def load(source, length=1, *, name="1", way="push"):
    file = lists.text(*(lists.row(lists.number(n)) for n in range(length)))
    return risk.load(source=source, file=file, name=name, way=way, by=None, at=timezone.now(), at_once=True)


def push(source="province", key="key-of-the-province"):
    body, heads = lists.json_lines(), [timezone.now().isoformat(), source, "1"]
    given = dict(zip(("X-Date", "X-Source", "X-Batch"), heads, strict=True))
    given["X-Signature"] = risk_wire.signature(key, heads, body)
    return Client().post("/api/v1/risk/", body, content_type="application/jsonl", headers=given)


# Adding


def test_a_source_is_added_by_two_offices(desk, other, ours, city):
    page = desk.post(ADD, values(city), follow=True).text
    assert "Proposed. An officer of another office has to agree." in page
    assert "Agree to this source" not in page
    source = RiskSource.objects.get()
    assert (source.slug, source.agreed_at, source.deciding_office, source.fresh_hours) == ("city", None, None, None)
    assert "Sources of risk data that wait for your agreement: 市疾控" in other.get("/admin/").text
    assert "wait for your agreement" not in desk.get("/admin/").text
    page = other.get(page_of(source)).text
    assert "Agree to this source" in page
    assert "<ins>24</ins>" in page

    assert "An officer of another office has to agree." in agree(desk, source).text
    assert "Agreed. The source is now as was proposed." in agree(other, source).text
    source.refresh_from_db()
    assert (source.deciding_office, source.office, source.office_phone) == (city, city.name, city.phone)
    assert (source.fresh_hours, source.stale_from, source.key) == (24, None, None)
    assert source.agreed_at is not None
    told = AuditEntry.objects.filter(subject=f"risksource:{source.pk}").order_by("pk").values_list("action", flat=True)
    assert list(told) == ["propose-risksource", "change-risksource"]


def test_a_colleague_does_not_agree(desk, city):
    desk.post(ADD, values(city))
    colleague = factories.account(phone="+8613700000003", is_officer=True)
    agree(factories.staff_client(account=colleague), RiskSource.objects.get())
    assert RiskSource.objects.get().agreed_at is None


@pytest.mark.parametrize(
    ("missing", "said"),
    [("deciding_office", "This field is required."), ("basis", "Choose the legal basis."), ("reason", "Say why, for")],
)
def test_an_office_a_legal_basis_and_a_reason_are_needed(desk, city, missing, said):
    assert said in desk.post(ADD, values(city, **{missing: ""})).text
    assert RiskSource.objects.count() == 0


def test_no_office_is_invented(desk, city):
    assert "Select a valid choice" in desk.post(ADD, values(city, deciding_office="我自己的办公室")).text
    desk.post(ADD, values(city, office="我自己的办公室", office_phone="1"))
    assert RiskSource.objects.get().office == ""


def test_nothing_is_taken_from_a_source_that_waits(desk, city, tmp_path):
    desk.post(ADD, values(city, pull_url="https://city.example.cn/risk"))
    source = RiskSource.objects.get()
    assert "Two offices have to agree to this source first." in decide(desk, source, "key").text
    assert RiskSource.objects.get().key is None
    RiskSource.objects.update(key="known", pull_url="https://city.example.cn/risk")
    source.refresh_from_db()
    assert push("city", "known").status_code == 401
    with pytest.raises(risk_pull.SourceUnavailable, match="two offices"):
        risk_pull.pull(source=source, at=timezone.now())
    path = tmp_path / "list.csv"
    path.write_bytes(lists.text().getvalue())
    with pytest.raises(CommandError, match="two offices"):
        call_command("import_risk", path, source="city")
    with pytest.raises(risk.NotAgreed):
        load(source)
    assert "市疾控" not in desk.get("/admin/passcodes/riskbatch/upload/").text
    assert RiskBatch.objects.count() == 0


def test_a_refused_source_can_be_proposed_anew(desk, other, city):
    desk.post(ADD, values(city))
    source = RiskSource.objects.get()
    assert "Refused. The source stays as it was." in decide(other, source, "refuse").text
    assert "This was decided before" in decide(other, source, "approve", approval="1").text
    desk.post(page_of(source), values(city))
    agree(other, source)
    assert RiskSource.objects.get().agreed_at is not None


# Changing


@pytest.mark.parametrize(
    ("field", "value", "after"),
    [
        ("fresh_hours", "1", 1),
        ("pull_url", "https://elsewhere.example.cn/", "https://elsewhere.example.cn/"),
        ("name", "另一个", "另一个"),
    ],
)
def test_a_change_waits_for_another_office(desk, other, field, value, after):
    source = factories.risk_source()
    before = getattr(source, field)
    desk.post(page_of(source), values(source.deciding_office, name=source.name, fresh_hours="") | {field: value})
    source.refresh_from_db()
    assert (getattr(source, field), source.agreed_at is None) == (before, False)
    assert Approval.objects.get().changes == {field: after, "office": "辽宁省疾控中心"}
    agree(other, source)
    source.refresh_from_db()
    assert getattr(source, field) == after


def test_a_change_of_office_waits_and_takes_its_phone(desk, other, city):
    source = factories.risk_source()
    desk.post(page_of(source), values(city, name=source.name, fresh_hours=""))
    source.refresh_from_db()
    assert source.office == "辽宁省疾控中心"
    page = other.get(page_of(source)).text
    assert "<del>辽宁省疾控中心</del>" in page
    assert "<ins>市疾控</ins>" in page
    agree(other, source)
    source.refresh_from_db()
    assert (source.deciding_office, source.office, source.office_phone) == (city, "市疾控", city.phone)


def test_while_a_change_waits_there_is_no_other(desk, other, ours, city):
    source = factories.risk_source()
    propose(source, ours, fresh_hours=24)
    given = values(city, name="x")
    assert desk.post(page_of(source), given).status_code == 403
    assert 'name="fresh_hours"' not in other.get(page_of(source)).text
    with pytest.raises(approvals.NotProposed):
        propose(source, ours, fresh_hours=2)


def test_nothing_changed_is_said(desk):
    source = factories.risk_source()
    page = desk.post(page_of(source), values(source.deciding_office, name=source.name, fresh_hours="")).text
    assert "Nothing was changed." in page
    assert Approval.objects.count() == 0


def test_whoever_agrees_has_seen_what_is_proposed(desk, other, ours):
    source = factories.risk_source()
    seen = propose(source, ours, fresh_hours=24)
    approvals.refuse(risk_source=source, by=ours, at=timezone.now())
    propose(source, ours, fresh_hours=1)
    assert "please look at it again" in decide(other, source, "approve", approval=seen.pk).text
    assert RiskSource.objects.get().fresh_hours is None


def test_what_was_agreed_once_is_not_taken_for_another_change(ours, theirs):
    source = factories.risk_source()
    propose(source, ours, fresh_hours=24)
    approvals.approve(risk_source=source, by=theirs, at=timezone.now())
    with pytest.raises(second_office.NeedsSecond):
        sources.agree(risk_source=source, by=theirs, at=timezone.now())


def test_decisions_are_posted(desk):
    source = factories.risk_source()
    for verb in ("approve", "refuse", "end", "propose-end", "key", "finish-key"):
        assert desk.get(f"/admin/passcodes/risksource/{source.pk}/{verb}/").status_code == 405


def test_the_manual_source_is_nobody_s_to_change(desk, city):
    source = factories.risk_batch().source
    assert desk.post(page_of(source), values(city)).status_code == 403
    assert "End this source" not in desk.get(page_of(source)).text


def test_a_limit_that_is_too_short_for_the_last_data_is_said(ours, other):
    source = factories.risk_source()
    risk.mark_fresh(source=source, at=timezone.now() - timedelta(hours=2))
    propose(source, ours, fresh_hours=1)
    assert "With this limit the last data are too old at once" in other.get(page_of(source)).text
    agree(other, source)
    source.refresh_from_db()
    assert source.stale_from == source.last_fresh_at + timedelta(hours=1)


@pytest.mark.parametrize("changes", ["the office", "something else"])
def test_an_office_renamed_between_proposal_and_agreement_is_proposed_anew(desk, other, ours, city, changes):
    source = factories.risk_source(deciding_office=city if changes == "something else" else None)
    given = {"fresh_hours": 24} if changes == "something else" else {"deciding_office_id": city.pk}
    before = source.office
    propose(source, ours, **given)
    city.name = "辽宁省疾病预防控制中心"
    city.save(update_fields=["name"])
    assert "The office was renamed since it was proposed" in other.get(page_of(source)).text
    assert "please look at it again" in agree(other, source).text
    source.refresh_from_db()
    assert (source.office, source.fresh_hours, Approval.objects.waiting().count()) == (before, None, 1)

    decide(other, source, "refuse")
    propose(source, ours, **given)
    assert "The office was renamed" not in other.get(page_of(source)).text
    agree(other, source)
    source.refresh_from_db()
    assert source.office == "辽宁省疾病预防控制中心"
    told = AuditEntry.objects.get(action="change-risksource", subject=f"risksource:{source.pk}")
    assert told.detail["fields"] == list(given)


# Keys


def half_of(response) -> str:
    assert "no-store" in response.headers["Cache-Control"]
    return re.search(r'class="key">(\w{22})<', response.text)[1]


def test_a_key_is_made_by_two_offices_of_whom_each_sees_a_half(desk, other, theirs):
    source = factories.risk_source()
    first = half_of(decide(desk, source, "key"))
    assert push().status_code == 200  # the old one counts until then
    assert "Sources whose new key lacks its second half: 省疾控" in other.get("/admin/").text
    assert "second half" not in desk.get("/admin/").text
    second = half_of(decide(other, source, "finish-key"))
    source.refresh_from_db()
    assert (source.key, source.key_begun, source.key_begun_by) == (first + second, None, None)
    assert push().status_code == 401
    assert push(key=first + second).status_code == 200
    for browser in (desk, other):
        page = browser.get(page_of(source)).text
        assert first not in page
        assert second not in page
    told = AuditEntry.objects.filter(subject=f"risksource:{source.pk}").order_by("pk").values_list("action", "detail")
    assert list(told) == [("begin-key-of-risksource", {}), ("finish-key-of-risksource", {})]


def test_one_office_does_not_make_both_halves(desk, ours):
    source = factories.risk_source()
    before = source.key
    decide(desk, source, "key")
    colleague = factories.staff_client(account=factories.account(phone="+8613700000003", is_officer=True))
    for browser in (desk, colleague):
        assert "Make the second half" not in browser.get(page_of(source)).text
        assert "An officer of another office makes the second half." in decide(browser, source, "finish-key").text
    assert RiskSource.objects.get().key == before


def test_a_second_half_needs_a_first_one(desk):
    source = factories.risk_source()
    assert "This was decided before" in decide(desk, source, "finish-key").text
    decide(desk, source, "end")
    assert "Two offices have to agree to this source first." in decide(desk, source, "finish-key").text


# Ending


def test_one_officer_ends_a_source_s_ways_in(desk, other, ours, tmp_path):
    source = factories.risk_source(pull_url="https://province.example.cn/risk")
    propose(source, ours, fresh_hours=24)
    assert "Ended. Nothing more is taken from this source." in decide(other, source, "end").text
    source.refresh_from_db()
    assert (source.key, source.agreed_at, source.fresh_hours) == (None, None, None)
    assert push().status_code == 401
    assert Approval.objects.waiting().count() == 0
    assert AuditEntry.objects.filter(action="end-risksource", subject=f"risksource:{source.pk}").exists()


def test_to_begin_again_takes_two(desk, other):
    source = factories.risk_source()
    decide(desk, source, "end")
    desk.post(page_of(source), values(source.deciding_office, name=source.name, fresh_hours=""))
    assert RiskSource.objects.get().agreed_at is None
    agree(other, source)
    assert RiskSource.objects.get().agreed_at is not None
    assert "Begin a new key" in other.get(page_of(source)).text


def end(browser, other, source):
    """Proposed by one officer, agreed to by another."""
    propose_end(browser, source)
    return agree(other, source)


def propose_end(browser, source, **given):
    return decide(browser, source, "propose-end", **{"end-basis": "cases", "end-reason": "it has no more", **given})


def limited():
    return factories.risk_source(fresh_hours=24)


def national():
    return RiskSource.objects.create(slug="national", name="国家平台", agreed_at=timezone.now())


@pytest.mark.parametrize("make", [limited, national])
def test_ending_what_lets_people_be_green_takes_two_offices(desk, other, make):
    source = make()
    assert "End this source" not in desk.get(page_of(source)).text
    assert "Ending this source takes two offices: propose it." in decide(desk, source, "end").text
    page = propose_end(desk, source).text
    assert "Proposed. An officer of another office has to agree." in page
    assert "Propose to end this source" not in page
    assert RiskSource.objects.get().agreed_at is not None
    colleague = factories.staff_client(account=factories.account(phone="+8613700000003", is_officer=True))
    agree(colleague, source)
    assert RiskSource.objects.get().agreed_at is not None
    assert f"wait for your agreement: {source.name} (to be ended)" in other.get("/admin/").text
    page = other.get(page_of(source)).text
    assert "It is proposed to end this source." in page
    assert "lists are taken from it again" not in page
    agree(other, source)
    source.refresh_from_db()
    assert (source.key, source.agreed_at) == (None, None)
    assert AuditEntry.objects.filter(action="end-risksource", subject=f"risksource:{source.pk}").count() == 1


def test_an_end_is_proposed_on_a_legal_basis_and_for_a_reason(desk):
    source = limited()
    for missing, said in (("basis", "Choose the legal basis."), ("reason", "Say why, for")):
        assert said in propose_end(desk, source, **{f"end-{missing}": ""}).text
    assert Approval.objects.count() == 0


def test_a_proposed_end_can_be_refused_and_waits_alone(desk, other, ours):
    source = limited()
    propose(source, ours, fresh_hours=2)
    assert "This was decided before" in propose_end(desk, source).text
    decide(other, source, "refuse")
    propose_end(desk, source)
    assert "Refused. The source stays as it was." in decide(other, source, "refuse").text
    assert RiskSource.objects.get().agreed_at is not None


def test_what_was_ended_is_not_ended_again(desk, other):
    source = limited()
    end(desk, other, source)
    assert "This was decided before" in propose_end(desk, source).text


def test_agreeing_to_a_change_is_not_agreeing_to_an_end(ours, theirs):
    source, now = limited(), timezone.now()
    propose(source, ours, fresh_hours=2)
    approvals.approve(risk_source=source, by=theirs, at=now)
    with pytest.raises(second_office.NeedsSecond):
        sources.end(risk_source=source, by=theirs, at=now)


def test_ending_does_not_end_the_limit(desk, other):
    source = limited()
    risk.mark_fresh(source=source, at=timezone.now())
    before = source.stale_from
    end(desk, other, source)
    assert (RiskSource.objects.get().agreed_at, RiskSource.objects.get().stale_from) == (None, before)


@pytest.mark.parametrize("slug", ["national", "manual"])
def test_the_systems_own_names_are_nobody_s_to_take(desk, city, slug):
    assert "this one is taken by the system itself" in desk.post(ADD, values(city, slug=slug)).text
    assert RiskSource.objects.count() == 0


def test_operators_and_officers_are_told_of_a_platform_that_is_not_asked(desk, other, settings, caplog):
    settings.NATIONAL_URL = "https://national.example.cn/"
    source, said = national(), "The source of the national platform was ended"
    tasks.announce_stale_data(None, timezone.now())
    assert said not in caplog.text + desk.get("/admin/").text
    end(desk, other, source)
    tasks.announce_stale_data(None, timezone.now())
    assert said in caplog.text
    assert said in desk.get("/admin/").text
    settings.NATIONAL_URL = ""
    assert said not in desk.get("/admin/").text


def test_the_national_platform_is_not_asked_when_its_source_was_ended(desk, other, settings):
    settings.NATIONAL_URL = "https://national.example.cn/"
    end(desk, other, national())
    assert national_questions.ask_due(timezone.now()) is False


def test_the_national_source_needs_no_office(desk, other):
    source = RiskSource.objects.create(slug="national", name="国家平台", office="国家平台", agreed_at=timezone.now())
    given = values(factories.office(), name="国家平台", fresh_hours="48", deciding_office="")
    desk.post(page_of(source), given)
    agree(other, source)
    source.refresh_from_db()
    assert (source.fresh_hours, source.office, source.deciding_office) == (48, "国家平台", None)


# The limit


@pytest.fixture
def limit(settings):
    settings.RISK_ALONE_LIMIT = 3


def test_sources_of_one_office_are_counted_together_whatever_their_rows_say(limit, city):
    made = [factories.risk_source(slug=f"s{n}", deciding_office=city, office=f"o{n}") for n in range(4)]
    assert [load(source).state for source in made] == ["visible"] * 3 + ["draft"]


def test_what_comes_from_sources_without_an_office_is_counted_together(limit):
    made = [RiskSource.objects.create(slug=f"s{n}", name="x", agreed_at=timezone.now()) for n in range(4)]
    assert [load(source).state for source in made] == ["visible"] * 3 + ["draft"]


def test_what_officers_type_has_no_key_and_no_end(desk):
    source = factories.risk_batch().source
    for verb in ("key", "finish-key", "end", "approve", "refuse"):
        assert desk.post(f"/admin/passcodes/risksource/{source.pk}/{verb}/").status_code == 404
    source.refresh_from_db()
    assert (source.key, source.key_begun, source.agreed_at is None) == (None, None, False)


def test_a_list_of_an_office_s_own_source_takes_it_and_another(limit, ours, theirs):
    """Whoever of the two proposes: the source's office alone is never enough."""
    source = factories.risk_source(deciding_office=officers.office_of(theirs))
    colleague = factories.account(phone="+8613700000003", office=factories.office())
    for first, second, name in ((theirs, ours, "1"), (ours, theirs, "2")):
        batch = load(source, 4, name=name)
        with pytest.raises(second_office.NeedsSecond):
            risk.release(batch=batch, by=theirs, at=timezone.now())
        approvals.propose(batch=batch, basis="cases", by=first, at=timezone.now())
        for by in (first, colleague if first == theirs else first):
            with pytest.raises(approvals.NotYours):
                approvals.approve(batch=batch, by=by, at=timezone.now())
        approvals.approve(batch=batch, by=second, at=timezone.now())
        approval = Approval.objects.get(batch=batch)
        assert {approval.proposer_office, approval.approver_office} == {
            officers.office_of(ours),
            officers.office_of(theirs),
        }


def test_the_database_has_one_waiting_change_of_a_source(ours):
    source = factories.risk_source()
    given = {"risk_source": source, "basis": "cases", "proposed_by": ours, "proposer_office": factories.province()}
    Approval.objects.create(proposed_at=timezone.now(), refused_by=ours, refused_at=timezone.now(), **given)
    Approval.objects.create(proposed_at=timezone.now(), **given)
    with pytest.raises(IntegrityError, match=r"waits_once|approval\.risk_source"):
        Approval.objects.create(proposed_at=timezone.now(), **given)
