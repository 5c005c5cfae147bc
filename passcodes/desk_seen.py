"""Whose document a clerk has affirmed to have seen: hashes and ids in the staff session, good for half an hour."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

AFFIRMED_FOR = timedelta(minutes=30)
KEY = "desk_seen"
AGREED = "desk_agreed"


class SeenTooLongAgo(Exception):
    """The clerk has seen this person's document, but not within the last half hour."""


def of_person(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page of one person: back to the look-up when the document was seen too long ago."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except SeenTooLongAgo:
            text = _("Half an hour has passed since you saw the document. Please look it up again.")
            messages.warning(request, text)
            return redirect("desk:index")

    return wrapper


def affirm(request: HttpRequest, *, document: str, person_id: int | None, at: datetime) -> None:
    """The document (its keyed hash) lies before the clerk, and belongs to this person if they are known."""
    until = (at + AFFIRMED_FOR).timestamp()
    seen = dict(_seen(request))  # with what is over, to say so instead of "not found"; the session ends with the day
    seen[f"document:{document}"] = until
    if person_id is not None:
        seen[f"person:{person_id}"] = until
    request.session[KEY] = seen


def saw_document(request: HttpRequest, document: str, at: datetime) -> bool:
    """Whether the clerk of this session has seen the document with this keyed hash."""
    return _seen(request).get(f"document:{document}", 0) > at.timestamp()


def had_seen_document(request: HttpRequest, document: str) -> bool:
    """Whether the clerk of this session has seen it, be it too long ago."""
    return f"document:{document}" in _seen(request)


def saw_person(request: HttpRequest, person_id: int, at: datetime) -> bool:
    """Whether the clerk of this session has seen this person and their document."""
    return _seen(request).get(f"person:{person_id}", 0) > at.timestamp()


def had_seen_person(request: HttpRequest, person_id: int) -> bool:
    """Whether the clerk of this session has seen them, be it too long ago."""
    return f"person:{person_id}" in _seen(request)


def agree(request: HttpRequest, *, holder_id: int, at: datetime) -> None:
    """The holder, by their one-time code, wants this clerk to declare for them: once, within the half hour."""
    request.session[AGREED] = {"holder": holder_id, "until": (at + AFFIRMED_FOR).timestamp()}


def agreed_holder(request: HttpRequest, at: datetime) -> int | None:
    """The account for whose person this clerk may declare now."""
    agreed = request.session.get(AGREED, {})
    return agreed["holder"] if agreed and agreed["until"] > at.timestamp() else None


def forget_agreement(request: HttpRequest) -> None:
    """It has served."""
    request.session.pop(AGREED, None)


def _seen(request: HttpRequest) -> dict[str, float]:
    return request.session.get(KEY, {})
