"""The desk's pages. Each is reached through `passcodes.desk`, which has checked that a current clerk asks.

A person's pages are there for the clerk who has affirmed to have seen the document within the last half hour, and while
the person belongs to the office's division; for everybody else there are none (404). Where the half hour has run out,
the clerk is asked to look the document up again.
"""

from datetime import datetime, time

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.limits import LimitReached
from accounts.models import AuditEntry
from accounts.wording import action_words
from declarations import desk, divisions, questions
from declarations.desk_form import DeskForm
from declarations.models import Declaration, Person, Proxy, document_hash, name_hash
from declarations.questions import Claim
from healthpass.lib import qr
from passcodes import actions, desk_pages, desk_seen, facts, keys, reasons, relations, rules, tokens
from passcodes.colour import Condition
from passcodes.desk_forms import LookUpForm, PhoneForm
from passcodes.desk_seen import SeenTooLongAgo, of_person
from passcodes.models import NationalQuery

LOOK_UPS_A_DAY = 200  # of a clerk: a counter serves a person in three minutes
DECLARATIONS_A_DAY = 200
LIST_LENGTH = 500
# What the day's list shows; looking at a page is written down too, but is nothing done.
DONE = (
    "desk-code",
    "desk-confirm-proxy",
    "desk-declare",
    "desk-end-proxy",
    "desk-give-code",
    "desk-look-up",
    "desk-owner-agrees",
    "desk-print",
    "desk-refuse",
)


def look_up(request: HttpRequest) -> HttpResponse:
    """Who is here? The document, seen, leads to its person's page, or to the form for somebody new."""
    now = timezone.now()
    form = LookUpForm(request.POST or None)
    if not form.is_valid():
        return desk_pages.page(request, "desk/look_up.html", {"form": form})
    try:
        desk_pages.take(request, "desk-look-up", LOOK_UPS_A_DAY, now)
    except LimitReached as limit:
        form.add_error(None, desk_pages.limit_text(limit))
        return desk_pages.page(request, "desk/look_up.html", {"form": form}, status=429)
    data, office = form.cleaned_data, desk_pages.office_of(request)
    document = document_hash(data["document_kind"], data["document_number"])
    person = desk.known_person(kind=data["document_kind"], number=data["document_number"])
    if person and not desk.serves(office, person):
        desk_pages.record(request, "desk-refuse", now, person=person)
        form.add_error(None, _other_desk_text())
        return desk_pages.page(request, "desk/look_up.html", {"form": form})
    same_name = person is not None and person.name_hash == name_hash(data["name"])
    desk_pages.record(request, "desk-look-up", now, person=person, document=document, same_name=same_name)
    desk_seen.affirm(request, document=document, person_id=person.pk if same_name else None, at=now)
    if same_name:
        return redirect("desk:person", person.pk)
    typed = {name: data[name] for name in ("document_kind", "document_number", "name")}
    form = DeskForm.blank(office=office, today=timezone.localdate(now), **typed)
    return _form_page(request, form, other_name=person is not None)


def declare(request: HttpRequest) -> HttpResponse:
    """Record what was sent for a document that was seen; or the form again, with what is wrong."""
    if request.method != "POST":
        return redirect("desk:index")
    return _declare(request, timezone.now())


@of_person
def declare_again(request: HttpRequest, person_id: int) -> HttpResponse:
    """The form for somebody known, filled with what this desk was told last."""
    now = timezone.now()
    try:
        person = desk_pages.person_of(request, person_id, now)
    except SeenTooLongAgo:
        if request.method != "POST":
            raise
        return _declare(request, now)  # which keeps what was typed, and asks for the document
    if request.method == "POST":
        return _declare(request, now, person)
    if person.holder_id not in (None, desk_seen.agreed_holder(request, now)):
        return redirect("desk:owner", person.pk)
    desk_pages.record(request, "desk-view", now, person=person, page="declare")
    office = desk_pages.office_of(request)
    last = desk.last_told(office, person)
    form = DeskForm.again(office=office, today=timezone.localdate(now), person=person, last=last)
    return _form_page(request, form, person)


def _declare(request: HttpRequest, now: datetime, person: Person | None = None) -> HttpResponse:
    office = desk_pages.office_of(request)
    form = DeskForm.sent(request.POST, office=office, today=timezone.localdate(now))
    if not form.is_bound or not form.is_valid():
        return _form_page(request, form, person)
    if not _saw(request, form.claim, now):
        form.add_error("document_number", _("Look this document up first, and confirm that you have seen it."))
        return _form_page(request, form, person, look_up_again=True)
    try:
        desk_pages.take(request, "desk-declare", DECLARATIONS_A_DAY, now)
        declared = desk.declare_at_desk(
            claim=form.claim,
            answers=form.answers,
            office=office,
            agreed=desk_seen.agreed_holder(request, now),
            by=request.user,
            at=now,
        )
    except LimitReached as limit:
        form.add_error(None, desk_pages.limit_text(limit))
        return _form_page(request, form, person, status=429)
    except desk.OtherDesk:
        form.add_error(None, _other_desk_text())
    except desk.OwnDocument:
        form.add_error(None, _("This is your own document. Another clerk has to serve you."))
    except desk.HolderDecides as refusal:
        return _form_page(request, form, person, owner=refusal.person)
    else:
        desk_seen.forget_agreement(request)
        document = declared.document_hash
        desk_seen.affirm(request, document=document, person_id=declared.pk, at=now)
        messages.success(request, _("The declaration has been recorded."))
        return redirect("desk:person", declared.pk)
    return _form_page(request, form, person)


def _saw(request: HttpRequest, claim: Claim, now: datetime) -> bool:
    return desk_seen.saw_document(request, document_hash(claim.document_kind, claim.document_number), now)


@of_person
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """What a desk can do for somebody who is here: colour, paper code, whoever acts for them, a phone of their own."""
    now = timezone.now()
    found = desk_pages.person_of(request, person_id, now)
    desk_pages.record(request, "desk-view", now, person=found)
    assessment = actions.show_colour(row=facts.for_person(person_id=found.pk, at=now), at=now)
    if any(reason.code == Condition.ASKED for reason in assessment.reasons):
        NationalQuery.objects.hurry(found.pk, now)
    colour = assessment.colour.name.lower()
    last = Declaration.objects.latest_of(found)
    context = {
        "person": found,
        "holder": found.holder and desk_pages.phones_of(found.holder),
        "colour": colour,
        "headline": reasons.headline(colour),
        "advice": reasons.advice(colour, assessment.reasons),
        "reasons": [reasons.text_of(reason) for reason in assessment.reasons],
        "declared_at": last and last.made_at,
        "residence": last and divisions.full_name(last.division),
        "proxies": [_proxy_row(proxy, found) for proxy in desk.proxies_of(found)],
        "phone_form": PhoneForm(),
    }
    return desk_pages.page(request, "desk/person.html", context)


def _proxy_row(proxy: Proxy, person: Person) -> dict:
    """A proxy as the page shows it: it acts, or the person has still to confirm it."""
    return {
        "pk": proxy.pk,
        "phone": desk_pages.phones_of(proxy.account),
        "relation": proxy.neutral_relation,
        "since": proxy.confirmed_at or proxy.created_at,
        "acts": proxy.is_acting and proxy.person_id == person.pk,
    }


@of_person
def paper(request: HttpRequest, person_id: int) -> HttpResponse:
    """The paper code, to print: a signed code without colour or end, on a card to cut out."""
    now = timezone.now()
    found = desk_pages.person_of(request, person_id, now)
    pass_code = actions.issue_pass(person=found)
    desk_pages.record(request, "desk-print", now, person=found)
    token = tokens.sign(pass_code.public_id, None, keys.signing_key(now), now)
    size, drawing = qr.svg_path(tokens.url(settings.PUBLIC_URL, token))
    context = {"person": found, "qr_size": size, "qr_path": drawing, "now": now}
    context["days"] = rules.declaration_days(now)
    return desk_pages.page(request, "desk/paper.html", context)


@require_POST
@of_person
def agree_proxy(request: HttpRequest, person_id: int, proxy_id: int) -> HttpResponse:
    """The person is here and says that this account acts for them."""
    now = timezone.now()
    found = desk_pages.person_of(request, person_id, now)
    try:
        desk.confirm_proxy_at_desk(proxy=Proxy(pk=proxy_id), **desk_pages.doing(request, found, now))
        messages.success(request, _("Confirmed: this phone shows the code from now on."))
    except desk.HolderDecides:
        messages.error(request, _("This person has an account of their own: they agree on its phone, in “My people”."))
    except desk.OwnDocument:
        messages.error(request, _("This is your own account. Another clerk has to confirm it."))
    except desk.NotTheirs:
        messages.warning(request, _("This relation has ended."))
    return redirect("desk:person", found.pk)


@require_POST
@of_person
def end_proxy(request: HttpRequest, person_id: int, proxy_id: int) -> HttpResponse:
    """The person is here and wants this account to act for them no more."""
    now = timezone.now()
    found = desk_pages.person_of(request, person_id, now)
    try:
        ended = desk.end_proxy_at_desk(proxy=Proxy(pk=proxy_id), **desk_pages.doing(request, found, now))
        relations.end_checks(proxy=ended, by=request.user, at=now)
        messages.success(request, _("Ended: this phone shows the code no more."))
    except desk.NotTheirs:
        messages.warning(request, _("This relation has ended."))
    return redirect("desk:person", found.pk)


def today(request: HttpRequest) -> HttpResponse:
    """What this clerk has done today, newest first; people masked."""
    now = timezone.now()
    midnight = timezone.make_aware(datetime.combine(timezone.localdate(now), time()))
    office = desk_pages.office_of(request)
    rows = AuditEntry.objects.filter(actor=request.user, at__gte=midnight, action__in=DONE, detail__office=office.pk)
    entries = list(rows.order_by("-pk")[:LIST_LENGTH])
    ids = {entry.pk: _id_of(entry.subject) for entry in entries}
    people = Person.objects.in_bulk({pk for pk in ids.values() if pk})
    done = [(entry.at, action_words(entry.action), people.get(ids[entry.pk])) for entry in entries]
    desk_pages.record(request, "desk-view", now, page="today")
    return desk_pages.page(request, "desk/today.html", {"done": done, "now": now, "most": LIST_LENGTH})


def _id_of(subject: str) -> int | None:
    kind, _colon, number = subject.partition(":")
    return int(number) if kind == "person" else None


def _form_page(
    request: HttpRequest,
    form: DeskForm,
    person: Person | None = None,
    *,
    other_name: bool = False,
    look_up_again: bool = False,
    owner: Person | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "person": person,
        "other_name": other_name,
        "look_up_again": look_up_again,
        "owner": owner,
        "version": questions.FORM_VERSION,
    }
    return desk_pages.page(request, "desk/declare.html", context, status=status)


def _other_desk_text() -> str:
    return _("This person last declared from another district: please send them to the desk there.")
