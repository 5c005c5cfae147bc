"""Asking whether somebody was at a named place that is a risk area inside their division."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from declarations.models import Person
from healthpass.lib.masks import mask_name
from passcodes import facts, places
from passcodes.colour import day_of
from passcodes.pass_access import of_pass
from passcodes.place_forms import PlacesForm, dates_of


@never_cache
@sensitive_post_parameters()
@of_pass(by_key=False)
def page(request: HttpRequest, pass_id: str, row: dict, now: datetime) -> HttpResponse:
    """The places near the declared address and stays; what was answered before. By sign-in, as an answer is a write."""
    context = {
        "pass_id": pass_id,
        "is_own": row["is_own"],
        "name": mask_name(facts.decrypted(Person, "name", row["name"])),
    }
    if not row["speaks"]:
        return render(request, "passcodes/places.html", context)
    form = PlacesForm(
        request.POST if request.method == "POST" else None,
        asked=places.asked(facts.places_of(row)),
        denied=places.denied(row["person_id"], now),
        today=day_of(now),
    )
    if form.is_valid():
        return _keep(request, pass_id, row, form, now)
    context["form"] = form
    context["admitted"] = [(said, dates_of(said.area)) for said in places.admitted(row["person_id"])]
    return render(request, "passcodes/places.html", context)


def _keep(request: HttpRequest, pass_id: str, row: dict, form: PlacesForm, now: datetime) -> HttpResponse:
    for area, was_there, last_on in form.answers():
        try:
            places.answer(
                person_id=row["person_id"], area=area, was_there=was_there, last_on=last_on, by=request.user, at=now
            )
        except places.NotTheirs:  # the person has an account since a moment ago
            return redirect("passcodes:places", pass_id)
        except places.WasThere:
            text = _("%(place)s: it was answered before that you were there. Only an appeal changes that.")
            messages.warning(request, text % {"place": area.full_name})
    messages.success(request, _("Thank you. The colour of the code takes the answers into account."))
    return redirect("passcodes:code", pass_id)
