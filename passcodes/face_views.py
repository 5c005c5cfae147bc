"""The face check: consent, photo, live challenge and outcome, for the account or on a phone that a link has brought.

Every view loads the check by the request's right to it (`face_access`); who has none gets 404, or the sign-in.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import limits, tasks
from accounts.models import IdentifierKind
from declarations.identity import Result
from healthpass.lib import qr
from healthpass.lib.masks import mask_phone
from passcodes import face_access, face_checks, face_words
from passcodes.actions import issue_pass
from passcodes.face_access import Visit
from passcodes.face_words import Words
from passcodes.findings import DEFAULT_LIMITS, Movement
from passcodes.models import FaceCheckState
from passcodes.reasons import HOTLINE
from passcodes.uploads import bounded

OVERHEAD = 20_000  # bytes of a form around its file
PHOTO_BODY = DEFAULT_LIMITS.bytes + OVERHEAD
AIM_BODY = face_checks.FRAME_BYTES + OVERHEAD
FRAMES_BODY = 2_500_000
WAITING = (FaceCheckState.PHOTO_CHECK, FaceCheckState.LIVE_CHECK)
PANELS = {
    "consent": "consent",
    FaceCheckState.PHOTO: "photo",
    FaceCheckState.PHOTO_CHECK: "waiting",
    FaceCheckState.READY: "live",
    FaceCheckState.LIVE: "live",
    FaceCheckState.LIVE_CHECK: "waiting",
    FaceCheckState.PASSED: "done",
    FaceCheckState.ENDED: "done",
}


def visited(*, script: bool = False) -> Callable:
    """Call the view with the request's Visit and the time; what it raises is answered in words.

    `script`: only our JavaScript asks, so everything is answered as JSON.
    """

    def decorate(view: Callable) -> Callable:
        @login_not_required  # a link's phone has no account; the right to the check is looked up here
        @never_cache
        @wraps(view)
        def wrapper(request: HttpRequest, pass_id: str) -> HttpResponse:
            now = timezone.now()
            visit = face_access.find(request, pass_id, now)
            if visit is None:
                return _without_right(request, pass_id)
            try:
                return view(request, visit, now)
            except face_checks.NotNow:
                return _refuse(request, face_words.not_now(), 409, script)
            except face_checks.Refused as error:
                return _refuse(request, face_words.of_finding(error.finding), 422, script)
            except limits.LimitReached as error:
                return _refuse(request, face_words.limit(error.retry_at), 429, script)

        return wrapper

    return decorate


def refuse_body(request: HttpRequest, status: int) -> HttpResponse:
    """A body that was not read, or could not be."""
    return _refuse(request, face_words.too_large() if status == 413 else face_words.unreadable(), status)


def refuse_frames(request: HttpRequest, status: int) -> HttpResponse:
    """The same of live pictures, which only our script sends."""
    words = face_words.frames_too_large() if status == 413 else face_words.unreadable()
    return _refuse(request, words, status, script=True)


@require_safe
@visited()
def face(request: HttpRequest, visit: Visit, now: datetime) -> HttpResponse:
    """Where the check stands, with what can be done next; who has nothing to prove gets the code."""
    visit = _recovered(visit, now)
    if visit.has_nothing_to_prove:
        return redirect("passcodes:code", visit.pass_code.public_id)
    return _page(request, visit, now)


@require_safe
@visited(script=True)
def state(request: HttpRequest, visit: Visit, now: datetime) -> JsonResponse:
    """Where the check stands: `{state, place, place_words, aim, finding, limit, next}`.

    `place`: how many are before it, null unless it waits. `limit`: null, or that no try is left for now, in words.
    `next`: the code's address once there is nothing to prove.
    """
    visit = _recovered(visit, now)
    place = _place(visit)
    finding = face_words.of_check(visit.check) if visit.check else None
    limit = _limit(visit, now)
    is_through = visit.has_nothing_to_prove
    return JsonResponse(
        {
            "state": visit.state,
            "place": place,
            "place_words": "" if place is None else face_words.queue(place),
            "aim": (visit.check and visit.check.aim_finding) or None,
            "finding": finding and asdict(finding),
            "limit": limit and asdict(limit),
            "next": reverse("passcodes:code", args=[visit.pass_code.public_id]) if is_through else None,
        }
    )


@require_POST
@visited()
def consent(request: HttpRequest, visit: Visit, now: datetime) -> HttpResponse:
    """The person, or a child's guardian, agrees: the check begins."""
    if visit.by_link:
        raise Http404
    face_checks.begin(pass_code=visit.pass_code, account=visit.account, by=visit.by, at=now)
    return _done(request, visit)


@bounded(PHOTO_BODY, refuse_body)
@require_POST
@visited()
def photo(request: HttpRequest, visit: Visit, now: datetime) -> HttpResponse:
    """Take the photo; it replaces an earlier one."""
    file = next(iter(request.FILES.getlist("photo")), None)
    face_checks.put_photo(check=visit.open_check, data=file.read() if file else b"", at=now)
    return _done(request, visit)


@bounded(AIM_BODY, refuse_frames)
@require_POST
@visited(script=True)
def aim(request: HttpRequest, visit: Visit, now: datetime) -> HttpResponse:
    """Take a small picture to help with holding the phone; `state` tells what it shows."""
    file = request.FILES.get("frame")
    face_checks.put_aim(check=visit.open_check, data=file.read() if file else b"", at=now)
    return JsonResponse({})


@require_POST
@visited(script=True)
def challenge(request: HttpRequest, visit: Visit, now: datetime) -> HttpResponse:
    """A new challenge, `{key, movements, seconds}`: left and right as the person sees them, to be answered in time."""
    attempt = face_checks.issue_challenge(check=visit.open_check, at=now)
    return JsonResponse({"key": attempt.key, "movements": attempt.challenge, "seconds": DEFAULT_LIMITS.seconds})


@bounded(FRAMES_BODY, refuse_frames)
@require_POST
@visited(script=True)
def frames(request: HttpRequest, visit: Visit, now: datetime) -> HttpResponse:
    """The answer to a challenge: its `key`, pictures as `frame` in their order, `at`, each one's seconds as JSON."""
    files = request.FILES.getlist("frame")
    seconds = _seconds(request.POST.get("at", ""))
    key = request.POST.get("key", "")
    if seconds is None or len(seconds) != len(files):
        return _refuse(request, face_words.unreadable(), 400, script=True)
    if not key.isascii() or not key.isalnum():
        raise face_checks.NotNow
    pictures = [(file.read(), second) for file, second in zip(files, seconds, strict=True)]
    face_checks.answer(check=visit.open_check, key=key, frames=pictures, at=now)
    return JsonResponse({})


@require_POST
@visited()
def withdraw(request: HttpRequest, visit: Visit, now: datetime) -> HttpResponse:
    """Stop, and delete the pictures. The other ways stay open."""
    face_checks.withdraw(check=visit.open_check, by=visit.by, at=now)
    if not visit.by_link:
        messages.success(request, _("The face check has been stopped and its pictures are deleted."))
    return _done(request, visit)


@visited()
def link(request: HttpRequest, visit: Visit, now: datetime) -> HttpResponse:
    """Make a link to the person's own phone. It is shown in this answer alone: only its hash is kept."""
    if visit.by_link:
        raise Http404
    if request.method != "POST":
        return redirect("passcodes:face", visit.pass_code.public_id)
    token = face_checks.make_link(check=visit.open_check, by=visit.account, at=now)
    url = settings.PUBLIC_URL + reverse("passcodes:face_link", args=[token])
    size, path = qr.svg_path(url)
    shown = {"url": url, "qr_size": size, "qr_path": path, "until": now + face_checks.LINK_LIFE}
    return _page(request, visit, now, link=shown)


@login_not_required  # opened on a phone that has no account; the token is the right
@never_cache
def face_link(request: HttpRequest, token: str) -> HttpResponse:
    """What a link opens: who asks, and for what. A GET changes nothing, since messengers fetch pages by themselves."""
    now = timezone.now()
    if request.method == "POST":
        try:
            used = face_checks.use_link(token=token, at=now)
        except face_checks.LinkDead:
            return _quiet(render(request, "passcodes/face_link_dead.html", status=410))
        face_access.remember_link(request, used, now)
        return redirect("passcodes:face", used.check_of.pass_code.public_id)
    found = face_checks.live_link(token=token, at=now)
    if found is None:
        return _quiet(render(request, "passcodes/face_link_dead.html", status=410))
    check = found.check_of
    phone = check.account.identifiers.filter(kind=IdentifierKind.PHONE).first()
    context = {"name": check.pass_code.person.masked_name, "phone": mask_phone(phone.value) if phone else ""}
    return _quiet(render(request, "passcodes/face_link.html", context))


def _quiet(response: HttpResponse) -> HttpResponse:
    """Not for search engines, and the address goes nowhere.

    `no-referrer` would make browsers send `Origin: null` with the form, which the CSRF check refuses.
    """
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


def _page(request: HttpRequest, visit: Visit, now: datetime, link: dict | None = None) -> HttpResponse:
    place = _place(visit)
    barred_until = None
    if visit.state == "consent":
        barred_until = face_checks.barred_until(account=visit.account, person=visit.person, at=now)
    context = {
        "visit": visit,
        "barred_until": barred_until,
        "pass_id": visit.pass_code.public_id,
        "panel": "link" if link else PANELS[visit.state],
        "name": visit.person.masked_name,
        "finding": face_words.of_check(visit.check) if visit.check else None,
        "limit": _limit(visit, now),
        "ended": face_words.of_ended(visit.ended) if visit.ended else None,
        "outcome": _outcome(visit),
        "place_words": "" if place is None else face_words.queue(place),
        "aims": face_words.aims(),
        "movements": Movement,
        "hotline": HOTLINE,
        "link": link,
        "largest": DEFAULT_LIMITS.bytes,
    }
    return render(request, "passcodes/face.html", context)


def _recovered(visit: Visit, now: datetime) -> Visit:
    """With the check as it stands, even where its task has failed for good."""
    if visit.check is None:
        return visit
    return replace(visit, check=face_checks.recover(check=visit.check, at=now))


def _limit(visit: Visit, now: datetime) -> Words | None:
    """That no try is left for now, where the next step is one."""
    if PANELS[visit.state] != "live":
        return None
    retry_at = face_checks.next_try(check=visit.check, at=now)
    return face_words.limit(retry_at) if retry_at else None


def _outcome(visit: Visit) -> str:
    """Why a code whose check has passed is neutral still: `desk`, `changed` since its yes, or `unasked`."""
    if visit.state != FaceCheckState.PASSED:
        return ""
    if visit.person.needs_desk:
        return "desk"
    attempt = visit.check.tries.order_by("-pk").first()
    is_match = attempt is not None and attempt.authority == Result.MATCH.value
    return "changed" if is_match else "unasked"


def _place(visit: Visit) -> int | None:
    """How many people are before this check; None unless it waits."""
    if visit.state not in WAITING or visit.check.task is None:
        return None
    return tasks.place(visit.check.task, kinds=("face-photo", "face-live"))


def _seconds(text: str) -> list[float] | None:
    """The times in a JSON list; None for anything else, NaN among it."""
    try:
        values = json.loads(text)
        if not isinstance(values, list) or any(type(value) not in (int, float) for value in values):
            return None
        seconds = [float(value) for value in values]
    except (ValueError, OverflowError, RecursionError):
        return None
    return seconds if all(math.isfinite(second) for second in seconds) else None


def _done(request: HttpRequest, visit: Visit) -> HttpResponse:
    """To the page; a script asks `state` and draws it itself."""
    if _is_script(request):
        return JsonResponse({})
    return redirect("passcodes:face", visit.pass_code.public_id)


def _refuse(request: HttpRequest, words: Words, status: int, script: bool = False) -> HttpResponse:
    """JSON `{error, title, advice}` for scripts; for a plain form its page with the words as a message."""
    if script or _is_script(request):
        return JsonResponse({"error": words.code, "title": words.title, "advice": words.advice}, status=status)
    messages.error(request, f"{words.title}: {words.advice}")
    return redirect("passcodes:face", resolve(request.path_info).kwargs["pass_id"])


def _without_right(request: HttpRequest, pass_id: str) -> HttpResponse:
    """404 for other accounts, the sign-in for nobody, and the code where the check led to a person known before."""
    proven = face_access.proven_elsewhere(request, pass_id)
    code = proven and reverse("passcodes:code", args=[issue_pass(person=proven).public_id])
    if _is_script(request):
        if code:
            return JsonResponse({"state": FaceCheckState.PASSED, "next": code})
        words, status = _no_right(request)
        return JsonResponse({"error": words.code, "title": words.title, "advice": words.advice}, status=status)
    if code:
        return redirect(code)
    if face_access.came_by_link(request):
        return render(request, "passcodes/face_link_dead.html", status=410)
    if not request.user.is_authenticated:
        return redirect_to_login(reverse("passcodes:face", args=[pass_id]))
    raise Http404


def _no_right(request: HttpRequest) -> tuple[Words, int]:
    """What a script is told, and the status."""
    if face_access.came_by_link(request):
        return Words("link_dead", _("This link no longer works"), ""), 410
    if not request.user.is_authenticated:
        return Words("signed_out", _("Please sign in again"), ""), 401
    advice = _("The address is wrong, or the page is not for this account.")
    return Words("not_found", _("Page not found"), advice), 404


def _is_script(request: HttpRequest) -> bool:
    return not request.accepts("text/html")
