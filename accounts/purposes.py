"""Why somebody of the staff looks at people: chosen from a closed list, kept for a while, written on every look."""

from datetime import datetime, timedelta

from django import forms
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.views import own_path

KEPT = timedelta(minutes=30)
SESSION_KEY = "look_reason"


class LookReason(models.TextChoices):
    """A closed list: the audit holds no personal data, so no free text."""

    IDENTITY = "identity", _("to settle whose document it is")
    TRACING = "tracing", _("to trace contacts of a case")
    CARE = "care", _("to arrange a test, treatment or isolation")
    APPEAL = "appeal", _("to answer an appeal or a complaint")
    RECORD = "record", _("to check a record or a colour")
    ORDER = "order", _("on a written order of a court or the police")
    ROLE = "role", _("to give, check or end somebody's role")


CHOICES = [("", "---------"), *LookReason.choices]


class PurposeForm(forms.Form):
    """Why the next looks are needed."""

    reason = forms.ChoiceField(label=_("Why do you look?"), choices=CHOICES)


def current(request: HttpRequest, at: datetime) -> str:
    """The LookReason that this session has said lately; "" if none."""
    reason, said = request.session.get(SESSION_KEY, ("", 0))
    return reason if reason in LookReason.values and at.timestamp() < said + KEPT.total_seconds() else ""


def address(site: str, after: str) -> str:
    """Where it is asked, to go on to the page `after`."""
    return reverse("admin:why", current_app=site, query={"next": after})


def page(request: HttpRequest, context: dict) -> HttpResponse:
    """Asks why, and goes on to the page that was asked for."""
    index = reverse("admin:index", current_app=request.current_app)
    after = own_path(request, request.POST.get("next", request.GET.get("next"))) or index
    form = PurposeForm(request.POST or None)
    if form.is_valid():
        request.session[SESSION_KEY] = [form.cleaned_data["reason"], timezone.now().timestamp()]
        return redirect(after)
    context |= {"title": gettext("Why do you look?"), "form": form, "next": after}
    return TemplateResponse(request, "admin/why.html", context)
