"""The page of a dry run, for whatever list of the authority's site it belongs to: asks, waits, shows the result."""

from datetime import datetime

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts import purposes
from accounts.models import Account
from declarations import divisions
from passcodes import dry_runs
from passcodes.dry_run import LEAST_TOLD_APART, Effect, Turn
from passcodes.models import RiskBatch, RuleSet
from passcodes.risk_models import BatchState
from passcodes.rule_models import RuleSetState

DIVISIONS_SHOWN = 100


def offer(thing: RiskBatch | RuleSet, url: str, at: datetime) -> dict:
    """Context of `admin/_dry_run.html`, the button on the thing's own page. `url` is that of `page`."""
    if not dry_runs.content_of(thing, at):
        return {}
    return {"dry_run_url": url, "dry_run_last": dry_runs.latest(thing), "dry_run_ends": _ends(thing)}


@never_cache
def page(
    request: HttpRequest, *, site: AdminSite, opts: Options, thing: RiskBatch | RuleSet, back_url: str
) -> HttpResponse:
    """POST asks for a dry run of this thing, GET shows the last one. The caller has checked who may."""
    now = timezone.now()
    if request.method == "POST":
        return _asked(request, thing, back_url, now)
    run, content = dry_runs.latest(thing), dry_runs.content_of(thing, now)
    effect = dry_runs.effect_of(run) if run and run.finished_at else None
    if effect and effect.samples:
        if not (reason := purposes.current(request, now)):
            return HttpResponseRedirect(purposes.address(site.name, request.get_full_path()))
        dry_runs.looked_at(run, effect, reason=reason, by=request.user, at=now)
    context = {
        **site.each_context(request),
        "title": _("Trial on the present population"),
        "opts": opts,
        "thing": f"{opts.verbose_name} {thing}",
        "back_url": back_url,
        "run": run,
        "ends": _ends(thing),
        "may_ask": bool(content),
    }
    if run:
        context |= {
            "waits": dry_runs.is_running(run),
            "failed": dry_runs.has_failed(run),
            "outdated": run.content != content,
            "of_withdrawal": dry_runs.is_of_withdrawal(run),
        }
    if effect:
        context |= _shown(effect)
    request.current_app = site.name
    return TemplateResponse(request, "admin/dry_run.html", context)


def _asked(request: HttpRequest, thing: RiskBatch | RuleSet, back_url: str, now: datetime) -> HttpResponse:
    """Leads to where the result will be."""
    by: Account = request.user
    what = {"batch": thing} if isinstance(thing, RiskBatch) else {"rule_set": thing}
    try:
        dry_runs.ask(**what, by=by, at=now)
    except dry_runs.Decided:
        messages.warning(request, _("This cannot be tried any more: it was decided before."))
        return HttpResponseRedirect(back_url)
    return HttpResponseRedirect(request.path)


def _ends(thing: RiskBatch | RuleSet) -> bool:
    """Whether it is in force, so that its withdrawal is tried."""
    return thing.state in (BatchState.VISIBLE, RuleSetState.RELEASED)


def _shown(effect: Effect) -> dict:
    """The result in words."""
    rows = [{"name": _name(code), "turns": _worded(turns)} for code, turns in effect.divisions.items()]
    rows.sort(key=lambda row: -sum(turn["count"] for turn in row["turns"]))
    return {
        "population": f"{effect.population:,}",
        "turning": effect.turning,
        "turning_in_digits": f"{effect.turning:,}",
        "is_of_few": effect.is_of_few,
        "least": LEAST_TOLD_APART,
        "turns": _worded(effect.turns),
        "divisions": rows[:DIVISIONS_SHOWN],
        "more_divisions": len(rows[DIVISIONS_SHOWN:]),
        "samples": [
            {
                "name": sample.name,
                "document": sample.document,
                "was": _colour(sample.was),
                "becomes": _colour(sample.becomes),
            }
            for sample in effect.samples
        ],
        "is_part": effect.turning > len(effect.samples),
    }


def _worded(turns: list[Turn]) -> list[dict]:
    return [
        {
            "was": _colour(turn.was),
            "becomes": _colour(turn.becomes),
            "count": turn.people,
            "people": f"{turn.people:,}",
        }
        for turn in turns
    ]


def _colour(colour) -> dict:
    return {"name": colour.name.lower(), "label": colour.label}


def _name(division: int | None) -> str:
    return _("no declaration") if division is None else divisions.full_name(division)
