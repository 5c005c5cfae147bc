"""Declaring for somebody else: the first time with who they are, then again, or in one tap if nothing has changed."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.limits import LimitReached
from declarations import actions, pages, proxies, questions
from declarations.forms import initial_of, redisplayed, sent_version
from declarations.models import Proxy
from declarations.proxy_forms import RelativeForm

OWN_PHONE = "own-phone"  # the button that fills in the account's own number
OWN_DOCUMENT = gettext_lazy("This is your own document: please declare for yourself.")
TOO_MANY_RELATIVES = gettext_lazy(
    "You already act for %(number)d people. Please remove somebody for whom you no longer act."
)
DECLARED_AGAIN = gettext_lazy("Declared again for %(name)s.")
WAITS = gettext_lazy("Consent is still awaited. You can declare for this person once it has been given.")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def declare_proxy(request: HttpRequest) -> HttpResponse:
    """The form for somebody else, empty: nothing of the account's own person is in it."""
    now = timezone.now()
    today = timezone.localdate(now)
    if request.method != "POST":
        return _form_page(request, RelativeForm(today=today))
    if button := request.POST.get("button"):
        return _form_page(request, RelativeForm(today=today, initial=_redisplayed(request, button)))
    form = RelativeForm(request.POST, today=today, version=sent_version(request.POST))
    if not form.is_valid():
        return _form_page(request, form)
    account, relation = request.user, form.cleaned_data["relation"]
    way_out = ""
    try:
        pages.take_declaration(account, now)
        pages.take_claim(account, now)
        proxy = proxies.declare_for(
            account=account, claim=form.claim, relation=relation, answers=form.answers, by=account, at=now
        )
    except proxies.OwnDocument:
        form.add_error("document_number", OWN_DOCUMENT)
        way_out = "declare"
    except proxies.TooManyRelatives:
        form.add_error(None, TOO_MANY_RELATIVES % {"number": proxies.RELATIVES})
        way_out = "people"
    except LimitReached as reached:
        form.add_error(None, pages.too_often(reached))
    else:
        return redirect("declarations:declared_for", proxy.pk)
    return _form_page(request, form, way_out=way_out)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def declare_for(request: HttpRequest, proxy_id: int) -> HttpResponse:
    """The form again, filled with the account's own last answers; before it, whether anything has changed."""
    now = timezone.now()
    proxy = _own_proxy(request, proxy_id)
    if proxy.awaits_consent:
        return _told_to_wait(request)
    if request.method == "POST":
        return _declare_again(request, proxy, now)
    today = timezone.localdate(now)
    last = proxies.last_declaration(proxy)
    if proxies.may_repeat(last) and "change" not in request.GET:
        context = {"proxy": proxy, "person": proxy.person} | pages.earlier_answers(last, today)
        return render(request, "declarations/unchanged_for.html", context)
    form = RelativeForm(
        today=today,
        asks_identity=False,
        initial=initial_of(actions.answers_of(last), today) if last else None,
        version=last.form_version if last else None,
    )
    return _form_page(request, form, proxy)


def _declare_again(request: HttpRequest, proxy: Proxy, now: datetime) -> HttpResponse:
    """Record what was sent; or show the form again, with what is wrong, or as a button without JavaScript asked."""
    today = timezone.localdate(now)
    if button := request.POST.get("button"):
        form = RelativeForm(today=today, asks_identity=False, initial=_redisplayed(request, button))
        return _form_page(request, form, proxy)
    form = RelativeForm(request.POST, today=today, asks_identity=False, version=sent_version(request.POST))
    if not form.is_valid():
        return _form_page(request, form, proxy)
    try:
        pages.take_declaration(request.user, now)
        proxies.declare_again_for(proxy=proxy, answers=form.answers, by=request.user, at=now)
    except LimitReached as reached:
        form.add_error(None, pages.too_often(reached))
        return _form_page(request, form, proxy)
    except proxies.NotActing:
        return _told_to_wait(request)
    return redirect("passcodes:relative", proxy.pk)


@never_cache
@require_POST
def unchanged_for(request: HttpRequest, proxy_id: int) -> HttpResponse:
    """Declare the same again, where the account's own last answers were healthy; otherwise to the form."""
    now = timezone.now()
    proxy = _own_proxy(request, proxy_id)
    last = proxies.last_declaration(proxy)
    if not proxies.may_repeat(last) or sent_version(request.POST) < questions.FORM_VERSION:
        return redirect("declarations:declare_for", proxy.pk)
    answers = actions.answers_of(last).current(timezone.localdate(now))
    try:
        pages.take_declaration(request.user, now)
        proxies.declare_again_for(proxy=proxy, answers=answers, by=request.user, at=now)
    except LimitReached as reached:
        messages.warning(request, pages.too_often(reached))
        return redirect("passcodes:people")
    except proxies.NotActing:
        return _told_to_wait(request)
    messages.success(request, DECLARED_AGAIN % {"name": proxy.person.masked_name})
    return redirect("passcodes:people")


@never_cache
@require_safe
def declared_for(request: HttpRequest, proxy_id: int) -> HttpResponse:
    """It has been submitted; one tap to the code, or to the check that comes before it."""
    return render(request, "declarations/declared_for.html", {"proxy": _own_proxy(request, proxy_id)})


def _own_proxy(request: HttpRequest, proxy_id: int) -> Proxy:
    """The account's own relation that nobody has ended; else 404."""
    proxies_of_account = Proxy.objects.current().of_account(request.user).select_related("person", "account")
    return get_object_or_404(proxies_of_account, pk=proxy_id)


def _told_to_wait(request: HttpRequest) -> HttpResponse:
    messages.warning(request, WAITS)
    return redirect("passcodes:people")


def _redisplayed(request: HttpRequest, button: str) -> dict:
    """Everything as it was sent; one button fills in the account's own number."""
    own_phone = {"phone": pages.phone_of(request.user)} if button == OWN_PHONE else {}
    return redisplayed(request.POST, button) | own_phone


def _form_page(
    request: HttpRequest, form: RelativeForm, proxy: Proxy | None = None, *, way_out: str = ""
) -> HttpResponse:
    context = {
        "form": form,
        "person": proxy and proxy.person,
        "for_relative": True,
        "action": f"{request.path}?change=yes" if proxy else request.path,
        "version": questions.FORM_VERSION,
        "own_phone": OWN_PHONE,
        "way_out": way_out,
    }
    return render(request, "declarations/declare_proxy.html", context)
