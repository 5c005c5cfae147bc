"""Batches of risk data on the authority's site: upload, preview, release, withdraw."""

import json
import secrets
from datetime import datetime
from functools import partial

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from accounts.audited import AuditedAdmin
from accounts.authority import authority, page_of, waiting
from accounts.lists import FieldFilter
from accounts.models import Account
from accounts.officers import NotAnOfficer, office_of
from passcodes import approvals, dry_run_pages, risk, second_office
from passcodes.basis_forms import BasisForm
from passcodes.colour import RiskCategory, RiskLevel
from passcodes.models import Approval, RiskBatch, RiskSource
from passcodes.risk_models import BY_HAND, MANUAL, BatchState, BatchWay
from passcodes.risk_rows import Problem, RefusedFile
from passcodes.risk_words import AREAS, MAY_LACK, PEOPLE

UPLOAD_LIMIT = settings.FILE_UPLOAD_MAX_MEMORY_SIZE  # so that no list is ever written to the disk in plain
PROBLEMS_SHOWN = 20
MOST_COUNTED = 999
LABELS = {**dict(RiskCategory.choices), **dict(RiskLevel.choices)}


class RiskUploadForm(forms.Form):
    """A list of people or areas, for one source."""

    source = forms.ModelChoiceField(
        label=gettext_lazy("Source"), queryset=RiskSource.objects.agreed().exclude(slug=MANUAL).order_by("name")
    )
    file = forms.FileField(label=gettext_lazy("File (CSV or .xlsx)"))

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > UPLOAD_LIMIT:
            raise forms.ValidationError(
                _("The file is larger than %(limit)d MB. Split it, or have it imported on the server.")
                % {"limit": UPLOAD_LIMIT // 1_000_000}
            )
        return file


class BatchStateFilter(FieldFilter):
    title = gettext_lazy("state")
    parameter = "state"
    offered = BatchState.choices


class BatchWayFilter(FieldFilter):
    title = gettext_lazy("way in")
    parameter = "way"
    offered = BatchWay.choices


def for_second_office(account: Account) -> tuple[str, str] | None:
    """How many batches this officer could agree to, and their list; the batch itself if it is one."""
    waits = Approval.objects.waiting_for(account, office_of(account)).filter(batch__state=BatchState.DRAFT)
    batches = list(waits.order_by("pk").values_list("batch", flat=True)[:MOST_COUNTED])
    if not batches:
        return None
    count = len(batches)
    words = ngettext("%(count)d batch waits for your agreement", "%(count)d batches wait for your agreement", count)
    return words % {"count": count}, page_of("passcodes_riskbatch", batches, "?state=draft")


def for_first_office(account: Account) -> tuple[str, str] | None:
    """How many lists came in that count only when two offices agree, and nobody has proposed."""
    held = RiskBatch.objects.filter(state=BatchState.DRAFT, approvals=None).exclude(way__in=BY_HAND)
    batches = list(held.order_by("pk").values_list("pk", flat=True)[:MOST_COUNTED])
    if not batches:
        return None
    count = len(batches)
    words = ngettext(
        "%(count)d list that came in counts for nobody until it is proposed",
        "%(count)d lists that came in count for nobody until they are proposed",
        count,
    )
    return words % {"count": count}, page_of("passcodes_riskbatch", batches, "?state=draft")


waiting.extend([for_second_office, for_first_office])


@admin.register(RiskBatch, site=authority)
class RiskBatchAdmin(AuditedAdmin):
    """Uploaded, looked at, released or refused, withdrawn; each by a button and with an audit row."""

    order = 2.3
    list_display = ("number", "source", "about", "state", "rows", "applied", "errors", "duplicates", "created_at")
    list_filter = (BatchStateFilter, BatchWayFilter)
    list_select_related = ("source",)
    ordering = ("-pk",)
    sortable_by = ()
    actions = None
    change_form_template = "admin/risk_batch.html"
    change_list_template = "admin/risk_batches.html"
    content = ("source", "name", "about", "way", "state", "rows", "applied", "errors", "duplicates")
    decisions = (
        "created_by",
        "created_at",
        "released_by",
        "released_office",
        "released_at",
        "withdrawn_by",
        "withdrawn_at",
    )
    readonly_fields = (*content, *decisions)

    def get_fields(self, request: HttpRequest, obj: RiskBatch | None = None):
        """Of its decisions those that were made."""
        made = [name for name in self.decisions if obj and getattr(obj, name)]
        return (*self.content, *made)

    @admin.display(description=gettext_lazy("number"))
    def number(self, batch: RiskBatch) -> str:
        return f"#{batch.pk}"

    @admin.display(description=gettext_lazy("about"))
    def about(self, batch: RiskBatch) -> str:
        return batch.get_kind_display()

    def extra_urls(self, name: str) -> list:
        decisions = {
            "release": (risk.release, gettext_lazy("The list is in force from the next display or scan on.")),
            "approve": (approvals.approve, gettext_lazy("The list is in force from the next display or scan on.")),
            "refuse": (approvals.refuse, gettext_lazy("The list is refused and will never count.")),
            "withdraw": (risk.withdraw, gettext_lazy("The list ceases to count from the next display or scan on.")),
            "renew": (approvals.renew, gettext_lazy("Its people stay coloured for another 72 hours.")),
        }
        views = [
            path(
                f"<int:object_id>/{verb}/",
                self.admin_site.admin_view(require_POST(partial(self.decide_view, decide=decide, done=done))),
                name=f"{name}_{verb}",
            )
            for verb, (decide, done) in decisions.items()
        ]
        propose = self.admin_site.admin_view(require_POST(self.propose_view))
        dry_run = self.admin_site.admin_view(self.dry_run_view)
        views.append(path("<int:object_id>/dry-run/", dry_run, name=f"{name}_dry_run"))
        views.append(path("<int:object_id>/propose/", propose, name=f"{name}_propose"))
        return [path("upload/", self.admin_site.admin_view(self.upload_view), name=f"{name}_upload"), *views]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Loads the file as a draft and leads to its preview; nothing of it counts until it is released."""
        now = timezone.now()
        form = RiskUploadForm(request.POST or None, request.FILES or None)
        if form.is_valid() and (batch := self._loaded(request, form, now)):
            return HttpResponseRedirect(self._url("change", batch.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Upload a list"),
            "opts": self.opts,
            "form": form,
            "columns": [_columns_in_words(PEOPLE), _columns_in_words(AREAS)],
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/risk_upload.html", context)

    def _loaded(self, request: HttpRequest, form: RiskUploadForm, now: datetime) -> RiskBatch | None:
        """The draft; None with an error in the form."""
        name = f"{timezone.localtime(now):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        try:
            return risk.load(
                source=form.cleaned_data["source"],
                name=name,
                way=BatchWay.UPLOAD,
                file=form.cleaned_data["file"].file,
                by=request.user,
                at=now,
            )
        except RefusedFile as refused:
            form.add_error("file", str(refused))
        except risk.NotAgreed:
            form.add_error("source", _("This source was ended in the meantime."))
        except risk.Busy:
            form.add_error(None, _("Another list of this source is being loaded. Please try again in a minute."))
        return None

    def decide_view(self, request: HttpRequest, object_id: int, decide, done) -> HttpResponse:
        """Releases, refuses or withdraws."""
        batch = self.get_object(request, str(object_id))
        try:
            decide(batch=batch, by=request.user, at=timezone.now())
        except (NotAnOfficer, approvals.NotYours, second_office.NeedsSecond):
            self.message_user(request, _("An officer of another office has to agree."), messages.ERROR)
        except approvals.TooEarly:
            text = _("It can be renewed in the last 24 hours before it lapses, not earlier.")
            self.message_user(request, text, messages.WARNING)
        except (risk.NotWaiting, approvals.NotProposed):
            self.message_user(request, _("This batch was decided before."), messages.WARNING)
        else:
            self.message_user(request, done, messages.SUCCESS)
        return HttpResponseRedirect(self._url("change", batch.pk))

    def propose_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Asks another office to put the draft in force."""
        form = BasisForm(request.POST)
        if form.is_valid():
            propose = partial(approvals.propose, **form.cleaned_data)
            done = _("Proposed. An officer of another office has to agree.")
            return self.decide_view(request, object_id, propose, done)
        return self.page_again(request, self.get_object(request, str(object_id)), basis_form=form)

    def dry_run_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Who would turn if a draft counted, or if what is in force ceased to."""
        batch = self.get_object(request, str(object_id))
        back = self._url("change", batch.pk)
        return dry_run_pages.page(request, site=self.admin_site, opts=self.opts, thing=batch, back_url=back)

    def _second_office(self, batch: RiskBatch, account: Account) -> dict:
        """What the page says and offers of a draft."""
        approval = batch.approvals.select_related("proposer_office").filter(refused_at=None).first()
        if batch.state != BatchState.DRAFT:
            return {"approval": approval}
        verbs = ["refuse"]
        if approval is None:
            alone_enough = not second_office.needs_second(batch, office=office_of(account), at=timezone.now())
            verbs.append("release" if alone_enough else "propose")
        elif approvals.may_approve(approval, account):
            verbs.append("approve")
        urls = {f"{verb}_url": self._url(verb, batch.pk) for verb in verbs}
        lapsed = approval and not approvals.has_proposer(approval)
        mistaken = second_office.lists_mistaken(batch, at=timezone.now())
        return {"approval": approval, "waits": approval is not None, "lapsed": lapsed, "mistaken": mistaken, **urls}

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return super().changelist_view(request, {"upload_url": self._url("upload"), **(extra_context or {})})

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj:
            problems = [
                {"line": line, "column": _column_in_words(column), "problem": Problem(problem).label}
                for line, column, problem in obj.problems[:PROBLEMS_SHOWN]
            ]
            sample = [
                {"who": who, "what": LABELS.get(what, what), "starts": starts, "ends": ends, "office": office}
                for who, what, starts, ends, office in map(_readable, json.loads(obj.sample or "[]"))
            ]
            earlier = RiskBatch.objects.filter(source=obj.source_id, digest=obj.digest, state=BatchState.VISIBLE)
            if obj.state == BatchState.VISIBLE:
                context["withdraw_url"] = self._url("withdraw", obj.pk)
                if approvals.may_renew(obj, request.user, timezone.now()):
                    context["renew_url"] = self._url("renew", obj.pk)
            context |= self._second_office(obj, request.user)
            context |= dry_run_pages.offer(obj, self._url("dry_run", obj.pk), timezone.now())
            context["errors"] = context.setdefault("basis_form", BasisForm()).errors  # Django's line on top of the page
            context |= {
                "problems": problems,
                "sample": sample,
                "same": earlier.exclude(pk=obj.pk).first() if obj.digest and obj.state == BatchState.DRAFT else None,
            }
        return super().render_change_form(request, context, add, change, form_url, obj)


def _readable(row: list[str]) -> list[str]:
    """A row of the sample, its times without the zone."""
    who, what, starts, ends, office = row
    return [who, what, *(value and value[:16].replace("T", " ") for value in (starts, ends)), office]


def _column_in_words(name: str) -> str:
    """Its first Chinese header, and our name for it."""
    return f"{(PEOPLE | AREAS)[name].split()[0]} {name}" if name else ""


def _columns_in_words(columns: dict[str, str]) -> list[dict]:
    """The headers that a list may have: ours, the first Chinese one, whether it may be missing."""
    return [
        {"name": name, "chinese": others.split()[0], "may_lack": name in MAY_LACK} for name, others in columns.items()
    ]
