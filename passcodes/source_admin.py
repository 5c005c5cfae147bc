"""Where risk data come from, on the authority's site: proposed, agreed to by another office, ended; and keys."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import officers
from accounts.audited import AuditedAdmin
from accounts.authority import authority, page_of, waiting
from accounts.models import Account, Office
from accounts.officers import office_of
from passcodes import approvals, second_office, sources
from passcodes.approval_models import Deed
from passcodes.basis_forms import BasisForm
from passcodes.models import Approval, RiskSource
from passcodes.risk_models import MANUAL, NATIONAL

SOURCES_NAMED = 20  # on the first page
TRIED = gettext_lazy("This was decided before, or proposed anew: please look at it again.")


class RiskSourceForm(BasisForm, forms.ModelForm):
    """What an officer proposes. Pulls are asked for over HTTPS; in development over HTTP too."""

    account: Account  # of the officer
    deciding_office = forms.ModelChoiceField(
        label=pgettext_lazy("of the authority", "office"),
        queryset=Office.objects.order_by("name", "pk"),
        help_text=gettext_lazy("Whose lists they are. Its name and phone stand at rows that name no office."),
    )
    pull_url = forms.URLField(
        label=gettext_lazy("Address to pull from"),
        required=False,
        max_length=300,
        assume_scheme="https",
        widget=AdminTextInputWidget,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.slug in (MANUAL, NATIONAL) and "deciding_office" in self.fields:
            self.fields["deciding_office"].required = False

    def clean_slug(self) -> str:
        """Not what names our own: whoever took "national" before the platform is first asked would keep it unasked."""
        if self.cleaned_data["slug"] in (MANUAL, NATIONAL):
            raise forms.ValidationError(_("Please choose another short name: this one is taken by the system itself."))
        return self.cleaned_data["slug"]

    def clean_pull_url(self) -> str:
        url = self.cleaned_data["pull_url"]
        if url and not (settings.DEBUG or url.startswith("https://")):
            raise forms.ValidationError(_("The address must begin with https://."))
        return url

    def clean(self) -> dict:
        """Only one change at a time waits: locked, so that of two officers at once the second reads why not."""
        data = super().clean()
        if self.instance.pk:
            officers.office_deciding(self.account)  # first, as whoever decides does: see `approvals`
            RiskSource.objects.select_for_update(no_key=True).get(pk=self.instance.pk)
            if self.instance.approvals.waiting().exists():
                raise forms.ValidationError(_("A change of this source waits for another office: decide on it first."))
            if self.instance.agreed_at and not set(self.changed_data) - set(BasisForm.base_fields):
                raise forms.ValidationError(_("Nothing was changed."))
        return data


def for_proposed_sources(account: Account) -> tuple[str, str] | None:
    """Which sources, new or to be changed, this officer could agree to, and their list; the source if it is one."""
    waits = Approval.objects.waiting_for(account, office_of(account)).filter(risk_source__isnull=False)
    rows = waits.order_by("pk").values_list("risk_source", "risk_source__name", "does")[:SOURCES_NAMED]
    found = [
        (key, _("%(source)s (to be ended)") % {"source": name} if does == Deed.WITHDRAW else name)
        for key, name, does in rows
    ]
    if not found:
        return None
    words = _("Sources of risk data that wait for your agreement: %(sources)s")
    address = page_of("passcodes_risksource", [key for key, _name in found])
    return words % {"sources": ", ".join(name for _key, name in found)}, address


def for_begun_keys(account: Account) -> tuple[str, str] | None:
    """Of which sources this officer could make the second half of a new key."""
    begun = RiskSource.objects.agreed().filter(key_begun_by__isnull=False).exclude(key_begun_by=account)
    found = list(begun.exclude(key_begun_office=office_of(account)).order_by("name")[:SOURCES_NAMED])
    if not found:
        return None
    words = _("Sources whose new key lacks its second half: %(sources)s") % {"sources": ", ".join(map(str, found))}
    return words, page_of("passcodes_risksource", [source.pk for source in found])


def for_stale_sources(account: Account) -> tuple[str, str] | None:
    """Which sources keep everybody from being green, and where to see more."""
    stale = RiskSource.objects.stale(timezone.now()).order_by("name")
    names = list(stale.values_list("name", flat=True)[:SOURCES_NAMED])
    if not names:
        return None
    words = _("Not up to date, so that nobody's code is green: %(sources)s")
    return words % {"sources": ", ".join(names)}, reverse("admin:passcodes_risksource_changelist")


def for_silent_sources(account: Account) -> tuple[str, str] | None:
    """Which sources should have delivered by now and never have, so that people are green without what they know."""
    silent = RiskSource.objects.order_by("name").silent(timezone.now())[:SOURCES_NAMED]
    if not silent:
        return None
    words = _("No data have come to count within the freshness limit since it was agreed to: %(sources)s")
    return words % {"sources": ", ".join(map(str, silent))}, reverse("admin:passcodes_risksource_changelist")


def for_ended_platform(account: Account) -> tuple[str, str] | None:
    """That the national platform is not asked, though it should be."""
    if not sources.is_national_ended():
        return None
    words = _("The source of the national platform was ended, so it is not asked: whoever declares anew stays neutral.")
    return words, reverse("admin:passcodes_risksource_change", args=[RiskSource.objects.get(slug=NATIONAL).pk])


waiting.extend([for_ended_platform, for_stale_sources, for_silent_sources, for_proposed_sources, for_begun_keys])


@admin.register(RiskSource, site=authority)
class RiskSourceAdmin(AuditedAdmin):
    """Added and changed by two offices, ended by one officer, or by two where nobody could be green then.

    Keys are made here, by two offices too.
    """

    order = 2.6  # with what it is about: between areas and people
    can_add = can_change = True
    form = RiskSourceForm
    change_form_template = "admin/risk_source.html"
    list_display = ("name", "slug", "deciding_office", "standing", "last_fresh_at", "fresh_hours", "freshness")
    list_select_related = ("deciding_office",)
    ordering = ("name",)
    sortable_by = ()
    actions = None
    given = ("name", "slug", "deciding_office", "fresh_hours", "pull_url")
    shown = ("standing", "agreed_at", "has_key", "last_fresh_at", "freshness", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With whether a proposal waits."""
        asked = Approval.objects.waiting().filter(risk_source=OuterRef("pk"))
        return super().get_queryset(request).annotate(is_asked=Exists(asked))

    def has_change_permission(self, request: HttpRequest, obj: RiskSource | None = None) -> bool:
        """Not while a proposal waits: another office is looking at it. What officers type in has no form at all."""
        is_open = obj is None or (obj.slug != MANUAL and not obj.is_asked)
        return is_open and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: RiskSource | None = None):
        if obj is None:
            return (*self.given, *BasisForm.base_fields)
        named = ("office", "office_phone") if obj.office and not obj.deciding_office_id else ()
        basis = BasisForm.base_fields if self.has_change_permission(request, obj) else ()
        return (*self.given, *named, *self.shown, *basis)

    def get_readonly_fields(self, request: HttpRequest, obj: RiskSource | None = None):
        return ("slug", "office", "office_phone", *self.shown) if obj else ()

    @admin.display(description=gettext_lazy("key"))
    def has_key(self, source: RiskSource) -> str:
        return _("There is one.") if source.key else _("There is none: the source can neither push nor be pulled from.")

    @admin.display(description=gettext_lazy("state"))
    def standing(self, source: RiskSource) -> str:
        """Whether lists are taken from it, and whether another office has been asked about it."""
        if source.agreed_at:
            return _("in use; a change waits for another office") if source.is_asked else _("in use")
        return _("waits for another office") if source.is_asked else _("nothing is taken from it")

    @admin.display(description=gettext_lazy("freshness"))
    def freshness(self, source: RiskSource) -> str:
        """In words: a stale source keeps everybody from being green."""
        if source.stale_from is None:
            return _("begins with the first data") if source.fresh_hours else _("no limit")
        until = timezone.localtime(source.stale_from).strftime("%Y-%m-%d %H:%M")
        if source.stale_from > timezone.now():
            return _("up to date until %(until)s") % {"until": until}
        return _("not up to date since %(until)s: nobody's code is green") % {"until": until}

    def get_form(self, request: HttpRequest, obj: RiskSource | None = None, change: bool = False, **kwargs):
        form = super().get_form(request, obj, change, **kwargs)
        form.account = request.user  # of a class made for this request
        return form

    # Proposing: what the form has is kept with the approval, the source stays as it is

    def save_model(self, request: HttpRequest, obj: RiskSource, form: RiskSourceForm, change: bool) -> None:
        now, changes = timezone.now(), sources.values_of(obj)
        if change:
            obj = RiskSource.objects.get(pk=obj.pk)
            before = sources.values_of(obj)
            changes = {field: value for field, value in changes.items() if value != before[field]}
        else:
            new = RiskSource.objects.create(slug=obj.slug, name=obj.name)
            obj.pk, obj._state.adding = new.pk, False
        said = {name: form.cleaned_data[name] for name in BasisForm.base_fields}
        approvals.propose(risk_source=obj, changes=changes, **said, by=request.user, at=now)

    def log_addition(self, request: HttpRequest, obj: RiskSource, message: list[str]):
        return self.record(request, "propose", obj)

    def log_change(self, request: HttpRequest, obj: RiskSource, message: list[str]):
        return self.record(
            request, "propose", obj, fields=[name for name in message if name not in BasisForm.base_fields]
        )

    def response_add(self, request: HttpRequest, obj: RiskSource, post_url_continue: str | None = None) -> HttpResponse:
        return self._back(request, obj, _("Proposed. An officer of another office has to agree."))

    def response_change(self, request: HttpRequest, obj: RiskSource) -> HttpResponse:
        return self.response_add(request, obj)

    # Deciding

    def extra_urls(self, name: str) -> list:
        views = {"approve": self.approve_view, "refuse": self.refuse_view, "end": self.end_view}
        views["propose-end"] = self.propose_end_view
        for verb, make in (("key", sources.begin_key), ("finish-key", sources.finish_key)):
            views[verb] = never_cache(partial(self.key_view, make=make))
        return [
            path(f"<int:object_id>/{verb}/", self.admin_site.admin_view(require_POST(view)), name=f"{name}_{verb}")
            for verb, view in views.items()
        ]

    def approve_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Agrees to what the page showed: `approval` names it."""
        seen = request.POST.get("approval", "")
        act = partial(approvals.approve, seen=int(seen) if seen.isdecimal() else 0)
        return self._decide(request, object_id, act, _("Agreed. The source is now as was proposed."))

    def refuse_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Turns down what waits; one officer is enough."""
        return self._decide(request, object_id, approvals.refuse, _("Refused. The source stays as it was."))

    def end_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Nothing more is taken from the source; one officer is enough."""
        return self._decide(
            request, object_id, approvals.end_source, _("Ended. Nothing more is taken from this source.")
        )

    def propose_end_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Asks another office to end the source."""
        form = BasisForm(request.POST, prefix="end")
        if not form.is_valid():
            return self.page_again(request, self._sending(request, object_id), end_form=form)
        act = partial(approvals.propose, **form.cleaned_data, does=Deed.WITHDRAW)
        return self._decide(request, object_id, act, _("Proposed. An officer of another office has to agree."))

    def _decide(self, request: HttpRequest, object_id: int, act: Callable, done: str) -> HttpResponse:
        source = self._sending(request, object_id)
        try:
            act(risk_source=source, by=request.user, at=timezone.now())
        except approvals.NotYours:
            return self._back(request, source, _("An officer of another office has to agree."), messages.ERROR)
        except second_office.NeedsSecond:
            return self._back(request, source, _("Ending this source takes two offices: propose it."), messages.ERROR)
        except (approvals.NotProposed, sources.NotInUse):
            return self._back(request, source, TRIED, messages.WARNING)
        return self._back(request, source, done)

    def _sending(self, request: HttpRequest, object_id: int) -> RiskSource:
        """The source; not that of what officers type, which nobody sends. Raises Http404."""
        source = self.get_object(request, str(object_id))
        if source.slug == MANUAL:
            raise Http404
        return source

    def _back(self, request: HttpRequest, source: RiskSource, said: str, level: int = messages.SUCCESS) -> HttpResponse:
        self.message_user(request, said, level)
        return HttpResponseRedirect(self._url("change", source.pk))

    def key_view(self, request: HttpRequest, object_id: int, make: Callable[..., str]) -> HttpResponse:
        """Makes a half of a new key and shows it, this once."""
        source = self._sending(request, object_id)
        try:
            half = make(risk_source=source, by=request.user, at=timezone.now())
        except sources.NotInUse:
            return self._back(request, source, _("Two offices have to agree to this source first."), messages.ERROR)
        except officers.NotYours:
            said = _("An officer of another office makes the second half.")
            return self._back(request, source, said, messages.ERROR)
        except sources.NotBegun:
            return self._back(request, source, TRIED, messages.WARNING)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Key of %(source)s") % {"source": source},
            "opts": self.opts,
            "source": source,
            "half": half,
            "is_second": make == sources.finish_key,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/risk_key.html", context)

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj:
            context |= self._decisions(obj, request.user, timezone.now())
            context["errors"] = context.setdefault("end_form", BasisForm(prefix="end")).errors or context["errors"]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _decisions(self, source: RiskSource, account: Account, now: datetime) -> dict:
        """What waits, in words, and what this officer may do."""
        asked = (
            source.approvals.waiting().select_related("proposer_office").prefetch_related("proposed_by__identifiers")
        )
        verbs, context = [], {}
        if approval := asked.first():
            verbs = ["refuse", "approve"] if approvals.may_approve(approval, account) else ["refuse"]
            lapsed = not approvals.has_proposer(approval)
            context = {"approval": approval, "lapsed": lapsed, "differences": differences(source, approval.changes)}
            hours = approval.changes.get("fresh_hours")
            context["renamed"] = approval.does == Deed.RELEASE and sources.is_renamed(approval)
            context["stale_at_once"] = bool(hours) and RiskSource(fresh_hours=hours).is_stale(source.last_fresh_at, now)
        if source.agreed_at and source.slug != MANUAL:
            verbs += ["key"]
            if not sources.end_takes_two(source):
                verbs += ["end"]
            elif not approval:
                verbs += ["propose-end"]
            verbs += ["finish-key"] if sources.may_finish_key(source, account) else []
        context["key_begun_by"] = source.key_begun_by
        return context | {f"{verb.replace('-', '_')}_url": self._url(verb, source.pk) for verb in verbs}


def differences(source: RiskSource, changes: dict) -> list[tuple[str, str, str]]:
    """Of what is proposed: field, what it is, what it is to be."""
    before = sources.values_of(source)
    names = {"name": _("name"), "deciding_office_id": pgettext("of the authority", "office")}
    names |= {"fresh_hours": _("freshness limit in hours"), "pull_url": _("address to pull from")}
    keys = {before["deciding_office_id"], changes.get("deciding_office_id")}
    offices = {office.pk: office.name for office in Office.objects.filter(pk__in=keys)}

    def said(field: str, value: str | int | None) -> str:
        return offices.get(value, "") if field == "deciding_office_id" else str(value or "")

    shown = [field for field in sources.FIELDS if field in changes]
    return [(names[field], said(field, before[field]), said(field, changes[field])) for field in shown]
