"""Asking for a check by a person instead of a face check, and where it stands."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import limits
from accounts.desk import clerk_of
from accounts.models import Account
from declarations.models import Proxy
from passcodes import document_checks
from passcodes.document_check_forms import AskForm
from passcodes.findings import DEFAULT_LIMITS, PictureFinding
from passcodes.models import DocumentCheck, DocumentCheckState, PassCode
from passcodes.reasons import HOTLINE
from passcodes.uploads import bounded

ASKS_A_DAY = 5  # of an account
PHOTOS_A_DAY = 20  # of an account, whatever is wrong with them: each is decoded
DAY = timedelta(days=1)
BODY = 64_000_000  # bytes: up to these, a photo that is too large does not lose the note


def refuse_body(request: HttpRequest, status: int) -> HttpResponse:
    """The page again, saying that the body was not read (413) or could not be (400)."""
    unreadable = _("The upload could not be read. Please choose one photo and send it again.")
    messages.error(request, PictureFinding.TOO_LARGE.label if status == 413 else unreadable)
    pass_code = _pass_of(request.user, request.resolver_match.kwargs["pass_id"])
    return _page(request, pass_code, AskForm(), status=status)


@never_cache
@bounded(BODY, refuse_body, keep=DEFAULT_LIMITS.bytes + 1)
@sensitive_post_parameters()
def ask_person(request: HttpRequest, pass_id: str) -> HttpResponse:
    """What an officer would do and by when; the photo; and after it, where the check stands."""
    now = timezone.now()
    pass_code = _pass_of(request.user, pass_id)
    if request.method != "POST":
        return _page(request, pass_code, AskForm())
    try:
        limits.take("document-photo", str(request.user.pk), limit=PHOTOS_A_DAY, per=DAY, at=now)
    except limits.LimitReached as limit:
        return _too_often(request, pass_code, AskForm(), limit)
    form = AskForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, pass_code, form)
    if not document_checks.may_ask(account=request.user, person=pass_code.person):
        return redirect(request.path)
    try:
        limits.take("document-check", str(request.user.pk), limit=ASKS_A_DAY, per=DAY, at=now)
        document_checks.ask(account=request.user, pass_code=pass_code, by=request.user, at=now, **form.cleaned_data)
    except limits.LimitReached as limit:
        return _too_often(request, pass_code, form, limit)
    except document_checks.AlreadyWaiting:
        messages.warning(request, _("You have asked already: an officer will look at the first photo."))
    except document_checks.NothingToAsk:
        messages.warning(request, _("There is nothing to check any more."))
    return redirect(request.path)


@never_cache
@require_POST
def withdraw(request: HttpRequest, pass_id: str) -> HttpResponse:
    """Ask no more: the photo is deleted at once."""
    now = timezone.now()
    pass_code = _pass_of(request.user, pass_id)
    check = document_checks.latest(account=request.user, pass_code=pass_code)
    try:
        if check is None:
            raise document_checks.NotWaiting
        document_checks.withdraw(check=check, by=request.user, at=now)
        messages.success(request, _("Withdrawn: the photo has been deleted."))
    except document_checks.NotWaiting:
        messages.warning(request, _("There is nothing to withdraw any more."))
    return redirect("passcodes:ask_person", pass_id)


def _pass_of(account: Account, pass_id: str) -> PassCode:
    """A pass that the account holds or acts for, or has asked about before. Raises Http404."""
    pass_code = PassCode.objects.select_related("person").filter(public_id=pass_id).first()
    if pass_code is None:
        raise Http404
    person = pass_code.person
    if (
        person.holder_id == account.pk
        or Proxy.objects.current().of_account(account).filter(person=person).exists()
        or DocumentCheck.objects.filter(pass_code=pass_code, account=account).exists()
    ):
        return pass_code
    raise Http404


def _too_often(request: HttpRequest, pass_code: PassCode, form: AskForm, limit: limits.LimitReached) -> HttpResponse:
    time = date_format(timezone.localtime(limit.retry_at), "SHORT_DATETIME_FORMAT")
    messages.warning(request, _("You have asked often today. Please try again after %(time)s.") % {"time": time})
    return _page(request, pass_code, form, status=429)


def _page(request: HttpRequest, pass_code: PassCode, form: AskForm, *, status: int = 200) -> HttpResponse:
    now = timezone.now()
    person = pass_code.person
    check = document_checks.latest(account=request.user, pass_code=pass_code)
    state = _state(check, now)
    can_ask = document_checks.may_ask(account=request.user, person=person)
    context = {
        "form": form,
        "person": person,
        "pass_id": pass_code.public_id,
        "check": check,
        "state": state,
        "before": document_checks.place(check) if state == DocumentCheckState.WAITING else 0,
        "due_at": document_checks.due_at(check) if check else None,
        **_decider(check),
        "can_ask": can_ask and state != DocumentCheckState.WAITING,
        "is_own": person.holder_id == request.user.pk,
        "is_child": person.is_child(timezone.localdate(now)),
        "acts": _may_show(request.user, pass_code),
    }
    return render(request, "passcodes/ask_person.html", context, status=status)


def _decider(check: DocumentCheck | None) -> dict:
    """Who decided: the officer's number; where they work at a desk, its office; and the phone to ask at."""
    if check is None or check.decided_by is None:
        return {}
    desk = clerk_of(check.decided_by)
    return {
        "decided_by": check.decided_by_id,
        "decided_at_office": desk.office.name if desk else "",
        "phone": desk.office.phone if desk else HOTLINE,
    }


def _state(check: DocumentCheck | None, now: datetime) -> str:
    """The check's state; one whose time is over has lapsed, although the worker has not been there yet."""
    if check is None:
        return ""
    over = check.state == DocumentCheckState.WAITING and document_checks.due_at(check) <= now
    return DocumentCheckState.LAPSED if over else check.state


def _may_show(account: Account, pass_code: PassCode) -> bool:
    person = pass_code.person
    return person.holder_id == account.pk or Proxy.objects.acting().of_account(account).filter(person=person).exists()
