"""The authority's site: read-mostly, masked, searched by keyed hashes, every look at a person written down."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit import record
from accounts.authority import authority
from accounts.models import Account, AuditEntry, DeskClerk, Office, Officer
from declarations.models import Declaration, Person, Proxy
from institutions.models import Administrator, Institution, Membership
from passcodes import actions, approvals, facts
from passcodes.models import (
    Appeal,
    ColourChange,
    DocumentCheck,
    PassCode,
    RiskArea,
    RiskBatch,
    RiskRecord,
    RiskSource,
    RuleSet,
)
from tests import factories

NAME, NUMBER = "令狐冲", factories.DOCUMENTS[1]
HIDDEN = [NAME, NUMBER, "13700000001", "中山路1号"]
MODELS = sorted(authority._registry, key=lambda model: model._meta.label)
each_model = pytest.mark.parametrize("model", MODELS, ids=[model._meta.label_lower for model in MODELS])


@pytest.fixture
def officer(db):
    return factories.account(phone="+8613700000009", is_officer=True)


@pytest.fixture
def desk(officer):
    return factories.staff_client(account=officer)


@pytest.fixture
def world(officer):
    """One row of every model on the site."""
    account = factories.account(phone="+8613700000001")
    pass_code = factories.pass_code(account=account, number=NUMBER, name=NAME)
    institution = factories.institution()
    factories.member(institution=institution, account=account, role="admin")
    office = Office.objects.create(name="和平区服务台", phone="024-11111", division=210102)
    listed = factories.risk_record(number=NUMBER)
    return {
        Office: office,
        DeskClerk: DeskClerk.objects.create(account=account, office=office),
        Officer: officer.officer_roles.get(),
        DocumentCheck: document_check(pass_code, account),
        Appeal: appeal(pass_code, account),
        Account: account,
        AuditEntry: record(by=officer, action="test-thing", subject="thing:1", at=timezone.now()),
        Person: pass_code.person,
        Declaration: Declaration.objects.get(),
        Proxy: Proxy.objects.create(
            account=officer, person=pass_code.person, relation="parent", created_at=timezone.now()
        ),
        RiskRecord: listed,
        RiskBatch: listed.batch,
        RiskSource: listed.batch.source,
        RiskArea: factories.risk_area(division=110105),
        RuleSet: RuleSet.objects.create(number=1, created_at=timezone.now()),
        ColourChange: ColourChange.objects.create(person=pass_code.person, colour=2, at=timezone.now()),
        Institution: institution,
        Administrator: Administrator.objects.get(),
    }


def document_check(pass_code, account):
    """One that an officer has refused: what waits is shown in full, to be compared."""
    now = timezone.now()
    return DocumentCheck.objects.create(
        pass_code=pass_code, account=account, state="refused", asked_at=now, waiting_since=now, decided_at=now
    )


def appeal(pass_code, account):
    now = timezone.now()
    return Appeal.objects.create(
        person=pass_code.person,
        account=account,
        fact=f"risk:{pass_code.pk}",
        disputed={
            "code": "risk-managed",
            "colour": "yellow",
            "until": None,
            "since": None,
            "division": None,
            "office": "o",
            "office_phone": "1",
        },
        office="o",
        claim="not_me",
        text="同名同姓",
        created_at=now,
        due_at=now + timedelta(days=1),
    )


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@each_model
def test_pages_show_nothing_in_plain(desk, world, model):
    pk = world[model].pk
    for path in (address(model, "changelist"), address(model, "change", pk), address(model, "history", pk)):
        response = desk.get(path)
        assert response.status_code == 200
        text = response.content.decode()
        assert [hidden for hidden in HIDDEN if hidden in text] == []


@each_model
def test_nothing_is_deleted(desk, world, model):
    pk = world[model].pk
    assert desk.post(address(model, "delete", pk), {"post": "yes"}).status_code == 403
    desk.post(address(model, "changelist"), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert model.objects.filter(pk=pk).exists()


@pytest.mark.parametrize("model", [Account, AuditEntry, Person, Declaration, ColourChange])
def test_facts_are_read_only(desk, world, model):
    assert desk.get(address(model, "add")).status_code == 403
    assert desk.post(address(model, "change", world[model].pk), {"is_officer": "on"}).status_code == 403


@pytest.mark.parametrize(
    ("model", "subject"),
    [
        (Person, Person),
        (Declaration, Person),
        (ColourChange, Person),
        (Account, Account),
        (RiskRecord, Person),
        (Administrator, Account),
        (DeskClerk, Account),
        (DocumentCheck, Person),
        (Appeal, Person),
    ],
)
@pytest.mark.parametrize("page", ["change", "history"])
def test_every_look_at_a_person_is_written_down(desk, officer, world, model, subject, page):
    before = timezone.now()
    desk.get(address(model, page, world[model].pk))
    entry = AuditEntry.objects.exclude(action="test-thing").get()
    concrete = model._meta.concrete_model._meta.model_name
    assert entry.subject == f"{subject._meta.model_name}:{world[subject].pk}"
    assert (entry.actor, entry.action) == (officer, f"view-{concrete}")
    assert before <= entry.at <= timezone.now()


@pytest.mark.parametrize(
    ("model", "typed"),
    [
        (Person, NAME),
        (Person, NUMBER),
        (Person, NUMBER[-4:]),
        (Declaration, NAME),
        (ColourChange, NUMBER),
        (RiskRecord, NUMBER),
        (Account, "137 0000 0001"),
    ],
)
def test_search_finds_by_hash_and_is_written_down(desk, officer, world, model, typed):
    factories.risk_record(number=factories.DOCUMENTS[3])
    response = desk.post(address(model, "search"), {"who": typed}, follow=True)
    assert list(response.context["cl"].result_list) == [world[model]]
    assert typed not in response.redirect_chain[-1][0]
    entry = AuditEntry.objects.get(action=f"search-{model._meta.model_name}")
    assert entry.actor == officer
    assert entry.detail["found"] == [str(world[model].pk)]
    assert typed not in str(entry.detail)


@pytest.mark.parametrize("model", [Institution, RiskArea, AuditEntry])
def test_lists_without_people_have_no_such_search(desk, world, model):
    assert desk.post(address(model, "search"), {"who": NAME}).status_code == 404


@each_model
def test_filters_refuse_other_fields(desk, world, model):
    for probe in ("pk", "id", "name_hash", "person__name_hash", "account__last_four_hash", "document_hash", "actor"):
        assert desk.get(address(model, "changelist"), {probe: "1"}).status_code == 400


@each_model
def test_lists_take_the_same_queries_with_one_and_three_rows(desk, world, model):
    with CaptureQueriesContext(connection) as one:
        desk.get(address(model, "changelist"))
    for number, code in ((2, "12210100000000002M"), (3, "12210100000000003Q")):
        account = factories.account(phone=f"+861370000000{number}")
        person = factories.pass_code(account=account, number=factories.DOCUMENTS[number]).person
        ColourChange.objects.create(person=person, colour=1, at=timezone.now())
        factories.risk_record(number=factories.DOCUMENTS[number])
        factories.risk_area(division=110108, level="medium")
        factories.risk_source(slug=f"source-{number}")
        factories.rule_draft()
        institution = factories.institution(name=f"机构{number}", credit_code=code)
        factories.member(institution=institution, account=account, role="admin")
        Proxy.objects.create(account=account, person=person, relation="other", created_at=timezone.now())
        office = Office.objects.create(name=f"服务台{number}", phone="024-11111", division=210102)
        DeskClerk.objects.create(account=account, office=office)
        factories.officer(account=account, office=office)
        document_check(person.pass_code, account)
        appeal(person.pass_code, account)
        record(by=account, action="test-thing", subject="thing:2", at=timezone.now())
    with CaptureQueriesContext(connection) as three:
        response = desk.get(address(model, "changelist"))
    assert response.context["cl"].result_count >= 3
    if model is Appeal:  # who may answer is asked of a page at once; and once more where nobody may
        assert len(three) <= len(one) <= 15
    else:
        assert len(three) == len(one) <= 8


def test_risk_record_keeps_no_number(desk, officer, world):
    values = {
        "document_kind": "01",
        "document_number": factories.DOCUMENTS[2][:-1] + "1",
        "category": "close_contact",
        "starts_at_0": "2026-11-20",
        "starts_at_1": "08:00",
        "source": "province",
        "office": "沈阳市疾病预防控制中心",
        "office_phone": "024-12320",
        "basis": "cases",
        "reason": "reported by the hospital",
    }
    desk.post(address(RiskRecord, "add"), values)
    record = RiskRecord.objects.order_by("-pk").first()
    assert (record.batch.created_by, record.batch.way, record.batch.state) == (officer, "manual", "draft")
    assert record.document_hash == factories.risk_record(number=factories.DOCUMENTS[2]).document_hash
    assert [value for value in vars(record).values() if factories.DOCUMENTS[2] in str(value)] == []
    assert AuditEntry.objects.get(action="add-riskrecord").subject == f"riskrecord:{record.pk}"
    approval = record.batch.approvals.get()
    assert (approval.basis, approval.reason) == ("cases", "reported by the hospital")


@pytest.mark.parametrize("number", ["210102199001010032", "21010219900101", "", "\0", "２"])
def test_risk_record_refuses_a_wrong_number(desk, world, number):
    response = desk.post(address(RiskRecord, "add"), {"document_kind": "01", "document_number": number})
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert RiskRecord.objects.count() == 1


def test_risk_record_ends_once_and_stays(desk, officer, world):
    record = world[RiskRecord]
    path = f"/admin/passcodes/riskrecord/{record.pk}/end/"
    assert desk.get(path).status_code == 405
    desk.post(path)
    record.refresh_from_db()
    ended = record.ends_at
    assert timezone.now() - timedelta(minutes=1) < ended <= timezone.now()
    desk.post(path)
    record.refresh_from_db()
    assert (record.ends_at, record.ended_by) == (ended, officer)
    assert AuditEntry.objects.filter(action="end-riskrecord").count() == 1


def test_risk_record_still_to_begin_never_takes_effect_for_long(desk, world):
    start = timezone.now() + timedelta(days=1)
    record = factories.risk_record(number=factories.DOCUMENTS[3], starts_at=start)
    data = {"action": "end_selected", "_selected_action": [record.pk]}
    desk.post(address(RiskRecord, "changelist"), data)
    record.refresh_from_db()
    assert record.ends_at - record.starts_at == timedelta(microseconds=1)


def test_risk_record_is_never_edited(desk, world):
    assert desk.post(address(RiskRecord, "change", world[RiskRecord].pk), {"category": "managed"}).status_code == 403


def test_risk_record_page_is_chinese_throughout(desk, world):
    page = desk.get(address(RiskRecord, "change", world[RiskRecord].pk), headers={"accept-language": "zh-hans"})
    assert re.findall(r"<label>(.*?)</label>", page.text)[-2:] == ["登记人:", "创建时间:"]


def test_reasons_of_a_colour_are_read_as_its_holder_reads_them(desk, world):
    person, now = world[Person], timezone.now()
    world[ColourChange].delete()
    factories.risk_record(number=NUMBER, category="managed", ends_at=now + timedelta(days=1))
    pass_id, holder = PassCode.objects.get(person=person).public_id, person.holder_id
    row = facts.for_page_of(account_id=holder, pass_id=pass_id, at=now)
    actions.show_colour(row=row, at=now)
    change = ColourChange.objects.latest("pk")
    text = desk.get(address(ColourChange, "change", change.pk)).text
    until = timezone.localtime(now + timedelta(days=1))
    lines = re.findall(r"<li>(.*?)</li>", text.partition('<ul class="events">')[2])
    office = "沈阳市疾病预防控制中心 024-12320"
    assert lines == [
        f"The epidemic database lists you as a confirmed case. · {office} · No end set.",
        f"The office named below has put you under observation. · {office} · "
        f"Until {until:%Y-%m-%d %H:%M}, then it ends by itself.",
    ]


AREA_BASIS = {"basis": "areas", "reason": "cases in three streets"}


def put_in_force(area) -> None:
    """Another office agrees: until then the area stays as it was proposed."""
    second = factories.account(phone="+8613700000077", office=factories.office(name="另一机关"))
    approvals.approve(batch=area.batch, by=second, at=timezone.now())


def test_risk_area_knows_divisions_and_only_its_end_changes(desk, world):
    values = {"division": 110108, "level": "medium", "starts_on": "2026-11-20", "source": "x"} | AREA_BASIS
    assert "errorlist" in desk.post(address(RiskArea, "add"), {**values, "division": 110199}).content.decode()
    desk.post(address(RiskArea, "add"), values)
    area = RiskArea.objects.get(division=110108)
    put_in_force(area)
    desk.post(address(RiskArea, "change", area.pk), {**values, "division": 210000, "ends_on": "2026-12-01"})
    area.refresh_from_db()
    assert (area.division, f"{area.ends_on}") == (110108, "2026-12-01")
    desk.post(address(RiskArea, "change", area.pk), {"ends_on": "2026-12-01"})  # which it is
    told = AuditEntry.objects.filter(subject=f"riskarea:{area.pk}").order_by("pk").values_list("action", "detail")
    assert list(told) == [("add-riskarea", {}), ("end-riskarea", {"ends_on": "2026-12-01"})]


def test_a_risk_area_cannot_end_before_it_begins(desk, world):
    said = "The last day cannot be before the first, 2026-11-20."
    values = {"division": 110108, "level": "medium", "starts_on": "2026-11-20", "source": "x"} | AREA_BASIS
    new = desk.post(address(RiskArea, "add"), {**values, "ends_on": "2026-11-19"})
    assert new.context["adminform"].form.errors == {"ends_on": [said]}
    desk.post(address(RiskArea, "add"), values)
    area = RiskArea.objects.get(division=110108)
    put_in_force(area)
    change = desk.post(address(RiskArea, "change", area.pk), {"ends_on": "2026-11-19"})
    assert (change.status_code, change.context["adminform"].form.errors) == (200, {"ends_on": [said]})
    area.refresh_from_db()
    assert area.ends_on is None
    assert desk.post(address(RiskArea, "change", area.pk), {"ends_on": "2026-11-20"}).status_code == 302


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("", ""), (" 太原街市场 ", "太原街市场"), ("１号楼", "1号楼"), ("场" * 101, None), ("市\u202e场", None)],
)
def test_risk_area_may_be_a_named_place(desk, world, typed, kept):
    values = {"division": 110108, "level": "medium", "starts_on": "2026-11-20", "source": "x"} | AREA_BASIS
    page = desk.post(address(RiskArea, "add"), {**values, "place": typed}).content.decode()
    if kept is None:
        assert "errorlist" in page
    else:
        area = RiskArea.objects.get(division=110108)
        assert area.place == kept
        assert f"北京市海淀区 110108 {kept}".strip() in desk.get(address(RiskArea, "change", area.pk)).content.decode()


INSTITUTION = {"name": "新机构", "kind": "shop", "division": 210102, "address": "青年大街2号", "is_active": "on"}


@pytest.mark.parametrize(
    ("action", "subject", "words"),
    [
        ("sign-in-staff", "account:8", ["工作人员登录", "账号 #8"]),
        ("view-riskrecord", "riskrecord:3", ["查看：风险人员", "风险人员 #3"]),
        ("search-scan", "scan", ["搜索：扫码记录", "扫码记录"]),
        ("end-scanner", "membership:1", ["已终止：扫码员", "成员 #1"]),
        ("leap-tall", "building:1", ["leap-tall", "building:1"]),
    ],
)
def test_audit_is_read_in_words(desk, officer, action, subject, words):
    entry = record(by=officer, action=action, subject=subject, at=timezone.now())
    for page in (address(AuditEntry, "changelist"), address(AuditEntry, "change", entry.pk)):
        text = desk.get(page, headers={"accept-language": "zh-hans"}).text
        assert [word for word in words if f">{word}<" not in text] == []


def test_audit_is_filtered_by_what_was_done(desk, officer):
    for action in ("view-person", "viewing", "search-person"):
        record(by=officer, action=action, subject="person:1", at=timezone.now())
    shown = desk.get(address(AuditEntry, "changelist"), {"verb": "view"}).context["cl"].result_list
    assert [entry.action for entry in shown] == ["view-person"]


def test_institution_is_added_with_a_checked_code(desk):
    response = desk.post(address(Institution, "add"), {**INSTITUTION, "credit_code": "12210100000000002N"})
    assert "This is not a unified social credit code" in response.content.decode()
    response = desk.post(
        address(Institution, "add"), {**INSTITUTION, "credit_code": "12210100000000002m", "division": 210199}
    )
    assert "There is no county with this code." in response.content.decode()
    desk.post(address(Institution, "add"), {**INSTITUTION, "credit_code": "12210100000000002m"})
    institution = Institution.objects.get()
    assert (institution.name, institution.credit_code) == ("新机构", "12210100000000002M")


def test_suspending_an_institution_is_written_down(desk, world):
    institution = world[Institution]
    values = {**INSTITUTION, "name": institution.name, "credit_code": institution.credit_code, "kind": "school"}
    values["address"] = institution.address
    del values["is_active"]
    desk.post(address(Institution, "change", institution.pk), values)
    institution.refresh_from_db()
    assert institution.is_active is False
    assert AuditEntry.objects.get(action="change-institution").detail == {"fields": ["is_active"]}


def test_institution_gets_an_admin_by_phone_number(desk, officer, world):
    newcomer = factories.account(phone="+8613912345678")
    factories.person(holder=newcomer, name="任盈盈", number=factories.DOCUMENTS[2])
    desk.post(address(Administrator, "add"), {"institution": world[Institution].pk, "phone": "13912345678"})
    member = Membership.objects.get(account=newcomer)
    assert (member.role, member.added_by) == ("admin", officer)
    desk.post(f"/admin/institutions/administrator/{member.pk}/end/")
    member.refresh_from_db()
    assert member.ended_at is not None
    entries = AuditEntry.objects.filter(subject=f"membership:{member.pk}").order_by("pk")
    assert [entry.action for entry in entries] == ["add-admin", "end-admin"]


def test_institutions_can_be_chosen_by_name(desk, world):
    query = {"app_label": "institutions", "model_name": "administrator", "field_name": "institution", "term": "第一"}
    results = desk.get(reverse("admin:autocomplete"), query).json()["results"]
    assert [row["text"] for row in results] == ["沈阳市第一中学"]


def test_accounts_cannot_be_autocompleted(desk, world):
    query = {"app_label": "institutions", "model_name": "administrator", "field_name": "account", "term": "1"}
    assert desk.get(reverse("admin:autocomplete"), query).status_code == 404
