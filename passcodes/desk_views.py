"""The desk's pages. Each is reached through `passcodes.desk`, which has checked that a current clerk asks.

A person's pages are there for the clerk who has affirmed to have seen the document within the last half hour, and while
the person belongs to the office's division; for everybody else there are none (404). Where the half hour has run out,
the clerk is asked to look the document up again.
"""

from datetime import datetime, time, timedelta

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import actions as accounts
from accounts import audit, limits
from accounts.desk import clerk_of
from accounts.limits import LimitReached, client_address
from accounts.models import AuditEntry, Office, OneTimeCode
from accounts.sms import SmsFailed
from accounts.wording import action_words
from declarations import desk, divisions, questions
from declarations.desk_form import DeskForm
from declarations.models import Declaration, Person, Proxy, document_hash, name_hash
from declarations.questions import Claim
from healthpass.lib import qr
from healthpass.lib.masks import mask_phone
from passcodes import actions, desk_seen, facts, keys, reasons, relations, rules, tokens
from passcodes.colour import Condition
from passcodes.desk_forms import DigitsForm, LookUpForm, PhoneForm
from passcodes.desk_seen import SeenTooLongAgo, of_person
from passcodes.models import NationalQuery

LOOK_UPS_A_DAY = 200  # of a clerk: a counter serves a person in three minutes
DECLARATIONS_A_DAY = 200
CODES_A_DAY = 100
DAY = timedelta(days=1)
LIST_LENGTH = 500
# What the day's list shows; looking at a page is written down too, but is nothing done.
DONE = (
    "desk-code",
    "desk-confirm-proxy",
    "desk-declare",
    "desk-end-proxy",
    "desk-give-code",
    "desk-look-up",
    "desk-print",
    "desk-refuse",
)


def look_up(request: HttpRequest) -> HttpResponse:
    """Who is here? The document, seen, leads to its person's page, or to the form for somebody new."""
    now = timezone.now()
    form = LookUpForm(request.POST or None)
    if not form.is_valid():
        return _page(request, "desk/look_up.html", {"form": form})
    try:
        _take(request, "desk-look-up", LOOK_UPS_A_DAY, now)
    except LimitReached as limit:
        form.add_error(None, _limit_text(limit))
        return _page(request, "desk/look_up.html", {"form": form}, status=429)
    data, office = form.cleaned_data, _office(request)
    document = document_hash(data["document_kind"], data["document_number"])
    person = desk.known_person(kind=data["document_kind"], number=data["document_number"])
    if person and not desk.serves(office, person):
        _record(request, "desk-refuse", now, person=person)
        form.add_error(None, _other_desk_text())
        return _page(request, "desk/look_up.html", {"form": form})
    same_name = person is not None and person.name_hash == name_hash(data["name"])
    _record(request, "desk-look-up", now, person=person, document=document, same_name=same_name)
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
        person = _person(request, person_id, now)
    except SeenTooLongAgo:
        if request.method != "POST":
            raise
        return _declare(request, now)  # which keeps what was typed, and asks for the document
    if request.method == "POST":
        return _declare(request, now, person)
    _record(request, "desk-view", now, person=person, page="declare")
    office = _office(request)
    last = desk.last_told(office, person)
    form = DeskForm.again(office=office, today=timezone.localdate(now), person=person, last=last)
    return _form_page(request, form, person)


def _declare(request: HttpRequest, now: datetime, person: Person | None = None) -> HttpResponse:
    office = _office(request)
    form = DeskForm.sent(request.POST, office=office, today=timezone.localdate(now))
    if not form.is_bound or not form.is_valid():
        return _form_page(request, form, person)
    if not _saw(request, form.claim, now):
        form.add_error("document_number", _("Look this document up first, and confirm that you have seen it."))
        return _form_page(request, form, person, look_up_again=True)
    try:
        _take(request, "desk-declare", DECLARATIONS_A_DAY, now)
        declared = desk.declare_at_desk(claim=form.claim, answers=form.answers, office=office, by=request.user, at=now)
    except LimitReached as limit:
        form.add_error(None, _limit_text(limit))
        return _form_page(request, form, person, status=429)
    except desk.OtherDesk:
        form.add_error(None, _other_desk_text())
    except desk.OwnDocument:
        form.add_error(None, _("This is your own document. Another clerk has to serve you."))
    else:
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
    found = _person(request, person_id, now)
    _record(request, "desk-view", now, person=found)
    assessment = actions.show_colour(row=facts.for_person(person_id=found.pk, at=now), at=now)
    if any(reason.code == Condition.ASKED for reason in assessment.reasons):
        NationalQuery.objects.hurry(found.pk, now)
    colour = assessment.colour.name.lower()
    last = Declaration.objects.latest_of(found)
    context = {
        "person": found,
        "holder": found.holder and _phones(found.holder),
        "colour": colour,
        "headline": reasons.headline(colour),
        "advice": reasons.advice(colour, assessment.reasons),
        "reasons": [reasons.text_of(reason) for reason in assessment.reasons],
        "declared_at": last and last.made_at,
        "residence": last and divisions.full_name(last.division),
        "proxies": [_proxy_row(proxy, found) for proxy in desk.proxies_of(found)],
        "phone_form": PhoneForm(),
    }
    return _page(request, "desk/person.html", context)


def _proxy_row(proxy: Proxy, person: Person) -> dict:
    """A proxy as the page shows it: it acts, or the person has still to confirm it."""
    return {
        "pk": proxy.pk,
        "phone": _phones(proxy.account),
        "relation": proxy.neutral_relation,
        "since": proxy.confirmed_at or proxy.created_at,
        "acts": proxy.is_acting and proxy.person_id == person.pk,
    }


@of_person
def paper(request: HttpRequest, person_id: int) -> HttpResponse:
    """The paper code, to print: a signed code without colour or end, on a card to cut out."""
    now = timezone.now()
    found = _person(request, person_id, now)
    pass_code = actions.issue_pass(person=found)
    _record(request, "desk-print", now, person=found)
    token = tokens.sign(pass_code.public_id, None, keys.signing_key(now), now)
    size, drawing = qr.svg_path(tokens.url(settings.PUBLIC_URL, token))
    context = {"person": found, "qr_size": size, "qr_path": drawing, "now": now}
    context["days"] = rules.declaration_days(now)
    return _page(request, "desk/paper.html", context)


@require_POST
@of_person
def agree_proxy(request: HttpRequest, person_id: int, proxy_id: int) -> HttpResponse:
    """The person is here and says that this account acts for them."""
    now = timezone.now()
    found = _person(request, person_id, now)
    try:
        desk.confirm_proxy_at_desk(proxy=Proxy(pk=proxy_id), **_doing(request, found, now))
        messages.success(request, _("Confirmed: this phone shows the code from now on."))
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
    found = _person(request, person_id, now)
    try:
        ended = desk.end_proxy_at_desk(proxy=Proxy(pk=proxy_id), **_doing(request, found, now))
        relations.end_checks(proxy=ended, by=request.user, at=now)
        messages.success(request, _("Ended: this phone shows the code no more."))
    except desk.NotTheirs:
        messages.warning(request, _("This relation has ended."))
    return redirect("desk:person", found.pk)


def _doing(request: HttpRequest, person: Person, now: datetime) -> dict:
    """What every write of a desk is told."""
    return {"person": person, "office": _office(request), "by": request.user, "at": now}


@of_person
def phone(request: HttpRequest, person_id: int) -> HttpResponse:
    """Send a one-time code to the phone that the person has with them."""
    now = timezone.now()
    found = _person(request, person_id, now)
    form = PhoneForm(request.POST or None)
    status = 200
    if form.is_valid():
        try:
            _take(request, "desk-code", CODES_A_DAY, now)
            code = accounts.request_code(
                phone=form.cleaned_data["phone"], address=client_address(request), text=_code_text(), at=now
            )
        except LimitReached as limit:
            form.add_error(None, _limit_text(limit))
            status = 429
        except SmsFailed:
            form.add_error(None, _("We could not send the message. Please try again in a minute."))
            status = 503
        else:
            _record(request, "desk-code", now, person=found)
            request.session["desk_code"] = {"code": str(code.pk), "person": found.pk}
            return redirect("desk:phone_code", found.pk)
    return _page(request, "desk/phone.html", {"form": form, "person": found}, status=status)


def _code_text() -> str:
    with translation.override(settings.LANGUAGE_CODE):
        return _(
            "%(digits)s is your code for the community service desk, valid for 5 minutes. Read it to the clerk only if "
            "your health code is to be shown on this phone."
        )


@of_person
def phone_code(request: HttpRequest, person_id: int) -> HttpResponse:
    """The six digits that the person reads out: their account holds the code from now on."""
    now = timezone.now()
    found = _person(request, person_id, now)
    asked = request.session.get("desk_code", {})
    code = asked.get("person") == found.pk and OneTimeCode.objects.filter(pk=asked["code"]).first()
    if not code:
        return redirect("desk:phone", found.pk)
    form = DigitsForm(request.POST or None)
    if form.is_valid() and _give(request, form, code, found, now):
        del request.session["desk_code"]
        messages.success(request, _("The code is on the phone %(phone)s now.") % {"phone": mask_phone(code.value)})
        return redirect("desk:person", found.pk)
    context = {"form": form, "person": found, "phone": mask_phone(code.value)}
    return _page(request, "desk/phone_code.html", context)


def _give(request: HttpRequest, form: DigitsForm, code: OneTimeCode, person: Person, now: datetime) -> bool:
    """Whether the phone's account holds the person now; else the form says why not."""
    try:
        used = accounts.use_code(code_id=code.pk, digits=form.cleaned_data["digits"], at=now)
        identifier = accounts.find_or_create_identifier(code=used, at=now)
        if not identifier.account.is_active:
            form.add_error(None, _("This account is locked. Please turn to the health authority."))
            return False
        doing = _doing(request, person, now)
        with transaction.atomic():
            if desk.is_another_s(identifier=identifier, person=person, by=request.user, at=now):
                identifier = accounts.move_to_new_owner(identifier=identifier, at=now)
            desk.give_code_to_phone(account=identifier.account, **doing)
            accounts.touch_identifier(identifier=identifier, at=now)
    except accounts.CodeRefused as refusal:
        form.add_error("digits", str(refusal))
    except accounts.NumberMoved:
        form.add_error("digits", _("This code has been used already. Ask for a new one."))
    except desk.OwnDocument:
        form.add_error(None, _("This is your own account. Another clerk has to do this."))
    except desk.HoldsSomebodyElse:
        form.add_error(
            None,
            _(
                "This phone already shows somebody else's own code. Its owner can declare for the person and show both "
                "codes; or, if the number is new to the person, they sign in with it themselves first and say so."
            ),
        )
    else:
        return True
    return False


def today(request: HttpRequest) -> HttpResponse:
    """What this clerk has done today, newest first; people masked."""
    now = timezone.now()
    midnight = timezone.make_aware(datetime.combine(timezone.localdate(now), time()))
    office = _office(request)
    rows = AuditEntry.objects.filter(actor=request.user, at__gte=midnight, action__in=DONE, detail__office=office.pk)
    entries = list(rows.order_by("-pk")[:LIST_LENGTH])
    ids = {entry.pk: _id_of(entry.subject) for entry in entries}
    people = Person.objects.in_bulk({pk for pk in ids.values() if pk})
    done = [(entry.at, action_words(entry.action), people.get(ids[entry.pk])) for entry in entries]
    _record(request, "desk-view", now, page="today")
    return _page(request, "desk/today.html", {"done": done, "now": now, "most": LIST_LENGTH})


def _id_of(subject: str) -> int | None:
    kind, _colon, number = subject.partition(":")
    return int(number) if kind == "person" else None


def _person(request: HttpRequest, person_id: int, now: datetime) -> Person:
    """Somebody whose document this clerk has just seen and whom this office serves. Raises Http404, SeenTooLongAgo."""
    if not desk_seen.had_seen_person(request, person_id):
        raise Http404
    if not desk_seen.saw_person(request, person_id, now):
        raise SeenTooLongAgo
    person = Person.objects.real_name().filter(pk=person_id).select_related("holder").first()
    if person is None or not desk.serves(_office(request), person):
        raise Http404
    return person


def _office(request: HttpRequest) -> Office:
    return clerk_of(request.user).office


def _phones(account) -> str:
    return ", ".join(str(identifier) for identifier in account.identifiers.all()) or f"#{account.pk}"


def _take(request: HttpRequest, scope: str, limit: int, now: datetime) -> None:
    """Count one act of the clerk. Raises LimitReached."""
    limits.take(scope, str(request.user.pk), limit=limit, per=DAY, at=now)


def _limit_text(limit: LimitReached) -> str:
    retry_at = date_format(timezone.localtime(limit.retry_at), "SHORT_DATETIME_FORMAT")
    return _("The desk's limit for a day is reached. You can go on from %(time)s.") % {"time": retry_at}


def _other_desk_text() -> str:
    return _("This person last declared from another district: please send them to the desk there.")


def _record(request: HttpRequest, action: str, now: datetime, *, person: Person | None = None, **detail) -> None:
    """An audit row of what the clerk did, about whom, at which office."""
    office = _office(request)
    subject = f"person:{person.pk}" if person else f"office:{office.pk}"
    audit.record(by=request.user, action=action, subject=subject, at=now, office=office.pk, **detail)


def _form_page(
    request: HttpRequest,
    form: DeskForm,
    person: Person | None = None,
    *,
    other_name: bool = False,
    look_up_again: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "person": person,
        "other_name": other_name,
        "look_up_again": look_up_again,
        "version": questions.FORM_VERSION,
    }
    return _page(request, "desk/declare.html", context, status=status)


def _page(request: HttpRequest, template: str, context: dict, *, status: int = 200) -> HttpResponse:
    return render(request, template, {"office": _office(request), **context}, status=status)
