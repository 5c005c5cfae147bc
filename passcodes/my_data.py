"""What the passcodes app keeps of an account's person: codes, colours, checks, records."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.me import Fact, Remainder, Row, as_text, closes, deleted_on, remains, section
from accounts.models import Account
from declarations.models import Declaration, Person, Proxy
from healthpass.lib.retention import period
from passcodes import agreements, notices, places
from passcodes import appeals as appeals_of
from passcodes.actions import reason_from_json
from passcodes.agreements import Agreement
from passcodes.appeal_models import AppealDocument
from passcodes.models import (
    Appeal,
    ColourChange,
    DocumentCheck,
    FaceCheck,
    GateReading,
    NationalQuery,
    Notice,
    PassCode,
    PlaceAnswer,
    RiskRecord,
)
from passcodes.reasons import ReasonText, text_of

# Of what others entered: another office looks at it. What colours nobody now, their phone beside it is for.
APPEAL = ("passcodes:own_appeal", gettext_lazy("Is something here wrong? Appeal"))


@section("code", gettext_lazy("Your code"), order=35)
def code(account: Account, at: datetime) -> Iterator[Row]:
    """The number in the QR."""
    for own in PassCode.objects.filter(person__holder=account):
        yield [
            Fact("public_id", _("number in the code"), own.public_id),
            Fact("created_at", _("created"), own.created_at),
        ]


@section("colours", gettext_lazy("Colours your code has shown, and why"), order=36, correct=APPEAL)
def colours(account: Account, at: datetime) -> Iterator[Row]:
    """Each change, with its reasons in words, and who put the data in force that they rest on."""
    changes = list(ColourChange.objects.filter(person__holder=account).order_by("-at", "-pk"))
    reasons = {change.pk: [reason_from_json(values) for values in change.reasons] for change in changes}
    agreed = agreements.of_facts(reason.fact for found in reasons.values() for reason in found)
    for change in changes:
        told = [(reason.code, text_of(reason), agreed.get(reason.fact)) for reason in reasons[change.pk]]
        kept = [
            {
                "why": text.why,
                "office": text.office,
                "until": text.until,
                "rule": code,
                "put_in_force_by": list(agreement.offices) if agreement else [],
                "basis": agreement.basis if agreement else "",
            }
            for code, text, agreement in told
        ]
        shown = " · ".join(_with_agreement(text, agreement) for _code, text, agreement in told)
        yield [
            Fact("at", _("time"), change.at),
            Fact("colour", _("colour"), change.get_colour_display(), change.get_colour_display()),
            Fact("reasons", _("reasons"), kept, shown or "—"),
        ]


def _with_agreement(text: ReasonText, agreement: Agreement | None) -> str:
    if not (agreement and agreement.offices):
        return text.why
    values = {"why": text.why, "offices": " · ".join(agreement.offices), "law": agreement.law}
    if agreement.basis:
        return _("%(why)s Put in force by %(offices)s, on this legal basis: %(law)s.") % values
    return _("%(why)s Put in force by %(offices)s.") % values


@section("risk_records", gettext_lazy("Records of the epidemic database about you"), order=37, correct=APPEAL)
def risk_records(account: Account, at: datetime) -> Iterator[Row]:
    """Only for a real-name person: whoever claims a stranger's document learns nothing. Also what does not count."""
    own = Person.objects.held_by(account).real_name().first()
    rows = RiskRecord.objects.filter(document_hash=own.document_hash) if own else RiskRecord.objects.none()
    records = list(rows.select_related("batch").order_by("-starts_at", "-pk"))
    agreed = agreements.of_batches(record.batch_id for record in records) if records else {}
    for record in records:
        batch, agreement = record.batch, agreed[record.batch_id]
        yield [
            Fact("category", _("category"), record.category, record.get_category_display()),
            Fact("state", _("state"), batch.state, batch.get_state_display()),
            Fact("starts_at", _("measure begins"), record.starts_at),
            *([Fact("begun_at", _("before its renewal it began"), record.begun_at)] if record.begun_at else []),
            Fact("ends_at", _("measure ends"), record.ends_at),
            Fact("office", _("office"), record.office),
            Fact("office_phone", _("office phone"), record.office_phone),
            Fact("source", _("source"), record.source),
            Fact("put_in_force_by", _("put in force by"), list(agreement.offices)),
            Fact("basis", _("legal basis"), agreement.basis, agreement.law or "—"),
        ]


@section("gate_readings", gettext_lazy("Temperatures at entrances that mattered to the colour"), order=38)
def gate_readings(account: Account, at: datetime) -> Iterator[Row]:
    """Fevers, and the normal readings after them."""
    for reading in GateReading.objects.filter(person__holder=account).order_by("-taken_at"):
        celsius = reading.temperature
        yield [
            Fact("taken_at", _("time"), reading.taken_at),
            Fact("temperature", _("temperature"), celsius and float(celsius), celsius and f"{celsius} °C"),
        ]


@section("place_answers", gettext_lazy("Answers about places that are risk areas"), order=39, correct=APPEAL)
def place_answers(account: Account, at: datetime) -> Iterator[Row]:
    """Where somebody said that the person was, or was not."""
    rows = PlaceAnswer.objects.filter(person__holder=account).select_related("area")
    for said in rows.order_by("-answered_at", "-pk"):
        yield [
            Fact("place", _("place"), said.area.full_name),
            Fact("was_there", _("was there"), said.was_there),
            Fact("last_on", _("last day there"), said.last_on),
            Fact("answered_at", _("answered"), said.answered_at),
        ]


@section("face_checks", gettext_lazy("Face checks"), order=60)
def face_checks(account: Account, at: datetime) -> Iterator[Row]:
    """Of the own person by whomever, and by the account for others; pictures are gone by then."""
    mine = FaceCheck.objects.filter(account=account) | FaceCheck.objects.filter(pass_code__person__holder=account)
    for check in mine.distinct().prefetch_related("tries").order_by("-consented_at", "-pk"):
        tries = [
            {"at": attempt.challenged_at, "finding": attempt.finding, "distance": attempt.distance}
            for attempt in check.tries.all()
        ]
        yield [
            Fact("consented_at", _("consent given"), check.consented_at),
            Fact("state", _("state"), check.state, check.get_state_display()),
            Fact("ended_at", _("ended"), check.ended_at),
            Fact("tries", _("tries"), tries, str(len(tries))),
        ]


@section("document_checks", gettext_lazy("Checks by a person"), order=61)
def document_checks(account: Account, at: datetime) -> Iterator[Row]:
    """What was asked and decided."""
    for check in DocumentCheck.objects.filter(account=account).order_by("-asked_at", "-pk"):
        yield [
            Fact("asked_at", _("asked"), check.asked_at),
            Fact("state", _("state"), check.state, check.get_state_display()),
            Fact("decided_at", _("decided"), check.decided_at),
            Fact("note", _("note"), check.note),
            Fact("reason", _("reason"), check.reason),
        ]


@section("appeals", gettext_lazy("Appeals"), order=62)
def appeals(account: Account, at: datetime) -> Iterator[Row]:
    """What the account disputed, for whomever, and what others did for its person; with the answers.

    Of people it acts for no more only what it said itself: the rest is theirs.
    """
    acts_for = set(Proxy.objects.acting().of_account(account).values_list("person", flat=True))
    acted_for_me = set(appeals_of.acted_for(account).values_list("account", flat=True))
    rows = _by_or_about(Appeal.objects, account).annotate(photos=Count("documents"))
    for appeal in rows.select_related("person", "decided_office").order_by("-created_at", "-pk"):
        mine = appeal.account_id == account.pk
        hears = mine or appeal.account_id in acted_for_me  # not what the holder before wrote
        reads = appeal.person.holder_id == account.pk or appeal.person_id in acts_for
        why = text_of(reason_from_json(appeal.disputed)).why if reads else None
        yield [
            Fact("receipt", _("receipt number"), appeal.receipt),
            *_whose(appeal, account, _("asked by")),
            Fact("created_at", _("received"), appeal.created_at),
            Fact("disputed", _("what is disputed"), why),
            Fact("office", _("coloured by"), appeal.office if reads else None),
            Fact("claim", _("what is wrong"), appeal.claim, appeal.get_claim_display()),
            Fact("text", _("in your words") if mine else _("in their words"), appeal.text if hears else None),
            Fact("photos", _("photos that are still kept"), appeal.photos if hears else None),
            Fact("due_at", _("to be answered by"), appeal.due_at),
            Fact("state", _("state"), appeal.state, appeal.get_state_display()),
            Fact("decided_at", _("answered"), appeal.decided_at),
            Fact("decided_office", _("answering office"), appeal.decided_office and appeal.decided_office.name),
            Fact("answer", _("answer"), appeal.answer if reads else None),
        ]


@section("notices", gettext_lazy("Messages about a changed code"), order=63)
def sent_notices(account: Account, at: datetime) -> Iterator[Row]:
    """What the account was told, of whomever, and what others were told of its person. No message names a colour."""
    rows = _by_or_about(Notice.objects.sent(), account).select_related("person")
    for notice in rows.order_by("-sent_at", "-pk"):
        about_me = notice.person.holder_id == account.pk
        yield [
            Fact("sent_at", _("sent"), notice.sent_at),
            *_whose(notice, account, _("sent to")),
            Fact("message", _("message"), notice.kind, notices.text_of(notice.kind)),
            *([Fact("colour", _("colour"), notice.get_colour_display())] if about_me else []),
        ]


def _by_or_about(rows: QuerySet, account: Account) -> QuerySet:
    """Of appeals or notices those of the account, and all about its person, if that is who it is."""
    about = Person.objects.held_by(account).real_name().values("pk")
    return rows.filter(Q(account=account) | Q(person__in=about))


def _whose(row: Appeal | Notice, account: Account, account_label: str) -> Row:
    """Whose account it was, and which person it is about: others masked, also in the file, as it is about oneself."""
    mine, about_me = row.account_id == account.pk, row.person.holder_id == account.pk
    whom = _("me") if about_me else row.person.masked_name
    return [
        Fact("by", account_label, "me" if mine else "another", _("me") if mine else _("somebody else for me")),
        Fact("about", _("about"), "me" if about_me else row.person.masked_name, whom),
    ]


@section("national_queries", gettext_lazy("Questions to the national platform about you"), order=41)
def national_queries(account: Account, at: datetime) -> Iterator[Row]:
    """For each declaration that one sees under My data: when it was to be asked, and when it answered."""
    rows = NationalQuery.objects.filter(declaration__in=Declaration.objects.about_holder(account))
    for query in rows.select_related("declaration").order_by("-declaration__made_at"):
        yield [
            Fact("made_at", _("declaration of"), query.declaration.made_at),
            Fact("created_at", _("to be asked from"), query.created_at),
            Fact("answered_at", _("answered"), query.answered_at, as_text(query.answered_at or _("not yet"))),
        ]


# Closing


@closes(order=30)
def end_code(*, account: Account, by: Account, at: datetime) -> None:
    """The code is unknown from its next scan on; face checks, checks by a person and appeals about it go with it.

    What the account appealed against for others stays theirs, and what an earlier holder wrote, that one's.
    """
    PassCode.objects.filter(person__holder=account).delete()
    FaceCheck.objects.filter(account=account, ended_at=None).delete()
    DocumentCheck.objects.waiting().filter(account=account).delete()
    said = [account.pk, *appeals_of.acted_for(account).values_list("account", flat=True)]
    own = Appeal.objects.filter(person__holder=account, account__in=said)
    for appeal in own.waiting().order_by("pk"):
        with suppress(appeals_of.NotWaiting):  # answered at this moment
            appeals_of.withdraw(appeal=appeal, by=by, at=at)
    AppealDocument.objects.filter(appeal__in=own).delete()


@remains(order=20)
def what_remains(account: Account, at: datetime) -> list[Remainder]:
    """Colours, fevers, the authority's own records, and who the person is until all that has gone."""
    own = Person.objects.held_by(account).first()
    if own is None:
        return []
    identity = [deleted_on(own.created_at, period("declarations.Person"))]
    if declared := own.declarations.order_by("-made_at").first():
        identity.append(deleted_on(declared.made_at, period("declarations.Declaration")))
    found = []
    if shown := own.colour_changes.order_by("-at").first():
        until = deleted_on(shown.at, period("passcodes.ColourChange"))
        found.append(Remainder(_("Colours your code has shown, with their reasons"), until))
    if read := own.gate_readings.order_by("-taken_at").first():
        until = deleted_on(read.taken_at, period("passcodes.GateReading"))
        found.append(Remainder(_("Temperatures at entrances that mattered to the colour"), until))
    if appealed := _by_or_about(Appeal.objects, account).order_by("-created_at").first():
        until = deleted_on(appealed.created_at, period("passcodes.Appeal"))
        found.append(Remainder(_("Appeals and their answers"), until))
    identity += [remainder.until for remainder in found]
    if said := own.place_answers.order_by("-answered_at").first():
        is_over = places.without_use(own.place_answers.all(), at).count() == own.place_answers.count()
        last = deleted_on(said.answered_at, period("passcodes.PlaceAnswer")) if is_over else None
        found.append(Remainder(_("Answers about places, until they are risk areas no more"), last))
    records = RiskRecord.objects.filter(document_hash=own.document_hash).select_related("batch")
    records = records if own.is_real_name else []
    if ends := [record.ends_at or record.batch.withdrawn_at for record in records]:
        last = None if None in ends else deleted_on(max(ends), period("passcodes.RiskRecord"))
        found.append(Remainder(_("Records of the epidemic database, until their measure has ended"), last))
    return [*found, Remainder(_("Name and document, encrypted, held by no account"), max(identity))]
