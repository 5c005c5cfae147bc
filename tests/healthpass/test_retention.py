"""Every field of every model has its line, and what is old enough goes: nothing else."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection, models
from django.utils import timezone, translation
from django.utils.html import escape

from accounts.models import AuditEntry, AuditSegment, Device
from accounts.sealing import LEAST_KEPT, seal
from declarations.models import Declaration, Person, Proxy
from healthpass import retention
from healthpass.lib.retention import Malformed, lines, period, read, shown
from passcodes import facts
from passcodes.colour import DEFAULT_RULES, Colour, RiskLevel, assess
from passcodes.models import (
    ColourChange,
    ColourRule,
    DocumentCheck,
    FaceCheck,
    FaceImage,
    GateReading,
    Notice,
    PlaceAnswer,
    RiskArea,
    RiskBatch,
    RiskRecord,
    RuleSet,
)
from scanning import partitions
from scanning.models import Scan, ScanEvent
from tests import factories

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


def fields_of_models() -> set[tuple[str, str]]:
    return {
        (model._meta.label, field.name)
        for model in apps.get_models()
        if not model._meta.proxy and model._meta.app_label != "worker"
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many)
    }


def test_every_field_has_its_line_and_every_line_its_field():
    named = [(line.model, field) for line in lines() for field in line.fields]
    assert fields_of_models() - set(named) == set(), "say in retention.toml what is kept of these, why and how long"
    assert set(named) - fields_of_models() == set(), "retention.toml names fields that are not there"
    assert len(named) == len(set(named)), "retention.toml names a field twice"


def test_what_goes_with_a_row_really_goes():
    for line in lines():
        if line.goes_with and line.model != "accounts.AuditSeal":  # which goes with its segment
            model = apps.get_model(line.model)
            parents = [field for field in model._meta.local_fields if field.is_relation]
            ways = {
                field.remote_field.on_delete for field in parents if field.related_model._meta.label == line.goes_with
            }
            assert ways == {models.CASCADE}, line.model


@pytest.mark.django_db
def test_periods_are_those_that_the_law_and_the_rules_ask_for():
    assert period("accounts.AuditEntry") >= LEAST_KEPT
    for model in retention.COLOUR_FACTS:
        assert period(model) >= retention.rules_reach()


def test_the_file_is_refused_where_it_says_too_little():
    good = '[[a.B]]\nfields = "x y"\nwhy = "w"\ndays = 1\nsince = "x"'
    assert read(good)[0].fields == ("x", "y")
    for bad in (
        good.replace('why = "w"', ""),
        good.replace("days = 1", ""),
        good + '\nends = "z"',
        good + '\nuntil = "z"',
        good.replace('fields = "x y"', ""),
    ):
        with pytest.raises(Malformed):
            read(bad)


def test_people_read_periods_in_words():
    table = {what: how_long for what, _why, how_long in shown()}
    assert table["One-time codes sent to you"] == "1 day"
    assert table["Scans of your code: when, where, the colour and the temperature"] == "14 days"
    assert table["Who did what with whose data: the audit"] == "3 years"
    assert table["Sign-ins"] == "Until they expire"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/guide/", "/agreement/"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_periods_of_the_file_stand_on_the_pages(client, path, language):
    text = client.get(path, headers={"accept-language": language}).content.decode()
    with translation.override(language):
        for what, why, how_long in shown():
            assert escape(what) in text and escape(why) in text and escape(how_long) in text


# What goes


def declared(at, account=None, person=None):
    account = account or factories.account()
    person = person or factories.person(holder=account)
    return factories.declaration(person=person, account=account, made_at=at)


def device(at):
    row = factories.device(account=factories.account(phone=f"+86138{int(at.timestamp()) % 10**8:08}"))
    Device.objects.filter(pk=row.pk).update(seen_at=at)
    return row


def of_person(model, name, **fields):
    def make(at):
        person = Person.objects.first() or factories.person(holder=factories.account())
        return model.objects.create(person=person, **{name: at}, **fields)

    return make


def of_pass(model, name, **fields):
    def make(at):
        account = factories.account(phone=f"+86138{int(at.timestamp()) % 10**8:08}")
        code = Person.objects.first() and Person.objects.first().pass_code or factories.pass_code(account=account)
        return model.objects.create(pass_code=code, account=account, **{name: at}, **fields)

    return make


def risk(at):
    return factories.risk_record(starts_at=at - DAY, ends_at=at)


def area(at):
    day = timezone.localdate(at)
    return factories.risk_area(division=210102, level=RiskLevel.HIGH, starts_on=day, ends_on=day)


def place_answer(at):
    person = Person.objects.first() or factories.person(holder=factories.account())
    place = factories.risk_area(place=f"market {at}", ends_on=timezone.localdate(at), starts_on=timezone.localdate(at))
    return PlaceAnswer.objects.create(person=person, area=place, was_there=True, answered_at=at)


def notice(at):
    person = Person.objects.first() or factories.person(holder=factories.account())
    values = {"cause": f"moment:{at.timestamp()}", "created_at": at, "due_at": at}
    return Notice.objects.create(person=person, account=person.holder, **values)


def event(at):
    account = factories.account(phone=f"+86138{int(at.timestamp()) % 10**8:08}")
    return ScanEvent.objects.create(scan_id="01890a5d-ac96-774b-bcce-b302099a8057", kind="reading", by=account, at=at)


def ended_proxy(at):
    account = factories.account(phone=f"+86138{int(at.timestamp()) % 10**8:08}")
    number = factories.DOCUMENTS[1 + Proxy.objects.count()]
    proxy = factories.relative(account=account, number=number)
    Proxy.objects.filter(pk=proxy.pk).update(ended_at=at)
    return proxy


MAKERS = {
    "accounts.Device": device,
    "declarations.Proxy": ended_proxy,
    "passcodes.RiskRecord": risk,
    "passcodes.RiskArea": area,
    "passcodes.GateReading": of_person(GateReading, "taken_at"),
    "passcodes.ColourChange": of_person(ColourChange, "at", colour=0),
    "passcodes.Notice": notice,
    "passcodes.PlaceAnswer": place_answer,
    "passcodes.FaceCheck": of_pass(FaceCheck, "consented_at"),
    "passcodes.DocumentCheck": of_pass(DocumentCheck, "asked_at", waiting_since=timezone.now()),
    "scanning.ScanEvent": event,
}


@pytest.mark.django_db
@pytest.mark.parametrize("model", MAKERS)
def test_outdated_rows_go_and_others_stay(model, now):
    slack = DAY if model == "passcodes.RiskArea" else SECOND
    MAKERS[model](now - period(model) - slack)
    stays = MAKERS[model](now - period(model) + slack)
    assert retention.run(now) is False
    assert list(type(stays).objects.all()) == [stays]
    report = AuditEntry.objects.get(action="run-retention")
    assert (report.actor, report.detail["gone"][model], report.detail["unfinished"]) == (None, 1, False)


@pytest.mark.django_db
def test_rules_of_a_discarded_draft_go_in_time_and_those_that_decided_stay(now):
    old = now - period("passcodes.ColourRule") - SECOND
    released = factories.released_rules(rule_set=factories.rule_draft(at=old), at=old)
    draft, young, gone = (factories.rule_draft(at=old) for _ in range(3))
    for discarded, at in ((young, old + 2 * SECOND), (gone, old)):
        RuleSet.objects.filter(pk=discarded.pk).update(state="discarded", discarded_at=at)
    retention.run(now)
    left = set(ColourRule.objects.values_list("rule_set", flat=True))
    assert left == {released.pk, draft.pk, young.pk}
    assert RuleSet.objects.count() == 4  # who made it stays to be answered for


@pytest.mark.django_db
def test_of_declarations_the_latest_stays_while_somebody_has_the_code(now):
    old = now - period("declarations.Declaration") - SECOND
    account = factories.account()
    person = factories.person(holder=account)
    for days in (2, 1, 0):
        latest = declared(old - days * DAY, account, person)
    relative = factories.relative(account=account)
    Declaration.objects.filter(person=relative.person).update(made_at=old)
    nobodys = factories.person(number=factories.DOCUMENTS[2])
    declared(old, account, nobodys)
    young = declared(now, account, nobodys)
    retention.run(now)
    assert set(Declaration.objects.values_list("pk", flat=True)) == {
        latest.pk,
        relative.person.declarations.get().pk,
        young.pk,
    }


@pytest.mark.django_db
def test_people_whom_nobody_holds_go_when_nothing_is_left_to_answer_for(now):
    long_ago = now - period("declarations.Person") - DAY
    account = factories.account()
    held = factories.person(holder=account)
    acted_for = factories.relative(account=account).person
    disputed = factories.person(number=factories.DOCUMENTS[2])
    ColourChange.objects.create(person=disputed, colour=2, at=now - period("passcodes.ColourChange") + DAY)
    nobodys = factories.person(number=factories.DOCUMENTS[3])
    ColourChange.objects.create(person=nobodys, colour=2, at=long_ago)
    declared(long_ago, account, nobodys)
    fresh = factories.person(number="210102199001010058")
    Person.objects.exclude(pk=fresh.pk).update(created_at=long_ago)
    retention.run(now)
    assert set(Person.objects.all()) == {held, acted_for, disputed, fresh}
    assert not ColourChange.objects.filter(person_id=nobodys.pk).exists()


@pytest.mark.django_db
def test_no_fact_of_a_colour_goes_within_the_days_of_a_rule_whatever_the_file_says(now, monkeypatch):
    short = [line for line in lines() if line.model == "passcodes.GateReading"]
    monkeypatch.setattr(retention.retention, "lines", lambda: read(_as_days(short[0], 1)))
    reach = retention.rules_reach()
    assert reach >= max(timedelta(days=rule.days, hours=rule.hours) for rule in DEFAULT_RULES)
    make = MAKERS["passcodes.GateReading"]
    make(now - reach - SECOND)
    stays = make(now - reach + SECOND)
    retention.run(now)
    assert list(GateReading.objects.all()) == [stays]


def _as_days(line, days):
    return f'[[{line.model}]]\nfields = "{" ".join(line.fields)}"\nwhy = "w"\ndays = {days}\nsince = "{line.since[0]}"'


@pytest.mark.django_db
def test_pictures_left_behind_go_after_a_day(now):
    check = MAKERS["passcodes.FaceCheck"](now - 3 * DAY)
    for days in (2, 0):
        FaceImage.objects.create(check_of=check, kind="photo", number=days, data=b"x", created_at=now - days * DAY)
    asked = MAKERS["passcodes.DocumentCheck"](now - 2 * DAY)
    DocumentCheck.objects.filter(pk=asked.pk).update(photo=b"x")
    retention.run(now)
    assert [image.number for image in FaceImage.objects.all()] == [0]
    asked.refresh_from_db()
    assert asked.photo is None


@pytest.mark.django_db
def test_scans_go_by_whole_days(now):
    school = factories.institution()
    door, guard = factories.entrance(institution=school), factories.account()
    today = partitions.day_of(now)
    keep = partitions.start_of(today - timedelta(days=14))
    old_day = today - timedelta(days=15)
    for day in (old_day, today - timedelta(days=14)):
        if connection.vendor == "postgresql" and not partitions.exists(day):
            partitions._create(day)
    scan = {"institution": school, "entrance": door, "scanner": guard}
    factories.scan(at=keep - SECOND, **scan)
    stays = factories.scan(at=keep, **scan)
    connection.check_constraints()  # what waits for the commit would stop the DROP
    assert retention.run(now) is False
    assert list(Scan.objects.all()) == [stays]
    if connection.vendor == "postgresql":
        assert not partitions.exists(old_day)
        assert partitions.exists(today)
    assert retention.run(now) is False


@pytest.mark.django_db
def test_the_audit_loses_whole_old_segments(now):
    for days in (1100, 1000):
        AuditEntry.objects.create(at=now - days * DAY, action="x", subject="x")
        seal(now - days * DAY)
    retention.run(now)
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == ["x", "run-retention"]
    assert AuditSegment.objects.filter(dropped_at=None).count() == 1


@pytest.mark.django_db
def test_a_large_number_of_rows_is_cut_into_slices(now, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "BATCHES", 2)
    person = factories.person(holder=factories.account())
    GateReading.objects.bulk_create(GateReading(person=person, taken_at=now - 400 * DAY) for _ in range(5))
    assert retention.run(now) is True
    assert GateReading.objects.count() == 1
    assert retention.run(now) is False
    assert GateReading.objects.count() == 0


@pytest.mark.django_db
def test_a_measure_without_an_end_stays_however_old(now):
    factories.risk_record(starts_at=now - 1000 * DAY)
    factories.risk_area(starts_on=timezone.localdate(now) - 1000 * DAY)
    retention.run(now)
    assert (RiskRecord.objects.count(), RiskArea.objects.count()) == (1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["withdrawn", "refused"])
@pytest.mark.parametrize("kind", ["people", "areas"])
def test_a_measure_without_an_end_goes_some_time_after_its_list_was_withdrawn_or_refused(now, state, kind):
    model, make = {
        "people": (RiskRecord, lambda: factories.risk_record(starts_at=now - 1000 * DAY)),
        "areas": (RiskArea, lambda: factories.risk_area(starts_on=timezone.localdate(now) - 1000 * DAY)),
    }[kind]
    ended = now - period(model._meta.label)
    for moment in (ended - SECOND, ended + SECOND):
        stays = make()
        RiskBatch.objects.filter(pk=stays.batch_id).update(state=state, withdrawn_at=moment)
    retention.run(now)
    assert list(model.objects.all()) == [stays]
    assert RiskBatch.objects.filter(state=state).count() == 2  # who decided stays to be answered for


@pytest.mark.django_db
def test_answers_about_places_stay_while_the_place_is_a_risk_area(now):
    person = factories.person(holder=factories.account())
    day = timezone.localdate(now) - timedelta(days=100)
    long_ago = now - timedelta(days=99)
    made = {}
    ends = {"open": None, "just over": day + timedelta(days=70), "over": day + timedelta(days=69)}
    for place, ends_on in ends.items():
        area = factories.risk_area(place=place, starts_on=day, ends_on=ends_on)
        made[place] = PlaceAnswer.objects.create(person=person, area=area, was_there=True, answered_at=long_ago)
    RiskArea.objects.filter(place="open").update(batch=factories.risk_batch(state="withdrawn", kind="areas"))
    retention.run(now)
    assert list(PlaceAnswer.objects.all()) == [made["just over"]]
    factories.risk_area(place="just over", starts_on=day)
    retention.run(now + timedelta(days=5))
    assert list(PlaceAnswer.objects.all()) == [made["just over"]]


@pytest.mark.django_db
def test_what_was_said_of_an_old_row_of_a_place_colours_as_long_as_the_place_is_a_risk_area(now):
    """Lists bring the place again, and the answer counts by the days of the row that was asked about."""
    person = factories.pass_code(account=factories.account()).person
    day, long_ago = timezone.localdate(now) - period("passcodes.RiskArea") - DAY, now - period("passcodes.RiskArea")
    rows = {"starts_on": day - 5 * DAY, "ends_on": day}
    said, over, unasked = (factories.risk_area(place=place, **rows) for place in ("market", "over", "unasked"))
    again = factories.risk_area(place="market", starts_on=timezone.localdate(now) - DAY)
    for area in (said, over):
        PlaceAnswer.objects.create(person=person, area=area, was_there=True, answered_at=long_ago)
    for _ in range(2):
        row = facts.for_person(person_id=person.pk, at=now)
        assert assess(facts.facts_of(row), DEFAULT_RULES, now).colour == Colour.RED
        retention.run(now)
    assert set(RiskArea.objects.all()) == {said, again}
    RiskArea.objects.filter(pk=again.pk).update(ends_on=timezone.localdate(now))
    later = now + facts.PLACES_ASKED + DAY
    assert retention.run(later) is False
    assert (PlaceAnswer.objects.count(), list(RiskArea.objects.all())) == (0, [again])
