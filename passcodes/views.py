"""The code page, its offline stand-in, and the published keys."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache

from accounts.actions import issue_device_key
from accounts.models import DEVICE_KEY_LIFE
from declarations.models import Person, Proxy, Relation
from healthpass.lib import qr
from healthpass.lib.masks import mask_document, mask_name
from passcodes import actions, facts, keys, notices, pass_access, reasons, tokens
from passcodes.colour import Colour, Condition
from passcodes.hot import KEY_COOKIE
from passcodes.models import NationalQuery

RENEWALS_SOON = 12  # five seconds apart, while an answer is to be expected any moment; then at the usual pace


@never_cache
def own(request: HttpRequest) -> HttpResponse:
    """One's own code; who has not declared yet gets the form."""
    return _to_own(request, "passcodes:code")


@never_cache
def own_appeal(request: HttpRequest) -> HttpResponse:
    """What can be appealed against of one's own code, from pages that do not know it; as above who has not declared."""
    return _to_own(request, "passcodes:appeal")


def _to_own(request: HttpRequest, page: str) -> HttpResponse:
    person = Person.objects.held_by(request.user).first()
    if person is None:
        return redirect("declarations:declare")
    return redirect(page, actions.issue_pass(person=person).public_id)


@login_not_required  # a device key shows its pass without session or account, as it renews it; else sign-in is asked
@never_cache
def code(request: HttpRequest, pass_id: str) -> HttpResponse:
    """The code: coloured QR, word and shape, whose it is, until when, and what to do when it is not green."""
    now = timezone.now()
    try:
        access = pass_access.find(request, pass_id, now)
    except pass_access.NotShown:
        return _not_shown(request, pass_id)
    if not isinstance(access, pass_access.Access):
        return access
    response = render(request, "passcodes/code.html", _context(access.row, pass_id, now))
    if not access.by_key:
        _give_key(request, response, pass_id, now)
    return response


def _not_shown(request: HttpRequest, pass_id: str) -> HttpResponse:
    """Where somebody goes who showed this relative's code, or is to; for everybody else there is no such page."""
    relations = Proxy.objects.of_account(request.user).select_related("person")
    relation = relations.filter(person__pass_code__public_id=pass_id).order_by("-pk").first()
    if relation is None:
        raise Http404
    current = relations.current().concerning(relation.person).order_by("-person__assurance").first()
    if current:
        return redirect("passcodes:relative", current.pk)
    messages.warning(request, _("You no longer act for %(name)s.") % {"name": relation.person.masked_name})
    return redirect("passcodes:people")


def _context(row: dict, pass_id: str, now: datetime) -> dict:
    assessment = actions.show_colour(row=row, at=now)
    waits = any(reason.code == Condition.ASKED for reason in assessment.reasons)
    if waits:
        NationalQuery.objects.hurry(row["person_id"], now)
    token = tokens.sign(pass_id, assessment.colour, keys.signing_key(now), now)
    size, path = qr.svg_path(tokens.url(settings.PUBLIC_URL, token))
    colour_name = assessment.colour.name.lower()
    return _codes(row) | {
        "colour": colour_name,
        "headline": reasons.headline(colour_name),
        "advice": reasons.advice(colour_name, assessment.reasons),
        "soon": RENEWALS_SOON if waits else 0,
        "was": _was(row, assessment.colour),
        "speaks": row["speaks"],
        "places": len(facts.places_of(row)),
        "reasons": [reasons.text_of(reason, person_id=row["person_id"]) for reason in assessment.reasons],
        "identity_unchecked": any(reason.code == Condition.IDENTITY for reason in assessment.reasons),
        "needs_desk": row["needs_desk"],
        "pass_id": pass_id,
        "name": mask_name(facts.decrypted(Person, "name", row["name"])),
        "document": mask_document(facts.decrypted(Person, "document_number", row["document_number"])),
        "declared_at": facts.moment(row["declared_at"]),
        "now": now,
        "expires": now + tokens.LIFE,
        "qr_size": size,
        "qr_path": path,
        "qr_prefix": tokens.url(settings.PUBLIC_URL, ""),
    }


def _was(row: dict, colour: Colour) -> str:
    """The word for the colour that this account was shown before, where it has changed since as people are told."""
    seen = None if row["seen"] is None else Colour(row["seen"])
    if seen is None or notices.kind_of(seen, colour) is None:
        return ""
    return reasons.headline(seen.name.lower())


def _codes(row: dict) -> dict:
    """The relatives' codes, one tap away, by name and relation; `proxy_id` is that of this page, None on one's own."""
    found = facts.relatives_of(row)
    own_page = next((proxy for proxy, _relation, person, _name in found if person == row["person_id"]), None)
    return {
        "relatives": [(proxy, mask_name(name), Relation(relation).label) for proxy, relation, _person, name in found],
        "proxy_id": None if row["is_own"] else own_page,
    }


def _give_key(request: HttpRequest, response: HttpResponse, pass_id: str, now: datetime) -> None:
    """A device key for this browser and pass, in a cookie that only the pass's own addresses get."""
    secret = issue_device_key(
        account=request.user,
        device_id=request.session["device"],
        subject=pass_id,
        at=now,
        until=request.session.get_expiry_date(),
    )
    response.set_cookie(
        KEY_COOKIE,
        secret,
        max_age=DEVICE_KEY_LIFE,
        path=f"/code/{pass_id}/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


@login_not_required
@cache_control(max_age=3600)
def offline(request: HttpRequest) -> HttpResponse:
    """The page that the service worker shows without network: holds nobody's data, its script draws the last code."""
    headlines = [(colour.name.lower(), reasons.headline(colour.name.lower())) for colour in Colour]
    return render(request, "passcodes/offline.html", {"headlines": headlines})


@login_not_required
@cache_control(public=True, max_age=3600)
def key_set(request: HttpRequest) -> JsonResponse:
    """The public keys that check a code without network: a JWK set (RFC 7517) with region and dates."""
    now = timezone.now()
    return JsonResponse({"keys": [tokens.public_jwk(key) for key in keys.ring() if key.is_published(now)]})
