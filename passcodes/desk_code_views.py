"""One-time codes at the desk: a phone of their own gets the code; whoever has an account agrees to be declared for."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import actions as accounts
from accounts import officers
from accounts.limits import LimitReached, client_address
from accounts.models import OneTimeCode
from accounts.sms import SmsFailed
from declarations import desk
from declarations.models import Person
from healthpass.lib.masks import mask_phone
from passcodes import desk_pages, desk_seen
from passcodes.desk_forms import DigitsForm, PhoneForm
from passcodes.desk_seen import of_person

CODES_A_DAY = 100
FOR_PHONE, FOR_DECLARING = "desk_code", "desk_owner_code"  # what the session remembers of a code that was sent


@of_person
def phone(request: HttpRequest, person_id: int) -> HttpResponse:
    """Send a one-time code to the phone that the person has with them."""
    now = timezone.now()
    found = desk_pages.person_of(request, person_id, now)
    form = PhoneForm(request.POST or None)
    status = 200
    if form.is_valid():
        problem, status = _send(request, FOR_PHONE, found, form.cleaned_data["phone"], _code_text(), now)
        if not problem:
            return redirect("desk:phone_code", found.pk)
        form.add_error(None, problem)
    return desk_pages.page(request, "desk/phone.html", {"form": form, "person": found}, status=status)


def _send(request: HttpRequest, what: str, person: Person, number: str, text: str, now: datetime) -> tuple[str, int]:
    """Send a code that is for `what`. What is wrong, "" if it is sent, and the status of the page that says so."""
    try:
        desk_pages.take(request, "desk-code", CODES_A_DAY, now)
        code = accounts.request_code(phone=number, address=client_address(request), text=text, at=now)
    except LimitReached as limit:
        return desk_pages.limit_text(limit), 429
    except SmsFailed:
        return _("We could not send the message. Please try again in a minute."), 503
    desk_pages.record(request, "desk-code", now, person=person)
    request.session[what] = {"code": str(code.pk), "person": person.pk, "holder": person.holder_id}
    return "", 200


def _sent(request: HttpRequest, what: str, person: Person) -> OneTimeCode | None:
    """The code that was sent for `what` of this person, as long as nobody else holds them."""
    asked = request.session.get(what, {})
    if (asked.get("person"), asked.get("holder")) != (person.pk, person.holder_id):
        return None
    return OneTimeCode.objects.filter(pk=asked["code"]).first()


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
    found = desk_pages.person_of(request, person_id, now)
    code = _sent(request, FOR_PHONE, found)
    if not code:
        return redirect("desk:phone", found.pk)
    form = DigitsForm(request.POST or None)
    if form.is_valid() and _give(request, form, code, found, now):
        del request.session[FOR_PHONE]
        messages.success(request, _("The code is on the phone %(phone)s now.") % {"phone": mask_phone(code.value)})
        return redirect("desk:person", found.pk)
    context = {"form": form, "person": found, "phone": mask_phone(code.value)}
    return desk_pages.page(request, "desk/phone_code.html", context)


def _give(request: HttpRequest, form: DigitsForm, code: OneTimeCode, person: Person, now: datetime) -> bool:
    """Whether the phone's account holds the person now; else the form says why not."""
    try:
        used = accounts.use_code(code_id=code.pk, digits=form.cleaned_data["digits"], at=now)
        identifier = accounts.find_or_create_identifier(code=used, at=now)
        if not identifier.account.is_active:
            form.add_error(None, _("This account is locked. Please turn to the health authority."))
            return False
        doing = desk_pages.doing(request, person, now)
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
    except officers.DecidesForOffice:
        form.add_error(None, _("This person decides for an office of the authority: that role has to be ended first."))
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


@of_person
def owner(request: HttpRequest, person_id: int) -> HttpResponse:
    """Whoever has an account agrees to be declared for: a one-time code goes to its phone."""
    now = timezone.now()
    found = desk_pages.owner_of(request, person_id, now)
    number = desk.phone_to_ask(found, now)
    status = 200
    if request.method == "POST" and number:
        text = _owner_text(desk_pages.office_of(request).name)
        problem, status = _send(request, FOR_DECLARING, found, number, text, now)
        if not problem:
            return redirect("desk:owner_code", found.pk)
        messages.error(request, problem)
    context = {"person": found, "phone": number and mask_phone(number)}
    context["same_name"] = desk_seen.saw_person(request, found.pk, now)
    return desk_pages.page(request, "desk/owner.html", context, status=status)


def _owner_text(office: str) -> str:
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "%(digits)s is your code for the service desk of %(office)s, valid for 5 minutes. Read it to the clerk "
            "only if you are there and the clerk is to declare your health for you: the answers can colour your code."
        )
        return text % {"digits": "%(digits)s", "office": office.replace("%", "%%")}


@of_person
def owner_code(request: HttpRequest, person_id: int) -> HttpResponse:
    """The six digits that the person reads out: the clerk may declare for them, once."""
    now = timezone.now()
    found = desk_pages.owner_of(request, person_id, now)
    code = _sent(request, FOR_DECLARING, found)
    if not code:
        return redirect("desk:owner", found.pk)
    form = DigitsForm(request.POST or None)
    if form.is_valid():
        try:
            accounts.use_code(code_id=code.pk, digits=form.cleaned_data["digits"], at=now)
        except accounts.CodeRefused as refusal:
            form.add_error("digits", str(refusal))
        else:
            del request.session[FOR_DECLARING]
            desk_seen.agree(request, holder_id=found.holder_id, at=now)
            desk_seen.affirm(request, document=found.document_hash, person_id=found.pk, at=now)
            desk_pages.record(request, "desk-owner-agrees", now, person=found)
            messages.success(request, _("The person agrees. You can declare for them once, within half an hour."))
            return redirect("desk:declare_again", found.pk)
    context = {"form": form, "person": found, "phone": mask_phone(code.value)}
    return desk_pages.page(request, "desk/owner_code.html", context)
