"""Declaring one's health: the form, one tap when nothing has changed, and asking again who one is."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import limits, officers
from accounts.models import Account
from declarations import actions, divisions, pages, questions
from declarations.forms import DeclarationForm, initial_of, redisplayed, sent_version
from declarations.identity import Result
from declarations.models import Declaration, Person
from healthpass.lib import retention

VERIFICATIONS_A_DAY = 5
NOT_CONFIRMED = gettext_lazy(
    "The authority has not confirmed this name and document with your phone number. "
    "Please check them, or declare with the document that is already confirmed."
)
HELD_ELSEWHERE = gettext_lazy(
    "This document was checked in person and is held by another account. Please take it to a service desk."
)

DECIDES_FOR_OFFICE = gettext_lazy(
    "You decide for an office of the authority. That role has to be ended before this account becomes somebody else's."
)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def declare(request: HttpRequest) -> HttpResponse:
    """The form, filled with the last answers; before it, for who has declared, whether anything has changed."""
    now = timezone.now()
    person, last = _own(request.user)
    if request.method == "POST":
        return _declare(request, person, now)
    wants_form = "document" in request.GET or "change" in request.GET
    if last and not wants_form and last.form_version >= questions.FORM_VERSION:
        context = {"person": person} | pages.earlier_answers(last, timezone.localdate(now))
        return render(request, "declarations/unchanged.html", context)
    today = timezone.localdate(now)
    form = DeclarationForm(
        today=today,
        asks_identity=_asks_identity(request, person),
        initial=initial_of(actions.answers_of(last), today) if last else {"phone": pages.phone_of(request.user)},
        version=last.form_version if last else None,
    )
    return _form_page(request, form, person)


def _declare(request: HttpRequest, person: Person | None, now: datetime) -> HttpResponse:
    """Record what was sent; or show the form again, with what is wrong, or as a button without JavaScript asked."""
    today = timezone.localdate(now)
    asks_identity = _asks_identity(request, person)
    if button := request.POST.get("button"):
        initial = redisplayed(request.POST, button)
        return _form_page(request, DeclarationForm(today=today, asks_identity=asks_identity, initial=initial), person)
    form = DeclarationForm(request.POST, today=today, asks_identity=asks_identity, version=sent_version(request.POST))
    if not form.is_valid():
        return _form_page(request, form, person)
    account = request.user
    try:
        pages.take_declaration(account, now)
        if asks_identity:
            pages.take_claim(account, now)
            actions.declare(account=account, claim=form.claim, answers=form.answers, by=account, at=now)
        else:
            actions.declare_again(account=account, answers=form.answers, by=account, at=now)
    except actions.NotConfirmed:
        form.add_error("document_number" if asks_identity else None, NOT_CONFIRMED)
    except actions.HeldElsewhere:
        form.add_error("document_number" if asks_identity else None, HELD_ELSEWHERE)
    except officers.DecidesForOffice:
        form.add_error("document_number" if asks_identity else None, DECIDES_FOR_OFFICE)
    except limits.LimitReached as reached:
        form.add_error(None, pages.too_often(reached))
    except actions.NobodyYet:
        return redirect("declarations:declare")
    else:
        return redirect("passcodes:own")
    return _form_page(request, form, person)


@never_cache
@require_POST
def unchanged(request: HttpRequest) -> HttpResponse:
    """Declare the same again."""
    now = timezone.now()
    _person, last = _own(request.user)
    if last is None or min(last.form_version, sent_version(request.POST)) < questions.FORM_VERSION:
        return redirect("declarations:declare")
    answers = actions.answers_of(last).current(timezone.localdate(now))
    try:
        pages.take_declaration(request.user, now)
        actions.declare_again(account=request.user, answers=answers, by=request.user, at=now)
    except limits.LimitReached as reached:
        messages.warning(request, pages.too_often(reached))
        return redirect("declarations:declare")
    except actions.NobodyYet:
        return redirect("declarations:declare")
    return redirect("passcodes:own")


@never_cache
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Ask the authority once more who the holder is, a few times a day."""
    now = timezone.now()
    try:
        limits.take("verify", str(request.user.pk), limit=VERIFICATIONS_A_DAY, per=timedelta(days=1), at=now)
        person, result = actions.verify(account=request.user, by=request.user, at=now)
    except limits.LimitReached as reached:
        messages.warning(request, pages.too_often(reached))
    except actions.NobodyYet:
        return redirect("declarations:declare")
    else:
        level, text = _told(person, result)
        messages.add_message(request, level, text)
    return redirect("passcodes:own")


def _told(person: Person, result: Result) -> tuple[int, str]:
    """What the holder reads after the authority was asked."""
    if person.is_real_name:
        return messages.SUCCESS, _("Your identity has been confirmed.")
    if person.needs_desk:
        return messages.WARNING, _(
            "Please take your document to a service desk: your identity has to be settled there."
        )
    if result is Result.UNAVAILABLE:
        return messages.WARNING, _("The authority's identity check cannot be reached now. Please try again later.")
    return messages.WARNING, _(
        "The authority could not confirm this name and document with your phone number. Please check what you declared."
    )


@login_not_required
@require_GET
@cache_control(public=True, max_age=86400)
def counties(request: HttpRequest, province: int) -> JsonResponse:
    """The places of a province by prefecture: `[["沈阳市", [[210102, "和平区"], ...]], ...]`."""
    if province not in dict(divisions.provinces()):
        raise Http404
    return JsonResponse(divisions.counties(province), safe=False, json_dumps_params={"ensure_ascii": False})


@login_not_required
@require_GET
def agreement(request: HttpRequest) -> HttpResponse:
    """What is collected, why, who sees it and for how long."""
    return render(request, "declarations/agreement.html", {"kept": retention.shown()})


def _own(account: Account) -> tuple[Person | None, Declaration | None]:
    """The person that the account holds, and what this account itself last declared for them."""
    person = Person.objects.held_by(account).first()
    return person, person and Declaration.objects.made_by(account).latest_of(person)


def _asks_identity(request: HttpRequest, person: Person | None) -> bool:
    return person is None or "document" in request.GET


def _form_page(request: HttpRequest, form: DeclarationForm, person: Person | None) -> HttpResponse:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in (("document", "new"), ("change", "yes")) if name in request.GET})
    context = {
        "form": form,
        "person": None if form.asks_identity else person,
        "action": f"{request.path}?{query.urlencode()}" if query else request.path,
        "version": questions.FORM_VERSION,
    }
    return render(request, "declarations/declare.html", context)
