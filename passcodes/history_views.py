"""Which colours a code has shown, and which it will show by the dates that are known today."""

from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from declarations.models import Person
from healthpass.lib.masks import mask_name
from passcodes import facts, rules, withdrawals
from passcodes.actions import reason_from_json
from passcodes.colour import Colour, Condition, day_of
from passcodes.history_forms import DAYS_AHEAD, DayForm
from passcodes.models import ColourChange
from passcodes.outlook import Span, on_day, outlook, renew_before, renewed, worst
from passcodes.pass_access import of_pass
from passcodes.reasons import advice, headline, text_of

DAYS_BACK = 30
MOST_CHANGES = 50
MOST_READ = 1_000  # changes, for the areas that they name
DAYS_SHOWN = 14


@login_not_required  # as the code page: the key of its path, or sign-in
@never_cache
@require_safe
@of_pass(by_key=True)
def history(request: HttpRequest, pass_id: str, row: dict, now: datetime) -> HttpResponse:
    """The colours shown in the last 30 days with their reasons, newest first, and what was withdrawn since."""
    since = now - timedelta(days=DAYS_BACK)
    found = ColourChange.objects.filter(person_id=row["person_id"], at__gte=since).order_by("-at", "-pk")
    changes = list(found[:MOST_CHANGES])
    more = len(changes) == MOST_CHANGES
    named = found.only("reasons")[:MOST_READ] if more else changes
    context = {
        "changes": [_change(change) for change in changes],
        "more": more,
        "withdrawals": withdrawals.of_person(person_id=row["person_id"], changes=named, at=now, since=since),
        "days": DAYS_BACK,
    }
    return render(request, "passcodes/history.html", _whose(row, pass_id) | context)


@login_not_required  # as above
@never_cache
@require_safe
@of_pass(by_key=True)
def outlook_page(request: HttpRequest, pass_id: str, row: dict, now: datetime) -> HttpResponse:
    """Whether the code will let its holder pass on a day, and when its colour changes, if nothing new happens."""
    form = DayForm(request.GET if "day" in request.GET else None, today=day_of(now))
    found = facts.facts_of(row)
    dated = rules.dated(now)
    spans = outlook(found, renewed(dated), now, DAYS_AHEAD)
    day = form.cleaned_data["day"] if form.is_valid() else None
    soon = day_of(now) + timedelta(days=DAYS_SHOWN)
    renewal = renew_before(found, dated)
    context = {
        "form": form,
        "day": day,
        "answer": _answer(on_day(spans, day)) if day else None,
        "spans": [_shown(span) for span in spans if day_of(span.start) <= soon],
        "last": spans[-1].end,
        "renew_before": renewal,
        "renew_now": renewal is None or renewal <= now,
        "real_name": found.real_name,
        "stale": any(reason.code == Condition.STALE for span in spans for reason in span.reasons),
    }
    return render(request, "passcodes/outlook.html", _whose(row, pass_id) | context)


def _whose(row: dict, pass_id: str) -> dict:
    return {
        "pass_id": pass_id,
        "is_own": row["is_own"],
        "name": mask_name(facts.decrypted(Person, "name", row["name"])),
    }


def _change(change: ColourChange) -> dict:
    colour = Colour(change.colour).name.lower()
    reasons = [text_of(reason_from_json(values)) for values in change.reasons]
    return {"at": change.at, "colour": colour, "headline": headline(colour), "reasons": reasons}


def _shown(span: Span) -> dict:
    colour = span.colour.name.lower()
    return {
        "start": span.start,
        "colour": colour,
        "headline": headline(colour),
        "advice": advice(colour, span.reasons),
        "reasons": [text_of(reason).why for reason in span.reasons],
    }


def _answer(spans: tuple[Span, ...]) -> dict:
    """The day's worst colour, and when it changes on that day."""
    return _shown(worst(spans)) | {"later": [_shown(span) for span in spans[1:]]}
