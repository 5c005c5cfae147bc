"""The scanner's pages: the camera, its fallbacks, and the page that a code's address opens."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache, wraps
from urllib.parse import urlencode

from csp.constants import WASM_UNSAFE_EVAL
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts import limits
from accounts.actions import device_key_hash
from declarations.models import Person
from institutions.models import Entrance
from passcodes import tokens
from passcodes.evidence import FEVER
from scanning import actions, entrances, ids, photos, scan_key
from scanning.forms import CheckForm, ReadForm
from scanning.outcome import Outcome, Temperature
from scanning.panels import every_panel, panel

READER = ("vendor/zxing/index.js", "vendor/zxing-wasm/zxing_reader.wasm")
PHOTOS = {"limit": 120, "per": timedelta(minutes=10)}


def real_name_required(view: Callable) -> Callable:
    """Who is not known by name learns nothing about others, and is told how to become so (403)."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if Person.objects.real_name().filter(holder=request.user).exists():
            return view(request, *args, **kwargs)
        declared = Person.objects.filter(holder=request.user).exists()
        return render(request, "scanning/real_name.html", {"declared": declared}, status=403)

    return wrapper


@never_cache
@csp_update({"script-src": [WASM_UNSAFE_EVAL]})  # the reader is WebAssembly
@real_name_required
def scan(request: HttpRequest) -> HttpResponse:
    """The camera page, for the entrance chosen; without a scanner's role it answers and records nothing."""
    now = timezone.now()
    doors = entrances.open_to(request.user)
    if doors and _chosen(request, doors) is None:
        return redirect("scanning:entrance")
    return _scan_page(request, ReadForm(), doors, now)


def _scan_page(request: HttpRequest, form: ReadForm, doors: QuerySet[Entrance], now: datetime) -> HttpResponse:
    context = {
        "form": form,
        "entrance": _chosen(request, doors),
        "has_choice": len(doors) > 1,
        "reader": READER if _reader_is_installed() else None,
        "panels": every_panel(),
        "fever": FEVER,
    }
    response = render(request, "scanning/scan.html", context)
    scan_key.give(request, response, at=now)
    return response


@cache
def _reader_is_installed() -> bool:
    """Whether npm's files are there: collected, or where development serves them from."""
    return all(staticfiles_storage.exists(name) or finders.find(name) for name in READER)


@never_cache
@real_name_required
def entrance(request: HttpRequest) -> HttpResponse:
    """Pick the door to scan at; kept for the session. `next` may name the own page to go on to."""
    doors = entrances.open_to(request.user)
    next_page = request.POST.get("next") or request.GET.get("next", "")
    if not next_page.startswith("/") or not url_has_allowed_host_and_scheme(next_page, None):
        next_page = reverse("scanning:scan")
    if request.method == "POST":
        pk = request.POST.get("entrance", "")
        request.session["entrance"] = get_object_or_404(doors, pk=pk if pk.isdecimal() and len(pk) < 19 else 0).pk
        return HttpResponseRedirect(next_page)
    if not doors:
        return redirect("scanning:scan")
    context = {"entrances": doors, "chosen": _chosen(request, doors), "next": next_page}
    return render(request, "scanning/entrance.html", context)


def _chosen(request: HttpRequest, doors: QuerySet[Entrance]) -> Entrance | None:
    """The session's entrance while the account may scan there; the only one there is, unasked."""
    if len(doors) == 1:
        return doors[0]
    return next((door for door in doors if door.pk == request.session.get("entrance")), None)


@never_cache
@csp_update({"script-src": [WASM_UNSAFE_EVAL]})  # a refused photo brings the camera page back
@real_name_required
def read(request: HttpRequest) -> HttpResponse:
    """A photo or a text -> the check page for it; for the page's own JavaScript `{text}` or `{error}` (422, 429)."""
    if request.method != "POST":
        return redirect("scanning:scan")
    now = timezone.now()
    form = ReadForm(request.POST, request.FILES)
    status = 422
    if form.is_valid():
        try:
            text = form.cleaned_data["text"] or _text_of_photo(request, form.cleaned_data["photo"], now)
        except photos.PhotoError as error:
            form.add_error("photo", str(error.message))
        except limits.LimitReached as error:
            form.add_error(None, _too_often(error))
            status = 429
        else:
            if request.accepts("text/html"):
                return _check_page(request, text, now)
            return JsonResponse({"text": text})
    if request.accepts("text/html"):
        return _scan_page(request, form, entrances.open_to(request.user), now)
    errors = [error for errors in form.errors.values() for error in errors]
    return JsonResponse({"error": " ".join(errors)}, status=status)


def _text_of_photo(request: HttpRequest, photo, now: datetime) -> str:
    limits.take("scan-photo", str(request.user.pk), at=now, **PHOTOS)
    return tokens.extract(photos.read_code(photo, photo.size))[: tokens.MAX_LENGTH + 1]


@never_cache
@login_not_required
def open_code(request: HttpRequest, token: str) -> HttpResponse:
    """What the address in a QR opens on any phone. Records nothing: messengers fetch pages by themselves."""
    if not request.user.is_authenticated:
        # What is not even as short as a code is not worth coming back to.
        after = request.path if len(token) <= tokens.MAX_LENGTH else reverse("scanning:scan")
        sign_in = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': after})}"
        return render(request, "scanning/welcome.html", {"sign_in": sign_in})
    return real_name_required(_check_page)(request, token, timezone.now())


def _check_page(request: HttpRequest, text: str, now: datetime, form: CheckForm | None = None) -> HttpResponse:
    """The outcome of a code and, for a scanner, the form that records it. `form`: one that came back with errors."""
    doors = entrances.open_to(request.user)
    if not doors:
        try:
            limits.take("scan-look", str(request.user.pk), at=now, **actions.LOOKS)
        except limits.LimitReached as error:
            return render(request, "scanning/too_often.html", {"message": _too_often(error)}, status=429)
    answer = actions.look(text=text, at=now)
    context = {
        "panel": panel(answer.outcome),
        "answer": answer,
        "entrance": _chosen(request, doors),
        "is_scanner": bool(doors),
        "form": form or CheckForm(initial={"id": ids.new_id(now), "token": text}),
    }
    return render(request, "scanning/check.html", context)


@never_cache
@real_name_required
def record(request: HttpRequest) -> HttpResponse:
    """Record what the check page showed, then or later with its temperature. Sent twice, it is one scan."""
    now = timezone.now()
    form = CheckForm(request.POST)
    door = _chosen(request, entrances.open_to(request.user))
    if request.method != "POST" or door is None:
        return redirect("scanning:scan")
    if not form.is_valid():
        return _check_page(request, form["token"].value() or "", now, form)
    secret = scan_key.ensure(request, at=now)
    try:
        answer = _write(form.cleaned_data, device_key_hash(secret), door, now)
    except actions.IdTime:
        messages.warning(request, _("The page had been open too long. Nothing was recorded: read the code again."))
        return redirect("scanning:scan")
    except (actions.NoKey, actions.NotAllowed, actions.NoScan):
        messages.warning(request, _("This could not be recorded. Read the code again."))
        return redirect("scanning:scan")
    except actions.Conflict as conflict:
        answer = conflict.answer
    if answer is None:
        return redirect("scanning:scan")
    response = render(request, "scanning/recorded.html", _recorded(form.cleaned_data, answer, door))
    scan_key.set_cookie(response, secret)
    return response


def _write(data: dict, key_hash: str, door: Entrance, now: datetime) -> actions.Answer:
    temperature: Temperature | None = data["temperature"]
    if data["recorded"] and temperature:
        return actions.set_temperature(key_hash=key_hash, id=data["id"], temperature=temperature, at=now)
    sent = actions.Sent(id=data["id"], text=data["token"], entrance_id=door.pk, temperature=temperature)
    return actions.check(key_hash=key_hash, sent=sent, at=now)


def _recorded(data: dict, answer: actions.Answer, door: Entrance) -> dict:
    """What the page after recording shows; a green code whose temperature is still to be taken brings the form."""
    untaken = answer.outcome == Outcome.GREEN and answer.temperature is None
    initial = {"id": data["id"], "token": data["token"], "recorded": True}
    return {
        "panel": panel(answer.outcome, answer.temperature),
        "answer": answer,
        "entrance": door,
        "scanned_at": ids.time_of(data["id"]),
        "repeats_at": answer.repeat_of and ids.time_of(answer.repeat_of),
        "form": CheckForm(initial=initial) if untaken else None,
    }


def _too_often(error: limits.LimitReached) -> str:
    at = timezone.localtime(error.retry_at)
    return _("That was very often in a short time. Please go on after %(time)s.") % {"time": f"{at:%H:%M}"}
