"""Whose document a clerk has affirmed to have seen: kept in the staff session for half an hour, as hashes and ids."""

from datetime import datetime, timedelta

from django.http import HttpRequest

AFFIRMED_FOR = timedelta(minutes=30)
KEY = "desk_seen"


def affirm(request: HttpRequest, *, document: str, person_id: int | None, at: datetime) -> None:
    """The document (its keyed hash) lies before the clerk, and belongs to this person if they are known."""
    until = (at + AFFIRMED_FOR).timestamp()
    seen = {name: end for name, end in _seen(request).items() if end > at.timestamp()}
    seen[f"document:{document}"] = until
    if person_id is not None:
        seen[f"person:{person_id}"] = until
    request.session[KEY] = seen


def saw_document(request: HttpRequest, document: str, at: datetime) -> bool:
    """Whether the clerk of this session has seen the document with this keyed hash."""
    return _seen(request).get(f"document:{document}", 0) > at.timestamp()


def saw_person(request: HttpRequest, person_id: int, at: datetime) -> bool:
    """Whether the clerk of this session has seen this person and their document."""
    return _seen(request).get(f"person:{person_id}", 0) > at.timestamp()


def _seen(request: HttpRequest) -> dict[str, float]:
    return request.session.get(KEY, {})
