"""What the desk's pages share: whom they may show, the clerk's office, limits, audit rows."""

from datetime import datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audit, limits
from accounts.desk import clerk_of
from accounts.limits import LimitReached
from accounts.models import Account, Office
from declarations import desk
from declarations.models import Person
from passcodes import desk_seen
from passcodes.desk_seen import SeenTooLongAgo

DAY = timedelta(days=1)


def doing(request: HttpRequest, person: Person, now: datetime) -> dict:
    """What every write of a desk is told."""
    return {"person": person, "office": office_of(request), "by": request.user, "at": now}


def person_of(request: HttpRequest, person_id: int, now: datetime) -> Person:
    """Somebody whose document this clerk has just seen and whom this office serves. Raises Http404, SeenTooLongAgo."""
    if not desk_seen.had_seen_person(request, person_id):
        raise Http404
    if not desk_seen.saw_person(request, person_id, now):
        raise SeenTooLongAgo
    person = Person.objects.real_name().filter(pk=person_id).select_related("holder").first()
    if person is None or not desk.serves(office_of(request), person):
        raise Http404
    return person


def owner_of(request: HttpRequest, person_id: int, now: datetime) -> Person:
    """The same of whoever has an account and whose document was seen, also under another name than the pass has.

    Raises Http404, SeenTooLongAgo.
    """
    person = Person.objects.real_name().filter(pk=person_id).exclude(holder=None).select_related("holder").first()
    if person is None or not desk_seen.had_seen_document(request, person.document_hash):
        raise Http404
    if not desk_seen.saw_document(request, person.document_hash, now):
        raise SeenTooLongAgo
    if not desk.serves(office_of(request), person):
        raise Http404
    return person


def office_of(request: HttpRequest) -> Office:
    """The office that the clerk works for."""
    return clerk_of(request.user).office


def phones_of(account: Account) -> str:
    """The account's identifiers, masked."""
    return ", ".join(str(identifier) for identifier in account.identifiers.all()) or f"#{account.pk}"


def take(request: HttpRequest, scope: str, limit: int, now: datetime) -> None:
    """Count one act of the clerk. Raises LimitReached."""
    limits.take(scope, str(request.user.pk), limit=limit, per=DAY, at=now)


def limit_text(limit: LimitReached) -> str:
    retry_at = date_format(timezone.localtime(limit.retry_at), "SHORT_DATETIME_FORMAT")
    return _("The desk's limit for a day is reached. You can go on from %(time)s.") % {"time": retry_at}


def record(request: HttpRequest, action: str, now: datetime, *, person: Person | None = None, **detail) -> None:
    """An audit row of what the clerk did, about whom, at which office."""
    office = office_of(request)
    subject = f"person:{person.pk}" if person else f"office:{office.pk}"
    audit.record(by=request.user, action=action, subject=subject, at=now, office=office.pk, **detail)


def page(request: HttpRequest, template: str, context: dict, *, status: int = 200) -> HttpResponse:
    """The template, with the clerk's office."""
    return render(request, template, {"office": office_of(request), **context}, status=status)
