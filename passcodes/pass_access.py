"""Who may see the pages of a pass: whoever may show its code, by the browser's key of the pass or by account."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.actions import device_key_hash
from passcodes import face_checks, facts
from passcodes.hot import KEY_COOKIE


class NotShown(Http404):
    """The account may not show this pass, or there is none."""


@dataclass(frozen=True)
class Access:
    """The facts' row of the pass, with what its code page shows; `by_key`: without a session."""

    row: dict
    by_key: bool


def find(request: HttpRequest, pass_id: str, at: datetime, *, by_key: bool = True) -> Access | HttpResponse:
    """The access to a pass; or where the browser goes first: to sign in, or to show the own face where that is due.

    `by_key`: whether the key of the pass is enough. Raises NotShown.
    """
    if by_key:
        key_hash = device_key_hash(request.COOKIES.get(KEY_COOKIE, ""))
        row = facts.for_page(key_hash=key_hash, pass_id=pass_id, at=at)
        if row is not None:
            return Access(row, by_key=True)
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    row = facts.for_page_of(account_id=request.user.pk, pass_id=pass_id, at=at)
    if row is None:
        raise NotShown
    if row["is_own"] and face_checks.is_due(account=request.user, person_id=row["person_id"]):
        return redirect("passcodes:face", pass_id)
    return Access(row, by_key=False)


def of_pass(*, by_key: bool) -> Callable:
    """Calls the view with the facts' row of the pass and the time, for whoever may show it; see `find`."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapper(request: HttpRequest, pass_id: str, **kwargs) -> HttpResponse:
            now = timezone.now()
            access = find(request, pass_id, now, by_key=by_key)
            return view(request, pass_id, access.row, now, **kwargs) if isinstance(access, Access) else access

        return wrapper

    return decorate
