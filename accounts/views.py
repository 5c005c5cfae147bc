"""Signing in with a phone and a one-time code, and signing out."""

import math
import uuid
from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db.models import Max
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from accounts import actions, sessions
from accounts.backends import axes_username
from accounts.forms import CodeForm, LastFourForm, NewOwnerForm, PhoneForm
from accounts.limits import LimitReached, client_address
from accounts.models import CODE_RESEND, IDENTIFIER_REST, Identifier, OneTimeCode, identifier_hash
from accounts.sms import SmsFailed
from healthpass.lib.masks import mask_phone

CHECK_LIFE = timedelta(minutes=10)  # between the right code and the last four characters
NEXT_LENGTH = 500

# Why a page that sent somebody here needs to know who they are.
REASONS = {
    "/code/": gettext_lazy("Your code belongs to you alone, so please sign in before it is shown."),
    "/declare/": gettext_lazy("Your declaration is kept under your phone number, so please sign in first."),
    "/people/": gettext_lazy("Whom you act for is kept under your phone number, so please sign in first."),
    "/scan/": gettext_lazy("Every scan records who made it, so please sign in before you scan."),
    "/c/": gettext_lazy("Only people who have signed in can check a code."),
    "/me/": gettext_lazy("What is kept about you is for you alone, so please sign in first."),
    "/agreement/": gettext_lazy("Please sign in to see this page."),
}


def own_path(request: HttpRequest, path: str | None) -> str:
    """`path` if it is one of ours to go on to after sign-in, else ""."""
    allowed = bool(path) and path.startswith("/") and len(path) <= NEXT_LENGTH
    return path if allowed and url_has_allowed_host_and_scheme(path, allowed_hosts=None) else ""


def reason(path: str) -> str:
    """Why `path` needs a sign-in, in a sentence; "" if nothing is to be said."""
    return next((text for start, text in REASONS.items() if path.lower().startswith(start)), "")


def later(retry_at: datetime, now: datetime) -> str:
    """When something may be tried again: the time, and the day if it is not today's."""
    local = timezone.localtime(retry_at)
    today = local.date() == timezone.localdate(now)
    return date_format(local, "H:i" if today else "SHORT_DATETIME_FORMAT")


def too_often(limit: LimitReached, now: datetime) -> str:
    return _("That was too often. Please try again from %(time)s on.") % {"time": later(limit.retry_at, now)}


def with_retry_after(response: HttpResponse, retry_at: datetime | None, now: datetime) -> HttpResponse:
    """Tell programs too when to try again."""
    if retry_at:
        response["Retry-After"] = str(max(1, math.ceil((retry_at - now).total_seconds())))
    return response


class NotSent(Exception):
    """No code was sent: the text for people, the HTTP status, and when to try again if that is known."""

    def __init__(self, text: str, status: int, retry_at: datetime | None = None):
        super().__init__(text)
        self.text, self.status, self.retry_at = text, status, retry_at


def send_code(request: HttpRequest, phone: str, path: str, now: datetime) -> None:
    """Send a code and bind it to this browser: its session holds the code's id, never the phone. Raises NotSent."""
    try:
        known = sessions.is_known_to_phone(request, phone)
        code = actions.request_code(phone=phone, address=client_address(request), known=known, at=now)
    except LimitReached as limit:
        raise NotSent(too_often(limit, now), 429, limit.retry_at) from limit
    except SmsFailed as error:
        raise NotSent(_("We could not send the message. Please try again in a minute."), 503) from error
    request.session["sign_in"] = {"code": str(code.pk), "next": path}


def asked_code(request: HttpRequest) -> OneTimeCode | None:
    """The code that this browser asked for last, in whatever state."""
    code_id = request.session.get("sign_in", {}).get("code")
    return OneTimeCode.objects.filter(pk=uuid.UUID(code_id)).first() if code_id else None


def next_path(request: HttpRequest) -> str:
    """Where the sign-in under way leads."""
    return request.session.get("sign_in", {}).get("next", "")


@login_not_required
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for the phone number, and send the code."""
    now = timezone.now()
    path = own_path(request, request.POST.get("next", request.GET.get("next")))
    if request.user.is_authenticated:
        return redirect(path or "home")
    form = PhoneForm(request.POST or None)
    status, retry_at = 200, None
    if form.is_valid():
        try:
            if just_asked(request, form.cleaned_data["phone"], now):
                request.session["sign_in"] = {**request.session["sign_in"], "next": path}
            else:
                send_code(request, form.cleaned_data["phone"], path, now)
            return redirect("accounts:sign_in_code")
        except NotSent as problem:
            form.add_error(None, problem.text)
            status, retry_at = problem.status, problem.retry_at
    context = {"form": form, "next": path, "reason": reason(path)}
    return with_retry_after(render(request, "accounts/sign_in.html", context, status=status), retry_at, now)


def just_asked(request: HttpRequest, phone: str, now: datetime) -> bool:
    """Whether this browser has a code for the phone that is too fresh for another (a second tap on the button)."""
    code = asked_code(request)
    return (
        code is not None
        and code.identifier_hash == identifier_hash(code.kind, phone)
        and code.used_at is None
        and code.sent_at + CODE_RESEND > now
    )


@login_not_required
@never_cache
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code, and sign in with it or go on to the document check."""
    now = timezone.now()
    code = asked_code(request)
    if code is None:
        return redirect("accounts:sign_in")
    if code.used_at and request.method == "GET":
        return redirect("accounts:sign_in_check")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            code = actions.use_code(code_id=code.pk, digits=form.cleaned_data["code"], at=now)
            identifier = actions.find_or_create_identifier(code=code, at=now)
            if not identifier.account.is_active:
                form.add_error(None, _("This account is locked. Please turn to the health authority."))
            elif needs_check(request, identifier, now):
                return redirect("accounts:sign_in_check")
            else:
                if cannot_be_asked(identifier, now):
                    identifier = actions.move_to_new_owner(identifier=identifier, at=now)
                return signed_in(request, identifier, now)
        except actions.CodeRefused as refusal:
            form.add_error("code", str(refusal))
        except actions.NumberMoved:
            return redirect("accounts:sign_in")
    return render_code_page(request, code, form, now)


def render_code_page(
    request: HttpRequest, code: OneTimeCode, form: Form, now: datetime, status: int = 200
) -> HttpResponse:
    resend_at = code.sent_at + CODE_RESEND
    context = {
        "form": form,
        "phone": mask_phone(code.value),
        "next": next_path(request),
        "resend_at": resend_at,
        "seconds": max(0, math.ceil((resend_at - now).total_seconds())),
    }
    return render(request, "accounts/sign_in_code.html", context, status=status)


@login_not_required
@never_cache
def sign_in_resend(request: HttpRequest) -> HttpResponse:
    """Send another code to the same phone (POST), a minute after the one before."""
    now = timezone.now()
    code = asked_code(request)
    if request.method != "POST":
        return redirect("accounts:sign_in_code")  # the language was changed on the page that a POST had answered
    if code is None:
        return redirect("accounts:sign_in")
    resend_at = code.sent_at + CODE_RESEND
    if resend_at > now:
        time = timezone.localtime(resend_at).strftime("%H:%M:%S")
        text = _("The code is on its way. You can ask for another from %(time)s on.")
        messages.warning(request, text % {"time": time})
        return redirect("accounts:sign_in_code")
    try:
        send_code(request, code.value, next_path(request), now)
    except NotSent as problem:
        messages.error(request, problem.text)
        response = render_code_page(request, code, CodeForm(), now, status=problem.status)
        return with_retry_after(response, problem.retry_at, now)
    messages.success(request, _("A new code is on its way. The one before is no longer valid."))
    return redirect("accounts:sign_in_code")


def needs_check(request: HttpRequest, identifier: Identifier, now: datetime) -> bool:
    """Whether the number may have a new owner: long unused, or on a browser that the account has not been on."""
    account = identifier.account
    if not account.last_four_hash:
        return False
    return identifier.used_at < now - IDENTIFIER_REST or not sessions.is_known(request, account)


def cannot_be_asked(identifier: Identifier, now: datetime) -> bool:
    """Whether the number may have a new owner and no document is known to ask for.

    A fresh account loses its earlier owner nothing but a role that nobody has set up. Staff who have set theirs up sign
    in with the number, which does not count as using it here; and the code alone opens nothing of theirs.
    """
    account = identifier.account
    return not account.last_four_hash and not account.is_staff and identifier.used_at < now - IDENTIFIER_REST


def identifier_to_check(request: HttpRequest, now: datetime) -> Identifier | None:
    """Whose number it is that this browser has just entered the right code for."""
    code = asked_code(request)
    if code is None or code.used_at is None or code.used_at < now - CHECK_LIFE:
        return None
    identifiers = Identifier.objects.select_related("account").filter(account__is_active=True)
    identifier = identifiers.filter(kind=code.kind, hash=code.identifier_hash).first()
    return identifier if identifier and needs_check(request, identifier, now) else None


@login_not_required
@never_cache
def sign_in_check(request: HttpRequest) -> HttpResponse:
    """Ask for the last four characters of the document, so that a recycled number opens nobody else's code."""
    now = timezone.now()
    identifier = identifier_to_check(request, now)
    if identifier is None:
        messages.warning(request, _("Please begin again: the code has been used or is too old."))
        return redirect("accounts:sign_in")
    form = LastFourForm(request.POST or None)
    status, retry_at = 200, None
    if form.is_valid():
        try:
            actions.check_last_four(account=identifier.account, last_four=form.cleaned_data["last_four"], at=now)
            return signed_in(request, identifier, now)
        except actions.LastFourWrong:
            form.add_error("last_four", _("These characters do not fit. Please look at the document again."))
        except LimitReached as limit:
            form.add_error(None, too_often(limit, now))
            status, retry_at = 429, limit.retry_at
        except actions.LastFourUsedUp:
            form.add_error(None, _("Too many wrong tries. Please take your document to a community service desk."))
            status = 429
    context = {"form": form, "new_owner_form": NewOwnerForm()}
    return with_retry_after(render(request, "accounts/sign_in_check.html", context, status=status), retry_at, now)


@login_not_required
@never_cache
def sign_in_new_owner(request: HttpRequest) -> HttpResponse:
    """The way on for who got a number that another person used before: a fresh account (POST)."""
    now = timezone.now()
    identifier = identifier_to_check(request, now)
    if identifier is None or request.method != "POST":
        return redirect("accounts:sign_in_check")  # which says what to do
    form = NewOwnerForm(request.POST)
    if form.is_valid():
        try:
            return signed_in(request, actions.move_to_new_owner(identifier=identifier, at=now), now)
        except actions.NumberMoved:
            return redirect("accounts:sign_in")
    return render(request, "accounts/sign_in_check.html", {"form": LastFourForm(), "new_owner_form": form})


def signed_in(request: HttpRequest, identifier: Identifier, now: datetime) -> HttpResponse:
    """Begin the resident's session and go where the sign-in was meant to lead."""
    response = redirect(next_path(request) or "home")
    actions.touch_identifier(identifier=identifier, at=now)
    sessions.start(request, response, identifier.account, backend="accounts.backends.OneTimeCodeBackend", at=now)
    return response


@login_not_required
@never_cache
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session (POST); a GET asks first, so that no foreign page can sign anybody out."""
    if request.method != "POST":
        return render(request, "accounts/sign_out.html") if request.user.is_authenticated else redirect("home")
    return end_session(request, again=reverse("accounts:sign_in"))


def end_session(request: HttpRequest, *, again: str) -> HttpResponse:
    """Sign out here, and have the browser forget what it kept; `again` is where to sign in next time."""
    sessions.finish(request)
    response = render(request, "accounts/signed_out.html", {"again": again})
    response["Clear-Site-Data"] = sessions.CLEAR_SITE_DATA
    return response


@never_cache
def locked_out(request: HttpRequest, response: HttpResponse, credentials: dict | None) -> HttpResponse:
    """The answer to too many failed sign-ins of staff; called by django-axes, which says what was tried."""
    now = timezone.now()
    attempts = AccessAttempt.objects.filter(
        username=axes_username(request, credentials), ip_address=client_address(request)
    )
    latest = attempts.aggregate(at=Max("attempt_time"))["at"] or now
    return locked_page(request, latest + settings.AXES_COOLOFF_TIME, now)


def locked_page(request: HttpRequest, retry_at: datetime, now: datetime) -> HttpResponse:
    """The page after too many failed sign-ins of staff, with when to try again."""
    context = {"time": later(retry_at, now)}
    return with_retry_after(render(request, "accounts/locked_out.html", context, status=429), retry_at, now)
